"""LeNet-5: convolutions and pooling by turns, then dense layers; the first network of its kind.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86, 1998, section II.

``lenet5``: the form of the textbooks, 61,706 parameters. For an image of 28x28x1::

    C1  convolution 6 5x5, same      28x28x6         156
    S2  pooling 2x2                  14x14x6
    C3  convolution 16 5x5           10x10x16      2,416
    S4  pooling 2x2                  5x5x16
    C5  dense 120                    120          48,120
    F6  dense 84                     84           10,164
    output  dense 10                 10              850

``lenet5_1998``: the paper's. Pooling has a weight and a bias for each map, C3 sees some of the maps
only (table I), the activation is f(a) = 1.7159 tanh(2 a / 3), and the output units measure how far
the 84 numbers of F6 lie from a drawing of each digit, 7 pixels wide and 12 high. 60,000 trained
parameters and 840 fixed ones. For an image of 28x28x1 with pixels from 0 to 255::

    frame of 2, -0.1 to 1.175        32x32x1
    C1  convolution 6 5x5            28x28x6         156
    S2  mean 2x2, weight and bias    14x14x6          12
    C3  sparse convolution 16 5x5    10x10x16      1,516     60 connections
    S4  mean 2x2, weight and bias    5x5x16           32
    C5  convolution 120 5x5          1x1x120      48,120
    F6  dense 84                     84           10,164
    output  -|x - code_j|^2          10              840     fixed

The outputs are the negative distances, -y_j. As logits of a cross-entropy they give the loss

    E = y_c + log(sum_j exp(-y_j))         c the right class

which is the paper's equation 9 without the constant e^(-j) beside the sum.

``lenet5_dense``: two 5x5 tanh convolutions, each with 2x2 max pooling, and dense layers of 256, 128
and 10 units, the last a softmax. 139,414 parameters; 28x28x1 becomes 14x14x6, 5x5x16, 256, 128, 10.
"""

import numpy as np

from pellucid.initializers import Constant
from pellucid.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    MaxPooling2D,
    Rescaling,
    SparseConv2D,
    SquaredDistance,
    Symbol,
    ZeroPadding2D,
)
from pellucid.models import Model, Sequential
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]

# Table I: which of the six maps of S2 each of the sixteen maps of C3 sees. Six see three that are
# neighbors in a ring, six see four neighbors, three see two pairs, the last sees all.
TABLE_1 = (
    *tuple(tuple(sorted((i + k) % 6 for k in range(3))) for i in range(6)),
    *tuple(tuple(sorted((i + k) % 6 for k in range(4))) for i in range(6)),
    *tuple(tuple(sorted((i + k) % 6 for k in (0, 1, 3, 4))) for i in range(3)),
    tuple(range(6)),
)

# The codes of the digits: drawings of 7x12, -1 for paper and +1 for ink.
DIGITS = """
..###.. ...##.. .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## ##...## ....##. ##..... .##.... ##...## ##...## ##...##
##...## .####.. .....## .....## ...###. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. .....## .##.##. ######. ##..... ....##. .##.##. ##...##
##...## ...##.. ...##.. ..####. ##..##. .....## ######. ...##.. ..###.. .######
##...## ...##.. ..##... .....## ####### .....## ##...## ...##.. .##.##. .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ....##.
.##.##. ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ...##..
..###.. .###### ####### .#####. ....##. .#####. .#####. .##.... .#####. .###...
"""


@needs_pixels(12)
def lenet5(
    input_shape: Shape = (28, 28, 1), classes: int = 10, activation: str = "relu", seed: int = 0
) -> Sequential:
    """Return the LeNet-5 of the textbooks, with max pooling.

    Args:
        input_shape: (height, width, channels) of an image, 12x12 or more.
        classes: size of the output, which is logits.
        activation: of the convolutions and the hidden dense layers.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(6, 5, padding="same", activation=activation, name="c1"),
            MaxPooling2D(2, name="s2"),
            Conv2D(16, 5, activation=activation, name="c3"),
            MaxPooling2D(2, name="s4"),
            Flatten(),
            Dense(120, activation, name="c5"),
            Dense(84, activation, name="f6"),
            Dense(classes, name="output"),
        ],
        name="lenet5",
        seed=seed,
    )


def lenet5_1998(seed: int = 0) -> Model:
    """Return the LeNet-5 of 1998, for images of 28x28x1 with pixels from 0 to 255.

    Args:
        seed: makes the initial weights; the output units are the drawings.
    """
    image = Input((28, 28, 1))
    x = ZeroPadding2D(2, name="frame")(image)
    x = Rescaling(1.275 / 255, offset=-0.1, name="rescaling")(x)
    x = squashed(Conv2D(6, 5, kernel_initializer="lecun_uniform", name="c1")(x))
    x = subsampled(x, "s2")
    x = squashed(SparseConv2D(TABLE_1, 5, kernel_initializer="lecun_uniform", name="c3")(x))
    x = subsampled(x, "s4")
    x = squashed(Conv2D(120, 5, kernel_initializer="lecun_uniform", name="c5")(x))
    x = Flatten()(x)
    x = squashed(Dense(84, kernel_initializer="lecun_uniform", name="f6")(x))
    drawn = Constant(tuple(map(tuple, codes().tolist())))
    y = SquaredDistance(10, centers_initializer=drawn, trainable=False, name="distance")(x)
    return Model(image, Rescaling(-1.0, name="output")(y), name="lenet5_1998", seed=seed)


def squashed(a: Symbol) -> Symbol:
    """Return f(a) = 1.7159 tanh(2 a / 3): about 1 at 1, so that units work where they bend most."""
    return Rescaling(1.7159)(Activation("tanh")(Rescaling(2 / 3)(a)))


def subsampled(x: Symbol, name: str) -> Symbol:
    """Return f(w_c m + b_c), m the mean of each 2x2 window, with one weight and bias a map."""
    x = AveragePooling2D(2, name=f"{name}.mean")(x)
    return squashed(DepthwiseConv2D(1, depthwise_initializer="ones", name=name)(x))


def codes() -> np.ndarray:
    """Return the drawings of the ten digits as codes of 84 numbers, -1 or 1, shape (10, 84)."""
    rows = [line.split() for line in DIGITS.split("\n") if line]
    drawn = [[row[digit] for row in rows] for digit in range(10)]
    ink = [[pixel == "#" for row in digit for pixel in row] for digit in drawn]
    return np.where(ink, 1.0, -1.0).astype(np.float32)


@needs_pixels(12)
def lenet5_dense(input_shape: Shape = (28, 28, 1), classes: int = 10, seed: int = 0) -> Sequential:
    """Return the form with tanh convolutions, max pooling and wide dense layers.

    Args:
        input_shape: (height, width, channels) of an image, 12x12 or more.
        classes: size of the output, which is probabilities.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    return Sequential(
        [
            Input(input_shape),
            Conv2D(6, 5, padding="same", activation="tanh", name="c1"),
            MaxPooling2D(2, name="s2"),
            Conv2D(16, 5, activation="tanh", name="c3"),
            MaxPooling2D(2, name="s4"),
            Flatten(),
            Dense(256, "relu", name="dense5"),
            Dense(128, "relu", name="dense6"),
            Dense(classes, "softmax", name="output"),
        ],
        name="lenet5_dense",
        seed=seed,
    )
