"""augmentation.json: layers that change images, and spectrograms.

Random numbers are replaced: uniform ones are the same for all that is drawn for an image, `draws[n]` for image n.
"""

import keras
import numpy as np
from keras import layers
from keras.src.backend.jax import random as jax_random
from keras.src.backend.jax.image import affine_transform, perspective_transform

from .common import camel, generator, plain, tensor, title

UNIT = {"value_range": (0, 1)}
SPIN = {"height_factor": 0.5, "width_factor": (-0.25, 0.75)}
# class, options, shape, draws
CASES = [
    *(("Resizing", {"height": 3, "width": 5, "interpolation": i}, (1, 4, 3, 1), []) for i in ("nearest", "bilinear", "bicubic")),
    *(("Resizing", {"height": 2, "width": 2, "interpolation": i}, (1, 5, 3, 1), []) for i in ("nearest", "bilinear", "bicubic")),
    ("Resizing", {"height": 4, "width": 2, "crop_to_aspect_ratio": True}, (2, 3, 5, 2), []),
    ("Resizing", {"height": 3, "width": 3, "pad_to_aspect_ratio": True, "fill_value": 0.5}, (1, 2, 5, 1), []),
    ("Resizing", {"height": 2, "width": 3, "data_format": "channels_first"}, (1, 2, 4, 4), []),
    ("CenterCrop", {"height": 2, "width": 2}, (1, 3, 5, 2), []),
    ("CenterCrop", {"height": 4, "width": 3}, (1, 3, 5, 1), []),
    ("AutoContrast", UNIT, (2, 3, 2, 2), []),
    ("AutoContrast", {}, (1, 3, 2, 1), []),
    ("Equalization", {"bins": 8}, (1, 4, 5, 2), []),
    ("Equalization", UNIT | {"bins": 16}, (1, 4, 5, 1), []),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 2)}, (2, 6, 8, 2), []),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3), "clip_limit": 0.0}, (1, 5, 7, 1), []),
    ("ContrastLimitedAdaptiveHistogramEqualization", UNIT | {"clip_limit": 40.0, "tile_grid_size": (3, 2), "data_format": "channels_first"}, (1, 2, 4, 4), []),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 90.0}, (1, 3, 9, 1), []),
    ("Solarization", UNIT | {"addition_factor": 0.4, "threshold_factor": 0.8}, (2, 2, 3, 3), [0.25, 0.75]),
    ("RandomFlip", {}, (2, 2, 3, 1), [0.25, 0.75]),
    ("RandomFlip", {"mode": "horizontal"}, (2, 2, 3, 1), [0.75, 0.25]),
    ("RandomFlip", {"mode": "vertical", "data_format": "channels_first"}, (1, 2, 2, 2), [0.25]),
    ("RandomCrop", {"height": 2, "width": 3}, (1, 4, 5, 2), [0.625]),
    ("RandomTranslation", SPIN, (2, 4, 3, 1), [0.25, 0.875]),
    ("RandomTranslation", SPIN | {"fill_mode": "constant", "fill_value": 0.5}, (2, 4, 3, 1), [0.25, 0.875]),
    ("RandomTranslation", SPIN | {"fill_mode": "wrap", "interpolation": "nearest"}, (1, 3, 4, 1), [0.125]),
    ("RandomRotation", {"factor": 0.25}, (2, 4, 3, 2), [0.25, 0.875]),
    ("RandomRotation", {"factor": (0.1, 0.3), "fill_mode": "constant", "data_format": "channels_first"}, (1, 1, 3, 4), [0.5]),
    ("RandomZoom", {"height_factor": 0.5}, (2, 4, 3, 1), [0.25, 0.875]),
    ("RandomZoom", {"height_factor": 0.5, "width_factor": (0.1, 0.5), "fill_mode": "nearest"}, (1, 3, 4, 1), [0.75]),
    ("RandomShear", {"x_factor": 0.5, "y_factor": (0.1, 0.3)}, (2, 4, 3, 1), [0.25, 0.875]),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.8}, (2, 4, 5, 1), [0.125, 0.375]),
    ("RandomContrast", UNIT | {"factor": (0.5, 0.25)}, (2, 2, 3, 3), [0.25, 0.875]),
    ("RandomBrightness", UNIT | {"factor": 0.5}, (2, 2, 3, 3), [0.25, 0.875]),
    ("RandomHue", UNIT | {"factor": 0.75}, (2, 2, 3, 3), [0.25, 0.875]),
    ("RandomHue", {"factor": (0.25, 0.5), "data_format": "channels_first"}, (1, 3, 2, 2), [0.375]),
    ("RandomSaturation", UNIT | {"factor": (0.2, 0.9)}, (2, 2, 3, 3), [0.25, 0.875]),
    ("RandomSaturation", {"factor": (0.1, 0.4)}, (1, 2, 3, 3), [0.5]),
    ("RandomGrayscale", {}, (2, 2, 2, 3), [0.25, 0.75]),
    ("RandomColorDegeneration", UNIT | {"factor": 0.5}, (2, 2, 2, 3), [0.25, 0.75]),
    ("RandomInvert", UNIT | {"factor": (0.5, 0.75)}, (2, 2, 2, 1), [0.25, 0.75]),
    ("RandomPosterization", {"factor": (2, 6)}, (2, 2, 3, 1), [0.25, 0.75]),
    ("RandomPosterization", {"factor": 3}, (2, 2, 3, 1), [0.125, 0.75]),
    ("RandomSharpness", UNIT | {"factor": 1.0}, (2, 4, 3, 2), [0.125, 0.75]),
    ("RandomGaussianBlur", UNIT | {"factor": (1.0, 1.0), "kernel_size": (3, 5), "sigma": (0.4, 1.0)}, (2, 4, 5, 2), [0.25, 0.75]),
    ("RandomErasing", UNIT | {"factor": (0.5, 1.0), "scale": (0.2, 0.4), "fill_value": 0.5}, (2, 4, 5, 2), [0.25, 0.75]),
    ("RandomColorJitter", UNIT | {"brightness_factor": 0.2, "contrast_factor": 0.4, "saturation_factor": (0.3, 0.6), "hue_factor": 0.2}, (2, 2, 2, 3), [0.25, 0.75]),
    ("STFTSpectrogram", {"mode": "log", "frame_length": 8}, (1, 20, 1), []),
    ("STFTSpectrogram", {"mode": "magnitude", "frame_length": 6, "frame_step": 2, "padding": "same"}, (1, 9, 2), []),
    ("STFTSpectrogram", {"mode": "psd", "frame_length": 6, "fft_length": 16, "window": "hamming", "periodic": True}, (1, 12, 1), []),
    ("STFTSpectrogram", {"mode": "stft", "frame_length": 6, "expand_dims": True}, (1, 9, 2), []),
    ("STFTSpectrogram", {"mode": "real", "frame_length": 6, "data_format": "channels_first", "scaling": "spectrum"}, (1, 2, 9), []),
    ("STFTSpectrogram", {"mode": "imag", "frame_length": 6, "data_format": "channels_first", "expand_dims": True, "scaling": None}, (1, 2, 9), []),
    ("STFTSpectrogram", {"mode": "angle", "frame_length": 6, "window": None}, (1, 9, 1), []),
    ("MelSpectrogram", {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4, "sampling_rate": 800}, (2, 30), []),
    ("MelSpectrogram", {"fft_length": 16, "sequence_stride": 5, "sequence_length": 12, "num_mel_bins": 3, "sampling_rate": 8000, "window": "hamming", "max_freq": 3000, "power_to_db": False, "mag_exp": 1.0}, (40,), []),
]


def replace_random(draws):
    """Uniform numbers that are `draws[n]` for image n, and the first one where there is no axis of images."""

    def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        shape = tuple(int(n) for n in shape)
        unit = np.full(shape, draws[0], "float32")
        if shape and shape[0] == len(draws):
            unit = unit * 0 + np.reshape(np.array(draws, "float32"), (-1,) + (1,) * (len(shape) - 1))
        return keras.ops.convert_to_tensor((unit * (maxval - minval) + minval).astype("float32"))

    def randint(shape, minval, maxval, dtype="int32", seed=None):
        return keras.ops.cast(keras.ops.floor(uniform(shape, minval, maxval)), dtype)

    jax_random.uniform, jax_random.randint = uniform, randint


def case(class_name, options, shape, draws):
    name = title(class_name, options, f"of {list(shape)}")
    top = 1.0 if "Spectrogram" in class_name else options.get("value_range", (0, 255))[1]
    rng = generator(name)
    if top == 255:
        # colors that divide into bins without rounding
        x = rng.integers(0, 256, size=shape).astype("float32")
    else:
        x = np.round(rng.uniform(0.0, 1.0, size=shape), 3).astype("float32")
    if draws:
        replace_random(draws)
    layer = getattr(layers, class_name)(**options)
    call = {} if "Spectrogram" in class_name or class_name in ("CenterCrop", "Resizing", "AutoContrast") else {"training": True}
    y = np.asarray(layer(x, **call))
    return {"name": name, "className": class_name, "options": plain(camel(options)), "draws": draws, "input": tensor(x), "output": tensor(y)}


def affine():
    """Every fill mode and interpolation, with one matrix that leaves the image on all sides."""
    rng = generator("affine")
    x = np.round(rng.uniform(size=(1, 3, 4, 1)), 3).astype("float32")
    matrix = [1.3, -0.6, -1.7, 0.7, 1.9, -2.3, 0.0, 0.0]
    records = []
    for mode in ("constant", "nearest", "reflect", "mirror", "wrap"):
        for interpolation in ("nearest", "bilinear"):
            y = _affine(x, matrix, interpolation, mode)
            records.append({"fillMode": mode, "interpolation": interpolation, "output": tensor(y)})
    return {"input": tensor(x), "matrix": matrix[:6], "fillValue": 0.25, "records": records}


def _affine(x, matrix, interpolation, mode):
    return np.asarray(affine_transform(x, np.array([matrix], "float32"), interpolation=interpolation, fill_mode=mode, fill_value=0.25, data_format="channels_last"))


def perspective():
    """Corners moved anywhere."""
    x = np.round(generator("perspective").uniform(size=(1, 4, 5, 1)), 3).astype("float32")
    start = np.array([[[0, 0], [4, 0], [0, 3], [4, 3]]], "float32")
    end = np.array([[[0.3, 0.4], [3.6, -0.3], [-0.4, 2.5], [4.5, 3.2]]], "float32")
    y = np.asarray(perspective_transform(x, start, end, data_format="channels_last"))
    return {"input": tensor(x), "corners": plain(end[0].tolist()), "output": tensor(y)}


def record():
    uniform, randint = jax_random.uniform, jax_random.randint
    try:
        return {"layers": [case(*c) for c in CASES], "affine": affine(), "perspective": perspective()}
    finally:
        jax_random.uniform, jax_random.randint = uniform, randint
