"""keras/trained-*.keras: models of every kind, saved by real Keras in the middle of training, and the epoch that follows.

    python record.py trained_files
    KERAS_BACKEND=tensorflow python record.py trained_files

The second records the model that looks numbers up, which Keras on JAX cannot train. The JSON beside each file has the
data, the logs of one more epoch (batches of 4, 4 and 2, in order) and what the model predicts then.
"""

import json

import keras
from keras import Input, Model, Sequential, layers

from .common import BACKEND, generator, normal, plain
from .training import draw_weight, tensors

SAMPLES = 10
FIT = dict(batch_size=4, shuffle=False, verbose=0)


def record(folder):
    """Trains each model for an epoch, saves it, and goes on for another."""
    folder.mkdir(parents=True, exist_ok=True)
    lookups = (vocabulary,)
    others = (convolutions, shared_inputs, sequences, cells, masked_attention)
    for build in lookups if BACKEND == "tensorflow" else others:
        keras.backend.clear_session()
        name = f"trained-{build.__name__.replace('_', '-')}"
        rng = generator(name)
        model, x, y, loss = build(rng)
        weights = [v for v in model.weights if "seed" not in v.path]
        for weight in weights:
            if weight.trainable:
                weight.assign(draw_weight(rng, weight))
        metrics = [["mae"]] * len(y) if isinstance(y, list) else ["mae"]
        # TensorFlow's Adam takes short cuts with rows of embeddings
        optimizer = keras.optimizers.SGD(0.1) if BACKEND == "tensorflow" else keras.optimizers.Adam(0.01)
        model.compile(optimizer, loss, metrics=metrics)
        model.fit(x, y, **FIT)
        path = folder / f"{name}.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        history = loaded.fit(x, y, **FIT).history
        record = {
            "inputs": tensors(x),
            "targets": tensors(y),
            "history": plain(history),
            "outputs": tensors(loaded.predict(x, verbose=0)),
        }
        path.with_suffix(".json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size // 1024} kB", flush=True)


def convolutions(rng):
    """Sequential: a convolution, batch statistics, pooling."""
    stack = [
        Input((6, 6, 1)),
        layers.Conv2D(3, 3, use_bias=False),  # batch statistics would leave the bias a gradient of rounding errors
        layers.BatchNormalization(momentum=0.8),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(2),
    ]
    return Sequential(stack), normal(rng, (SAMPLES, 6, 6, 1)), normal(rng, (SAMPLES, 2)), "mse"


def shared_inputs(rng):
    """Functional: two inputs through one layer and one nested model, two outputs."""
    left, right = Input((4,), name="left"), Input((4,), name="right")
    shared = layers.Dense(3, activation="tanh", name="shared")
    inner = Sequential([Input((3,)), layers.Dense(3, activation="relu"), layers.LayerNormalization()], name="inner")
    a, b = inner(shared(left)), inner(shared(right))
    difference = layers.Subtract(name="difference")([a, b])
    ends = [layers.Dense(1, name="score")(difference), layers.Dense(2, name="pair")(layers.Concatenate()([a, b]))]
    x = [normal(rng, (SAMPLES, 4)) for _ in range(2)]
    return Model([left, right], ends), x, [normal(rng, (SAMPLES, 1)), normal(rng, (SAMPLES, 2))], ["mse", "huber"]


def sequences(rng):
    """Recurrent layers: both directions, stacked cells, a layer for each step."""
    stack = [
        Input((5, 2)),
        layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(3, activation="tanh")),
        layers.RNN([layers.GRUCell(2), layers.SimpleRNNCell(2)], return_sequences=True),
        layers.GRU(2, reset_after=False),
        layers.Dense(1),
    ]
    return Sequential(stack), normal(rng, (SAMPLES, 5, 2)), normal(rng, (SAMPLES, 1)), "mse"


def cells(rng):
    """Cells as layers of their own, with states from outside: nested ones, given by name and by place."""
    steps, state, memory = Input((3, 2), name="steps"), Input((4,), name="state"), Input((4,), name="memory")
    _, hidden, carried = layers.LSTM(4, return_state=True, name="lstm")(steps, [state, memory])
    step, (after,) = layers.GRUCell(4, name="gru")(hidden, states=[carried])
    stack = layers.StackedRNNCells([layers.LSTMCell(4), layers.SimpleRNNCell(4)], name="stack")
    last, _ = stack(step, [[hidden, carried], after])
    x = [normal(rng, (SAMPLES, 3, 2)), normal(rng, (SAMPLES, 4)), normal(rng, (SAMPLES, 4))]
    return Model([steps, state, memory], layers.Dense(2)(last)), x, normal(rng, (SAMPLES, 2)), "mse"


def masked_attention(rng):
    """Padded words, attention over them, the mean of those that count."""
    words = Input((5,), dtype="int32", name="words")
    x = layers.Embedding(6, 4, mask_zero=True, name="embed")(words)
    query = layers.Rescaling(1.0, name="copy")(x)  # as Keras takes the mask off the tensor that is the query
    y = layers.MultiHeadAttention(2, 2, name="look")(query, query)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, y]))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    data = rng.integers(1, 6, size=(SAMPLES, 5)).astype("int32")
    for sample in range(SAMPLES):
        data[sample, 5 - sample % 4 :] = 0
    return Model(words, layers.Dense(1, name="score")(x)), data, normal(rng, (SAMPLES, 1)), "mse"


def vocabulary(rng):
    """Whole numbers looked up in a vocabulary, numbers normalized by what was seen."""
    code, amount = Input((1,), dtype="int64", name="code"), Input((2,), name="amount")
    lookup = layers.IntegerLookup(vocabulary=[3, 5, 8], name="lookup")
    scale = layers.Normalization(name="scale")
    amounts = normal(rng, (SAMPLES, 2), 3.0)
    scale.adapt(amounts)
    embedded = layers.Flatten(name="flat")(layers.Embedding(4, 2, name="embed")(lookup(code)))
    joined = layers.Concatenate(name="join")([embedded, scale(amount)])
    codes = rng.choice([3, 5, 8, 9], size=(SAMPLES, 1)).astype("int64")
    return Model([code, amount], layers.Dense(1, name="score")(joined)), [codes, amounts], normal(rng, (SAMPLES, 1)), "mse"
