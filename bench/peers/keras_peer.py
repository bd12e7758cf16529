"""Keras's side, through `fit`: KERAS_BACKEND=<jax | tensorflow> keras_peer.py <task>."""

from side import portion, random_samples, read_task, required, serve

with required():
    import keras
    from keras import layers


def tiny_mlp():
    return [
        keras.Input((4,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(16, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]


def mlp():
    return [
        keras.Input((784,)),
        layers.Dense(512, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def mnist_convnet():
    return [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


models = {"tiny-mlp": tiny_mlp, "mlp": mlp, "mnist-convnet": mnist_convnet}


def main():
    task = read_task()
    x, y = random_samples(task)
    model = None

    def train(steps, mark):
        nonlocal model
        if model is None:
            model = keras.Sequential(models[task["name"]]())
            model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        samples, epochs = portion(task, steps)
        batch = task["batchSize"]
        clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: mark())
        model.fit(
            x[:samples], y[:samples], batch_size=batch, epochs=epochs, verbose=0, callbacks=[clock]
        )
        return samples // batch

    serve(f"keras {keras.__version__}", train)


main()
