"""keras/legacy-*.h5: small files in the form of Keras 2, written by real Keras 3, each beside a JSON of inputs and predictions.

legacy-compiled.h5 is saved in the middle of training; its JSON has the data, the logs of one more epoch and what follows.

    KERAS_BACKEND=jax python -m recorder.legacy_h5 keras
"""

import json
import sys
from pathlib import Path

import keras
from keras import Input, Model, Sequential, layers

from .common import generator, normal, plain
from .training import draw_weight, tensors


def sequential(rng):
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ],
        name="convnet",
    )
    return model, normal(rng, (3, 6, 6, 2))


def functional(rng):
    x = Input((4,), name="x")
    shared = layers.Dense(4, activation="tanh", name="shared")
    inner = Sequential([Input((4,)), layers.Dense(4, name="inside"), layers.BatchNormalization()], name="inner")
    a = shared(x)
    b = shared(inner(a))
    y = layers.Dense(2, name="head")(layers.Add()([a, b]))
    return Model(x, [y, b], name="wired"), normal(rng, (3, 4))


def adapted(rng):
    stack = [Input((4,)), layers.Dense(5, activation="tanh", lora_rank=2), layers.Dense(3, trainable=False), layers.Dense(2)]
    model = Sequential(stack, name="adapted")
    model.layers[1].enable_lora(1)
    return model, normal(rng, (3, 4))


def compiled(rng):
    stack = [Input((4,)), layers.Dense(5, activation="relu"), layers.BatchNormalization(momentum=0.8), layers.Dense(2)]
    model = Sequential(stack, name="trained")
    model.set_weights([draw_weight(rng, v) for v in model.weights])
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=2, decay_rate=0.8)
    optimizer = keras.optimizers.Adam(rate, beta_1=0.8)
    metrics = ["mae", keras.metrics.MeanSquaredError(name="square")]
    model.compile(optimizer, keras.losses.LogCosh(), metrics=metrics, weighted_metrics=["mse"])
    return model, normal(rng, (10, 4)), normal(rng, (10, 2))


def record_compiled(folder):
    """Trains for an epoch, saves, and goes on for another; what Keras 3.15 loads from the file does not go on in JAX."""
    keras.backend.clear_session()
    model, x, y = compiled(generator("legacy-compiled"))
    fit = dict(batch_size=4, shuffle=False, verbose=0)
    model.fit(x, y, **fit)
    path = folder / "legacy-compiled.h5"
    model.save(path)
    history = plain(model.fit(x, y, **fit).history)
    outputs = tensors(model.predict(x, verbose=0))
    record = {"inputs": tensors(x), "targets": tensors(y), "history": history, "outputs": outputs}
    path.with_suffix(".h5.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")


def main(folder):
    record_compiled(folder)
    for build in (sequential, functional, adapted):
        keras.backend.clear_session()
        name = f"legacy-{build.__name__}"
        rng = generator(name)
        model, x = build(rng)
        model.set_weights([draw_weight(rng, v) for v in model.weights])
        path = folder / f"{name}.h5"
        model.save(path)
        record = {"inputs": tensors(x), "outputs": tensors(model.predict(x, verbose=0))}
        path.with_suffix(".h5.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size // 1024} kB", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
