"""The layers' options and input shapes: (class name, options, inputs, {"training": True} or {})."""

MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")

# Not sparsemax: Keras 3.15 sums the cumulative sums, and its rows do not add up to one.
ACTIVATIONS = (
    "relu relu6 leaky_relu elu selu celu gelu glu silu swish hard_silu hard_swish hard_sigmoid hard_tanh hard_shrink "
    "soft_shrink tanh_shrink sigmoid log_sigmoid sparse_sigmoid softmax log_softmax softplus softsign "
    "squareplus sparse_plus tanh exponential linear mish"
).split()

GROUPS = []


def group(function):
    """Registers a generator of cases."""
    GROUPS.append(function)
    return function


def cases():
    """Every case, in the order of the groups below."""
    for function in GROUPS:
        for class_name, options, inputs, *extra in function():
            yield class_name, options, inputs, (extra[0] if extra else {})


@group
def dense():
    yield "Dense", dict(units=3), [(2, 4)]
    yield "Dense", dict(units=3, use_bias=False), [(2, 4)]
    for activation in ("relu", "tanh", "softmax", "gelu"):
        yield "Dense", dict(units=3, activation=activation), [(2, 4)]
    yield "Dense", dict(units=2, activation="sigmoid"), [(2, 3, 4)]
    yield "Dense", dict(units=2), [(2, 2, 3, 4)]
    yield "Embedding", dict(input_dim=7, output_dim=3), [((2, 5), "int", 7)]
    yield "Embedding", dict(input_dim=4, output_dim=2), [((3, 2, 2), "int", 4)]


@group
def conv1d():
    for padding in ("valid", "same", "causal"):
        yield "Conv1D", dict(filters=3, kernel_size=3, padding=padding), [(2, 6, 2)]
        yield "Conv1D", dict(filters=3, kernel_size=2, padding=padding, strides=2), [(2, 7, 2)]
        yield "Conv1D", dict(filters=2, kernel_size=3, padding=padding, dilation_rate=2), [(2, 7, 2)]
    yield "Conv1D", dict(filters=4, kernel_size=3, groups=2, padding="same"), [(2, 5, 4)]
    yield "Conv1D", dict(filters=2, kernel_size=3, use_bias=False, activation="relu"), [(2, 5, 2)]
    yield "Conv1D", dict(filters=3, kernel_size=3, padding="same", data_format="channels_first"), [(2, 2, 6)]
    for padding in ("valid", "same"):
        yield "DepthwiseConv1D", dict(kernel_size=3, padding=padding, depth_multiplier=2), [(2, 6, 2)]
    yield "DepthwiseConv1D", dict(kernel_size=3, padding="same", strides=2), [(2, 6, 2)]
    for padding in ("valid", "same"):
        yield "SeparableConv1D", dict(filters=3, kernel_size=3, padding=padding), [(2, 6, 2)]
    yield "SeparableConv1D", dict(filters=3, kernel_size=3, strides=2, depth_multiplier=2), [(2, 7, 2)]


@group
def conv2d():
    for padding in ("valid", "same"):
        yield "Conv2D", dict(filters=3, kernel_size=3, padding=padding), [(2, 5, 4, 2)]
        yield "Conv2D", dict(filters=2, kernel_size=[3, 2], padding=padding, strides=2), [(2, 6, 5, 2)]
        yield "Conv2D", dict(filters=2, kernel_size=2, padding=padding, strides=[2, 1]), [(2, 5, 4, 2)]
        yield "Conv2D", dict(filters=2, kernel_size=[2, 3], padding=padding, dilation_rate=[1, 2]), [(1, 5, 6, 2)]
        yield "Conv2D", dict(filters=4, kernel_size=3, padding=padding, groups=2), [(1, 4, 5, 4)]
    yield "Conv2D", dict(filters=3, kernel_size=1), [(2, 3, 3, 2)]
    yield "Conv2D", dict(filters=3, kernel_size=5, strides=3, padding="same"), [(1, 7, 8, 1)]
    yield "Conv2D", dict(filters=2, kernel_size=4, padding="same"), [(1, 5, 5, 2)]
    yield "Conv2D", dict(filters=2, kernel_size=3, use_bias=False, activation="relu"), [(2, 4, 4, 2)]
    yield "Conv2D", dict(filters=2, kernel_size=3, padding="same", data_format="channels_first"), [(2, 2, 4, 5)]
    yield "Conv2D", dict(filters=2, kernel_size=2, strides=2, data_format="channels_first"), [(2, 3, 4, 5)]
    for padding in ("valid", "same"):
        yield "DepthwiseConv2D", dict(kernel_size=3, padding=padding), [(2, 5, 4, 2)]
        yield "DepthwiseConv2D", dict(kernel_size=3, padding=padding, strides=2, depth_multiplier=2), [(2, 6, 5, 2)]
        yield "DepthwiseConv2D", dict(kernel_size=2, padding=padding, dilation_rate=2), [(1, 5, 5, 2)]
    yield "DepthwiseConv2D", dict(kernel_size=[2, 3], use_bias=False, activation="relu"), [(2, 4, 4, 2)]
    yield "DepthwiseConv2D", dict(kernel_size=3, padding="same", data_format="channels_first"), [(2, 2, 4, 4)]
    for padding in ("valid", "same"):
        yield "SeparableConv2D", dict(filters=3, kernel_size=3, padding=padding), [(2, 5, 4, 2)]
        yield "SeparableConv2D", dict(filters=3, kernel_size=2, padding=padding, strides=2), [(2, 5, 4, 2)]
        yield "SeparableConv2D", dict(filters=2, kernel_size=2, padding=padding, dilation_rate=2), [(1, 5, 5, 2)]
    yield "SeparableConv2D", dict(filters=3, kernel_size=2, depth_multiplier=2, use_bias=False), [(1, 4, 4, 2)]


@group
def conv3d():
    for padding in ("valid", "same"):
        yield "Conv3D", dict(filters=2, kernel_size=2, padding=padding), [(1, 3, 4, 3, 2)]
        yield "Conv3D", dict(filters=2, kernel_size=3, padding=padding, strides=2), [(1, 4, 5, 3, 2)]
    yield "Conv3D", dict(filters=2, kernel_size=[1, 2, 3], padding="same"), [(1, 3, 3, 3, 1)]
    yield "Conv3D", dict(filters=1, kernel_size=2, dilation_rate=2), [(1, 4, 3, 3, 2)]
    yield "Conv3D", dict(filters=2, kernel_size=2, groups=2, use_bias=False), [(1, 3, 3, 2, 2)]
    yield "Conv3D", dict(filters=2, kernel_size=2, data_format="channels_first"), [(1, 2, 3, 3, 2)]


@group
def transposed():
    for padding in ("valid", "same"):
        for strides in (1, 2, 3):
            options = dict(filters=2, kernel_size=3, strides=strides, padding=padding)
            yield "Conv1DTranspose", options, [(2, 4, 2)]
            yield "Conv2DTranspose", options, [(1, 3, 4, 2)]
        options = dict(filters=2, kernel_size=2, strides=2, padding=padding)
        yield "Conv1DTranspose", options, [(2, 3, 2)]
        yield "Conv2DTranspose", options, [(1, 3, 2, 3)]
        yield "Conv3DTranspose", options, [(1, 2, 3, 2, 2)]
        yield "Conv3DTranspose", dict(filters=2, kernel_size=3, padding=padding), [(1, 2, 3, 2, 1)]
        options = dict(filters=2, kernel_size=3, strides=2, padding=padding, output_padding=1)
        yield "Conv1DTranspose", options, [(2, 3, 2)]
        yield "Conv2DTranspose", options, [(1, 3, 2, 2)]
        options = dict(filters=2, kernel_size=3, strides=2, padding=padding, output_padding=0)
        yield "Conv2DTranspose", options, [(1, 3, 2, 2)]
        options = dict(filters=2, kernel_size=2, padding=padding, dilation_rate=2)
        yield "Conv1DTranspose", options, [(1, 4, 2)]
        yield "Conv2DTranspose", options, [(1, 3, 3, 2)]
        yield "Conv2DTranspose", dict(filters=2, kernel_size=1, strides=2, padding=padding), [(1, 3, 2, 2)]
        yield "Conv2DTranspose", dict(filters=1, kernel_size=4, strides=[2, 1], padding=padding), [(1, 3, 3, 2)]
    options = dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1)
    yield "Conv3DTranspose", options, [(1, 2, 2, 1, 2)]
    yield "Conv2DTranspose", dict(filters=2, kernel_size=3, use_bias=False, activation="relu"), [(1, 3, 3, 2)]
    options = dict(filters=2, kernel_size=3, strides=2, padding="same", data_format="channels_first")
    yield "Conv2DTranspose", options, [(1, 2, 3, 3)]


@group
def pooling():
    for kind in ("Max", "Average"):
        for padding in ("valid", "same"):
            yield f"{kind}Pooling1D", dict(pool_size=2, padding=padding), [(2, 5, 2)]
            yield f"{kind}Pooling1D", dict(pool_size=3, strides=2, padding=padding), [(2, 6, 2)]
            yield f"{kind}Pooling2D", dict(pool_size=2, padding=padding), [(2, 5, 4, 2)]
            yield f"{kind}Pooling2D", dict(pool_size=3, strides=2, padding=padding), [(1, 6, 5, 2)]
            yield f"{kind}Pooling2D", dict(pool_size=[2, 3], strides=1, padding=padding), [(1, 4, 4, 2)]
            yield f"{kind}Pooling3D", dict(pool_size=2, padding=padding), [(1, 3, 4, 2, 2)]
            yield f"{kind}Pooling3D", dict(pool_size=[2, 1, 3], strides=1, padding=padding), [(1, 3, 2, 3, 2)]
        yield f"{kind}Pooling2D", dict(pool_size=2, strides=3), [(1, 6, 5, 1)]
        yield f"{kind}Pooling2D", dict(pool_size=2, data_format="channels_first"), [(1, 2, 4, 4)]
        for rank, shape in ((1, (2, 4, 3)), (2, (2, 3, 2, 3)), (3, (2, 2, 3, 2, 2))):
            yield f"Global{kind}Pooling{rank}D", dict(), [shape]
            yield f"Global{kind}Pooling{rank}D", dict(keepdims=True), [shape]
        yield f"Global{kind}Pooling2D", dict(data_format="channels_first"), [(2, 3, 2, 3)]


@group
def shaping():
    yield "Flatten", dict(), [(2, 3, 2)]
    yield "Flatten", dict(), [(2, 2, 3, 2)]
    yield "Flatten", dict(data_format="channels_first"), [(2, 2, 3, 2)]
    yield "Reshape", dict(target_shape=[3, 2]), [(2, 6)]
    yield "Reshape", dict(target_shape=[-1, 2]), [(2, 3, 4)]
    yield "Permute", dict(dims=[2, 1]), [(2, 3, 4)]
    yield "Permute", dict(dims=[3, 1, 2]), [(2, 2, 3, 4)]
    yield "RepeatVector", dict(n=3), [(2, 4)]
    for padding in (2, [1, 3], [0, 2]):
        yield "ZeroPadding1D", dict(padding=padding), [(2, 3, 2)]
    for padding in (1, [2, 1], [[1, 0], [2, 3]]):
        yield "ZeroPadding2D", dict(padding=padding), [(1, 2, 3, 2)]
    yield "ZeroPadding2D", dict(padding=[[1, 2], [0, 1]], data_format="channels_first"), [(1, 2, 2, 3)]
    for padding in (1, [1, 0, 2], [[1, 0], [0, 2], [1, 1]]):
        yield "ZeroPadding3D", dict(padding=padding), [(1, 2, 1, 2, 2)]
    for cropping in (1, [1, 2], [0, 2]):
        yield "Cropping1D", dict(cropping=cropping), [(2, 5, 2)]
    for cropping in (1, [2, 1], [[1, 0], [0, 2]]):
        yield "Cropping2D", dict(cropping=cropping), [(1, 5, 4, 2)]
    yield "Cropping2D", dict(cropping=[[1, 1], [0, 1]], data_format="channels_first"), [(1, 2, 4, 3)]
    for cropping in (1, [1, 0, 1], [[1, 0], [0, 2], [1, 1]]):
        yield "Cropping3D", dict(cropping=cropping), [(1, 3, 4, 3, 2)]
    yield "UpSampling1D", dict(size=3), [(2, 3, 2)]
    yield "UpSampling2D", dict(), [(1, 2, 3, 2)]
    yield "UpSampling2D", dict(size=[2, 3]), [(1, 2, 2, 2)]
    yield "UpSampling2D", dict(size=2, interpolation="bilinear"), [(1, 3, 2, 2)]
    yield "UpSampling2D", dict(size=[3, 2], interpolation="bilinear"), [(1, 2, 3, 2)]
    yield "UpSampling2D", dict(size=2, data_format="channels_first"), [(1, 2, 2, 3)]
    yield "UpSampling3D", dict(size=2), [(1, 2, 1, 2, 2)]
    yield "UpSampling3D", dict(size=[1, 2, 3]), [(1, 2, 2, 1, 2)]


@group
def activations():
    for name in ACTIVATIONS:
        yield "Activation", dict(activation=name), [((3, 8), 3.0)]
    yield "Activation", dict(activation="softmax"), [(2, 3, 4)]
    big = [((3, 6), 3.0)]
    yield "ReLU", dict(), big
    yield "ReLU", dict(max_value=2.0), big
    yield "ReLU", dict(negative_slope=0.2), big
    yield "ReLU", dict(threshold=1.0), big
    yield "ReLU", dict(max_value=3.0, negative_slope=0.1, threshold=0.5), big
    yield "LeakyReLU", dict(), big
    yield "LeakyReLU", dict(negative_slope=0.1), big
    yield "PReLU", dict(), [(2, 3, 4)]
    yield "PReLU", dict(shared_axes=[1, 2]), [(2, 3, 2, 4)]
    yield "PReLU", dict(shared_axes=[1]), [(2, 3, 4)]
    yield "ELU", dict(), big
    yield "ELU", dict(alpha=0.5), big
    yield "Softmax", dict(), [(2, 3, 4)]
    yield "Softmax", dict(axis=1), [(2, 3, 4)]
    yield "Softmax", dict(axis=[1, 2]), [(2, 3, 4)]


@group
def normalization():
    for extra in ({}, {"training": True}):
        yield "BatchNormalization", dict(), [(4, 3)], extra
        yield "BatchNormalization", dict(), [(2, 3, 2, 3)], extra
        yield "BatchNormalization", dict(axis=1), [(3, 2, 3, 2)], extra
        yield "BatchNormalization", dict(center=False), [(4, 3)], extra
        yield "BatchNormalization", dict(scale=False), [(4, 3)], extra
        yield "BatchNormalization", dict(center=False, scale=False), [(4, 3)], extra
        yield "BatchNormalization", dict(momentum=0.8, epsilon=0.01), [(3, 4, 2)], extra
    yield "LayerNormalization", dict(), [(2, 5)]
    yield "LayerNormalization", dict(), [(2, 3, 4)]
    yield "LayerNormalization", dict(axis=1), [(2, 3, 4)]
    yield "LayerNormalization", dict(axis=[1, 2]), [(2, 3, 4)]
    yield "LayerNormalization", dict(axis=[2, 3], epsilon=0.01), [(2, 2, 3, 2)]
    yield "LayerNormalization", dict(center=False), [(2, 4)]
    yield "LayerNormalization", dict(scale=False), [(2, 4)]
    yield "GroupNormalization", dict(groups=2), [(2, 6)]
    yield "GroupNormalization", dict(groups=2), [(2, 3, 2, 4)]
    yield "GroupNormalization", dict(groups=-1), [(2, 3, 4)]
    yield "GroupNormalization", dict(groups=1, center=False), [(2, 3, 4)]
    yield "GroupNormalization", dict(groups=2, axis=1), [(2, 4, 3)]
    yield "GroupNormalization", dict(groups=3, scale=False, epsilon=0.01), [(2, 2, 3)]
    yield "RMSNormalization", dict(), [(2, 3, 4)]
    yield "RMSNormalization", dict(epsilon=0.01), [(2, 5)]
    yield "RMSNormalization", dict(axis=[1, 2], epsilon=0.01), [(2, 3, 4)]
    yield "UnitNormalization", dict(), [(2, 3, 4)]
    yield "UnitNormalization", dict(axis=1), [(2, 3, 4)]
    yield "UnitNormalization", dict(axis=[1, 2]), [(2, 3, 4)]


@group
def merging():
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield name, dict(), [(2, 3)] * 3
        yield name, dict(), [(2, 3, 4), (2, 1, 4)]
    yield "Add", dict(), [(2, 3, 4), (2, 4)]
    yield "Subtract", dict(), [(2, 3), (2, 3)]
    yield "Subtract", dict(), [(2, 3, 4), (2, 1, 4)]
    yield "Concatenate", dict(), [(2, 3), (2, 2), (2, 1)]
    yield "Concatenate", dict(axis=1), [(2, 3, 2), (2, 1, 2)]
    yield "Concatenate", dict(axis=-2), [(2, 3, 2), (2, 1, 2)]
    yield "Dot", dict(axes=1), [(2, 3), (2, 3)]
    yield "Dot", dict(axes=1, normalize=True), [(2, 3), (2, 3)]
    yield "Dot", dict(axes=1), [(2, 3, 2), (2, 3, 4)]
    yield "Dot", dict(axes=-1), [(2, 3, 4), (2, 2, 4)]
    yield "Dot", dict(axes=[2, 1]), [(2, 3, 4), (2, 4, 2)]
    yield "Dot", dict(axes=[1, 2], normalize=True), [(2, 4, 3), (2, 2, 4)]
    yield "Dot", dict(axes=[2, 1]), [(2, 3, 4), (2, 4)]


@group
def inference_only():
    yield "Rescaling", dict(scale=0.5), [(2, 3)]
    yield "Rescaling", dict(scale=2.0, offset=-1.0), [(2, 2, 3)]
    yield "Dropout", dict(rate=0.5), [(2, 3)]
    yield "Dropout", dict(rate=0.0), [(2, 3)], {"training": True}
    yield "SpatialDropout1D", dict(rate=0.5), [(2, 3, 2)]
    yield "SpatialDropout2D", dict(rate=0.5), [(1, 2, 3, 2)]
    yield "SpatialDropout3D", dict(rate=0.5), [(1, 2, 1, 2, 2)]
    yield "AlphaDropout", dict(rate=0.5), [(2, 3)]
    yield "GaussianDropout", dict(rate=0.5), [(2, 3)]
    yield "GaussianNoise", dict(stddev=0.5), [(2, 3)]
    yield "ActivityRegularization", dict(l1=0.1, l2=0.2), [(2, 3)]
    yield "Identity", dict(), [(2, 3)]
