"""losses-more.json: CTC and Circle, in the form of losses.json."""

from .common import title
from .losses import record_case


def record():
    """One record per loss, options and shape, with all reductions inside."""
    return [
        record_case(title(name, options, f"on {list(shape)}".replace(", ", ",")), name, options, kind, shape)
        for name, options, kind, shape in cases()
    ]


def cases():
    """(class, options, kind of data, shape): batch, time, classes and labels of CTC."""
    yield "CTC", {}, "labelSequences", (3, 6, 4, 3)
    yield "CTC", {}, "labelSequences", (2, 3, 3, 1)
    yield "Circle", {}, "embeddings", (5, 3)
    yield "Circle", dict(gamma=4.0, margin=0.25), "embeddings", (5, 3)
    yield "Circle", dict(gamma=2.0, remove_diagonal=False), "embeddings", (4, 3)
