"""losses.json: every loss, each reduction, with and without sample weights, and the gradients."""

import keras
import numpy as np

from .common import camel, generator, gradients, normal, plain, probabilities, tensor, title, uniform

REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")


def record():
    """One record per loss, options and kind of data, with all reductions inside."""
    records = []
    for class_name, options, kind, *rest in cases():
        shape = rest[0] if rest else (4, 3)
        name = title(class_name, options, f"on {kind} {list(shape)}".replace(" [", "["))
        records.append(record_case(name, class_name, options, kind, shape))
    return records


def record_case(name, class_name, options, kind, shape):
    """The loss of one drawn batch; `direction` multiplies the unreduced losses before the gradient."""
    rng = generator(name)
    y_true, y_pred = draw(rng, kind, shape)
    build = getattr(keras.losses, class_name)
    plain_loss = np.asarray(build(**options, reduction="none")(y_true, y_pred))
    weights = uniform(rng, plain_loss.shape, 0.0, 2.0)
    direction = normal(rng, plain_loss.shape)
    variants = [(reduction, weights if weighted else None) for reduction in REDUCTIONS for weighted in (False, True)]
    variants.append(("mean_with_sample_weight", np.zeros_like(weights)))
    results = []
    for reduction, sample_weight in variants:
        loss = build(**options, reduction=reduction)
        (value,), _, (grad,), _ = gradients(
            lambda p, loss=loss, w=sample_weight: ([loss(y_true, p, w)], None),
            [keras.ops.convert_to_tensor(y_pred)],
            lambda outs, r=reduction: [direction if r == "none" else np.ones((), "float32")],
        )
        weighted = "none" if sample_weight is None else "sampleWeight" if sample_weight is weights else "zeros"
        result = {"reduction": reduction, "weights": weighted, "value": tensor(value), "grad": tensor(grad)}
        results.append(result)
    return {
        "name": name,
        "className": class_name,
        "options": camel(options),
        "config": plain(build(**options).get_config()),
        "yTrue": tensor(y_true),
        "yPred": tensor(y_pred),
        "sampleWeight": tensor(weights),
        "direction": tensor(direction),
        "results": results,
    }


def draw(rng, kind, shape):
    """(y_true, y_pred) of one kind of problem."""
    classes = shape[-1]
    if kind == "values":
        return normal(rng, shape), normal(rng, shape, 1.5)
    if kind == "positive":
        return uniform(rng, shape, 0.1, 2.0), uniform(rng, shape, 0.1, 2.0)
    if kind == "signs":
        return rng.choice([-1.0, 1.0], size=shape).astype("float32"), normal(rng, shape, 1.5)
    if kind == "bits":
        return rng.integers(0, 2, size=shape).astype("float32"), uniform(rng, shape, 0.05, 0.95)
    if kind == "bitLogits":
        return rng.integers(0, 2, size=shape).astype("float32"), normal(rng, shape, 2.0)
    if kind == "distributions":
        return probabilities(rng, shape), probabilities(rng, shape)
    if kind == "labelSequences":
        batch, time, classes, count = shape
        labels = rng.integers(1, classes, size=(batch, count)).astype("int32")
        labels[0, 1:] = labels[0, :-1]  # repeated
        for i in range(1, batch):
            labels[i, rng.integers(1, count + 1) :] = 0
        return labels, normal(rng, (batch, time, classes), 1.5)
    if kind == "embeddings":
        labels = rng.integers(0, 2, size=shape[:1]).astype("int32")
        labels[-1] = 7  # a class that occurs once
        vectors = rng.normal(size=shape)
        return labels, np.round(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), 3).astype("float32")
    targets = rng.integers(0, classes, size=shape[:-1]).astype("int32")
    if kind.startswith("ignored"):
        targets.flat[::2] = 1
    if kind.startswith("oneHot"):
        targets = np.eye(classes, dtype="float32")[targets]
    logits = kind.lower().endswith("logits")
    return targets, normal(rng, shape, 2.0) if logits else probabilities(rng, shape)


def cases():
    """(class, options, kind of data, shape if not [4, 3])."""
    for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh"):
        yield name, {}, "values"
        yield name, {}, "values", (2, 3, 2)
    yield "MeanSquaredLogarithmicError", {}, "positive"
    for options in ({}, dict(delta=0.5)):
        yield "Huber", options, "values"
    for options in ({}, dict(label_smoothing=0.2)):
        yield "BinaryCrossentropy", options, "bits"
        yield "BinaryCrossentropy", dict(from_logits=True, **options), "bitLogits"
        yield "CategoricalCrossentropy", options, "oneHotProbabilities"
        yield "CategoricalCrossentropy", dict(from_logits=True, **options), "oneHotLogits"
    yield "BinaryCrossentropy", {}, "bits", (4, 1)
    yield "CategoricalCrossentropy", {}, "oneHotProbabilities", (2, 3, 4)
    yield "CategoricalCrossentropy", dict(from_logits=True, axis=1), "oneHotLogits", (2, 3, 3)
    yield "SparseCategoricalCrossentropy", {}, "classProbabilities"
    yield "SparseCategoricalCrossentropy", dict(from_logits=True), "classLogits"
    yield "SparseCategoricalCrossentropy", dict(from_logits=True), "classLogits", (2, 3, 4)
    yield "SparseCategoricalCrossentropy", dict(ignore_class=1), "ignoredProbabilities", (2, 3, 3)
    yield "SparseCategoricalCrossentropy", dict(ignore_class=1, from_logits=True), "ignoredLogits", (2, 3, 3)
    yield "KLDivergence", {}, "distributions"
    yield "Poisson", {}, "positive"
    for name in ("Hinge", "SquaredHinge"):
        yield name, {}, "signs"
        yield name, {}, "bitLogits"
    yield "CategoricalHinge", {}, "oneHotLogits"
    yield "CosineSimilarity", {}, "values"
    yield "CosineSimilarity", dict(axis=1), "values", (2, 3, 2)
    for options in ({}, dict(gamma=1.5), dict(apply_class_balancing=True, alpha=0.3), dict(label_smoothing=0.1)):
        yield "BinaryFocalCrossentropy", options, "bits"
    yield "BinaryFocalCrossentropy", dict(from_logits=True), "bitLogits"
    for options in ({}, dict(alpha=0.4, gamma=1.0), dict(label_smoothing=0.1)):
        yield "CategoricalFocalCrossentropy", options, "oneHotProbabilities"
    yield "CategoricalFocalCrossentropy", dict(from_logits=True), "oneHotLogits"
    yield "Dice", {}, "bits"
    yield "Dice", dict(axis=[1, 2]), "bits", (2, 2, 2, 3)
    yield "Tversky", {}, "bits"
    yield "Tversky", dict(alpha=0.3, beta=0.7), "bits"
    yield "Tversky", dict(axis=[1, 2]), "bits", (2, 2, 2, 3)
    yield "CategoricalGeneralizedCrossEntropy", {}, "classProbabilities"
