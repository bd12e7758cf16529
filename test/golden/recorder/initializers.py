"""initializers.json: what each initializer's draws must look like; the streams themselves differ."""

import math

import keras
import numpy as np
from keras.src.initializers.random_initializers import compute_fans

from .common import camel, number, plain, tensor, title

SHAPES = ((40, 60), (3, 3, 16, 24), (5, 12, 20), (500,))
# The standard deviation of a unit normal cut at two standard deviations.
CUT = 0.87962566103423978

SCALING = {  # class: (scale, mode, distribution)
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}
VARIANTS = [
    dict(scale=s, mode=m, distribution=d)
    for s, m, d in (
        (1.0, "fan_in", "truncated_normal"),
        (2.0, "fan_out", "untruncated_normal"),
        (0.5, "fan_avg", "uniform"),
    )
]


def record():
    """{name, className, options, shape, fanIn, fanOut, mean, std, limit?} or exact values."""
    records = []
    for shape in SHAPES:
        for class_name, (scale, mode, distribution) in SCALING.items():
            records.append(scaled(class_name, {}, shape, scale, mode, distribution))
        records += [scaled("VarianceScaling", options, shape, **options) for options in VARIANTS]
    for options in ({}, dict(mean=1.0, stddev=0.2)):
        full = dict(mean=0.0, stddev=0.05) | options
        records.append(drawn("RandomNormal", options, (40, 60), full["mean"], full["stddev"], None))
        std = full["stddev"] * CUT
        records.append(drawn("TruncatedNormal", options, (40, 60), full["mean"], std, 2 * full["stddev"]))
    for options in ({}, dict(minval=-1.0, maxval=0.5)):
        low, high = options.get("minval", -0.05), options.get("maxval", 0.05)
        middle, reach = (low + high) / 2, (high - low) / 2
        records.append(drawn("RandomUniform", options, (40, 60), middle, reach / math.sqrt(3), reach))
    records += [exact(*case) for case in (("Zeros", {}), ("Ones", {}), ("Constant", dict(value=0.3)))]
    records += [exact("Identity", {}, (3, 3)), exact("Identity", dict(gain=2.0), (2, 3))]
    for gain, shape in ((1.0, (6, 4)), (2.0, (4, 6)), (1.0, (2, 3, 4))):
        options = {} if gain == 1.0 else dict(gain=gain)
        records.append(orthogonal(options, shape, gain))
    return records


def scaled(class_name, options, shape, scale, mode, distribution):
    """Variance scale / fan; uniform limits are sqrt(3) deviations, truncated ones 2 / CUT."""
    fan_in, fan_out = compute_fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    std = math.sqrt(scale / max(1.0, fan))
    limit = {"uniform": math.sqrt(3) * std, "truncated_normal": 2 * std / CUT}.get(distribution)
    record = drawn(class_name, options, shape, 0.0, std, limit)
    return record | {"fanIn": number(fan_in), "fanOut": number(fan_out), "distribution": distribution}


def drawn(class_name, options, shape, mean, std, limit):
    """Expected mean, standard deviation and greatest distance from the mean; Keras's draw must agree."""
    sample = np.asarray(getattr(keras.initializers, class_name)(**options, seed=1)(shape))
    spread = std / math.sqrt(sample.size)
    assert abs(sample.mean() - mean) < 5 * spread, (class_name, shape, sample.mean())
    assert abs(sample.std() / std - 1) < 5 / math.sqrt(2 * sample.size), (class_name, shape, sample.std(), std)
    assert limit is None or np.abs(sample - mean).max() <= limit * 1.00001, (class_name, shape)
    record = {"name": title(class_name, options, f"on {list(shape)}"), "className": class_name}
    record |= {"options": camel(options), "shape": list(shape), "mean": mean, "std": number(std)}
    return record if limit is None else record | {"limit": number(limit)}


def exact(class_name, options, shape=(2, 3)):
    values = getattr(keras.initializers, class_name)(**options)(shape)
    record = {"name": title(class_name, options, f"on {list(shape)}"), "className": class_name}
    return record | {"options": plain(camel(options)), "shape": list(shape), "values": tensor(values)}


def orthogonal(options, shape, gain):
    """As a matrix of all but the last axis by the last, the shorter side's Gram matrix is gain^2 * I."""
    matrix = np.asarray(keras.initializers.Orthogonal(**options, seed=1)(shape)).reshape(-1, shape[-1])
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    assert np.allclose(gram, gain**2 * np.eye(len(gram)), atol=1e-5)
    name = title("Orthogonal", options, f"on {list(shape)}")
    return {"name": name, "className": "Orthogonal", "options": camel(options), "shape": list(shape), "gain": gain}
