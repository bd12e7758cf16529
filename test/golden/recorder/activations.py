"""activations.json: the activation functions, with their parameters, and their gradients."""

import keras

from .common import camel, generator, gradients, normal, tensor, title
from .layer_cases import ACTIVATIONS

PARAMETRIC = (
    ("relu", dict(negative_slope=0.1, max_value=2.0, threshold=0.5)),
    ("leaky_relu", dict(negative_slope=0.3)),
    ("elu", dict(alpha=0.5)),
    ("celu", dict(alpha=0.5)),
    ("gelu", dict(approximate=True)),
    ("glu", dict(axis=0)),
    ("hard_shrink", dict(threshold=1.0)),
    ("soft_shrink", dict(threshold=1.0)),
    ("threshold", dict(threshold=0.5, default_value=-1.0)),
    ("squareplus", dict(b=2.0)),
    ("softmax", dict(axis=0)),
    ("log_softmax", dict(axis=0)),
)


def record():
    """One record per function and options."""
    return [record_case(name, {}) for name in ACTIVATIONS] + [record_case(*case) for case in PARAMETRIC]


def record_case(activation, options):
    name = title(activation, options)
    rng = generator(name)
    x = normal(rng, (4, 6), 3.0)
    function = getattr(keras.activations, activation, None) or keras.activations.get(activation)
    (y,), (direction,), (grad,), _ = gradients(
        lambda value: ([function(value, **options)], None),
        [keras.ops.convert_to_tensor(x)],
        lambda outs: [normal(rng, tuple(outs[0].shape))],
    )
    record = {"name": name, "function": activation, "options": camel(options), "x": tensor(x), "y": tensor(y)}
    return {**record, "direction": tensor(direction), "grad": tensor(grad)}
