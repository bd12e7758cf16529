"""
Keras's side: KERAS_BACKEND=<jax | tensorflow> keras_peer.py <task> <fit | predict_on_batch | compiled>. `compiled`
is the model under the backend's own compiler.
"""

import sys

from side import calls, portion, random_samples, read_task, required, serve

with required():
    import keras
    from keras_models import models


def training(task):
    x, y = random_samples(task)
    model = None

    def train(steps, mark):
        nonlocal model
        if model is None:
            model = models[task["name"]]()
            momentum = keras.optimizers.SGD(0.01, momentum=0.9)
            optimizer = "adam" if task["optimizer"] == "adam" else momentum
            model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
        samples, epochs = portion(task, steps)
        batch = task["batchSize"]
        clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: mark())
        model.fit(
            x[:samples], y[:samples], batch_size=batch, epochs=epochs, verbose=0, callbacks=[clock]
        )
        return samples // batch

    return train


def prediction(task, form):
    batch = task["batchSize"]
    x, _ = random_samples(task)
    inputs = [x[i : i + batch] for i in range(0, len(x), batch)]

    def build():
        model = models[task["name"]]()
        return model.predict_on_batch if form == "predict_on_batch" else compiled(model)

    return calls(inputs, build)


def compiled(model):
    """A function from a batch to what the model makes of it, as an array."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        call = tf.function(lambda x: model(x, training=False))
        return lambda x: call(tf.constant(x)).numpy()

    import jax

    trained, others = ([v.value for v in model.trainable_variables],
                       [v.value for v in model.non_trainable_variables])
    call = jax.jit(lambda x: model.stateless_call(trained, others, x, training=False)[0])
    return lambda x: call(x).block_until_ready()


def main():
    task = read_task()
    train = task["mode"] == "train"
    serve(f"keras {keras.__version__}", training(task) if train else prediction(task, sys.argv[2]))


main()
