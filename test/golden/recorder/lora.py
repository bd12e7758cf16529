"""lora.json: layers with low-rank updates: outputs, gradients, what remains after saving (the merged kernel).

    KERAS_BACKEND=jax python record.py lora
"""

import tempfile
from pathlib import Path

import keras
import numpy as np

from .common import camel, generator, normal, tensor, title

CASES = (
    ("Dense", dict(units=3), (2, 4), 2, 3.0),
    ("Dense", dict(units=3, activation="tanh", kernel_regularizer="l2"), (2, 2, 4), 1, None),
    ("EinsumDense", dict(equation="abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), (2, 2, 4), 2, 1.0),
    ("Embedding", dict(input_dim=5, output_dim=3), ("int", 2, 3), 2, 4.0),
    ("Conv1D", dict(filters=2, kernel_size=2), (1, 4, 2), 1, 2.0),
    ("Conv2D", dict(filters=4, kernel_size=2, groups=2, strides=2), (1, 4, 4, 2), 2, 0.5),
    ("Conv3D", dict(filters=2, kernel_size=(1, 2, 2)), (1, 2, 2, 2, 1), 1, None),
)


def record():
    return [case(*fields) for fields in CASES]


def case(class_name, options, shape, rank, alpha):
    keras.backend.clear_session()
    name = title(class_name, options, f"rank={rank} alpha={alpha}")
    rng = generator(name)
    whole = shape[0] == "int"
    x = rng.integers(0, 5, shape[1:]).astype("int32") if whole else normal(rng, shape)
    layer = getattr(keras.layers, class_name)(**options)
    inputs = keras.Input(x.shape[1:], dtype=x.dtype)
    model = keras.Model(inputs, layer(inputs))
    layer.enable_lora(rank, lora_alpha=alpha)
    layer.set_weights([normal(rng, w.shape) for w in layer.weights])
    y = np.asarray(layer(x))
    direction = normal(rng, y.shape)
    return {
        "name": name,
        "className": class_name,
        "options": camel(options),
        "rank": rank,
        "alpha": alpha,
        "x": tensor(x),
        "weights": [tensor(w, w.name) for w in layer.weights],
        "trainable": [w.name for w in layer.trainable_weights],
        "y": tensor(y),
        "direction": tensor(direction),
        "gradients": [tensor(g) for g in gradients(layer, x, direction)],
        "losses": tensor(sum(layer.losses) if layer.losses else 0.0),
        "saved": saved(model, layer),
    }


def gradients(layer, x, direction):
    import jax

    fixed = [w.value for w in layer.non_trainable_variables]

    def value(trainable):
        y, _ = layer.stateless_call(trainable, fixed, x)
        return (y * direction).sum()

    return jax.grad(value)([w.value for w in layer.trainable_variables])


def saved(model, layer):
    """The variables that a file has for the layer."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.weights.h5"
        model.save_weights(path)
        with h5py.File(path) as file:
            found = []
            file.visititems(lambda _, item: found.append(np.asarray(item)) if isinstance(item, h5py.Dataset) else None)
    return [tensor(value) for value in found]
