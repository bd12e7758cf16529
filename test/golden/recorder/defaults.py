"""defaults.json: the config of every class, built with its required arguments only."""

import inspect

import keras

from . import layer_cases, losses, metrics, optimizers
from .common import camel, plain

REQUIRED = {
    "units": 3, "filters": 3, "kernel_size": 3, "pool_size": 2, "rate": 0.5, "stddev": 0.5, "n": 3, "scale": 0.5,
    "target_shape": [3, 2], "dims": [2, 1], "input_dim": 7, "output_dim": 3, "axes": 1, "activation": "relu",
    "num_classes": 3, "target_class_ids": [0, 2], "recall": 0.6, "precision": 0.6, "specificity": 0.5,
    "sensitivity": 0.5,
}  # fmt: skip

MORE_LAYERS = "InputLayer Masking LSTM GRU SimpleRNN MultiHeadAttention Attention Normalization Resizing CenterCrop".split()
REQUIRED |= {"num_heads": 2, "key_dim": 4, "height": 4, "width": 4}

GROUPS = {
    "layers": (keras.layers, [c[0] for c in layer_cases.cases()] + MORE_LAYERS),
    "optimizers": (keras.optimizers, [c[0] for c in optimizers.cases()]),
    "losses": (keras.losses, [c[0] for c in losses.cases()] + ["Circle"]),
    "metrics": (keras.metrics, [c[0] for c in metrics.cases()]),
    "initializers": (
        keras.initializers,
        "Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotNormal GlorotUniform "
        "HeNormal HeUniform LecunNormal LecunUniform Orthogonal Identity".split(),
    ),
    "regularizers": (keras.regularizers, ["L1", "L2", "L1L2", "OrthogonalRegularizer"]),
    "constraints": (keras.constraints, ["MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"]),
    "callbacks": (keras.callbacks, ["EarlyStopping", "ReduceLROnPlateau"]),
}


def record():
    """{group: [{name, options, config}]}; callbacks have no config: their attributes stand for it."""
    return {group: [record_case(space, name) for name in dict.fromkeys(names)] for group, (space, names) in GROUPS.items()}


def record_case(space, name):
    keras.backend.clear_session()
    build = getattr(space, name)
    options = {} if name != "InputLayer" else {"shape": [4]}
    for key, parameter in inspect.signature(build.__init__).parameters.items():
        needed = parameter.default is inspect.Parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if needed and key not in ("self", "args", "kwargs"):
            options[key] = REQUIRED[key]
    made = build(**options)
    if hasattr(made, "get_config"):
        config = made.get_config()
    else:
        kinds = (bool, int, float, str, type(None))
        config = {k: v for k, v in vars(made).items() if isinstance(v, kinds) and not k.startswith("_")}
        config = {k: v for k, v in config.items() if v != float("inf")}
    return {"name": name, "options": camel(options), "config": plain(config)}
