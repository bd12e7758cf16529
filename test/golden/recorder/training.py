"""training.json: small whole models, a few steps of fit in fixed order, history and final weights."""

import json

import keras
import numpy as np

from . import training_cases
from .common import camel, generator, normal, plain, tensor, uniform

EPOCHS = 2
BATCH = 4


def record():
    """One record per entry of training_cases."""
    return [record_case(case.__name__, case) for case in training_cases.CASES]


def record_case(name, case):
    """Builds, compiles and fits one model: ten samples in batches of 4, 4 and 2, twice."""
    keras.backend.clear_session()
    rng = generator(name)
    setup = case(rng)
    model, fit = setup["model"], setup.get("fit", {})
    model.set_weights([draw_weight(rng, v) for v in model.weights])
    result = {
        "name": name,
        "model": json.loads(model.to_json()),
        "initialWeights": weights_of(model),
        "compile": describe(setup["compile"]),
        "batchSize": BATCH,
        "epochs": EPOCHS,
        "x": tensors(setup["x"]),
        "y": tensors(setup["y"]),
    }
    for key, value in fit.items():
        result[camel_name(key)] = describe_fit(key, value)
    model.compile(**setup["compile"])
    before = model.evaluate(setup["x"], setup["y"], batch_size=BATCH, verbose=0, return_dict=True)
    history = model.fit(setup["x"], setup["y"], batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **fit)
    result["evaluateBefore"] = plain(before)
    result["history"] = plain(history.history)
    result["finalWeights"] = weights_of(model)
    result["evaluate"] = plain(model.evaluate(setup["x"], setup["y"], batch_size=BATCH, verbose=0, return_dict=True))
    result["predict"] = tensors(model.predict(setup["x"], batch_size=BATCH, verbose=0))
    return result


def draw_weight(rng, variable):
    """Kernels scaled by their fan-in, small biases, variances and scales near one."""
    shape = tuple(variable.shape)
    if variable.name in ("moving_variance", "gamma"):
        return uniform(rng, shape, 0.8, 1.2)
    fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 25
    return normal(rng, shape, min(1.0, (1.5 / fan_in) ** 0.5))


def weights_of(model):
    """The weights in get_weights order, named by their paths."""
    return [tensor(keras.ops.convert_to_numpy(v.value), v.path) for v in model.weights]


def tensors(value):
    """Always a list, one tensor per input or output."""
    return [tensor(v) for v in (value if isinstance(value, (list, tuple)) else [value])]


def describe(arguments):
    """compile()'s arguments: strings as they are, objects as {className, config}, in Keras's spelling."""
    return {camel_name(key): describe_value(value) for key, value in arguments.items()}


def describe_value(value):
    if isinstance(value, (list, tuple)):
        return [describe_value(v) for v in value]
    if hasattr(value, "get_config"):
        return plain({"className": type(value).__name__, "config": value.get_config()})
    return value


def describe_fit(key, value):
    if key == "validation_data":
        return {"x": tensors(value[0]), "y": tensors(value[1])}
    return tensor(value) if isinstance(value, np.ndarray) else plain(value)


def camel_name(key):
    return next(iter(camel({key: None})))
