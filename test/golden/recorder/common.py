"""Compact, reproducible JSON: tensors, seeded draws, camelCase, and gradients on either backend."""

import json
import math
import zlib

import keras
import numpy as np

BACKEND = keras.backend.backend()


def number(value):
    """Seven significant digits; whole numbers without a point. Infinities and NaN are refused."""
    if not math.isfinite(value):
        raise ValueError(f"not finite: {value}")
    short = float(f"{value:.7g}")
    return int(short) if short == int(short) and abs(short) < 1e7 else short


def tensor(value, name=None):
    """{"name"?, "shape", "data", "dtype"?}: flat row-major data, dtype only when it is not float32."""
    array = np.asarray(value)
    if array.dtype == np.float64:
        array = array.astype("float32")
    record = {} if name is None else {"name": name}
    record["shape"] = list(array.shape)
    if array.dtype == np.bool_:
        record["data"] = [int(v) for v in array.ravel()]
    else:
        record["data"] = [number(v) for v in array.ravel().tolist()]
    if array.dtype != np.float32:
        record["dtype"] = str(array.dtype)
    return record


def generator(name):
    """A generator seeded by the case's own name, so that new cases leave the old ones alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def normal(rng, shape, scale=1.0):
    """Normal draws of at most three decimals: short in JSON, and read back as the same float32."""
    return np.round(rng.normal(size=shape) * scale, 3).astype("float32")


def uniform(rng, shape, low=0.0, high=1.0):
    """Uniform draws of at most three decimals."""
    return np.round(rng.uniform(low, high, size=shape), 3).astype("float32")


def probabilities(rng, shape):
    """Rows that sum to one, up to rounding, none below 0.02."""
    raw = rng.uniform(0.1, 1.0, size=shape)
    return np.round(raw / raw.sum(-1, keepdims=True), 3).astype("float32")


def camel(value):
    """Keyword arguments with camelCase keys, tuples as lists, Keras objects as {className, config}."""
    if isinstance(value, dict):
        return {_camel_key(k): camel(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [camel(v) for v in value]
    if hasattr(value, "get_config"):
        return {"className": type(value).__name__, "config": camel(value.get_config())}
    return value


def _camel_key(key):
    head, *rest = str(key).split("_")
    return head + "".join(part.capitalize() for part in rest)


def title(class_name, options, suffix=""):
    """A readable, unique case name, such as "Conv2D filters=3 kernelSize=2"."""
    parts = [f"{k}={json.dumps(v, separators=(',', ':'))}" for k, v in camel(options).items()]
    return " ".join([class_name, *parts, suffix]).strip()


def plain(value):
    """What json can hold, with floats rounded and tuples as lists."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        return plain(np.asarray(value).tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    return number(value) if isinstance(value, float) else value


def write(path, records):
    """Writes one JSON file: one line per case, so that a diff shows which case moved."""
    if isinstance(records, list):
        text = "[\n" + ",\n".join(_dumps(r) for r in records) + "\n]\n"
    else:
        parts = [f"{json.dumps(key)}:{_block(value)}" for key, value in records.items()]
        text = "{\n" + ",\n".join(parts) + "\n}\n"
    names = [r["name"] for r in records if "name" in r] if isinstance(records, list) else []
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise ValueError(f"{path}: the names {twice} occur twice")
    path.write_text(text)
    print(f"{path.name}: {len(records)} records, {len(text) // 1024} kB", flush=True)


def _block(value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(_dumps(r) for r in value) + "\n]"
    return _dumps(value)


def _dumps(value):
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def gradients(function, arguments, directions):
    """Outputs of function(*arguments), a list, and the gradients of sum(output * direction).

    `directions` maps the list of outputs to a list of arrays. The second value of `function` is
    passed through.
    """
    if BACKEND == "jax":
        import jax

        outputs, pullback, extra = jax.vjp(function, *arguments, has_aux=True)
        cotangents = directions(outputs)
        return outputs, cotangents, pullback([jax.numpy.asarray(c) for c in cotangents]), extra
    import tensorflow as tf

    arguments = [tf.convert_to_tensor(a) for a in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        outputs, extra = function(*arguments)
    cotangents = directions(outputs)
    grads = tape.gradient(outputs, arguments, [tf.constant(c) for c in cotangents])
    dense = [np.zeros(a.shape, "float32") if g is None else tf.convert_to_tensor(g) for a, g in zip(arguments, grads)]
    return outputs, cotangents, dense, extra
