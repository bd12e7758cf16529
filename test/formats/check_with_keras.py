"""Loads with real Keras what this library saved: the same outputs, and the same weights after three more steps.

    node .dist/test/formats/write-keras-samples.js FOLDER
    KERAS_BACKEND=jax python test/formats/check_with_keras.py FOLDER
"""

import json
import os
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import warnings

import keras
import numpy as np

TOLERANCE = 1e-5
# what Keras 3.15 itself cannot do, from whatever file
BEYOND_KERAS = {
    "layer-Equalization-0": "its compute_output_spec gives the input back: no model of Keras's can end in it",
    "layer-LayerNormalization-1": "axes counted from both ends: Keras sorts [-1, 1] as it stands",
    "layer-MultiHeadAttention-2": "a sliding window over other axes than the last: its mask does not fit",
    "layer-PositionEmbedding-0": "is in the package KerasHub",
    "layer-RMSNormalization-1": "several axes: Keras scales along the last ones",
    "layer-RandomCrop-0": "crops in training alone, whatever its output shape says",
    "layer-RandomCrop-1": "crops in training alone, whatever its output shape says",
    "layer-SinePositionEncoding-0": "is in the package KerasHub",
    "layer-SinePositionEncoding-1": "is in the package KerasHub",
    "layer-SpectralNormalization-0": "divides the kernel in training alone (docs/guide/keras.md)",
    "layer-SpectralNormalization-1": "divides the kernel in training alone (docs/guide/keras.md)",
}


def array(record):
    return np.array(record["data"], dtype=record["dtype"]).reshape(record["shape"])


def worst(actual, expected):
    """Largest difference, relative where numbers exceed 1."""
    pairs = zip(actual, expected, strict=True)
    scaled = [np.abs(a - e) / np.maximum(1, np.abs(e)) for a, e in pairs]
    return max((float(d.max()) for d in scaled if d.size), default=0.0)


def predict(model, inputs):
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def check(path):
    record = json.loads(path.with_suffix(".json").read_text())
    inputs = [array(r) for r in record["inputs"]]
    outputs = [array(r) for r in record["outputs"]]
    model = keras.models.load_model(path)
    errors = {"outputs": worst(predict(model, inputs), outputs)}

    # as the file has it: not every layer of Keras's reads what it writes itself
    structure = json.loads(zipfile.ZipFile(path).read("config.json")) | {"compile_config": None}
    blank = keras.models.model_from_json(json.dumps(structure))
    blank.load_weights(path.with_suffix(".weights.h5"))
    errors["weights.h5"] = worst(predict(blank, inputs), outputs)

    legacy = keras.models.load_model(path.with_suffix(".h5"))
    errors["h5"] = worst(predict(legacy, inputs), outputs)

    if record["steps"] > 0:
        targets = [array(r) for r in record["targets"]]
        for _ in range(record["steps"]):
            model.train_on_batch(inputs if len(inputs) > 1 else inputs[0], targets if len(targets) > 1 else targets[0])
        after = [array(r) for r in record["weightsAfter"]]
        errors["trained on"] = worst(model.get_weights(), after)
    return errors


def main():
    failures = 0
    # Keras only warns where it skips an optimizer's state
    warnings.filterwarnings("error", message="Skipping variable loading")
    paths = [p for p in sorted(Path(sys.argv[1]).glob("*.keras")) if p.stem not in BEYOND_KERAS]
    for path in paths:
        try:
            errors = check(path)
        except Exception as error:
            failures += 1
            print(f"FAIL {path.stem}: {type(error).__name__}: {str(error)[:600]}")
            continue
        bad = {k: v for k, v in errors.items() if not v <= TOLERANCE}
        failures += bool(bad)
        if bad or not path.stem.startswith("layer-"):
            shown = ", ".join(f"{k} {v:.1e}" for k, v in errors.items())
            print(f"{'FAIL' if bad else 'ok'} {path.stem}: {shown}")
    print(f"Keras {keras.__version__} ({keras.backend.backend()}): {len(paths)} models, {failures} failures")
    sys.exit(1 if failures else 0)


main()
