"""preprocessing.json: layers that prepare data, and keras/preprocessing.keras and feature-space.keras.

Texts are TensorFlow's business in Keras: record with KERAS_BACKEND=tensorflow.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.utils import FeatureSpace

from .common import camel, generator, normal, plain, tensor, title

NUMBERS = [[1.0, 2.0, -3.5], [3.0, 6.0, 0.25], [5.0, 7.0, 8.0], [2.5, -1.0, 4.0]]
WORDS = [["a"], ["é"], ["b"], ["a"], ["日本"], ["b"], ["a"], ["\ue000"], ["\U0001f600"]]
INTEGERS = [[7, 2, -4], [7, 2, 9], [2, 2, 1000000007], [0, 7, -4]]
TEXTS = [
    "The quick brown fox, the LAZY dog!",
    "Don't panic: it's (mostly) harmless - 42 @ 100% [sic] {x} `y` ~z \\ ^_|",
    "Ä ö É ÀB\u00a0c d\u2003e\tf\vg\fh\r\ni",
    "",
    "the dog the fox dog",
]

# class, options, data to adapt to (None: none), inputs
CASES = [
    ("Normalization", {}, NUMBERS, NUMBERS[:2]),
    ("Normalization", {"axis": None}, NUMBERS, NUMBERS[:2]),
    ("Normalization", {"axis": 1}, [[[1.0, 2.0], [3.0, 5.0]], [[2.0, 2.0], [7.0, 1.0]]], [[[1.0, 2.0], [3.0, 4.0]]]),
    ("Normalization", {"axis": [1, 2]}, [[[1.0, 2.0], [3.0, 5.0]], [[2.0, 2.0], [7.0, 1.0]]], [[[1.0, 2.0], [3.0, 4.0]]]),
    ("Normalization", {"invert": True}, NUMBERS, [[0.5, -1.0, 2.0]]),
    ("Normalization", {"mean": 3.0, "variance": 2.0}, None, [[1.0], [2.0], [3.0]]),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.0]}, None, [[1.0, 3.0], [2.0, 2.0]]),
    ("Discretization", {"bin_boundaries": [-1.0, 0.0, 2.5]}, None, [[-2.0, -1.0, 0.0], [2.0, 2.5, 9.0]]),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "output_mode": "one_hot"}, None, [[0.5], [-1.0]]),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "output_mode": "one_hot"}, None, [[0.5, 1.0], [-1.0, 2.0]]),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "output_mode": "multi_hot"}, None, [[0.5, 2.0], [-1.0, -2.0]]),
    ("Discretization", {"bin_boundaries": [0.0, 1.0], "output_mode": "count"}, None, [[0.5, 2.0, 0.7], [-1.0, -2.0, 1.0]]),
    ("Discretization", {"num_bins": 3}, NUMBERS, NUMBERS),
    ("Discretization", {"num_bins": 4, "epsilon": 0.1}, "many", [[-1.0, 0.0, 1.0]]),
    ("Discretization", {"num_bins": 5}, "batches", [[-1.0, 0.0, 1.0]]),
    ("CategoryEncoding", {"num_tokens": 4}, None, [[0, 1, 1], [3, 0, 3]]),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [[3], [0]]),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [[3, 1], [0, 2]]),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [3, 0, 2]),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}, None, [[0, 1, 1], [3, 3, 3]]),
    ("CategoryEncoding", {"num_tokens": 3}, None, [[[0, 1], [1, 1], [2, 2]]]),
    ("Hashing", {"num_bins": 5}, None, [["A", "é"], ["", "a longer text of more than 16 bytes"]]),
    ("Hashing", {"num_bins": 5, "mask_value": ""}, None, [["A", "é"], ["", "C"]]),
    ("Hashing", {"num_bins": 7, "salt": 133}, None, [["A"], ["B"], ["C"]]),
    ("Hashing", {"num_bins": 7, "salt": [133, 137]}, None, [["A"], ["B"], ["C"]]),
    ("Hashing", {"num_bins": 4, "output_mode": "one_hot"}, None, [["A"], ["B"]]),
    ("Hashing", {"num_bins": 4, "output_mode": "multi_hot"}, None, [["A", "B", "C"], ["D", "D", "D"]]),
    ("Hashing", {"num_bins": 4, "output_mode": "count"}, None, [["A", "B", "C"], ["D", "D", "D"]]),
    ("Hashing", {"num_bins": 6}, None, [[1, -2, 1000000007]]),
    ("Hashing", {"num_bins": 6, "mask_value": -2}, None, [[1, -2, 1000000007]]),
    ("StringLookup", {}, WORDS, WORDS + [["new"]]),
    ("StringLookup", {"mask_token": "a", "max_tokens": 4}, WORDS, WORDS),
    ("StringLookup", {"num_oov_indices": 3}, [["x"], ["y"]], [["x", "p", "q"], ["r", "s", "t"]]),
    ("StringLookup", {"num_oov_indices": 3, "salt": [4, 5]}, [["x"], ["y"]], [["x", "p", "q"], ["r", "s", "t"]]),
    ("StringLookup", {"vocabulary": ["a", "b", "c"], "num_oov_indices": 0}, None, [["c", "a"]]),
    ("StringLookup", {"vocabulary": ["a", "b"], "output_mode": "one_hot"}, None, [["b"], ["x"]]),
    ("StringLookup", {"vocabulary": ["a", "b"], "output_mode": "multi_hot", "mask_token": "m"}, None, [["b", "m"], ["x", "b"]]),
    ("StringLookup", {"output_mode": "count", "max_tokens": 8, "pad_to_max_tokens": True}, WORDS, [["a", "a", "z"]]),
    ("StringLookup", {"output_mode": "tf_idf"}, [["a", "b", "a"], ["b", "c", "d"]], [["a", "b", "z"], ["d", "d", "d"]]),
    ("StringLookup", {"vocabulary": ["a", "b"], "output_mode": "tf_idf", "idf_weights": [0.5, 2.0]}, None, [["a", "z", "b"]]),
    ("StringLookup", {"vocabulary": ["", "[UNK]", "a", "b"], "mask_token": "", "invert": True}, None, [[2, 3, 1, 0, 9]]),
    ("IntegerLookup", {}, INTEGERS, INTEGERS + [[1, 5, -1]]),
    ("IntegerLookup", {"mask_token": 0, "num_oov_indices": 3}, INTEGERS, [[0, 1, 4], [5, -5, -1]]),
    ("IntegerLookup", {"num_oov_indices": 3, "oov_method": "farmhash", "vocabulary": [1]}, None, [[0, 1, 4], [5, -5, -1]]),
    ("IntegerLookup", {"num_oov_indices": 3, "oov_method": "farmhash", "salt": 7, "vocabulary": [1]}, None, [[0, 1, 4]]),
    ("IntegerLookup", {"output_mode": "one_hot", "vocabulary": [4, 2]}, None, [[2], [3]]),
    ("IntegerLookup", {"output_mode": "multi_hot", "mask_token": 2}, INTEGERS, [[2, 7, 3], [9, 9, 0]]),
    ("IntegerLookup", {"output_mode": "count", "max_tokens": 4}, INTEGERS, [[2, 7, 2], [9, 9, 0]]),
    ("IntegerLookup", {"output_mode": "tf_idf", "max_tokens": 9, "pad_to_max_tokens": True}, INTEGERS, [[2, 7, 2], [9, 9, 5]]),
    ("IntegerLookup", {"vocabulary": [12, 36], "invert": True}, None, [[1, 2, 0, 5]]),
    ("TextVectorization", {}, TEXTS, TEXTS + ["unknown words"]),
    ("TextVectorization", {"max_tokens": 5, "output_sequence_length": 4}, TEXTS, TEXTS),
    ("TextVectorization", {"standardize": "lower", "output_sequence_length": 30}, TEXTS, TEXTS[:2]),
    ("TextVectorization", {"standardize": "strip_punctuation"}, TEXTS, TEXTS[:2]),
    ("TextVectorization", {"standardize": None, "split": "character"}, TEXTS[2:], ["Ä日\U0001f600", "d"]),
    ("TextVectorization", {"split": None, "standardize": "lower"}, [["A", "b"], ["a", "c"]], [["A", "c"], ["d", "b"]]),
    ("TextVectorization", {"ngrams": 2, "output_mode": "count"}, TEXTS, TEXTS[-1:] + ["dog the"]),
    ("TextVectorization", {"ngrams": [3], "output_mode": "multi_hot"}, TEXTS, TEXTS[-1:] + ["dog the"]),
    ("TextVectorization", {"output_mode": "multi_hot", "max_tokens": 40, "pad_to_max_tokens": True}, TEXTS, TEXTS[:1]),
    ("TextVectorization", {"output_mode": "tf_idf", "max_tokens": 6}, TEXTS, TEXTS),
    ("TextVectorization", {"vocabulary": ["fox", "dog"]}, None, TEXTS[-1:]),
    (
        "TextVectorization",
        {"vocabulary": ["fox", "dog"], "idf_weights": [0.5, 2.0], "output_mode": "tf_idf"},
        None,
        TEXTS[-1:],
    ),
]


def record():
    """Layers, crosses, hashes of texts of every length, and the two files."""
    assert keras.backend.backend() == "tensorflow", __doc__
    files = pathlib.Path(__file__).parent.parent / "keras"
    return {
        "layers": [record_case(*case) for case in CASES],
        "crosses": [
            {"name": f"cross {i}", "numBins": bins, "features": features, "output": cross(bins, features)}
            for i, (bins, features) in enumerate([
                (5, [["A", "B", "A", "B", "A"], [101, 101, 101, 102, -102]]),
                (1000, [["x", "é", ""], ["y", "y", "z"], [1, 2, 3]]),
            ])
        ],
        "hashes": [record_hash(n) for n in [*range(0, 36), 63, 64, 65, 66, 127, 128, 129, 200]],
        "categoryCounts": tensor(
            layers.CategoryEncoding(4, output_mode="count")(np.array([[0, 1, 1], [3, 3, 2]]), count_weights=WEIGHTS)
        ),
        "defaults": [record_defaults(name, options) for name, options in REQUIRED.items()],
        "model": record_model(files / "preprocessing.keras"),
        "featureSpace": record_feature_space(files / "feature-space.keras"),
        "featureDict": record_feature_dict(),
    }


WEIGHTS = np.array([[0.5, 1.0, 2.0], [-1.0, 0.25, 4.0]], "float32")
REQUIRED = {
    "Normalization": {}, "Discretization": {"num_bins": 3}, "CategoryEncoding": {"num_tokens": 3},
    "Hashing": {"num_bins": 3}, "HashedCrossing": {"num_bins": 3}, "StringLookup": {}, "IntegerLookup": {},
    "TextVectorization": {},
}  # fmt: skip


def array(data):
    found = np.array(data)
    return found.astype("float32") if found.dtype == np.float64 else found


def record_case(class_name, options, adapt, inputs):
    name = title(class_name, options, str(len(np.shape(inputs))))
    keras.backend.clear_session()
    arguments = {k: tuple(v) if k in ("axis", "ngrams") and isinstance(v, list) else v for k, v in options.items()}
    layer = getattr(layers, class_name)(**arguments)
    record = {"name": f"{name} {inputs}"[:200], "className": class_name, "options": camel(options)}
    rng = generator(name)
    if adapt == "many":
        adapt = normal(rng, (230,)).tolist()
    if adapt == "batches":
        batches = [normal(rng, (n,)).tolist() for n in (130, 40, 75)]
        layer.adapt(array(batch) for batch in batches)
        record["batches"] = batches
    elif adapt is not None:
        layer.adapt(tf.constant(adapt) if isinstance(adapt[0], str) else array(adapt))
        record["adapt"] = adapt
    output = layer(tf.constant(inputs) if isinstance(np.ravel(inputs)[0], str) else array(inputs))
    output = output.numpy() if hasattr(output, "numpy") else np.asarray(output)
    record["inputs"] = inputs
    if output.dtype == object:
        record["texts"] = np.vectorize(lambda b: b.decode())(output).tolist()
    else:
        record["output"] = tensor(output)
    if hasattr(layer, "get_vocabulary"):
        record["vocabulary"] = [v if isinstance(v, str) else int(v) for v in map(plain, layer.get_vocabulary())]
    if class_name == "Discretization":
        record["boundaries"] = plain(layer.bin_boundaries)
    return record


def cross(bins, features):
    return [int(v) for v in layers.HashedCrossing(bins)([np.array(f) for f in features])]


def record_hash(length):
    """Buckets of 2^52, which JSON holds exactly."""
    letters = "tfk, Keras for TypeScript: every length of text has its own way through the hash. "
    text = (letters * 3)[:length]
    fast = tf.strings.to_hash_bucket_fast([text], 2**52)
    strong = tf.strings.to_hash_bucket_strong([text], 2**52, key=[133, 137])
    return {"text": text, "fast": int(fast[0]), "strong": int(strong[0])}


def record_defaults(name, options):
    keras.backend.clear_session()
    config = getattr(layers, name)(**options).get_config()
    return {"name": name, "options": camel(options), "config": plain({k: v for k, v in config.items() if k != "dtype"})}


def record_model(path):
    """A model of numeric layers, one of each kind, and what it predicts."""
    keras.backend.clear_session()
    numbers, ids = keras.Input((3,), name="numbers"), keras.Input((2,), dtype="int64", name="ids")
    norm, bins = layers.Normalization(name="norm"), layers.Discretization(num_bins=3, output_mode="multi_hot", name="bins")
    places, idf = layers.IntegerLookup(name="places"), layers.IntegerLookup(output_mode="tf_idf", name="idf")
    for layer in (norm, bins):
        layer.adapt(np.array(NUMBERS, "float32"))
    for layer in (places, idf):
        layer.adapt(np.array(INTEGERS)[:, :2])
    given = layers.IntegerLookup(vocabulary=[2, 7], output_mode="multi_hot", name="given")
    counts = layers.CategoryEncoding(4, output_mode="count", name="counts")
    encoded = [norm(numbers), bins(numbers), idf(ids), given(ids), counts(places(ids))]
    outputs = keras.layers.Dense(2, name="dense")(keras.layers.Concatenate(name="join")([layers.Rescaling(1.0)(e) for e in encoded]))
    model = keras.Model([numbers, ids], outputs, name="prepared")
    rng = generator("preprocessing model")
    model.get_layer("dense").set_weights([normal(rng, tuple(w.shape)) for w in model.get_layer("dense").weights])
    model.save(path)
    x = [np.array(NUMBERS, "float32"), np.array([[7, 2], [3, 3], [-4, 0], [2, 2]])]
    return {"numbers": tensor(x[0]), "ids": tensor(x[1]), "output": tensor(model.predict(x, verbose=0))}


COLUMNS = {
    "age": [31.0, 45.5, 22.25, 60.0], "height": [1.5, 1.75, 1.625, 2.0], "income": [10.0, 20.0, 40.0, 80.0],
    "score": [0.1, 0.7, 0.4, 0.9], "city": ["Rome", "Bonn", "Rome", "Ulm"], "rooms": [3, 2, 3, 5],
    "color": ["red", "red", "blue", ""], "code": [17, 18, 17, 99], "land": ["it", "de", "it", "de"],
}  # fmt: skip
NEW_COLUMNS = {
    "age": [50.0, 20.0], "height": [1.0, 2.0], "income": [15.0, 90.0], "score": [0.3, 0.5], "city": ["Ulm", "Oslo"],
    "rooms": [5, 1], "color": ["green", "red"], "code": [99, 1], "land": ["de", "fr"],
}  # fmt: skip


def record_feature_space(path):
    """Every kind of feature, two of the same class, a cross; the file and what comes out."""
    keras.backend.clear_session()
    space = FeatureSpace(
        features={
            "age": "float_normalized", "height": "float", "income": FeatureSpace.float_rescaled(scale=0.1, offset=-1.0),
            "score": FeatureSpace.float_discretized(num_bins=3), "city": "string_categorical",
            "rooms": "integer_categorical", "color": FeatureSpace.string_hashed(num_bins=4),
            "code": FeatureSpace.integer_hashed(num_bins=3),
            "land": FeatureSpace.string_categorical(max_tokens=3, num_oov_indices=2),
        },
        crosses=[("city", "rooms"), FeatureSpace.cross(("land", "color"), crossing_dim=3)],
        crossing_dim=6,
    )  # fmt: skip
    space.adapt(tf.data.Dataset.from_tensor_slices(COLUMNS))
    space.save(path)
    return {
        "columns": COLUMNS,
        "output": tensor(space(COLUMNS)),
        "newColumns": NEW_COLUMNS,
        "newOutput": tensor(space(NEW_COLUMNS)),
    }


def record_feature_dict():
    """A dict of integer codes."""
    keras.backend.clear_session()
    space = FeatureSpace(
        features={
            "city": FeatureSpace.string_categorical(output_mode="int"),
            "rooms": FeatureSpace.integer_categorical(output_mode="int"),
            "score": FeatureSpace.float_discretized(num_bins=3, output_mode="int"),
            "age": "float_normalized",
        },
        crosses=[FeatureSpace.cross(("city", "rooms"), crossing_dim=8, output_mode="int")],
        output_mode="dict",
    )
    columns = {key: COLUMNS[key] for key in ("city", "rooms", "score", "age")}
    space.adapt(tf.data.Dataset.from_tensor_slices(columns))
    return {"columns": columns, "outputs": {key: tensor(value) for key, value in space(columns).items()}}
