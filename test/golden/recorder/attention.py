"""attention.json: attention layers and masks: calls with gradients, and five steps of small models."""

import json

import keras
import numpy as np

from .common import camel, generator, gradients, normal, plain, tensor
from .training import describe, draw_weight, tensors, weights_of

POSITIONAL = ("MultiHeadAttention", "GroupQueryAttention")
LISTED = ("Attention", "AdditiveAttention", "Add", "Multiply", "Concatenate", "Dot")


def record():
    """Calls, then trainings; those with TensorFlow (`record_trainings`), as on JAX masks do not reach losses and metrics."""
    import os
    import subprocess
    import sys

    code = "import json; from recorder import attention; print(json.dumps(attention.record_trainings()))"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": os.pathsep.join(sys.path)}
    trainings = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True).stdout
    return {
        "calls": [record_call(**case) for case in cases()],
        "training": json.loads(trainings.splitlines()[-1]),
    }


def record_trainings():
    """The models that are trained."""
    return [record_training(make) for make in TRAININGS]


def case(class_name, options, shapes, masked=(), args=None, mask=None, explicit=None, training=False, dead=False):
    """A call: shapes of the inputs, which of them have padded steps, call arguments, explicit masks by name.

    `dead` masks all of the last sample's steps.
    """
    args = args or {}
    masked = [i in masked for i in range(len(shapes))]
    extra = {"masked": masked, **camel(args), **{k: list(v) for k, v in (explicit or {}).items()}, "dead": dead}
    kept = {k: v for k, v in extra.items() if v not in (False, None) and v != [False] * len(shapes)}
    name = " ".join([class_name, json.dumps(camel(options)), json.dumps(kept), "training" if training else ""]).strip()
    return dict(name=name, class_name=class_name, options=options, shapes=shapes, masked=masked, args=args,
                explicit=explicit or {}, training=training, dead=dead)


def cases():
    """All calls."""
    q, v, k = (3, 3, 2), (3, 4, 2), (3, 4, 2)
    flags = [{}, {"use_causal_mask": True}]
    for class_name in ("Attention", "AdditiveAttention"):
        for args in flags:
            for masked in ((), (0,), (1,), (0, 1)):
                yield case(class_name, {}, [q, v], masked, args)
        yield case(class_name, {"use_scale": class_name == "Attention"}, [q, v, k], (0, 1, 2),
                   {"return_attention_scores": True, "use_causal_mask": True})
        yield case(class_name, {}, [q, v], (), {}, explicit={"queryMask": (3, 3), "valueMask": (3, 4)})
    for scale in (False, True):
        yield case("Attention", {"score_mode": "concat", "use_scale": scale}, [q, v, k], (1,))
    heads = {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
             "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}}
    for class_name, options in heads.items():
        for args in flags:
            for masked in ((), (0,), (1,), (0, 1)):
                yield case(class_name, options, [q, v], masked, args)
        for scores in ({}, {"return_attention_scores": True}):
            yield case(class_name, options, [q, v], (0, 1), scores, dead=True)
            yield case(class_name, options, [q, v, k], (0, 1, 2), {**scores, "use_causal_mask": True},
                       explicit={"attentionMask": (3, 3, 4)})
            yield case(class_name, options, [q, v], (), scores, explicit={"attentionMask": (3, 4 if "head_dim" in options else 2, 3, 4)})
        yield case(class_name, options, [q, v], (), {}, explicit={"valueMask": (3, 4)})
        yield case(class_name, options, [q, v], (0,), {}, explicit={"attentionMask": (1, 3, 4)})
        yield case(class_name, {**options, "use_bias": False, "use_gate": True, "sliding_window": 2}, [q, q], (1,), flags[1])
        yield case(class_name, {**options, "dropout": 0.5}, [q, v], (0, 1), {}, dead=True)
    multi = heads["MultiHeadAttention"]
    yield case("MultiHeadAttention", {**multi, "value_dim": 2, "output_shape": 5, "use_gate": True}, [q, (3, 4, 3), (3, 4, 1)], (),
               {"return_attention_scores": True})
    yield case("MultiHeadAttention", {**multi, "output_shape": [2, 3]}, [q, v])
    yield case("MultiHeadAttention", multi, [(2, 2, 3, 2), (2, 2, 2, 2)])
    yield case("MultiHeadAttention", {**multi, "attention_axes": [2]}, [(2, 2, 3, 2), (2, 2, 2, 2)])
    yield case("MultiHeadAttention", {**multi, "attention_axes": -2}, [(2, 2, 3, 2), (2, 2, 2, 2)], (),
               {"return_attention_scores": True})
    yield case("MultiHeadAttention", multi, [(2, 2, 3, 2), (2, 2, 2, 2)], (), {}, explicit={"attentionMask": (2, 2, 3, 2, 2)})
    yield from masking_cases()


def masking_cases():
    """What layers make of masks."""
    x = (3, 4, 2)
    yield case("Masking", {}, [x], (0,))
    yield case("Masking", {"mask_value": 0.5}, [x])
    yield case("Embedding", {"input_dim": 4, "output_dim": 2, "mask_zero": True}, [("int", (3, 4), 4)])
    for class_name, options in (
        ("Dense", {"units": 3}), ("Activation", {"activation": "tanh"}), ("LayerNormalization", {}), ("Identity", {}),
        ("Dropout", {"rate": 0.5}), ("SpatialDropout1D", {"rate": 0.5}), ("Rescaling", {"scale": 2.0}), ("ReLU", {}),
        ("LeakyReLU", {}), ("PReLU", {}), ("ELU", {}), ("UnitNormalization", {}), ("GroupNormalization", {"groups": 2}),
        ("GaussianNoise", {"stddev": 0.1}), ("GaussianDropout", {"rate": 0.1}), ("AlphaDropout", {"rate": 0.1}),
        ("ActivityRegularization", {"l2": 0.1}), ("BatchNormalization", {}), ("GlobalAveragePooling1D", {}),
        ("GlobalMaxPooling1D", {}), ("RMSNormalization", {}), ("Flatten", {}),
        ("Permute", {"dims": [2, 1]}), ("ZeroPadding1D", {"padding": 0}), ("Cropping1D", {"cropping": 1}),
        ("UpSampling1D", {"size": 1}), ("Conv1D", {"filters": 2, "kernel_size": 1}), ("MaxPooling1D", {"pool_size": 1}),
        ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 2]}),
    ):
        yield case(class_name, options, [x], (0,))
    yield case("BatchNormalization", {}, [x], (0,), training=True)
    yield case("GlobalAveragePooling1D", {"keepdims": True}, [x], (0,))
    yield case("GlobalAveragePooling1D", {"data_format": "channels_first"}, [(3, 2, 4)], (), {}, explicit={"mask": (3, 4)})
    yield case("GlobalAveragePooling1D", {}, [x], (), {}, explicit={"mask": (3, 4)})
    yield case("Softmax", {}, [x], (), {}, explicit={"mask": (3, 4, 2)})
    yield case("Softmax", {"axis": [1, 2]}, [x], (), {}, explicit={"mask": (3, 4, 2)})
    for class_name, options in (("Add", {}), ("Multiply", {}), ("Concatenate", {}), ("Concatenate", {"axis": 1})):
        yield case(class_name, options, [x, x], (0, 1))
        yield case(class_name, options, [x, x], (1,))
        yield case(class_name, options, [x, x])
    yield case("Dot", {"axes": 2}, [x, x], (0, 1))


def padding(name, steps, batch, dead):
    """Steps that count: all of the first sample, fewer of the others, never none unless `dead`."""
    mask = np.ones((batch, steps), dtype=bool)
    for sample in range(1, batch):
        mask[sample, max(1, steps - sample):] = False
    if dead:
        mask[-1] = False
    return mask


def record_call(name, class_name, options, shapes, masked, args, explicit, training, dead):
    """One call: values, masks of the outputs, gradients."""
    rng = generator(name)
    layer = getattr(keras.layers, class_name)(**options)
    inputs = []
    for i, shape in enumerate(shapes):
        if shape[0] == "int":
            inputs.append(rng.integers(0, shape[2], size=shape[1]).astype("int32"))
            continue
        x = normal(rng, shape)
        if masked[i]:
            x = x * padding(name, shape[1], shape[0], dead)[..., None]
        inputs.append(x.astype("float32"))
    masks = {key: draw_mask(rng, shape) for key, shape in explicit.items()}
    kwargs = {**args, **mask_arguments(class_name, masks)}
    if layer._call_has_training_arg:
        kwargs["training"] = training
    floats = [i for i, x in enumerate(inputs) if x.dtype == np.float32]
    seen = []

    def run(values, state):
        tensors_in = [keras.ops.convert_to_tensor(v) for v in values]
        tensors_in = [keras.layers.Masking()(x) if masked[i] else x for i, x in enumerate(tensors_in)]
        call_args = tensors_in if class_name in POSITIONAL else [tensors_in] if class_name in LISTED else tensors_in[:1]
        if state is None:
            return layer(*call_args, **kwargs)
        # not stateless_call(), which leaves masks out
        variables = [*layer.trainable_variables, *layer.non_trainable_variables]
        with keras.StatelessScope(state_mapping=list(zip(variables, [*state[0], *state[1]]))) as scope:
            outputs = layer(*call_args, **kwargs)
        after = [scope.get_current_value(v) for v in layer.non_trainable_variables]
        after = [v.value if a is None else a for v, a in zip(layer.non_trainable_variables, after)]
        listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        seen.append([keras.src.backend.get_keras_mask(y) for y in listed])
        return listed, after

    run(inputs, None)
    layer.set_weights([draw(rng, v) for v in layer.weights])
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def call(*values):
        full = list(inputs)
        for index, value in zip(floats, values):
            full[index] = value
        return run(full, (values[len(floats):], fixed))

    arguments = [keras.ops.convert_to_tensor(inputs[i]) for i in floats] + trainable
    outputs, directions, grads, state = gradients(call, arguments, lambda outs: [normal(rng, tuple(o.shape)) for o in outs])
    run(inputs, (trainable, fixed))  # once more, for masks that are no tracers
    input_grads = [None] * len(inputs)
    for index, grad in zip(floats, grads):
        input_grads[index] = tensor(grad)
    saved = [(v, s) for v, s in zip(layer.non_trainable_variables, state) if "seed" not in v.path]
    return {
        "name": name,
        "className": type(layer).__name__,
        "options": camel(options),
        "training": training,
        "masked": masked,
        "flags": camel(args),
        "masks": {key: tensor(m) for key, m in masks.items()},
        "inputs": [tensor(x) for x in inputs],
        "weights": [tensor(keras.ops.convert_to_numpy(v.value), v.name) for v in layer.weights if "seed" not in v.path],
        "outputs": [tensor(o) for o in outputs],
        "outputMasks": [None if m is None else tensor(np.asarray(m, dtype=bool)) for m in seen[-1]],
        "directions": [tensor(d) for d in directions],
        "inputGrads": input_grads,
        "weightGrads": [tensor(g) for g in grads[len(floats):]],
        "nonTrainableAfter": [tensor(s, v.name) for v, s in saved],
    }


def draw_mask(rng, shape):
    """Booleans, none of them masking all of the last axis."""
    mask = rng.random(size=shape) > 0.4
    mask[..., 0] = True
    return mask


def mask_arguments(class_name, masks):
    """Explicit masks as Keras takes them."""
    if class_name in LISTED and masks:
        return {"mask": [masks["queryMask"], masks["valueMask"]]}
    names = {"mask": "mask", "valueMask": "value_mask", "attentionMask": "attention_mask"}
    return {names[key]: keras.ops.convert_to_tensor(mask) for key, mask in masks.items()}


def draw(rng, variable):
    if variable.name == "moving_variance":
        return np.abs(normal(rng, tuple(variable.shape))) + np.float32(0.5)
    return normal(rng, tuple(variable.shape), 0.7) if "seed" not in variable.path else variable.numpy()


L = keras.layers


def tagger(rng):
    """Words with padding, self-attention, a label for each word: the mask reaches loss and metrics."""
    words = keras.Input((5,), dtype="int32", name="words")
    x = L.Embedding(6, 4, mask_zero=True, name="embed")(words)
    q = L.Rescaling(1.0, name="copy")(x)  # as Keras takes the mask away from the tensor that is the query
    y = L.MultiHeadAttention(2, 2, name="look")(q, q)
    x = L.LayerNormalization(name="norm")(L.Add(name="add")([x, y]))
    model = keras.Model(words, L.Dense(3, activation="softmax", name="label")(x))
    return model, padded(rng, 6), rng.integers(0, 3, size=(4, 5)).astype("int32"), dict(
        optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"])


def scorer(rng):
    """Additive and dot attention, a number for each word."""
    words = keras.Input((5,), dtype="int32", name="words")
    x = L.Embedding(6, 3, mask_zero=True, name="embed")(words)
    x = L.Attention(use_scale=True, name="dot")([x, x], use_causal_mask=True)
    x = L.AdditiveAttention(name="additive")([x, x])
    model = keras.Model(words, L.Dense(1, name="out")(x))
    return model, padded(rng, 6), normal(rng, (4, 5, 1)), dict(optimizer="sgd", loss="mse", metrics=["mae"])


def translator(rng):
    """An encoder and a decoder with shared heads of keys; the losses of the steps are weighted."""
    source = keras.Input((4,), dtype="int32", name="source")
    target = keras.Input((5,), dtype="int32", name="target")
    a = L.Embedding(6, 4, mask_zero=True, name="from")(source)
    b = L.Embedding(6, 4, mask_zero=True, name="to")(target)
    a = L.Add(name="add_a")([a, L.GroupQueryAttention(2, 2, 1, name="see")(a, a)])
    q = L.Rescaling(1.0, name="copy")(b)
    b = L.Add(name="add_b")([b, L.MultiHeadAttention(1, 3, name="back")(q, value=q, use_causal_mask=True)])
    b = L.Add(name="add_c")([b, L.GroupQueryAttention(2, 4, 2, name="across")(b, a, a)])
    model = keras.Model([source, target], L.Dense(3, name="out")(b))
    return model, [padded(rng, 6, 4), padded(rng, 6)], normal(rng, (4, 5, 3)), dict(
        optimizer="sgd", loss="mse", metrics=["mae", "cosine_similarity", keras.metrics.RootMeanSquaredError()],
        weighted_metrics=["mse"])


TRAININGS = (tagger, scorer, translator)


def padded(rng, words, steps=5):
    x = rng.integers(1, words, size=(4, steps)).astype("int32")
    for sample in range(1, 4):
        x[sample, steps - sample:] = 0
    return x


def record_training(make):
    """Five steps on one batch, then losses and metrics and predictions."""
    keras.backend.clear_session()
    rng = generator(make.__name__)
    model, x, y, compile_args = make(rng)
    model.set_weights([draw_weight(rng, v) for v in model.weights])
    initial = weights_of(model)
    model.compile(**compile_args)
    weight = np.round(rng.uniform(0.5, 2, size=(4, 5)), 3).astype("float32")
    history = model.fit(x, y, batch_size=4, epochs=5, shuffle=False, verbose=0, sample_weight=weight)
    return {
        "name": make.__name__,
        "model": json.loads(model.to_json()),
        "compile": describe(compile_args),
        "x": tensors(x),
        "y": tensor(y),
        "sampleWeight": tensor(weight),
        "initialWeights": initial,
        "history": plain(history.history),
        "finalWeights": weights_of(model),
        "evaluate": plain(model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)),
        "predict": tensor(model.predict(x, batch_size=4, verbose=0)),
    }
