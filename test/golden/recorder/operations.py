"""operations.json: ops between layers, as functional models have them: the model's configuration, inputs and outputs."""

import json

import keras
import numpy as np
from keras import ops

from .common import generator, tensor

# name, input shapes without the batch, what is computed; integers where the name says so
CASES = [
    ("not equal, int", [(4,)], lambda x: ops.not_equal(x, 1)),
    ("arithmetic", [(3,), (3,)], lambda x, y: (2 * x - y / 4 + 1) ** 2 - (-x) % 3 + (1 - y) // 0.5),
    ("int and float", [(3,), (3,)], lambda x, y: ops.cast(ops.round(x * 3), "int32") * 0.5 + y),
    ("comparisons", [(4,), (4,)], lambda x, y: ops.where(ops.logical_or(ops.logical_and(x > y, x >= 0.1), ops.logical_not(x < 0)), x, ops.where(ops.equal(x, y), 0.0, -y))),
    ("xor", [(4,), (4,)], lambda x, y: ops.cast(ops.logical_xor(x <= 0, y > 0), "float32")),
    ("reductions", [(3, 4)], lambda x: ops.sum(x, axis=-1) + ops.mean(x, axis=(2,)) * ops.max(x, axis=2) - ops.min(x, axis=[-1, 1], keepdims=True)[:, 0]),
    ("more reductions", [(3, 4)], lambda x: ops.prod(x, axis=1) + ops.std(x, axis=1) + ops.var(x, axis=1, keepdims=True)[:, 0] + ops.logsumexp(x, axis=1) + ops.amax(x, axis=1) + ops.amin(x, axis=1)),
    ("any and all", [(3, 4)], lambda x: ops.cast(ops.any(x > 0.5, axis=-1), "int32") + 2 * ops.cast(ops.all(x > -0.9, axis=-1), "int32")),
    ("places", [(3, 4)], lambda x: ops.argmax(x, axis=-1) * 10 + ops.argmin(x, axis=2)),
    ("functions", [(5,)], lambda x: ops.sin(x) + ops.cos(x) * ops.tanh(x) + ops.exp(x) + ops.sqrt(ops.abs(x)) + ops.log(ops.square(x) + 1) + ops.erf(x) + ops.sign(x) + ops.floor(x) + ops.ceil(x)),
    ("more functions", [(5,)], lambda x: ops.log1p(ops.abs(x)) + ops.expm1(x) + ops.log2(ops.abs(x) + 1) + ops.log10(ops.abs(x) + 1) + ops.rsqrt(ops.abs(x) + 1) + ops.reciprocal(x + 3) + ops.tan(x) + ops.sinh(x) + ops.cosh(x)),
    ("inverse functions", [(5,)], lambda x: ops.arcsin(x / 2) + ops.arccos(x / 2) + ops.arctan(x) + ops.arcsinh(x) + ops.arccosh(x + 3) + ops.arctanh(x / 2)),
    ("activations", [(5,)], lambda x: ops.relu(x) + ops.relu6(x) * ops.sigmoid(x) + ops.silu(x) + ops.softplus(x) + ops.softsign(x) + ops.gelu(x) + keras.activations.gelu(x, approximate=True)),
    ("more activations", [(6,)], lambda x: ops.leaky_relu(x) + ops.elu(x, alpha=0.5) + ops.celu(x, alpha=2.0) + ops.selu(x) + ops.hard_sigmoid(x) + ops.hard_silu(x) + ops.log_sigmoid(x) + ops.softmax(x) + ops.log_softmax(x, axis=1)),
    ("rarer activations", [(6,)], lambda x: ops.hard_tanh(3 * x) + ops.tanh_shrink(x) + ops.sparse_plus(x) + ops.sparse_sigmoid(x)),
    ("joined and split", [(2, 3), (2, 3)], lambda x, y: [ops.stack([x, y], axis=1), *ops.split(ops.concatenate([x, y], axis=-1), 3, axis=-1), *ops.split(x, [1], axis=2), *ops.unstack(y, axis=1)]),
    ("shapes", [(2, 6)], lambda x: ops.transpose(ops.reshape(x, (-1, 3, 4)), (0, 2, 1)) + ops.squeeze(ops.expand_dims(ops.swapaxes(ops.reshape(x, (-1, 3, 4)), 1, 2), axis=1), axis=1) + ops.moveaxis(ops.reshape(x, (-1, 3, 4)), 1, -1)),
    ("items", [(4, 5)], lambda x: [x[:, 1], x[:, -2:, ::2], x[..., 3], x[:, None, 1:3, :-1], x[:, ::-1]]),
    ("moved", [(4, 3)], lambda x: ops.flip(x, axis=1) + ops.roll(x, 1, axis=1) + ops.cumsum(x, axis=1)),
    ("padded", [(2, 3)], lambda x: [ops.pad(x, [[0, 0], [1, 0], [0, 2]], constant_values=0.5), ops.pad(x, ((0, 0), (0, 0), (1, 1)), mode="reflect"), ops.tile(x, (1, 2, 1))]),
    ("limits", [(4,)], lambda x: ops.clip(x, -0.25, 0.5) + ops.maximum(x, 0.1) + ops.minimum(x, -0.1)),
    ("products", [(2, 3), (3, 2)], lambda x, y: ops.matmul(x, y) + ops.einsum("bij,bjk->bik", x, y)),
    ("taken, int", [(4,)], lambda x: ops.one_hot(x, 3) + ops.cast(ops.take_along_axis(ops.expand_dims(x, -1), ops.expand_dims(x, -1), axis=1), "float32")),
    ("constants", [(3,)], lambda x: ops.multiply(x, np.array([1.0, 2.0, 3.0], "float32")) + ops.ones_like(x) + ops.zeros_like(x)),
    ("identities", [(3,)], lambda x: ops.stop_gradient(x) + ops.copy(x) + ops.cast(ops.isnan(x), "float32")),
]


def record():
    return [record_case(*case) for case in CASES]


def record_case(name, shapes, compute):
    keras.backend.clear_session()
    rng = generator(name)
    integers = name.endswith("int")
    inputs = [keras.Input(shape, dtype="int32" if integers else "float32") for shape in shapes]
    model = keras.Model(inputs, compute(*inputs))
    draw = (lambda s: rng.integers(0, 3, s).astype("int32")) if integers else (lambda s: np.round(rng.uniform(-1, 1, s), 3).astype("float32"))
    x = [draw((2, *shape)) for shape in shapes]
    y = model(x if len(x) > 1 else x[0])
    outputs = [np.asarray(v) for v in (y if isinstance(y, list) else [y])]
    return {"name": name, "model": json.loads(model.to_json()), "inputs": [tensor(v) for v in x], "outputs": [tensor(v) for v in outputs]}
