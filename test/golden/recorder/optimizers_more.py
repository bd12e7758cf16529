"""optimizers-more.json: ten steps of the optimizers that optimizers.json lacks, from the same start and gradients."""

import keras

from .common import camel, generator, normal, plain, tensor, title
from .optimizers import SHAPES, STEPS, record_case

NAMES = ("Muon", "ScheduleFreeAdamW", "Lamb", "Adafactor")


def record():
    """New cases, and the defaults of optimizers that defaults.json lacks."""
    rng = generator("optimizers")
    initial = [normal(rng, shape) for _, shape in SHAPES]
    grads = [[normal(rng, shape) for _, shape in SHAPES] for _ in range(STEPS)]
    return {
        "defaults": [
            {"name": name, "config": plain(getattr(keras.optimizers, name)().get_config())} for name in NAMES[:2]
        ],
        "cases": [record_case(name, options, initial, grads) for name, options in cases()],
        "wide": wide(),
    }


def wide():
    """Adafactor and Muon over weights of more axes, tall matrices and embeddings."""
    rng = generator("optimizers wide")
    shapes = (("embedding", (3, 2)), ("tall", (4, 2)), ("filters", (2, 3, 2)), ("gain", ()))
    initial = [normal(rng, shape) for _, shape in shapes]
    grads = [[normal(rng, shape) for _, shape in shapes] for _ in range(3)]
    records = []
    for class_name, options in (
        ("Adafactor", dict(learning_rate=0.1)),
        ("Lamb", dict(learning_rate=0.1)),
        ("Muon", dict(learning_rate=0.1)),
        ("Muon", dict(learning_rate=0.1, exclude_embeddings=False, exclude_layers=["tall"])),
    ):
        keras.backend.clear_session()
        optimizer = getattr(keras.optimizers, class_name)(**options)
        variables = [keras.Variable(v, name=name) for (name, _), v in zip(shapes, initial)]
        optimizer.build(variables)
        steps = []
        for step in grads:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
            steps.append([tensor(keras.ops.convert_to_numpy(v.value)) for v in variables])
        slots = [tensor(keras.ops.convert_to_numpy(v.value), v.path) for v in optimizer.variables]
        records.append(
            {
                "name": title(class_name, options),
                "className": class_name,
                "options": camel(options),
                "steps": steps,
                "slots": slots,
            }
        )
    return {
        "initial": [tensor(v, name) for (name, _), v in zip(shapes, initial)],
        "gradients": [[tensor(g) for g in step] for step in grads],
        "cases": records,
    }


def cases():
    """(class, options)."""
    for name in ("Muon", "ScheduleFreeAdamW"):
        yield name, {}
        yield name, dict(learning_rate=0.05, weight_decay=0.1)
        yield name, dict(learning_rate=0.05, clipnorm=0.8)
    yield "Muon", dict(learning_rate=0.05, nesterov=False, rms_rate=None, ns_steps=3)
    yield "Muon", dict(learning_rate=0.05, adam_weight_decay=None, adam_lr_ratio=0.5, adam_beta_1=0.8)
    yield "ScheduleFreeAdamW", dict(learning_rate=0.05, warmup_steps=4, beta_1=0.8)
    for name in ("Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW"):
        yield name, dict(learning_rate=0.05, gradient_accumulation_steps=3)
        yield name, dict(learning_rate=0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)
        yield name, dict(learning_rate=0.05, global_clipnorm=0.8)
