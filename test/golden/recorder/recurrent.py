"""recurrent.json: recurrent layers with masks and initial states, short trainings, states carried between batches."""

import keras
import numpy as np

from .common import generator, gradients, normal, number, tensor

MASKS = {
    "right": [[1, 1, 1, 0], [1, 1, 0, 0]],
    "left": [[0, 1, 1, 1], [0, 0, 1, 1]],
    "gappy": [[1, 0, 1, 1], [0, 1, 0, 1]],
}
SEQUENCE = (2, 4, 3)


def record():
    """The parts of the file."""
    return {
        "layers": [record_layer(*case) for case in layers()],
        "trainings": [record_training(*case) for case in trainings()],
        "stateful": [record_stateful(*case) for case in stateful()],
    }


def layers():
    """(class name, options, input shape, {"mask": kind, "state": True})."""
    simple = [dict(), dict(return_sequences=True, go_backwards=True), dict(use_bias=False, activation="relu")]
    for options in simple:
        yield "SimpleRNN", dict(units=2, **options), SEQUENCE, {}
        yield "LSTM", dict(units=2, **options), SEQUENCE, {}
        for after in (True, False):
            yield "GRU", dict(units=2, reset_after=after, **options), SEQUENCE, {}
    for name in ("SimpleRNN", "LSTM", "GRU"):
        yield name, dict(units=2, return_sequences=True, return_state=True), SEQUENCE, {"state": True}
        yield name, dict(units=2, return_state=True, go_backwards=True), SEQUENCE, {"state": True}
        for mask in MASKS:
            yield name, dict(units=2, return_state=True), SEQUENCE, {"mask": mask}
            yield name, dict(units=2, return_sequences=True, go_backwards=True), SEQUENCE, {"mask": mask}
            yield name, dict(units=2, return_sequences=True, zero_output_for_mask=True), SEQUENCE, {"mask": mask}
        yield name, dict(units=2, return_sequences=True, unroll=True), SEQUENCE, {"mask": "gappy"}
    yield "LSTM", dict(units=2, recurrent_activation="hard_sigmoid", unit_forget_bias=False), SEQUENCE, {}
    yield "GRU", dict(units=2, reset_after=False, return_sequences=True), SEQUENCE, {"mask": "left"}
    yield from cells()
    yield from wrappers()
    yield from convolutional()


def cells():
    """Cells by themselves and inside RNN."""
    for cell in (("SimpleRNNCell", dict(units=3)), ("LSTMCell", dict(units=3)), ("GRUCell", dict(units=3))):
        yield "RNN", dict(cell=cell, return_sequences=True), SEQUENCE, {"mask": "gappy"}
    stack = [("LSTMCell", dict(units=3)), ("GRUCell", dict(units=2, reset_after=False)), ("LSTMCell", dict(units=2))]
    yield "RNN", dict(cell=("StackedRNNCells", dict(cells=stack)), return_state=True), SEQUENCE, {}
    yield "RNN", dict(cell=("StackedRNNCells", dict(cells=stack)), return_sequences=True), SEQUENCE, {"mask": "left"}


def wrappers():
    """Bidirectional and TimeDistributed."""
    for mode in ("concat", "sum", "mul", "ave", None):
        yield "Bidirectional", dict(layer=("LSTM", dict(units=2)), merge_mode=mode), SEQUENCE, {}
        layer = ("GRU", dict(units=2, return_sequences=True, return_state=True))
        yield "Bidirectional", dict(layer=layer, merge_mode=mode), SEQUENCE, {"state": mode is not None}
    for mask in MASKS:
        yield "Bidirectional", dict(layer=("LSTM", dict(units=2, return_sequences=True))), SEQUENCE, {"mask": mask}
        yield "Bidirectional", dict(layer=("GRU", dict(units=2))), SEQUENCE, {"mask": mask}
    own = ("SimpleRNN", dict(units=3, go_backwards=True, return_sequences=True))
    forward = ("LSTM", dict(units=2, return_sequences=True))
    yield "Bidirectional", dict(layer=forward, backward_layer=own), SEQUENCE, {}
    yield "TimeDistributed", dict(layer=("Dense", dict(units=2))), SEQUENCE, {}
    yield "TimeDistributed", dict(layer=("Conv2D", dict(filters=2, kernel_size=2))), (2, 3, 3, 3, 2), {}


def convolutional():
    """ConvLSTM over one to three axes."""
    base = dict(filters=2, kernel_size=2)
    yield "ConvLSTM1D", dict(**base), (2, 3, 4, 2), {}
    yield "ConvLSTM1D", dict(**base, padding="same", return_sequences=True, go_backwards=True), (2, 3, 4, 2), {}
    yield "ConvLSTM2D", dict(**base, strides=2, return_sequences=True), (1, 3, 4, 5, 2), {}
    yield "ConvLSTM2D", dict(**base, dilation_rate=2, padding="same", use_bias=False), (1, 2, 4, 4, 2), {}
    yield "ConvLSTM2D", dict(**base, data_format="channels_first", return_state=True), (1, 2, 2, 3, 4), {}
    yield "ConvLSTM2D", dict(filters=2, kernel_size=3, padding="same", unroll=True), (2, 4, 3, 3, 1), {"mask": "gappy"}
    yield "ConvLSTM3D", dict(**base), (1, 2, 3, 3, 3, 1), {}


def make(class_name, options):
    """The layer, with layers in its options made too."""
    return getattr(keras.layers, class_name)(**{k: made(v) for k, v in options.items()})


def made(value):
    if isinstance(value, tuple) and isinstance(value[0], str):
        return make(*value)
    return [made(v) for v in value] if isinstance(value, list) else value


def ours(value, key=""):
    """Options in our form: camelCase keys and ids, layers as {className, config}."""
    if isinstance(value, tuple):
        return {"className": value[0], "config": ours(value[1])}
    if isinstance(value, dict):
        return {camel(k): ours(v) for k, v in value.items()}
    if isinstance(value, list):
        return [ours(v) for v in value]
    return camel(value) if isinstance(value, str) else value


def camel(text):
    head, *rest = text.split("_")
    return head + "".join(part.capitalize() for part in rest)


def case_name(class_name, options, extra):
    words = [f"{camel(k)}={ours(v)}" for k, v in options.items()] + [f"{k}={v}" for k, v in extra.items()]
    return " ".join([class_name, *words]).replace("'", "")


def record_layer(class_name, options, shape, extra):
    """Values and vector-Jacobian products of one call."""
    name = case_name(class_name, options, extra)
    rng = generator(name)
    layer = make(class_name, options)
    x = normal(rng, shape)
    mask = np.array(MASKS[extra["mask"]], bool) if "mask" in extra else None
    call_options = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
    layer(x, **call_options)
    layer.set_weights([normal(rng, tuple(v.shape), 0.5) for v in layer.weights])
    inner = getattr(layer, "forward_layer", layer)
    count = (len(inner.state_size) if extra.get("state") else 0) * (1 if inner is layer else 2)
    states = [normal(rng, (shape[0], inner.cell.units)) for _ in range(count)]
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def call(*values):
        given = list(values[1 : 1 + count])
        if given:
            call_options["initial_state"] = given
        outputs, state = layer.stateless_call(values[1 + count :], fixed, values[0], **call_options)
        return keras.tree.flatten(outputs), state

    arguments = [keras.ops.convert_to_tensor(v) for v in [x, *states]] + trainable
    outputs, directions, grads, _ = gradients(
        call, arguments, lambda outs: [normal(rng, tuple(o.shape)) for o in outs]
    )
    result = {
        "name": name,
        "className": class_name,
        "options": ours(options),
        "input": tensor(x),
        "weights": [tensor(keras.ops.convert_to_numpy(v.value), v.path.split("/", 1)[1]) for v in layer.weights],
        "outputs": [tensor(o) for o in outputs],
        "directions": [tensor(d) for d in directions],
        "gradients": [tensor(g) for g in grads],
    }
    if mask is not None:
        result["mask"] = tensor(mask)
    if states:
        result["initialState"] = [tensor(s) for s in states]
    return result


def trainings():
    """(name, layers, input shape, masked): five steps of Adam on mean squares."""
    dense = ("Dense", dict(units=1))
    yield "LSTM", [("LSTM", dict(units=3)), dense], (4, 5, 2)
    yield "GRU on GRU", [("GRU", dict(units=3, return_sequences=True)), ("GRU", dict(units=2)), dense], (4, 5, 2)
    both = ("Bidirectional", dict(layer=("LSTM", dict(units=2, return_sequences=True)), merge_mode="sum"))
    yield "masked", [("Masking", {}), both, ("SimpleRNN", dict(units=2)), dense], (4, 5, 2)
    yield "convolutional", [("ConvLSTM1D", dict(filters=2, kernel_size=2)), ("Flatten", {}), dense], (4, 3, 4, 1)


def record_training(name, stack, shape):
    rng = generator(f"training {name}")
    model = keras.Sequential([keras.Input(shape[1:]), *[make(*spec) for spec in stack]])
    model.set_weights([normal(rng, tuple(w.shape), 0.5) for w in model.weights])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    x, y = normal(rng, shape), normal(rng, (shape[0], 1))
    if name == "masked":
        x[0, 3:] = 0
        x[2, :2] = 0
    before = [tensor(w) for w in model.get_weights()]
    losses = [number(float(model.train_on_batch(x, y))) for _ in range(5)]
    return {
        "name": name,
        "layers": [ours(spec) for spec in stack],
        "x": tensor(x),
        "y": tensor(y),
        "before": before,
        "losses": losses,
        "after": [tensor(w) for w in model.get_weights()],
        "predictions": tensor(model.predict(x, verbose=0)),
    }


def stateful():
    """(name, layers): outputs of three batches in a row, then of one after a reset.

    Called eagerly: compiled, Keras on JAX forgets the states, which it does not count as variables.
    """
    yield "LSTM", [("LSTM", dict(units=2, stateful=True))]
    yield "GRU, all steps", [("GRU", dict(units=2, stateful=True, return_sequences=True))]
    yield "Bidirectional", [("Bidirectional", dict(layer=("SimpleRNN", dict(units=2, stateful=True))))]


def record_stateful(name, stack):
    rng = generator(f"stateful {name}")
    model = keras.Sequential([keras.Input(SEQUENCE[1:], batch_size=SEQUENCE[0]), *[make(*spec) for spec in stack]])
    model.set_weights([normal(rng, tuple(w.shape), 0.5) for w in model.weights])
    batches = [normal(rng, SEQUENCE) for _ in range(3)]
    outputs = [keras.ops.convert_to_numpy(model(x)) for x in batches]
    for layer in model.layers:
        layer.reset_state() if hasattr(layer, "reset_state") else layer.reset_states()
    return {
        "name": name,
        "layers": [ours(spec) for spec in stack],
        "weights": [tensor(w) for w in model.get_weights()],
        "batches": [tensor(x) for x in batches],
        "outputs": [tensor(o) for o in outputs],
        "afterReset": tensor(keras.ops.convert_to_numpy(model(batches[1]))),
    }
