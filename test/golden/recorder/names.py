"""names.json: what Keras exports, by namespace, aliases left out."""

import inspect

import keras

NAMESPACES = (
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "callbacks",
)
NOT_FUNCTIONS = ("deserialize", "get", "serialize")


def record():
    """Classes by their own names; functions for activations and ops."""
    names = {name: sorted({c.__name__ for c in members(name, inspect.isclass)}) for name in NAMESPACES}
    for name in ("activations", "ops"):
        found = {f.__name__ for f in members(name, inspect.isfunction)}
        names[name] = sorted(found - set(NOT_FUNCTIONS))
    return names


def members(namespace, wanted):
    """What a namespace such as "optimizers.schedules" exports, of one sort."""
    module = keras
    for part in namespace.split("."):
        module = getattr(module, part)
    return [value for name, value in vars(module).items() if not name.startswith("_") and wanted(value)]
