"""The networks of the workloads, in Keras, by name."""

import keras
from keras import Input, layers


def sequential(*stack):
    return lambda: keras.Sequential(stack)


def resnet20():
    def normalized(x, filters, size, strides):
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = Input((32, 32, 3))
    x = layers.ReLU()(normalized(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            inner = layers.ReLU()(normalized(x, filters, 3, strides))
            outer = normalized(inner, filters, 3, 1)
            shortcut = normalized(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([shortcut, outer]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def mobilenet_v2():
    return keras.applications.MobileNetV2(input_shape=(96, 96, 3), weights=None, classes=10)


def unet():
    def level(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    def joined(x, y, filters):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        return layers.Concatenate()([x, y])

    inputs = Input((64, 64, 3))
    fine = level(inputs, 32)
    middle = level(layers.MaxPooling2D(2)(fine), 64)
    coarse = level(layers.MaxPooling2D(2)(middle), 128)
    upper = level(joined(coarse, middle, 64), 64)
    top = level(joined(upper, fine, 32), 32)
    return keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(top))


@keras.saving.register_keras_serializable()
class Positions(layers.Layer):
    """A trained vector for every position of a sequence."""

    def build(self, shape):
        self.embeddings = self.add_weight(shape=shape[1:], initializer="uniform")

    def call(self, x):
        return x + self.embeddings


def transformer():
    def encode(x):
        attention = layers.MultiHeadAttention(num_heads=4, key_dim=32, dropout=0.1)
        x = layers.LayerNormalization()(x + layers.Dropout(0.1)(attention(x, x)))
        inner = layers.Dropout(0.1)(layers.Dense(512, activation="relu")(x))
        return layers.LayerNormalization()(x + layers.Dropout(0.1)(layers.Dense(128)(inner)))

    inputs = Input((64,), dtype="int32")
    x = encode(encode(Positions()(layers.Embedding(8000, 128)(inputs))))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


models = {
    "tiny-mlp": sequential(
        Input((4,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(16, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ),
    "mlp": sequential(
        Input((784,)),
        layers.Dense(512, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ),
    "mnist-convnet": sequential(
        Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ),
    "resnet20": resnet20,
    "mobilenet-v2": mobilenet_v2,
    "unet": unet,
    "lstm": sequential(
        Input((80,), dtype="int32"),
        layers.Embedding(20000, 128),
        layers.LSTM(128),
        layers.Dense(2, activation="softmax"),
    ),
    "transformer": transformer,
}
