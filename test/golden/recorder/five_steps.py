"""five-steps.json: five steps of training with every layer, loss, metric and optimizer, by `fit` of real Keras.

Cases are those of the other files, found by their names: what goes in is not written again. What comes out is the
loss of each step and, of each weight, its first numbers, the sum and the sum of squares.

Layers are trained with all samples in one batch on mean squares:
- `through`: inputs, weights and targets (`directions`) of the case. Each float input passes a Dense layer that starts
  as the identity, so that its gradient trains something. Outputs are flattened, which takes masks off them.
- `behind`: a Dense layer on what the layer makes of data, scaled to length 1.
Random numbers are replaced by `chance`, the same in each step.
"""

import json

import keras
import numpy as np
from keras import Input, Model
from keras.src.applications import convnext, inception_resnet_v2
from keras.src.backend.jax import random as jax_random

from . import five_steps_compile, layers
from .attention import LISTED, POSITIONAL
from .common import camel, generator, normal, tensor
from .five_steps_common import STEPS, array, attempt, golden, numbers, result, snake

L = keras.layers
OWN_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}
# A step of these takes seconds.
SLOW = ("ContrastLimitedAdaptiveHistogramEqualization",)
# Layers that are part of networks.
INSIDE = {"LayerScale": convnext, "CustomScaleLayer": inception_resnet_v2}


def record():
    """One list for each kind, and the cases of layers that no other file has."""
    extra = [extra_case(*case) for case in extra_layers()]
    calls = [c for c in golden("attention.json")["calls"] if not c["masks"]]
    sources = {
        "layers": golden("layers.json"),
        "layers-more": golden("layers-more.json")["layers"],
        "recurrent": golden("recurrent.json")["layers"],
        "attention": [c for c in calls if c["className"] in (*OWN_NAMES, *POSITIONAL, *LISTED[:2], "Masking")],
        "extra": extra,
    }
    layer_records = []
    for source, cases in sources.items():
        layer_records += attempt(lambda c, source=source: {"source": source, **through(c)}, few(cases))
    changing = [c for c in golden("augmentation.json")["layers"] if c["className"] not in SLOW]
    layer_records += attempt(lambda c: {"source": "augmentation", **behind(c)}, few(changing, 1))
    return {"extra": extra, "layers": layer_records, **five_steps_compile.record()}


def few(cases, most=3):
    """Some cases of each class, far apart in the list; of activations all, as each is a function of its own."""
    classes = {}
    cases = list(cases)
    names = [case["name"] for case in cases]
    for case in cases:
        if names.count(case["name"]) > 1:
            continue
        shapes = [x["shape"] for x in tensors_in(case)]
        key = json.dumps([case["options"], shapes, "mask" in case, "initialState" in case])
        classes.setdefault(case["className"], {})[key] = case
    for name, kept in classes.items():
        kept = list(kept.values())
        count = len(kept) if name == "Activation" else min(most, len(kept))
        yield from (kept[i * len(kept) // count] for i in range(count))


def tensors_in(case):
    return case["inputs"] if "inputs" in case else [case["input"]]


def through(case):
    """Five steps of a layer behind Dense layers."""
    replace_random(())
    layer = layer_of(case)
    data = [array(x) for x in tensors_in(case)]
    given = [Input(x.shape[1:], dtype=str(x.dtype)) for x in data]
    masked = case.get("masked", [False] * len(data))
    seen = [L.Masking()(x) if mask else x for x, mask in zip(given, masked)]
    fronts = [L.Dense(x.shape[-1], kernel_initializer="identity") if x.dtype == "float32" else None for x in seen]
    seen = [x if front is None else front(x) for x, front in zip(seen, fronts)]
    more = {"mask": case.get("mask"), "initial_state": case.get("initialState")}
    arguments = {snake(k): v for k, v in case.get("flags", {}).items()}
    for key, value in more.items():
        if value is not None:
            arrays = [array(v) for v in (value if isinstance(value, list) else [value])]
            symbols = [Input(a.shape[1:], dtype=str(a.dtype)) for a in arrays]
            data, given = data + arrays, given + symbols
            arguments[key] = symbols if isinstance(value, list) else symbols[0]
    one_by_one = case["className"] in (*POSITIONAL, *OWN_NAMES)
    listed = case["className"] in LISTED or len(seen) > 1
    outputs = keras.tree.flatten(layer(*(seen if one_by_one else [seen] if listed else seen), **arguments))
    set_weights(layer, [array(w) for w in case["weights"]])
    outputs = [L.Flatten()(y) if len(y.shape) > 2 else y for y in outputs]
    targets = [array(d) for d in case["directions"]]
    targets = [y.reshape(len(y), -1) if y.ndim > 2 else y for y in targets]
    held = [w for front in fronts if front is not None for w in front.weights] + weights_of(layer)
    return train(case, Model(given, outputs), data, targets, held)


class Behind(Model):
    """Dense behind a layer. Not functional: some layers of Keras give their symbolic input back, which takes them out."""

    def __init__(self, layer, dense):
        super().__init__()
        self.stack = [layer, L.Flatten(), L.UnitNormalization(), dense]

    def call(self, x, training=None):
        for layer in self.stack:
            x = layer(x, training=training) if layer._call_has_training_arg else layer(x)
        return x


def behind(case):
    """Five steps of a Dense layer behind a layer that changes data."""
    replace_random(case.get("draws", ()))
    data = array(case["input"])
    dense = L.Dense(2)
    model = Behind(layer_of(case), dense)
    model(data, training=True)
    dense.set_weights([numbers(w.shape, salt) for salt, w in enumerate(dense.weights)])
    return train(case, model, data, [numbers((len(data), 2), 2)], dense.weights)


def train(case, model, data, targets, held):
    several = len(targets) > 1
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), ["mse"] * len(targets) if several else "mse")
    history = model.fit(data, targets if several else targets[0], batch_size=len(targets[0]), epochs=STEPS, shuffle=False, verbose=0)
    return result(case["name"], history, held)


def weights_of(layer):
    return [w for w in layer.weights if "seed" not in w.path]


def set_weights(layer, values):
    for weight, value in zip(weights_of(layer), values, strict=True):
        weight.assign(value)


def layer_of(case):
    """The layer of a case, from options in our spelling."""
    return made(case["className"], case["options"])


def made(class_name, options):
    own_name = OWN_NAMES.get(class_name, class_name)
    module = INSIDE.get(class_name, L)
    return getattr(module, own_name)(**{snake(key): keras_value(value) for key, value in options.items()})


def keras_value(value):
    """An option as Keras spells it; nested layers are objects."""
    if isinstance(value, dict) and "className" in value:
        return made(value["className"], value["config"])
    if isinstance(value, dict) and "type" in value:
        options = {k: v for k, v in value.items() if k != "type"}
        return made({"dense": "Dense", "conv2d": "Conv2D"}[value["type"]], options)
    if isinstance(value, list):
        return [keras_value(v) for v in value]
    return snake(value) if isinstance(value, str) else value


def chance(shape, draws):
    """Uniform numbers in [0, 1); with `draws`, `draws[n]` for all of image n, or the first where no axis is of images."""
    if len(draws) == 0:
        return (np.arange(np.prod(shape, dtype=int)) * 7919 % 2001 / 2001).reshape(shape).astype("float32")
    each = np.array(draws if shape[:1] == (len(draws),) else draws[:1], "float32")
    return np.broadcast_to(each.reshape(-1, *[1] * (len(shape) - 1)) if shape else each[0], shape)


def replace_random(draws):
    """No chance in layers but `chance`; normal numbers come from it by Box and Muller."""

    def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        return keras.ops.convert_to_tensor(chance(tuple(map(int, shape)), draws) * (maxval - minval) + minval)

    def randint(shape, minval, maxval, dtype="int32", seed=None):
        return keras.ops.cast(keras.ops.floor(uniform(shape, minval, maxval)), dtype)

    def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
        u, v = chance((2, *shape), draws).astype("float64")
        drawn = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v) * stddev + mean
        return keras.ops.convert_to_tensor(drawn.astype("float32"))

    def dropout(inputs, rate, noise_shape=None, seed=None):
        shape = tuple(m if n is None else n for n, m in zip(noise_shape or inputs.shape, inputs.shape))
        return inputs * (chance(shape, draws) >= rate) / (1 - rate)

    jax_random.uniform, jax_random.randint, jax_random.normal, jax_random.dropout = uniform, randint, normal, dropout


def extra_case(class_name, options, shapes):
    """A case in the form of layers.json, of which there is only what training needs."""
    name = f"{class_name} {json.dumps(options)}"
    rng = generator(name)
    options = camel(options)
    layer = made(class_name, options)
    inputs = [layers.draw(rng, shape) for shape in shapes]
    output = layer(inputs if len(inputs) > 1 else inputs[0])
    return {
        "name": name,
        "className": class_name,
        "options": options,
        "inputs": [tensor(x) for x in inputs],
        "weights": [tensor(layers.draw_weight(rng, w)) for w in weights_of(layer)],
        "directions": [tensor(normal(rng, tuple(output.shape)))],
    }


def extra_layers():
    """(class, options, shapes of the inputs) that no other file has without masks."""
    yield "EinsumDense", dict(equation="abc,cde->abde", output_shape=[None, 2, 3], bias_axes="de"), [(2, 2, 4)]
    yield "EinsumDense", dict(equation="ab,bc->ac", output_shape=3, activation="tanh"), [(2, 4)]
    yield "LSTM", dict(units=2, dropout=0.4), [(2, 3, 4)]
    yield "GRU", dict(units=2, dropout=0.4), [(2, 3, 4)]
    yield "SimpleRNN", dict(units=2, recurrent_dropout=0.4), [(2, 3, 4)]
    yield "Normalization", dict(axis=-1, mean=[0.5, -1.0], variance=[4.0, 0.25]), [(3, 2)]
    yield "CategoryEncoding", dict(num_tokens=4, output_mode="multi_hot"), [((3, 2), "int", 4)]
    yield "Discretization", dict(bin_boundaries=[-0.5, 0.5], output_mode="one_hot"), [(3, 1)]
    yield "LayerScale", dict(init_values=0.5, projection_dim=3), [(2, 2, 3)]
    yield "CustomScaleLayer", dict(scale=0.3), [(2, 3), (2, 3)]
