"""Checks exported models with ONNX's own checker, shape inference included, and runs them in ONNX Runtime.

    node .dist/test/formats/write-onnx-samples.js FOLDER
    python test/formats/check_with_onnx.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-4


def array(record):
    return np.array(record["data"], dtype=record["dtype"]).reshape(record["shape"])


def check(path):
    record = json.loads(path.with_suffix(".json").read_text())
    onnx.checker.check_model(str(path), full_check=True)
    domains = {node.domain for node in onnx.load(path).graph.node}
    assert domains <= {""}, f"other domains than the standard's: {domains}"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    known = {x.name for x in session.get_inputs()}
    actual = session.run(None, {k: array(v) for k, v in record["inputs"].items() if k in known})
    expected = [array(r) for r in record["outputs"]]
    pairs = zip(actual, expected, strict=True)
    return max(float(np.max(np.abs(a - e) / np.maximum(1, np.abs(e)), initial=0)) for a, e in pairs)


def main():
    failures = 0
    paths = sorted(Path(sys.argv[1]).glob("*.onnx"))
    for path in paths:
        try:
            error = check(path)
            failed = not error <= TOLERANCE
        except Exception as reason:
            error, failed = f"{type(reason).__name__}: {str(reason)[:600]}", True
        failures += failed
        if failed:
            print(f"FAIL {path.stem}: {error}")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: {len(paths)} models, {failures} failures")
    sys.exit(1 if failures else 0)


main()
