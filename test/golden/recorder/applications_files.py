"""Every application through files, both ways: Keras saves, this library loads; it saves, and Keras loads.

    npx tsc -p tsconfig.json --outDir .dist/check
    KERAS_BACKEND=tensorflow python test/golden/recorder/applications_files.py --build .dist/check [NAME ...]

Not part of the tests, as the files are large: each is deleted before the next one is made. A line of the table that is
printed gives the largest difference of the logits, in parts of the largest logit, for one drawn picture of the size that
the network is made for, and how far Keras's own logits move when the picture changes by one part in a million.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from recorder.applications import draw, structures

NAMES = list(dict.fromkeys(name for name, options in structures() if not options))
COLUMNS = (".keras", ".h5 by name", "back", "a millionth")


def with_drawn_statistics(name):
    """The application with Keras's own random kernels; everything else is drawn, so that nothing is 0 or 1."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    for layer in model.layers:
        for i, weight in enumerate(layer.weights):
            if len(weight.shape) == 1 and "layer_scale" not in layer.name:
                near_one = weight.name in ("gamma", "moving_variance", "variance")
                u = draw(f"{layer.name}/{i}", tuple(weight.shape))
                # the deep EfficientNetV2 would be chaotic, were all branches as strong as what they are added to
                is_branch = name.startswith("EfficientNetV2") and layer.name.endswith("project_bn") and weight.name == "gamma"
                value = 1 + 0.2 * u if near_one else 0.1 * u
                weight.assign((0.2 * value if is_branch else value).astype("float32"))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its statistics
    return model


def apart(actual, expected):
    """The largest difference, in parts of the largest number."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def check(name, build, folder):
    model = with_drawn_statistics(name)
    shape = (1, *(size or 224 for size in model.input_shape[1:3]), 3)
    picture = ((draw("picture", shape) + 1) * 127.5).astype("float32")
    expected = np.asarray(model(picture, training=False))
    moved = np.asarray(model(picture * np.float32(1 + 1e-6), training=False))
    parameters = model.count_params()
    np.save(folder / "picture.npy", picture)
    model.save(folder / "keras.keras")
    model.save(folder / "keras.h5")
    del model
    command = ["node", f"{build}/test/applications/check-files.js", name, str(folder)]
    ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert ours["parameters"] == parameters, (ours["parameters"], parameters)
    back = np.asarray(keras.saving.load_model(folder / "tfk.keras", compile=False)(picture, training=False))
    differences = (
        apart(np.array(ours["keras"]), expected[0]),
        apart(np.array(ours["h5"]), expected[0]),
        apart(back[0], np.array(ours["keras"])),
        apart(moved, expected),
    )
    return parameters, differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="dist", help="folder with this library, compiled")
    parser.add_argument("names", nargs="*", default=NAMES)
    args = parser.parse_args()
    print(f"| application | parameters | {' | '.join(COLUMNS)} |\n| --- | ---: | {' | '.join('---:' for _ in COLUMNS)} |")
    for name in args.names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                parameters, differences = check(name, args.build, Path(folder))
                print(f"| {name} | {parameters:,} | {' | '.join(f'{d:.1e}' for d in differences)} |", flush=True)
            except subprocess.CalledProcessError as error:
                print(f"| {name} | failed |\n{error.stderr}", flush=True)


main()
