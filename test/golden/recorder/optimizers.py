"""optimizers.json: ten steps of each optimizer over two variables, with the same drawn gradients."""

import keras

from .common import camel, generator, normal, plain, tensor, title

STEPS = 10
SHAPES = (("kernel", (3, 4)), ("bias", (4,)))


def record():
    """The shared initial values and gradients, and one case per optimizer and options."""
    rng = generator("optimizers")
    initial = [normal(rng, shape) for _, shape in SHAPES]
    grads = [[normal(rng, shape) for _, shape in SHAPES] for _ in range(STEPS)]
    return {
        "initial": [tensor(v, name) for (name, _), v in zip(SHAPES, initial)],
        "gradients": [[tensor(g) for g in step] for step in grads],
        "cases": [record_case(name, options, initial, grads) for name, options in cases()],
    }


def record_case(class_name, options, initial, grads):
    """The variables after each step, and every optimizer variable after the last."""
    keras.backend.clear_session()
    optimizer = getattr(keras.optimizers, class_name)(**options)
    variables = [keras.Variable(v, name=name) for (name, _), v in zip(SHAPES, initial)]
    optimizer.build(variables)
    steps = []
    for step in grads:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
        steps.append([tensor(keras.ops.convert_to_numpy(v.value)) for v in variables])
    slots = [tensor(keras.ops.convert_to_numpy(v.value), v.path) for v in optimizer.variables]
    record = {"name": title(class_name, options), "className": class_name, "options": camel(options)}
    record["config"] = plain(optimizer.get_config())
    record["steps"] = steps
    record["slots"] = slots
    if options.get("use_ema"):
        optimizer.finalize_variable_values(variables)
        record["finalized"] = [tensor(keras.ops.convert_to_numpy(v.value)) for v in variables]
    return record


def cases():
    """(class, options): each plain, its own options, weight decay, and clipping on SGD and Adam."""
    own = {
        "SGD": [dict(momentum=0.9), dict(momentum=0.9, nesterov=True)],
        "RMSprop": [dict(momentum=0.5), dict(centered=True), dict(momentum=0.9, centered=True, rho=0.8)],
        "Adam": [dict(amsgrad=True), dict(beta_1=0.8, beta_2=0.9, epsilon=1e-3)],
        "AdamW": [dict(amsgrad=True), dict(weight_decay=0.1)],
        "Adagrad": [dict(initial_accumulator_value=0.5)],
        "Adadelta": [dict(learning_rate=1.0, rho=0.8)],
        "Adamax": [],
        "Nadam": [],
        "Ftrl": [
            dict(l1_regularization_strength=0.1, l2_regularization_strength=0.2, beta=0.3),
            dict(l2_shrinkage_regularization_strength=0.1, learning_rate_power=-0.4),
        ],
        "Lion": [dict(learning_rate=0.01, beta_1=0.8)],
        "Lamb": [],
        "Adafactor": [
            dict(relative_step=False, learning_rate=0.05),
            dict(beta_2_decay=-0.5, clip_threshold=0.5, learning_rate=0.1),
        ],
    }
    for name, variants in own.items():
        yield name, {}
        yield from ((name, options) for options in variants)
        if name != "AdamW":
            yield name, dict(learning_rate=0.05, weight_decay=0.1)
    for name in ("SGD", "Adam"):
        yield name, dict(learning_rate=0.05, clipnorm=0.8)
        yield name, dict(learning_rate=0.05, clipvalue=0.5)
        yield name, dict(learning_rate=0.05, global_clipnorm=0.8)
        yield name, dict(learning_rate=0.05, gradient_accumulation_steps=3)
        yield name, dict(learning_rate=0.05, use_ema=True, ema_momentum=0.8)
        yield name, dict(learning_rate=0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)
    yield "SGD", dict(learning_rate=0.05, loss_scale_factor=4.0)
