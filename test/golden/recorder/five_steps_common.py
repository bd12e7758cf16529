"""What the parts of five-steps.json share."""

import json
import pathlib

import keras
import numpy as np

from .common import number

STEPS = 5


def golden(name):
    """A file recorded before."""
    return json.loads((pathlib.Path(__file__).parent.parent / name).read_text())


def array(record):
    """The array of a tensor in a file."""
    return np.array(record["data"], record.get("dtype", "float32")).reshape(record["shape"])


def numbers(shape, salt):
    """Numbers from -1 to 1 that one line of code gives anywhere."""
    count = np.arange(np.prod(shape, dtype=int))
    return ((count * 7919 + salt * 104729) % 2001 / 1000 - 1).reshape(shape).astype("float32")


def snake(text):
    """A camelCase name as Keras spells it."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in text)


def attempt(train, cases):
    """A record for each case; one that Keras itself cannot train is printed and left out."""
    records = []
    for case in cases:
        keras.backend.clear_session()
        try:
            records.append(train(case))
        except Exception as error:  # noqa: BLE001: the backend's own error types
            print(f"left out: {case['name']}: {type(error).__name__}: {str(error).splitlines()[0][:160]}", flush=True)
    return records


def result(name, history, weights):
    """The logs of each step, and a digest of the weights after the last."""
    digests = [digest(keras.ops.convert_to_numpy(w.value)) for w in weights]
    if any(d["squares"] > 1e7 for d in digests):
        raise ValueError("diverges: what is left are rounding errors")
    return {
        "name": name,
        "history": {key: [number(float(v)) for v in values] for key, values in history.history.items()},
        "weights": digests,
    }


def digest(weight):
    flat = weight.astype("float64").ravel()
    return {
        "shape": list(weight.shape),
        "first": [number(float(v)) for v in flat[:3]],
        "sum": number(float(flat.sum())),
        "squares": number(float((flat**2).sum())),
    }
