"""MobileNet: convolutions taken apart into space and channels, for a tenth of the work.

``mobilenet_v1``: A. Howard and others, MobileNets: efficient convolutional neural networks for
mobile vision applications, 2017, table 1. A depthwise 3x3 and a 1x1 convolution take the place of
one 3x3 convolution. 4,253,864 parameters, 21,888 of them moving averages, as in Keras. Shapes for
an image of 224x224x3::

    conv1 3x3/2                            112x112x32
    blocks 1, 2, 3                         112x112x64    56x56x128    56x56x128
    blocks 4, 5                            28x28x256     28x28x256
    blocks 6, 7 to 11                      14x14x512     14x14x512
    blocks 12, 13                          7x7x1024      7x7x1024
    mean over the image, 1x1 convolution   1000

``mobilenet_v2``: M. Sandler and others, MobileNetV2: inverted residuals and linear bottlenecks,
CVPR 2018, table 2. A block widens its input t times (1x1), looks at space (depthwise 3x3), narrows
again (1x1, without activation), and adds its input where the shapes agree. 3,504,872 trained
parameters; named as torchvision's network, whose weights it loads. Shapes for an image of
224x224x3::

    features.0 3x3/2                       112x112x32
    features.1                             112x112x16
    features.2, 3                          56x56x24
    features.4 to 6                        28x28x32
    features.7 to 10, 11 to 13             14x14x64      14x14x96
    features.14 to 16, 17                  7x7x160       7x7x320
    features.18 1x1                        7x7x1280
    mean over the image, dense             1000
"""

from pellucid._checks import check_range
from pellucid.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    ReLU,
    Reshape,
    Symbol,
)
from pellucid.models import Model
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]

# Filters and step of each block.
V1_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)
# Widening t, filters c, how many blocks n, step s of the first: table 2 of the second paper.
V2_BLOCKS = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


@needs_pixels(32)
def mobilenet_v1(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    alpha: float = 1.0,
    dropout: float = 1e-3,
    seed: int = 0,
) -> Model:
    """Return the first MobileNet; its layers are named as Keras's.

    Args:
        input_shape: (height, width, channels) of an image, 32x32 or more.
        classes: size of the output, which is logits.
        alpha: how many times as many filters as in the paper, above 0.
        dropout: fraction dropped before the last layer.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    check_range("mobilenet_v1", "alpha", alpha, 0, open_low=True)
    image = Input(input_shape)
    at_the_end = ((0, 1), (0, 1))
    x = Conv2D(int(32 * alpha), 3, 2, at_the_end, use_bias=False, name="conv1")(image)
    x = ReLU(6.0)(BatchNormalization(name="conv1_bn")(x))
    for number, (filters, strides) in enumerate(V1_BLOCKS, 1):
        padding = "same" if strides == 1 else at_the_end
        x = DepthwiseConv2D(3, strides, padding, use_bias=False, name=f"conv_dw_{number}")(x)
        x = ReLU(6.0)(BatchNormalization(name=f"conv_dw_{number}_bn")(x))
        x = Conv2D(int(filters * alpha), 1, use_bias=False, name=f"conv_pw_{number}")(x)
        x = ReLU(6.0)(BatchNormalization(name=f"conv_pw_{number}_bn")(x))
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = Dropout(dropout)(x)
    x = Conv2D(classes, 1, name="conv_preds")(x)
    return Model(image, Reshape((classes,))(x), name="mobilenet_v1", seed=seed)


@needs_pixels(1)
def mobilenet_v2(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    alpha: float = 1.0,
    dropout: float = 0.2,
    seed: int = 0,
) -> Model:
    """Return the second MobileNet; its layers are named as torchvision's.

    Args:
        input_shape: (height, width, channels) of an image.
        classes: size of the output, which is logits.
        alpha: how many times as many filters as in the paper, above 0; they are rounded to
            multiples of 8.
        dropout: fraction dropped before the last layer.
        seed: makes the initial weights.
    """
    check_range("mobilenet_v2", "alpha", alpha, 0, open_low=True)
    image = Input(input_shape)
    x = convolution(image, in_eights(32 * alpha), 3, "features.0", strides=2)
    place = 1
    for t, c, n, s in V2_BLOCKS:
        for number in range(n):
            strides = s if number == 0 else 1
            x = inverted_residual(x, in_eights(c * alpha), t, strides, f"features.{place}")
            place += 1
    x = convolution(x, in_eights(1280 * max(1.0, alpha)), 1, f"features.{place}")
    x = GlobalAveragePooling2D()(x)
    x = Dropout(dropout, name="classifier.0")(x)
    return Model(image, Dense(classes, name="classifier.1")(x), name="mobilenet_v2", seed=seed)


def in_eights(filters: float) -> int:
    """Return the multiple of 8 that is nearest, but at least nine tenths of ``filters``."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near + 8 if near < 0.9 * filters else near


def convolution(x: Symbol, filters: int, size: int, name: str, strides: int = 1) -> Symbol:
    """Return convolution, batch normalization and ReLU cut off at 6."""
    margin = (size // 2, size // 2)
    x = Conv2D(
        filters,
        size,
        strides,
        (margin, margin),
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}.0",
    )(x)
    return ReLU(6.0)(normalization(x, f"{name}.1"))


def normalization(x: Symbol, name: str) -> Symbol:
    """Return batch normalization with torchvision's settings."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def inverted_residual(x: Symbol, filters: int, t: int, strides: int, name: str) -> Symbol:
    """Return a block: wide inside, narrow at both ends, added to its input where that fits."""
    f, place = x, 0
    if t != 1:
        f = convolution(f, t * (x.shape[-1] or 0), 1, f"{name}.conv.{place}")
        place += 1
    f = DepthwiseConv2D(
        3, strides, ((1, 1), (1, 1)), use_bias=False, name=f"{name}.conv.{place}.0"
    )(f)
    f = ReLU(6.0)(normalization(f, f"{name}.conv.{place}.1"))
    f = Conv2D(filters, 1, use_bias=False, name=f"{name}.conv.{place + 1}")(f)
    f = normalization(f, f"{name}.conv.{place + 2}")
    return Add(name=name)([x, f]) if x.shape == f.shape else f
