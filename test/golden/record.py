"""Records golden numbers with real Keras: `python record.py [--out DIR] [layers training ...]`.

`python record.py --compare DIR` says where the files here and in DIR differ. Numbers come from JAX;
record into another folder with KERAS_BACKEND=tensorflow to see what depends on the backend.
"""

import argparse
import importlib
import json
import math
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

HERE = pathlib.Path(__file__).parent
PARTS = ("layers", "attention", "recurrent", "training", "losses", "losses_more", "optimizers", "optimizers_more", "metrics", "metrics_more", "layers_more", "lora", "activations", "schedules", "defaults", "initializers", "names", "augmentation", "five_steps", "operations", "reduction_metrics")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[*PARTS, "files"], help=f"of {', '.join(PARTS)}, files")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--compare", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.compare:
        return compare(HERE, arguments.compare)
    arguments.out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(HERE))
    from recorder import common

    for part in arguments.parts:
        module = importlib.import_module(f"recorder.{part}")
        if part in ("files", "trained_files"):
            module.record(arguments.out / "keras")
        else:
            common.write(arguments.out / f"{part.replace('_', '-')}.json", module.record())


def compare(left, right):
    """Prints the cases that are missing from one side, or differ by more than 2e-5 of their scale."""
    for path in sorted(right.glob("*.json")):
        ours, theirs = (by_name(json.loads((side / path.name).read_text())) for side in (left, right))
        print(f"{path.name}: {len(ours)} and {len(theirs)} cases")
        for name in sorted(ours.keys() ^ theirs.keys()):
            print(f"  only in one: {name}")
        for name in sorted(ours.keys() & theirs.keys()):
            found = list(differences(ours[name], theirs[name], ""))
            if found:
                print(f"  {name}: {len(found)} differ, first {found[0]}")


def by_name(value, prefix=""):
    """Every record that has a name, wherever it lies."""
    if isinstance(value, list):
        return {f"{prefix}{v.get('name', i)}": v for i, v in enumerate(value)}
    found = {}
    for key, item in value.items():
        named = isinstance(item, list) and item and isinstance(item[0], dict) and "name" in item[0]
        found.update(by_name(item, f"{key} ") if named else {key: item})
    return found


def differences(a, b, where):
    """The paths at which two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from differences(a.get(key), b.get(key), f"{where}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{where}[{index}]")
    elif isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if not math.isclose(a, b, rel_tol=2e-5, abs_tol=5e-6):
            yield f"{where}: {a} and {b}"
    elif a != b:
        yield f"{where}: {str(a)[:60]} and {str(b)[:60]}"


if __name__ == "__main__":
    main()
