"""images.json: sizes by TensorFlow, as for image_dataset_from_directory, and by Pillow, as for load_img."""

import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.image import resize
from PIL import Image

from .common import generator, tensor

TENSORFLOW = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
PILLOW = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
SIZES = ((3, 4), (7, 9))
# between pixels nowhere: there Pillow's rounding would decide
PILLOW_SIZES = ((3, 4), (7, 8))


def record():
    pixels = generator("images").integers(0, 256, size=(5, 6, 3)).astype("uint8")
    shade = pixels[:, :, :1].astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "picture.png")
        Image.fromarray(pixels).save(path)
        load = lambda **options: keras.utils.img_to_array(keras.utils.load_img(path, **options), dtype="uint8")
        gray = load(color_mode="grayscale")
        pillow = [
            {"interpolation": name, "size": list(size), "output": tensor(load(color_mode="grayscale", target_size=size, interpolation=name))}
            for name in PILLOW
            for size in PILLOW_SIZES
        ]
        cut = load(color_mode="grayscale", target_size=(4, 2), interpolation="bilinear", keep_aspect_ratio=True)
    return {
        "pixels": tensor(pixels),
        "gray": tensor(gray),
        "tensorflow": [
            {"interpolation": name, "size": list(size), "output": tensor(tf.image.resize(shade, size, method=name))}
            for name in TENSORFLOW
            for size in SIZES
        ],
        "ratios": [
            {"option": option, "size": list(size), "output": tensor(resize(shade, size, **{option: True}))}
            for option in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
            for size in ((4, 2), (2, 5))
        ],
        "pillow": pillow,
        "keepAspectRatio": tensor(cut),
    }
