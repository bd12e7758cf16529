"""keras/*.keras: small files written by real Keras, each beside a JSON of inputs and predictions."""

import json

import keras
import numpy as np
from keras import Input, Model, Sequential, layers, losses

from .common import generator, normal, plain, tensor
from .training import draw_weight, tensors, weights_of


def record(folder):
    """Trains each model for two steps, saves it, and records what it predicts then."""
    folder.mkdir(parents=True, exist_ok=True)
    for build in (sequential_convnet, functional_two_inputs, nested_model, masked, low_rank):
        keras.backend.clear_session()
        name = build.__name__.replace("_", "-")
        rng = generator(name)
        model, x, y = build(rng)
        model.set_weights([draw_weight(rng, v) for v in model.weights])
        for _ in range(2):
            model.train_on_batch(x, y)
        path = folder / f"{name}.keras"
        model.save(path)
        record = {
            "inputs": tensors(x),
            "targets": tensors(y),
            "outputs": tensors(model.predict(x, verbose=0)),
            "evaluate": plain(model.evaluate(x, y, verbose=0, return_dict=True)),
            "weights": weights_of(model),
            "optimizer": [tensor(keras.ops.convert_to_numpy(v.value), v.path) for v in model.optimizer.variables],
        }
        loaded = keras.saving.load_model(path)
        # low-rank updates are saved as part of the kernels, which rounds
        for again, y in zip(tensors(loaded.predict(x, verbose=0)), record["outputs"], strict=True):
            assert np.allclose(again["data"], y["data"], atol=1e-6), name
        path.with_suffix(".json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size // 1024} kB", flush=True)


def low_rank(rng):
    model = Sequential(
        [
            Input((5,), dtype="int32"),
            layers.Embedding(7, 4, lora_rank=2, lora_alpha=4),
            layers.Conv1D(3, 2, activation="relu", lora_rank=1, lora_alpha=3),
            layers.EinsumDense("abc,cd->abd", (4, 4), bias_axes="d", lora_rank=2),
            layers.Flatten(),
            layers.Dense(2, lora_rank=1),
        ],
        name="low_rank",
    )
    model.compile("adam", "mse")
    return model, rng.integers(0, 7, (4, 5)).astype("int32"), normal(rng, (4, 2))


def sequential_convnet(rng):
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Conv2D(3, 2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        name="convnet",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, normal(rng, (4, 8, 8, 1)), rng.integers(0, 3, size=4).astype("int32")


def functional_two_inputs(rng):
    words, numbers = Input((5,), dtype="int32", name="words"), Input((3,), name="numbers")
    a = layers.GlobalAveragePooling1D(name="pool")(layers.Embedding(8, 4, name="embed")(words))
    b = layers.Dense(4, activation="relu", kernel_regularizer="l2", name="encode")(numbers)
    joined = layers.Concatenate(name="join")([a, b, layers.Multiply(name="product")([a, b])])
    score = layers.Dense(1, activation="sigmoid", name="score")(joined)
    kind = layers.Dense(3, name="kind")(layers.LayerNormalization(name="norm")(joined))
    model = Model([words, numbers], [score, kind], name="two_inputs")
    model.compile(
        keras.optimizers.AdamW(learning_rate=0.01),
        ["binary_crossentropy", losses.SparseCategoricalCrossentropy(from_logits=True)],
        loss_weights=[1.0, 0.5],
    )
    x = [rng.integers(0, 8, size=(4, 5)).astype("int32"), normal(rng, (4, 3))]
    return model, x, [rng.integers(0, 2, size=(4, 1)).astype("float32"), rng.integers(0, 3, size=4).astype("int32")]


def nested_model(rng):
    block = Sequential([Input((6, 3)), layers.Conv1D(3, 3, padding="causal"), layers.PReLU(shared_axes=[1])], name="block")
    x = Input((6, 3), name="series")
    twice = layers.Add(name="add")([block(x), block(block(x))])
    out = layers.Dense(2, name="head")(layers.Flatten(name="flat")(twice))
    model = Model(x, out, name="outer")
    model.compile(keras.optimizers.SGD(learning_rate=0.05, momentum=0.9), "mse")
    return model, normal(rng, (4, 6, 3)), normal(rng, (4, 2))


def masked(rng):
    """Masks between layers are ops of their own in the file: of an embedding, of Masking, joined by Concatenate."""
    words, series = Input((5,), dtype="int32", name="words"), Input((5, 2), name="series")
    a = layers.Embedding(6, 3, mask_zero=True, name="embed")(words)
    b = layers.Masking(0.0, name="skip")(series)
    joined = layers.Concatenate(name="join")([a, b])
    hidden = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")(joined)
    pooled = layers.GlobalAveragePooling1D(name="pool")(layers.Dropout(0.1)(hidden))
    last = layers.GRU(2, name="last")(a)
    outputs = layers.Dense(1, name="score")(layers.Concatenate()([pooled, last]) * 2.0)
    model = Model([words, series], outputs, name="masked")
    model.compile("sgd", "mse")
    x = [rng.integers(0, 6, (4, 5)).astype("int32"), normal(rng, (4, 5, 2))]
    x[0][:, 0], x[0][1, 3:], x[1][2, 3:] = 1, 0, 0.0
    return model, x, normal(rng, (4, 1))
