"""VGG: nothing but 3x3 convolutions, in five stages of ever more channels.

K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR
2015, table 1, columns A, B, D and E. The number counts the layers that have weights.

=====  ===========================  ==================
name   convolutions a stage         parameters
=====  ===========================  ==================
vgg11  1, 1, 2, 2, 2                132,863,336
vgg13  2, 2, 2, 2, 2                133,047,848
vgg16  2, 2, 3, 3, 3                138,357,544
vgg19  2, 2, 4, 4, 4                143,667,240
=====  ===========================  ==================

Shapes after each stage, for an image of 224x224x3::

    stage 1   64 filters, max pooling 2x2       112x112x64
    stage 2   128 filters, max pooling 2x2      56x56x128
    stage 3   256 filters, max pooling 2x2      28x28x256
    stage 4   512 filters, max pooling 2x2      14x14x512
    stage 5   512 filters, max pooling 2x2      7x7x512
    mean over 7x7 windows                       7x7x512      (the same for 224x224)
    dense     4096, 4096, 1000

Layers are named as torchvision's, whose weights the networks load.
"""

from typing import Any

from pellucid._checks import check_one_of
from pellucid.layers import (
    AdaptiveAveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
)
from pellucid.models import Sequential
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]

STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
FILTERS = (64, 128, 256, 512, 512)


@needs_pixels(32)
def vgg(
    name: str,
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    hidden: int = 4096,
    dropout: float = 0.5,
    seed: int = 0,
) -> Sequential:
    """Return one of the four networks.

    Args:
        name: ``"vgg11"``, ``"vgg13"``, ``"vgg16"`` or ``"vgg19"``.
        input_shape: (height, width, channels) of an image, 32x32 or more.
        classes: size of the output, which is logits.
        hidden: units of each of the two hidden dense layers.
        dropout: fraction dropped after each of them.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    check_one_of("vgg", "name", name, list(STAGES))
    layers: list[Any] = [Input(input_shape)]
    place = 0  # torchvision counts convolutions, activations and poolings
    for convolutions, filters in zip(STAGES[name], FILTERS, strict=True):
        for _ in range(convolutions):
            layers.append(
                Conv2D(
                    filters,
                    3,
                    padding="same",
                    activation="relu",
                    kernel_initializer="he_normal",
                    name=f"features.{place}",
                )
            )
            place += 2
        layers.append(MaxPooling2D(2, name=f"features.{place}"))
        place += 1
    layers += [
        AdaptiveAveragePooling2D(7, name="avgpool"),
        Flatten(),
        Dense(hidden, "relu", name="classifier.0"),
        Dropout(dropout, name="classifier.2"),
        Dense(hidden, "relu", name="classifier.3"),
        Dropout(dropout, name="classifier.5"),
        Dense(classes, name="classifier.6"),
    ]
    return Sequential(layers, name=name, seed=seed)


def vgg11(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Sequential:
    """Return the network of 11 layers; see ``vgg``."""
    return vgg("vgg11", input_shape, classes, **settings)


def vgg13(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Sequential:
    """Return the network of 13 layers; see ``vgg``."""
    return vgg("vgg13", input_shape, classes, **settings)


def vgg16(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Sequential:
    """Return the network of 16 layers; see ``vgg``."""
    return vgg("vgg16", input_shape, classes, **settings)


def vgg19(input_shape: Shape = (224, 224, 3), classes: int = 1000, **settings: Any) -> Sequential:
    """Return the network of 19 layers; see ``vgg``."""
    return vgg("vgg19", input_shape, classes, **settings)
