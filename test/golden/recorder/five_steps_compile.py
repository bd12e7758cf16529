"""The losses, metrics and optimizers of five-steps.json: a network of two Dense layers on `numbers`."""

import re

import keras
import numpy as np
from keras import Input, Sequential

from .five_steps_common import STEPS, array, attempt, golden, numbers, result, snake

# What makes predictions of each kind from scores; other kinds are scores.
HEADS = {
    "positive": "softplus",
    "bits": "sigmoid",
    "binaryLabels": "sigmoid",
    "distributions": "softmax",
    "oneHotProbabilities": "softmax",
    "classProbabilities": "softmax",
    "ignoredProbabilities": "softmax",
}
REDUCTIONS = (
    ("sum_over_batch_size", False),
    ("mean_with_sample_weight", True),
    ("sum", True),
    ("sum_over_batch_size", True),
)


def record():
    """Losses, metrics, optimizers."""
    return {
        "losses": attempt(train_loss, loss_cases()),
        "metrics": attempt(train_metric, metric_cases()),
        "optimizers": attempt(train_optimizer, optimizer_cases()),
    }


def network(shape, activation):
    """Two Dense layers that give predictions of `shape`, and data for them."""
    model = Sequential(
        [Input((*shape[1:-1], 3)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(shape[-1], activation)]
    )
    model.set_weights([numbers(w.shape, salt) for salt, w in enumerate(model.weights)])
    return model, numbers((*shape[:-1], 3), 4)


def head(name):
    """The activation for the kind of data that a case's name ends with."""
    kind = re.search(r" on (\w*)\[", name)[1]
    return kind, HEADS.get(kind, "linear")


def loss_cases():
    """All cases, and of each class one with each reduction."""
    seen = set()
    for case in golden("losses.json") + golden("losses-more.json"):
        if case["className"] == "Tversky" and case["options"].get("alpha") is not None:
            continue  # Keras 3.15.1 has alpha and beta in each other's place
        weighable = case["sampleWeight"]["shape"][:1] == case["yPred"]["shape"][:1]
        for reduction, weighted in REDUCTIONS[: 1 if case["className"] in seen else None]:
            if weighable or not weighted:
                yield {**case, "reduction": reduction, "weighted": weighted}
        seen.add(case["className"])


def train_loss(case):
    shape = case["yPred"]["shape"]
    _, activation = head(case["name"])
    model, x = network(shape, activation)
    options = {snake(key): value for key, value in case["options"].items()}  # configs of losses do not have all
    loss = getattr(keras.losses, case["className"])(**options, reduction=case["reduction"])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss)
    weights = array(case["sampleWeight"]) if case["weighted"] else None
    history = model.fit(
        x, array(case["yTrue"]), batch_size=shape[0], epochs=STEPS, shuffle=False, verbose=0, sample_weight=weights
    )
    described = {"reduction": case["reduction"], "weighted": case["weighted"], "activation": activation}
    return {**described, **result(case["name"], history, model.weights)}


def metric_cases(most=3):
    """Up to three of each class that give one figure from targets and predictions."""
    found = {}
    for case in golden("metrics.json") + golden("metrics-more.json"):
        if "sampleWeight" in case["updates"][0] or "values" in case["updates"][0]:
            continue
        if case["updates"][0]["result"]["shape"] == [] and "numRegressors" not in case["options"]:
            found.setdefault(case["className"], []).append(case)
    for kept in found.values():
        yield from kept[:most]


def train_metric(case):
    """Two epochs of three batches: figures are those of the whole epoch, plain and with sample weights."""
    kind, activation = head(case["name"])
    labels = kind == "labels"  # predictions must be whole numbers, so they are not trained
    y, predictions = (stacked(case, key) for key in ("yTrue", "yPred"))
    model, x = network(predictions.shape, activation)
    if labels:
        model = Sequential([Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        x = predictions.astype("float32")
    logits = kind.lower().endswith("logits")
    loss = keras.losses.SparseCategoricalCrossentropy(logits) if kind.startswith("class") else "mse"
    made = getattr(keras.metrics, case["className"])
    config = {**case["config"], "name": "metric"}
    if "beta" in config:
        config["beta"] = float(config["beta"])  # whole in JSON
    model.compile(
        keras.optimizers.SGD(0.0 if labels else 0.1),
        loss,
        metrics=[made.from_config(config)],
        weighted_metrics=[made.from_config({**config, "name": "weighted"})],
    )
    weights = sample_weights(len(y))
    batch = len(y) // len(case["updates"])
    history = model.fit(x, y, batch_size=batch, epochs=2, shuffle=False, verbose=0, sample_weight=weights)
    described = {"loss": "sparse" if kind.startswith("class") else "mse", "logits": logits, "labels": labels}
    return {**described, "activation": activation, **result(case["name"], history, [])}


def stacked(case, key):
    """All batches of a case as one; a column where there is one axis only, but for class numbers."""
    whole = np.concatenate([array(update[key]) for update in case["updates"]])
    return whole[:, None] if array(case["updates"][0]["yPred"]).ndim == 1 else whole


def sample_weights(count):
    """Whole numbers, as metrics of intersections count in integers."""
    return (numbers((count,), 5) * 2 + 3).round()


def optimizer_cases():
    """Every recorded set of options, and each schedule under SGD."""
    for file in ("optimizers.json", "optimizers-more.json"):
        yield from golden(file)["cases"]
    seen = set()
    for case in golden("schedules.json"):
        if case["className"] not in seen:
            yield {**case, "schedule": True}
        seen.add(case["className"])


def train_optimizer(case):
    """Six steps, so that something accumulated over three is used twice."""
    if "schedule" in case:
        schedule = getattr(keras.optimizers.schedules, case["className"]).from_config(case["config"])
        optimizer = keras.optimizers.SGD(schedule, momentum=0.5)
    else:
        config = {key: in_type(key, value) for key, value in case["config"].items()}
        config["learning_rate"] = max(config["learning_rate"], 0.05 if "learningRate" not in case["options"] else 0.0)
        optimizer = getattr(keras.optimizers, case["className"]).from_config(config)
    model, x = network((8, 2), "linear")
    model.compile(optimizer, "mse")
    history = model.fit(x, numbers((8, 2), 6), batch_size=8, epochs=STEPS + 1, shuffle=False, verbose=0)
    return {"schedule": "schedule" in case, **result(case["name"], history, model.weights)}


def in_type(key, value):
    """A float that JSON has as a whole number; counts are whole."""
    return float(value) if type(value) is int and not key.endswith(("steps", "frequency")) else value
