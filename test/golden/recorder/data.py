"""What Keras and tf.data make of small series: test/golden/data.json. Run: python test/golden/recorder/data.py"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

series = [
    {"length": 12, "options": {"sequence_length": 3}},
    {"length": 12, "options": {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 2, "batch_size": 2}},
    {"length": 15, "options": {"sequence_length": 4, "start_index": 2, "end_index": 11, "batch_size": 4}},
    {"length": 12, "targets": False, "options": {"sequence_length": 5, "sequence_stride": 3}},
]


def timeseries(case):
    data = np.arange(case["length"])
    targets = None if case.get("targets") is False else data * 10
    dataset = keras.utils.timeseries_dataset_from_array(data, targets, **case["options"])
    batches = [[part.numpy().tolist() for part in (b if isinstance(b, tuple) else (b,))] for b in dataset]
    return {**case, "batches": batches}


def interleave(cycle, block):
    strands = tf.data.Dataset.range(1, 6).interleave(
        lambda x: tf.data.Dataset.from_tensors(x).repeat(x), cycle_length=cycle, block_length=block
    )
    return {"cycleLength": cycle, "blockLength": block, "elements": [int(x) for x in strands]}


def buckets():
    lengths = [1, 7, 3, 2, 9, 4, 1, 6, 3, 12, 2]
    signature = tf.TensorSpec([None], tf.float32)
    samples = tf.data.Dataset.from_generator(
        lambda: (np.full(n, n, np.float32) for n in lengths), output_signature=signature
    )
    dataset = samples.bucket_by_sequence_length(lambda x: tf.shape(x)[0], [3, 8], [3, 2, 1])
    return {"lengths": lengths, "batches": [b.numpy().tolist() for b in dataset]}


record = {
    "timeseries": [timeseries(case) for case in series],
    "interleave": [interleave(2, 1), interleave(2, 4), interleave(3, 2), interleave(9, 1)],
    "buckets": buckets(),
}
path = pathlib.Path(__file__).parent.parent / "data.json"
path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
