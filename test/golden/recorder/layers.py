"""layers.json: one forward call and one vector-Jacobian product of each layer, per set of options."""

import keras
import numpy as np

from . import layer_cases
from .common import camel, generator, gradients, normal, plain, tensor, title, uniform


def record():
    """All the cases; those that this backend cannot run are printed and left out."""
    records = []
    seen = set()
    for class_name, options, inputs, extra in layer_cases.cases():
        name = title(class_name, options, " ".join(f"{k}={v}" for k, v in extra.items()))
        if name in seen:
            name += " on " + "".join(str(list(spec)) for spec in inputs).replace(" ", "")
        seen.add(name)
        try:
            records.append(record_case(name, class_name, options, inputs, **extra))
        except Exception as error:  # noqa: BLE001: the backend's own error types
            print(f"left out: {name}: {type(error).__name__}: {str(error).splitlines()[0][:120]}")
    return records


def record_case(name, class_name, options, input_specs, training=False):
    """Builds one layer with drawn weights, calls it, and records values and gradients."""
    rng = generator(name)
    layer = getattr(keras.layers, class_name)(**options)
    inputs = [draw(rng, spec) for spec in input_specs]
    many = class_name in layer_cases.MERGING
    layer(list(inputs) if many else inputs[0])
    layer.set_weights([draw_weight(rng, v) for v in layer.weights])
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    kwargs = {"training": training} if layer._call_has_training_arg else {}
    weights = [tensor(keras.ops.convert_to_numpy(v.value), v.name) for v in layer.weights]
    floats = [i for i, x in enumerate(inputs) if x.dtype == np.float32]

    def call(*values):
        full = list(inputs)
        for index, value in zip(floats, values):
            full[index] = value
        outputs, state = layer.stateless_call(values[len(floats):], fixed, full if many else full[0], **kwargs)
        return [outputs], state

    arguments = [keras.ops.convert_to_tensor(inputs[i]) for i in floats] + trainable
    outputs, directions, grads, state = gradients(
        call, arguments, lambda outs: [normal(rng, tuple(o.shape)) for o in outs]
    )
    input_grads = [None] * len(inputs)
    for index, grad in zip(floats, grads):
        input_grads[index] = tensor(grad)
    result = {
        "name": name,
        "className": class_name,
        "config": layer_config(layer),
        "options": camel(options),
        "training": training,
        "inputs": [tensor(x) for x in inputs],
        "weights": weights,
        "outputs": [tensor(o) for o in outputs],
        "directions": [tensor(d) for d in directions],
        "inputGrads": input_grads,
        "weightGrads": [tensor(g) for g in grads[len(floats):]],
    }
    saved = [(v, s) for v, s in zip(layer.non_trainable_variables, state) if "seed" not in v.path]
    if saved:
        result["nonTrainableAfter"] = [tensor(s, v.name) for v, s in saved]
    return result


def draw(rng, spec):
    """An input: a shape (normal draws) or (shape, "int", limit)."""
    if len(spec) == 3 and spec[1] == "int":
        return rng.integers(0, spec[2], size=spec[0]).astype("int32")
    if len(spec) == 2 and isinstance(spec[0], tuple):
        return normal(rng, spec[0], spec[1])
    return normal(rng, spec)


def draw_weight(rng, variable):
    """Kernels and biases are normal; variances, and scales, stay away from zero."""
    if variable.name in ("moving_variance", "gamma", "scale"):
        return uniform(rng, tuple(variable.shape), 0.5, 1.5)
    return normal(rng, tuple(variable.shape), 0.5)


def layer_config(layer):
    """The layer's Keras config without nulls, names, dtypes and initializers."""
    noise = ("name", "dtype", "trainable")
    config = layer.get_config()
    return plain({k: v for k, v in config.items() if v is not None and k not in noise and "initializer" not in k})
