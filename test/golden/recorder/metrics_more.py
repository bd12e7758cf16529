"""metrics-more.json: metrics and curves that metrics.json lacks, in its form."""

from .common import title
from .metrics import record_case


def record():
    """One record per metric and options, weighted and not."""
    records = []
    for class_name, options, kind, shape in cases():
        for weighted in (False, True):
            suffix = f"on {kind}{list(shape)}" + (" weighted" if weighted else "")
            name = title(class_name, options, suffix.replace(", ", ","))
            records.append(record_case(name, class_name, options, kind, shape, weighted))
    return records


def cases():
    """(class, options, kind of data, shape)."""
    for name in ("PearsonCorrelation", "ConcordanceCorrelation"):
        yield name, {}, "values", (6, 4)
        yield name, dict(axis=1), "values", (4, 3, 2)
    for method in ("interpolation", "minoring", "majoring"):
        yield "AUC", dict(curve="PRGAIN", summation_method=method, num_thresholds=20), "bits", (8,)
    yield "AUC", dict(curve="PRGAIN", multi_label=True, num_labels=3), "bits", (12, 3)
