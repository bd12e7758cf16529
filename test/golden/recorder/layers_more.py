"""layers-more.json: layers that layers.json lacks, in its form; and STFT kernels."""

import keras

from . import layers
from .common import camel, tensor, title


def record():
    """One record per layer and options; a wrapped layer is written as our configs have it."""
    records = []
    for class_name, options, inputs, extra in cases():
        built = {k: v() if callable(v) else v for k, v in options.items()}
        plain = {k: SPECS[v.__name__] if callable(v) else v for k, v in options.items()}
        name = title(class_name, plain, " ".join(f"{k}={v}" for k, v in extra.items()))
        records.append({**layers.record_case(name, class_name, built, inputs, **extra), "options": camel(plain)})
    return {"layers": records, "stft": [record_stft(options) for options in stft_cases()]}


def dense():
    return keras.layers.Dense(3)


def conv():
    return keras.layers.Conv2D(2, 2)


SPECS = {
    "dense": {"type": "dense", "units": 3},
    "conv": {"type": "conv2d", "filters": 2, "kernel_size": 2},
}


def cases():
    """(class, options, shapes of the inputs, further arguments)."""
    shapes = {1: [((2, 5, 2),), ((2, 7, 2),)], 2: [((2, 5, 4, 2),)], 3: [((1, 3, 4, 5, 1),)]}
    sizes = {1: [3, 2], 2: [(2, 3)], 3: [2]}
    for kind in ("Average", "Max"):
        for rank, list_of_inputs in shapes.items():
            for size, inputs in zip(sizes[rank], list_of_inputs):
                yield f"Adaptive{kind}Pooling{rank}D", dict(output_size=size), list(inputs), {}
        first = dict(output_size=2, data_format="channels_first")
        yield f"Adaptive{kind}Pooling2D", first, [(1, 2, 3, 5)], {}
    yield "SpectralNormalization", dict(layer=dense), [(2, 4)], dict(training=True)
    yield "SpectralNormalization", dict(layer=dense, power_iterations=3), [(2, 4)], dict(training=True)
    yield "SpectralNormalization", dict(layer=conv), [(1, 3, 3, 2)], dict(training=True)
    yield "ReversibleEmbedding", dict(input_dim=4, output_dim=3), [((2, 3), "int", 4)], {}


def record_stft(options):
    """The kernel of one STFT initializer."""
    initializer = keras.initializers.STFT(**options)
    return {"options": camel(options), "value": tensor(initializer((6, 1, 4)))}


def stft_cases():
    yield {}
    yield dict(side="imag", window="hamming", scaling="spectrum")
    yield dict(side="imag", window="hann", periodic=True, scaling=None)
    yield dict(window="blackman")
    yield dict(window=None)
    yield dict(window=[0.5, 1.0, 1.0, 0.25, 1.0, 0.5])
