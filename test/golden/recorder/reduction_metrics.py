"""reduction-metrics.json: Mean and Sum over values that come by and by."""

import keras
import numpy as np

from .common import number

UPDATES = [
    [(2.5, None), ([1, 3, 5, 7], None), ([1, 3, 5, 7], [1, 1, 0, 0])],
    [([[1, 2, 3], [4, 5, 6]], None), ([[1, 2, 3], [4, 5, 6]], [0.5, 2]), ([[1, 2, 3], [4, 5, 6]], [[1, 0, 1], [0, 0, 2]])],
    [([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[1, 0], [0.5, 0.25]]), ([[1], [2]], [3, 4]), ([1, 2], [[3], [4]])],
]


def record():
    return [case(name, updates) for name in ("Mean", "Sum") for updates in UPDATES]


def case(name, updates):
    metric, records = getattr(keras.metrics, name)(), []
    for values, weight in updates:
        metric.update_state(np.array(values, "float32"), sample_weight=None if weight is None else np.array(weight, "float32"))
        records.append({"values": values, "sampleWeight": weight, "result": number(float(metric.result()))})
    return {"className": name, "updates": records}
