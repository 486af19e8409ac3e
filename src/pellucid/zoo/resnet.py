"""ResNet: blocks that learn what to add to their input, so that a hundred layers still train.

K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition, CVPR 2016, tables 1
and 6. A block computes

    y = relu(x + F(x))          F: two 3x3 convolutions, or 1x1, 3x3, 1x1 (a bottleneck)

each convolution followed by batch normalization; where the size changes, x goes through a 1x1
convolution (or, for CIFAR, loses every second pixel and gains channels of zeros).

For images of 224x224, named as torchvision's networks, whose weights they load (the bottleneck's
step of 2 is in its 3x3 convolution)::

    name        blocks a stage    trained parameters
    resnet18    2, 2, 2, 2        11,689,512      two 3x3
    resnet34    3, 4, 6, 3        21,797,672      two 3x3
    resnet50    3, 4, 6, 3        25,557,032      bottleneck
    resnet101   3, 4, 23, 3       44,549,160      bottleneck
    resnet152   3, 8, 36, 3       60,192,808      bottleneck

    conv1 7x7/2                   112x112x64
    max pooling 3x3/2             56x56x64
    layer1                        56x56x64      (bottleneck 256)
    layer2                        28x28x128     (512)
    layer3                        14x14x256     (1024)
    layer4                        7x7x512       (2048)
    mean over the image, dense    1000

For images of 32x32 (``resnet_cifar``, depth 6 n + 2, n blocks a stage)::

    depth    trained parameters             conv1      32x32x16
    20         269,722                      stage 1    32x32x16
    32         464,154                      stage 2    16x16x32
    44         658,586                      stage 3    8x8x64
    56         853,018                      mean over the image, dense 10
    110      1,727,962
"""

from typing import Any

from pellucid._checks import check_one_of
from pellucid.errors import ArgumentError
from pellucid.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Reshape,
    Symbol,
    ZeroPadding3D,
)
from pellucid.models import Model
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]

STAGES = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
PLAIN = ("resnet18", "resnet34")
EXPANSION = 4
"""A bottleneck has so many times more filters at its end than inside."""


@needs_pixels(1)
def resnet(
    name: str,
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    width: int = 64,
    seed: int = 0,
) -> Model:
    """Return one of the five networks.

    Args:
        name: ``"resnet18"``, ``"resnet34"``, ``"resnet50"``, ``"resnet101"`` or ``"resnet152"``.
        input_shape: (height, width, channels) of an image.
        classes: size of the output, which is logits.
        width: filters of the first stage; the others have 2, 4 and 8 times as many.
        seed: makes the initial weights.
    """
    check_one_of("resnet", "name", name, list(STAGES))
    image = Input(input_shape)
    x = convolution(image, width, 7, 2, "conv1")
    x = Activation("relu")(normalization(x, "bn1"))
    x = MaxPooling2D(3, 2, ((1, 1), (1, 1)), name="maxpool")(x)
    block = plain_block if name in PLAIN else bottleneck_block
    for stage, blocks in enumerate(STAGES[name]):
        for number in range(blocks):
            strides = 2 if stage > 0 and number == 0 else 1
            x = block(x, width * 2**stage, strides, f"layer{stage + 1}.{number}")
    x = GlobalAveragePooling2D(name="avgpool")(x)
    return Model(image, Dense(classes, name="fc")(x), name=name, seed=seed)


def convolution(x: Symbol, filters: int, size: int, strides: int, name: str) -> Symbol:
    """Return a convolution without bias; the normalization after it has one."""
    margin = (size // 2, size // 2)
    return Conv2D(
        filters,
        size,
        strides,
        (margin, margin),
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def normalization(x: Symbol, name: str) -> Symbol:
    """Return batch normalization with torchvision's settings."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def plain_block(x: Symbol, filters: int, strides: int, name: str) -> Symbol:
    """Return relu(x + F(x)), F two 3x3 convolutions."""
    f = normalization(convolution(x, filters, 3, strides, f"{name}.conv1"), f"{name}.bn1")
    f = Activation("relu")(f)
    f = normalization(convolution(f, filters, 3, 1, f"{name}.conv2"), f"{name}.bn2")
    return Activation("relu", name=name)(Add()([shortcut(x, f, strides, name), f]))


def bottleneck_block(x: Symbol, filters: int, strides: int, name: str) -> Symbol:
    """Return relu(x + F(x)), F a 1x1, a 3x3 and a 1x1 convolution."""
    f = normalization(convolution(x, filters, 1, 1, f"{name}.conv1"), f"{name}.bn1")
    f = Activation("relu")(f)
    f = normalization(convolution(f, filters, 3, strides, f"{name}.conv2"), f"{name}.bn2")
    f = Activation("relu")(f)
    f = convolution(f, EXPANSION * filters, 1, 1, f"{name}.conv3")
    f = normalization(f, f"{name}.bn3")
    return Activation("relu", name=name)(Add()([shortcut(x, f, strides, name), f]))


def shortcut(x: Symbol, f: Symbol, strides: int, name: str) -> Symbol:
    """Return x, brought to the shape of f by a 1x1 convolution where it differs."""
    if strides == 1 and x.shape[-1] == f.shape[-1]:
        return x
    x = convolution(x, f.shape[-1] or 0, 1, strides, f"{name}.downsample.0")
    return normalization(x, f"{name}.downsample.1")


def resnet18(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Model:
    """Return the network of 18 layers; see ``resnet``."""
    return resnet("resnet18", input_shape, classes, **settings)


def resnet34(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Model:
    """Return the network of 34 layers; see ``resnet``."""
    return resnet("resnet34", input_shape, classes, **settings)


def resnet50(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Model:
    """Return the network of 50 layers; see ``resnet``."""
    return resnet("resnet50", input_shape, classes, **settings)


def resnet101(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Model:
    """Return the network of 101 layers; see ``resnet``."""
    return resnet("resnet101", input_shape, classes, **settings)


def resnet152(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Model:
    """Return the network of 152 layers; see ``resnet``."""
    return resnet("resnet152", input_shape, classes, **settings)


@needs_pixels(1)
def resnet_cifar(
    depth: int = 20,
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    width: int = 16,
    seed: int = 0,
) -> Model:
    """Return the network for images of 32x32.

    Args:
        depth: 6 n + 2 layers with weights, n of 1 or more; the paper has 20, 32, 44, 56 and 110.
        input_shape: (height, width, channels) of an image.
        classes: size of the output, which is logits.
        width: filters of the first stage; the others have 2 and 4 times as many.
        seed: makes the initial weights.

    Raises:
        ArgumentError: if depth is not 6 n + 2.
    """
    if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
        raise ArgumentError(
            f"resnet_cifar expected depth to be 6 n + 2, such as 20, 32, 44, 56 or 110, got "
            f"{depth!r}."
        )
    image = Input(input_shape)
    x = convolution(image, width, 3, 1, "conv1")
    x = Activation("relu")(normalization(x, "bn1"))
    for stage in (1, 2, 3):
        for number in range((depth - 2) // 6):
            strides = 2 if stage > 1 and number == 0 else 1
            x = cifar_block(x, width * 2 ** (stage - 1), strides, f"layer{stage}.{number}")
    x = GlobalAveragePooling2D(name="avgpool")(x)
    return Model(image, Dense(classes, name="fc")(x), name=f"resnet{depth}_cifar", seed=seed)


def cifar_block(x: Symbol, filters: int, strides: int, name: str) -> Symbol:
    """Return relu(x + F(x)), F two 3x3 convolutions, without numbers on the way of x."""
    f = normalization(convolution(x, filters, 3, strides, f"{name}.conv1"), f"{name}.bn1")
    f = Activation("relu")(f)
    f = normalization(convolution(f, filters, 3, 1, f"{name}.conv2"), f"{name}.bn2")
    if x.shape != f.shape:
        x = widened(x, filters, strides)
    return Activation("relu", name=name)(Add()([x, f]))


def widened(x: Symbol, filters: int, strides: int) -> Symbol:
    """Return every second pixel of x, with channels of zeros before and after its own."""
    x = MaxPooling2D(1, strides)(x)
    _, height, width, channels = (n or 0 for n in x.shape)
    missing = filters - channels
    sides = (missing // 2, missing - missing // 2)
    x = Reshape((height, width, channels, 1))(x)
    x = ZeroPadding3D(((0, 0), (0, 0), sides))(x)
    return Reshape((height, width, filters))(x)
