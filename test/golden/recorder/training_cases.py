"""The models of training.json; each function returns the model, x, y, compile and fit arguments."""

import numpy as np
from keras import Input, Model, Sequential, constraints, layers, losses, metrics, optimizers, regularizers

from .common import normal, uniform

SAMPLES = 10
VALIDATION = 5
CASES = []


def case(function):
    """Registers a model under its function's name."""
    CASES.append(function)
    return function


def labels(rng, classes, samples=SAMPLES):
    return rng.integers(0, classes, size=samples).astype("int32")


def one_hot(rng, classes, samples=SAMPLES):
    return np.eye(classes, dtype="float32")[labels(rng, classes, samples)]


def bits(rng, samples=SAMPLES):
    return rng.integers(0, 2, size=(samples, 1)).astype("float32")


def classifier():
    return Sequential([Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(3, activation="softmax")])


def classification(rng, optimizer, **fit):
    """A dense softmax classifier with sparse labels, under one optimizer."""
    return {
        "model": classifier(),
        "x": normal(rng, (SAMPLES, 4)),
        "y": labels(rng, 3),
        "compile": dict(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"]),
        "fit": fit,
    }


@case
def dense_classifier_sgd(rng):
    validation = (normal(rng, (VALIDATION, 4)), labels(rng, 3, VALIDATION))
    return classification(rng, optimizers.SGD(learning_rate=0.1), validation_data=validation)


@case
def dense_classifier_sgd_momentum(rng):
    return classification(rng, optimizers.SGD(learning_rate=0.05, momentum=0.9, nesterov=True))


@case
def dense_classifier_rmsprop(rng):
    return classification(rng, optimizers.RMSprop(learning_rate=0.01))


@case
def dense_classifier_adam(rng):
    return classification(rng, optimizers.Adam(learning_rate=0.01))


@case
def dense_classifier_adamw(rng):
    return classification(rng, optimizers.AdamW(learning_rate=0.01, weight_decay=0.05))


@case
def dense_classifier_clip_schedule(rng):
    schedule = optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.8)
    return classification(rng, optimizers.SGD(learning_rate=schedule, global_clipnorm=0.5))


@case
def dense_classifier_validation_split(rng):
    return classification(rng, optimizers.SGD(learning_rate=0.1), validation_split=0.3)


@case
def dense_classifier_class_weight(rng):
    return classification(rng, optimizers.SGD(learning_rate=0.1), class_weight={0: 1.0, 1: 3.0, 2: 0.5})


@case
def dense_classifier_sample_weight(rng):
    setup = classification(rng, optimizers.SGD(learning_rate=0.1), sample_weight=uniform(rng, (SAMPLES,), 0.2, 2.0))
    setup["compile"]["weighted_metrics"] = ["accuracy"]
    return setup


@case
def logits_one_hot_label_smoothing(rng):
    model = Sequential([Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(3)])
    loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 4)),
        "y": one_hot(rng, 3),
        "compile": dict(optimizer=optimizers.Adam(learning_rate=0.02), loss=loss, metrics=["accuracy"]),
    }


@case
def dense_binary(rng):
    model = Sequential([Input((3,)), layers.Dense(5, activation="tanh"), layers.Dense(1, activation="sigmoid")])
    validation = (normal(rng, (VALIDATION, 3)), bits(rng, VALIDATION))
    measures = ["accuracy", metrics.AUC(name="auc"), metrics.Precision(name="precision"), metrics.Recall(name="recall")]
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 3)),
        "y": bits(rng),
        "compile": dict(optimizer=optimizers.SGD(learning_rate=0.2), loss="binary_crossentropy", metrics=measures),
        "fit": dict(validation_data=validation),
    }


@case
def dense_regression(rng):
    model = Sequential([Input((3,)), layers.Dense(4, activation="elu"), layers.Dense(2)])
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 3)),
        "y": normal(rng, (SAMPLES, 2)),
        "compile": dict(optimizer=optimizers.Adam(learning_rate=0.02), loss="mse", metrics=["mae", "mse"]),
    }


@case
def convnet(rng):
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(3, activation="softmax"),
        ]
    )
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 8, 8, 1)),
        "y": labels(rng, 3),
        "compile": dict(
            optimizer=optimizers.Adam(learning_rate=0.01),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        ),
    }


@case
def batch_norm_convnet(rng):
    model = Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    validation = (normal(rng, (VALIDATION, 6, 6, 2)), labels(rng, 3, VALIDATION))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = optimizers.SGD(learning_rate=0.05, momentum=0.9)
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 6, 6, 2)),
        "y": labels(rng, 3),
        "compile": dict(optimizer=optimizer, loss=loss, metrics=["accuracy"]),
        "fit": dict(validation_data=validation),
    }


@case
def embedding_average(rng):
    model = Sequential(
        [
            Input((6,), dtype="int32"),
            layers.Embedding(9, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    return {
        "model": model,
        "x": rng.integers(0, 9, size=(SAMPLES, 6)).astype("int32"),
        "y": bits(rng),
        "compile": dict(
            optimizer=optimizers.Adam(learning_rate=0.02), loss="binary_crossentropy", metrics=["accuracy"]
        ),
    }


@case
def two_inputs_two_outputs(rng):
    left, right = Input((3,), name="left"), Input((2,), name="right")
    a = layers.Dense(4, activation="tanh", name="dense_left")(left)
    b = layers.Dense(4, name="dense_right")(right)
    joined = layers.Concatenate(name="join")([a, layers.Add(name="sum")([a, b])])
    value = layers.Dense(1, name="value")(joined)
    kind = layers.Dense(3, activation="softmax", name="kind")(joined)
    xs = [normal(rng, (SAMPLES, 3)), normal(rng, (SAMPLES, 2))]
    return {
        "model": Model([left, right], [value, kind], name="two_by_two"),
        "x": xs,
        "y": [normal(rng, (SAMPLES, 1)), labels(rng, 3)],
        "compile": dict(
            optimizer=optimizers.SGD(learning_rate=0.1),
            loss=["mse", "sparse_categorical_crossentropy"],
            loss_weights=[0.5, 2.0],
            metrics=[["mae"], ["accuracy"]],
        ),
    }


@case
def residual_functional(rng):
    x = Input((4, 4, 2), name="image")
    y = layers.Conv2D(2, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(2, 3, padding="same", name="second")(y)
    y = layers.Activation("relu", name="act")(layers.Add(name="add")([x, y]))
    y = layers.AveragePooling2D(2, name="pool")(y)
    y = layers.Dense(2, name="logits")(layers.Flatten(name="flat")(y))
    return {
        "model": Model(x, y, name="residual"),
        "x": normal(rng, (SAMPLES, 4, 4, 2)),
        "y": one_hot(rng, 2),
        "compile": dict(
            optimizer=optimizers.RMSprop(learning_rate=0.01, momentum=0.5),
            loss=losses.CategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        ),
    }


@case
def regularizers_and_constraints(rng):
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(5, activation="relu", kernel_regularizer=regularizers.L1(0.01), bias_regularizer="l2"),
            layers.Dense(4, kernel_regularizer=regularizers.L2(0.02), kernel_constraint=constraints.MaxNorm(0.8)),
            layers.Dense(
                4,
                activation="tanh",
                kernel_regularizer=regularizers.L1L2(0.01, 0.02),
                kernel_constraint=constraints.UnitNorm(),
                activity_regularizer=regularizers.L2(0.01),
            ),
            layers.Dense(1, kernel_constraint=constraints.NonNeg(), bias_constraint=constraints.NonNeg()),
        ]
    )
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 4)),
        "y": normal(rng, (SAMPLES, 1)),
        "compile": dict(optimizer=optimizers.SGD(learning_rate=0.1), loss="mse", metrics=["mae"]),
    }


@case
def shared_layer(rng):
    shared = layers.Dense(4, activation="tanh", name="shared")
    left, right = Input((3,), name="left"), Input((3,), name="right")
    distance = layers.Subtract(name="difference")([shared(left), shared(right)])
    out = layers.Dense(1, activation="sigmoid", name="same")(distance)
    return {
        "model": Model([left, right], out, name="siamese"),
        "x": [normal(rng, (SAMPLES, 3)), normal(rng, (SAMPLES, 3))],
        "y": bits(rng),
        "compile": dict(
            optimizer=optimizers.Adam(learning_rate=0.02), loss="binary_crossentropy", metrics=["accuracy"]
        ),
    }


@case
def frozen_layer(rng):
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(5, name="frozen"),
            layers.BatchNormalization(name="frozen_norm"),
            layers.Activation("relu"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    return {
        "model": model,
        "x": normal(rng, (SAMPLES, 4)),
        "y": labels(rng, 3),
        "compile": dict(
            optimizer=optimizers.Adam(learning_rate=0.02), loss="sparse_categorical_crossentropy", metrics=["acc"]
        ),
    }


@case
def nested_model(rng):
    inner = Sequential([Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(3)], name="inner")
    x = Input((3,), name="x")
    out = layers.Dense(2, activation="softmax", name="head")(layers.Add(name="add")([x, inner(x)]))
    return {
        "model": Model(x, out, name="outer"),
        "x": normal(rng, (SAMPLES, 3)),
        "y": labels(rng, 2),
        "compile": dict(
            optimizer=optimizers.SGD(learning_rate=0.1, momentum=0.9),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        ),
    }
