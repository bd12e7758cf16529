"""applications.json: structure, parameters and outputs of keras.applications.

Weights are a function of the layer's name, the weight's place in it and its shape, so that no file has to hold them.
Recorded with TensorFlow, which runs models without compiling them: `KERAS_BACKEND=tensorflow python record.py applications`.
"""

import hashlib
import re

import keras
import numpy as np

from .common import number

LISTED = ("MobileNetV2", "ResNet50")
LOGITS = {"classes": 10, "classifierActivation": None}


def record():
    """Structures of all models, outputs of those that run quickly, and preprocessed pixels."""
    return {
        "structures": [record_structure(*case) for case in structures()],
        "outputs": [record_output(*case) for case in OUTPUTS],
        "preprocessing": [record_preprocessing(mode) for mode in ("tf", "torch", "caffe")],
    }


def structures():
    """Every model as it is by default, and one of each family without its top or with other options."""
    names = [
        *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"),
        *(f"ResNet{depth}{version}" for version in ("", "V2") for depth in (50, 101, 152)),
        *("VGG16", "VGG19", "DenseNet121", "DenseNet169", "DenseNet201"),
        *(f"EfficientNetB{i}" for i in range(8)),
        *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
        *("InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile", "NASNetLarge"),
        *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    ]
    yield from ((name, {}) for name in names)
    yield "MobileNet", {"alpha": 0.25, "depthMultiplier": 2, "inputShape": [128, 128, 3]}
    yield "MobileNet", {"includeTop": False, "pooling": "max", "dropout": 0.5}
    yield "MobileNetV2", {"alpha": 1.4, "includeTop": False, "inputShape": [None, None, 3]}
    yield "MobileNetV2", {"alpha": 0.35, "inputShape": [96, 96, 3], "classes": 7}
    yield "MobileNetV3Small", {"minimalistic": True, "alpha": 0.75, "includePreprocessing": False}
    yield "MobileNetV3Large", {"alpha": 1.25, "includeTop": False, "pooling": "avg", "inputShape": [96, 64, 3]}
    yield "MobileNetV3Large", {"minimalistic": True, "dropoutRate": 0.0}
    yield "ResNet50", {"includeTop": False, "pooling": "avg"}
    yield "ResNet50V2", {"includeTop": False, "pooling": "max", "inputShape": [65, 33, 1]}
    yield "VGG16", {"includeTop": False, "pooling": "avg", "inputShape": [32, 48, 3]}
    yield "DenseNet121", {"includeTop": False, "inputShape": [64, 64, 3], "name": "dense"}
    yield "EfficientNetB0", {"includeTop": False, "pooling": "max"}
    yield "EfficientNetV2B0", {"includeTop": False, "includePreprocessing": False, "inputShape": [65, 65, 3]}
    yield "EfficientNetV2B0", {"inputShape": [64, 64, 1]}
    yield "InceptionV3", {"includeTop": False, "pooling": "avg"}
    yield "Xception", {"includeTop": False, "inputShape": [71, 99, 3]}
    yield "NASNetMobile", {"includeTop": False, "inputShape": [75, 64, 3], "pooling": "avg"}
    yield "ConvNeXtTiny", {"includeTop": False, "includePreprocessing": False, "pooling": "max"}


OUTPUTS = [
    ("MobileNet", {"alpha": 0.25, "inputShape": [64, 64, 3], **LOGITS}),
    ("MobileNetV2", {"alpha": 0.35, "inputShape": [96, 96, 3], "classes": 10}),
    ("MobileNetV3Small", {"inputShape": [64, 64, 3], **LOGITS}),
    ("MobileNetV3Large", {"minimalistic": True, "inputShape": [64, 64, 3], **LOGITS}),
    ("ResNet50", {"inputShape": [64, 64, 3], **LOGITS}),
    ("ResNet50V2", {"inputShape": [64, 64, 3], **LOGITS}),
    ("VGG16", {"inputShape": [32, 32, 3], **LOGITS}),
    ("DenseNet121", {"inputShape": [64, 64, 3], **LOGITS}),
    ("EfficientNetB0", {"inputShape": [64, 64, 3], **LOGITS}),
    ("EfficientNetV2B0", {"inputShape": [64, 64, 3], **LOGITS}),
    ("InceptionV3", {"inputShape": [75, 75, 3], **LOGITS}),
    ("InceptionResNetV2", {"inputShape": [75, 75, 3], **LOGITS}),
    ("Xception", {"inputShape": [71, 71, 3], **LOGITS}),
    ("NASNetMobile", {"inputShape": [64, 64, 3], **LOGITS}),
    ("ConvNeXtTiny", {"inputShape": [32, 32, 3], **LOGITS}),
]


def build(name, options):
    """The model, with automatic names counted from the start."""
    keras.backend.clear_session()
    snake = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), key): value for key, value in options.items()}
    if "input_shape" in snake:
        snake["input_shape"] = tuple(snake["input_shape"])
    return getattr(keras.applications, name)(weights=None, **snake)


def record_structure(name, options):
    """Parameters, and the lines "name class shape" of all operations: their number and hash, or themselves."""
    model = build(name, options)
    lines = [f"{op.name} {class_of(op)} {'x'.join(str(n or '?') for n in op.output.shape)}" for op in model.operations]
    shapes = [f"{layer.name}/{i} {'x'.join(map(str, w.shape))}" for layer in model.layers for i, w in enumerate(layer.get_weights())]
    record = {"model": name, "options": options, "name": model.name, "params": model.count_params()}
    if name in LISTED and not options:
        return {**record, "layers": lines, "weights": digest(shapes)}
    return {**record, "layers": [len(lines), digest(lines)], "weights": digest(shapes)}


def class_of(operation):
    """`x + 3` and `x / 6` are operations without a layer in Keras; here they are layers that rescale."""
    if isinstance(operation, keras.layers.Layer) or len(operation._inbound_nodes[0].input_tensors) > 1:
        return type(operation).__name__
    return "Rescaling"


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def draw(key, shape):
    """Numbers in [-1, 1), float64: the hash of the key, counted on and mixed (the end of MurmurHash3)."""
    seed = 0x811C9DC5
    for byte in key.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    x ^= x >> 16
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> 13
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> 16
    return (x / 2.0**31 - 1).reshape(shape)


def weight_of(key, name, shape):
    """Kernels keep the size of what passes; variances and factors are near 1, the rest near 0."""
    u = draw(key, shape)
    if len(shape) > 1:
        depthwise = shape[-1] == 1
        return u * np.sqrt(6 / np.prod(shape[:2] if depthwise else shape[:-1]))
    return 1 + 0.2 * u if name in ("gamma", "moving_variance", "variance") else 0.1 * u


def record_output(name, options):
    """What a model with drawn weights gives for one drawn picture."""
    model = build(name, options)
    for layer in model.layers:
        for i, weight in enumerate(layer.weights):
            weight.assign(weight_of(f"{layer.name}/{i}", weight.name, tuple(weight.shape)).astype("float32"))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with copies of its statistics
    x = ((draw("picture", (1, *options["inputShape"])) + 1) * 127.5).astype("float32")
    y = np.asarray(model(x, training=False))
    print(name, y.shape, float(np.abs(y).max()), flush=True)
    return {"model": name, "options": options, "output": [number(float(v)) for v in y.ravel()]}


def record_preprocessing(mode):
    pixels = np.round((draw("pixels", (1, 2, 2, 3)) + 1) * 127.5).astype("float32")
    y = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
    return {"mode": mode, "input": [number(float(v)) for v in pixels.ravel()], "output": [number(float(v)) for v in np.ravel(y)]}
