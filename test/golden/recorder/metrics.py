"""metrics.json: three updates of each metric, with and without weights, and the result after each."""

import keras
import numpy as np

from .common import camel, generator, normal, plain, probabilities, tensor, title, uniform

BATCHES = 3


def record():
    """One record per metric, options and kind of data, weighted and not."""
    records = []
    for class_name, options, kind, *rest in cases():
        shape = rest[0] if rest else (6, 3)
        for weighted in (False, True):
            suffix = f"on {kind}{list(shape)}" + (" weighted" if weighted else "")
            name = title(class_name, options, suffix.replace(", ", ","))
            records.append(record_case(name, class_name, options, kind, shape, weighted))
    return records


def record_case(name, class_name, options, kind, shape, weighted):
    """The result after each of three batches; after a reset it must be that of no batch."""
    rng = generator(name.removesuffix(" weighted"))
    metric = getattr(keras.metrics, class_name)(**options)
    record = {"name": name, "className": class_name, "options": camel(options)}
    record["config"] = plain(metric.get_config())
    record["updates"] = []
    for _ in range(BATCHES):
        values = draw(rng, kind, shape)
        weights = uniform(rng, shape[:1] if kind != "numbers" else shape, 0.1, 2.0)
        if "IoU" in class_name:  # Keras accumulates these in integers
            weights = np.ceil(weights * 2)
        metric.update_state(*values, sample_weight=weights if weighted else None)
        names = ("yTrue", "yPred") if len(values) == 2 else ("values",)
        update = {key: tensor(value) for key, value in zip(names, values)}
        if weighted:
            update["sampleWeight"] = tensor(weights)
        update["result"] = tensor(metric.result())
        record["updates"].append(update)
    return record


def draw(rng, kind, shape):
    """The positional arguments of one update."""
    classes = shape[-1]
    if kind == "numbers":
        return (normal(rng, shape),)
    if kind == "values":
        return normal(rng, shape), normal(rng, shape, 1.5)
    if kind == "positive":
        return uniform(rng, shape, 0.1, 2.0), uniform(rng, shape, 0.1, 2.0)
    if kind == "signs":
        return rng.choice([-1.0, 1.0], size=shape).astype("float32"), normal(rng, shape, 1.5)
    if kind == "bits":
        return rng.integers(0, 2, size=shape).astype("float32"), uniform(rng, shape, 0.02, 0.98)
    if kind == "bitLogits":
        return rng.integers(0, 2, size=shape).astype("float32"), normal(rng, shape, 2.0)
    if kind == "distributions":
        return probabilities(rng, shape), probabilities(rng, shape)
    if kind == "labels":
        return tuple(rng.integers(0, 3, size=shape).astype("int32") for _ in range(2))
    if kind == "binaryLabels":
        return rng.integers(0, 2, size=shape).astype("int32"), uniform(rng, shape, 0.02, 0.98)
    targets = rng.integers(0, classes, size=shape[:-1]).astype("int32")
    if kind.startswith("oneHot"):
        targets = np.eye(classes, dtype="float32")[targets]
    logits = kind.lower().endswith("logits")
    return targets, normal(rng, shape, 2.0) if logits else probabilities(rng, shape)


def cases():
    """(class, options, kind of data, shape if not [6, 3])."""
    yield from accuracies()
    yield from confusion()
    for name in ("MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError", "MeanAbsolutePercentageError"):
        yield name, {}, "values"
    yield "MeanSquaredError", {}, "values", (4, 2, 3)
    yield "LogCoshError", {}, "values"
    yield "MeanSquaredLogarithmicError", {}, "positive"
    yield "CosineSimilarity", {}, "values"
    yield "KLDivergence", {}, "distributions"
    yield "Poisson", {}, "positive"
    yield "BinaryCrossentropy", {}, "bits"
    yield "BinaryCrossentropy", dict(from_logits=True, label_smoothing=0.1), "bitLogits"
    yield "CategoricalCrossentropy", {}, "oneHotProbabilities"
    yield "CategoricalCrossentropy", dict(from_logits=True, label_smoothing=0.1), "oneHotLogits"
    yield "SparseCategoricalCrossentropy", {}, "classProbabilities"
    yield "SparseCategoricalCrossentropy", dict(from_logits=True), "classLogits"
    for name in ("Hinge", "SquaredHinge"):
        yield name, {}, "signs"
    yield "CategoricalHinge", {}, "oneHotLogits"
    for options in ({}, *(dict(class_aggregation=a) for a in (None, "variance_weighted_average"))):
        yield "R2Score", options, "values"
    yield "R2Score", dict(num_regressors=2), "values"
    for name in ("Mean", "Sum"):
        yield name, {}, "numbers", (4,)
        yield name, {}, "numbers", (2, 3)


def accuracies():
    yield "Accuracy", {}, "labels", (6, 1)
    yield "BinaryAccuracy", {}, "bits"
    yield "BinaryAccuracy", dict(threshold=0.3), "bits", (6, 1)
    yield "CategoricalAccuracy", {}, "oneHotProbabilities"
    yield "SparseCategoricalAccuracy", {}, "classProbabilities"
    yield "TopKCategoricalAccuracy", dict(k=2), "oneHotLogits", (6, 5)
    yield "TopKCategoricalAccuracy", {}, "oneHotLogits", (5, 7)
    yield "SparseTopKCategoricalAccuracy", dict(k=2), "classLogits", (6, 5)
    yield "SparseTopKCategoricalAccuracy", {}, "classLogits", (5, 7)


def confusion():
    for name in ("Precision", "Recall"):
        yield name, {}, "bits", (8,)
        yield name, dict(thresholds=[0.2, 0.5, 0.8]), "bits", (8,)
        yield name, dict(top_k=2), "oneHotProbabilities", (6, 4)
        yield name, dict(class_id=1), "bits"
        yield name, dict(top_k=2, class_id=2), "oneHotProbabilities", (6, 4)
    for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"):
        yield name, {}, "bits", (8,)
        yield name, dict(thresholds=[0.3, 0.7]), "bits", (8,)
    for options in ({}, dict(curve="PR"), dict(num_thresholds=20), dict(thresholds=[0.25, 0.5, 0.75])):
        yield "AUC", options, "bits", (8,)
    yield "AUC", dict(curve="PR", summation_method="minoring", num_thresholds=20), "bits", (8,)
    yield "AUC", dict(summation_method="majoring", num_thresholds=20), "bits", (8,)
    yield "AUC", dict(from_logits=True), "bitLogits", (8,)
    yield "AUC", dict(multi_label=True, num_labels=3), "bits", (12, 3)
    yield "AUC", dict(multi_label=True, num_labels=3, label_weights=[0.5, 1.0, 2.0]), "bits", (12, 3)
    yield "PrecisionAtRecall", dict(recall=0.6), "bits", (8,)
    yield "RecallAtPrecision", dict(precision=0.6), "bits", (8,)
    yield "SensitivityAtSpecificity", dict(specificity=0.5), "bits", (8,)
    yield "SpecificityAtSensitivity", dict(sensitivity=0.5), "bits", (8,)
    for average in (None, "micro", "macro", "weighted"):
        yield "F1Score", dict(average=average), "oneHotProbabilities"
    yield "F1Score", dict(threshold=0.4), "bits"
    yield "FBetaScore", {}, "oneHotProbabilities"
    yield "FBetaScore", dict(beta=2.0, average="macro", threshold=0.5), "bits"
    yield "MeanIoU", dict(num_classes=3), "labels", (6,)
    yield "IoU", dict(num_classes=3, target_class_ids=[0, 2]), "labels", (6,)
    yield "BinaryIoU", dict(threshold=0.4), "binaryLabels", (6,)
    yield "OneHotIoU", dict(num_classes=3, target_class_ids=[0, 2]), "oneHotProbabilities"
    yield "OneHotMeanIoU", dict(num_classes=3), "oneHotProbabilities"
