"""schedules.json: each learning-rate schedule's value at a row of steps."""

import keras

from .common import camel, number, plain, title

STEPS = (0, 1, 2, 3, 5, 8, 10, 13, 20, 21, 30, 50, 100)

CASES = (
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5)),
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True)),
    ("PiecewiseConstantDecay", dict(boundaries=[5, 20], values=[1.0, 0.5, 0.1])),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=10)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=10, end_learning_rate=0.01, power=2.0, cycle=True)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=20)),
    ("CosineDecay", dict(initial_learning_rate=0.01, decay_steps=20, alpha=0.1, warmup_target=0.1, warmup_steps=5)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=10)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=10, t_mul=1.0, m_mul=0.8, alpha=0.1)),
)


def record():
    """One record per schedule and options."""
    return [record_case(*case) for case in CASES]


def record_case(class_name, options):
    schedule = getattr(keras.optimizers.schedules, class_name)(**options)
    return {
        "name": title(class_name, options),
        "className": class_name,
        "options": camel(options),
        "config": plain(schedule.get_config()),
        "steps": list(STEPS),
        "values": [number(float(schedule(step))) for step in STEPS],
    }
