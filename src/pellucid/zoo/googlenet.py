"""GoogLeNet (Inception v1): windows of several sizes side by side, joined channel by channel.

C. Szegedy and others: Going deeper with convolutions, CVPR 2015, table 1. The form here has batch
normalization after every convolution and 3x3 windows where the paper has 5x5, as torchvision's,
whose weights it loads. 6,624,904 trained parameters; with the two auxiliary heads 13,004,888.

An inception block joins four branches, each made of convolutions with normalization and ReLU::

    1x1              1x1, 3x3              1x1, 3x3              max pooling 3x3, 1x1

Shapes after each stage, for an image of 224x224x3::

    conv1, maxpool1                        56x56x64
    conv2, conv3, maxpool2                 28x28x192
    inception 3a, 3b                       28x28x480
    maxpool3                               14x14x480
    inception 4a to 4e                     14x14x832       auxiliary heads at 4a and 4d
    maxpool4                               7x7x832
    inception 5a, 5b                       7x7x1024
    mean over the image, dropout, dense    1000

The heads see the image early, and give gradient to the lower stages; their losses count 0.3 each::

    model = googlenet(auxiliary=True)
    model.compile("sgd", loss, loss_weights={"logits": 1.0, "aux2": 0.3, "aux1": 0.3})
"""

from math import ceil

from pellucid.layers import (
    Activation,
    AdaptiveAveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Symbol,
)
from pellucid.models import Model
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]

# Filters: 1x1; 1x1 and 3x3; 1x1 and 3x3; 1x1 after the pooling.
BLOCKS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


@needs_pixels(15)
def googlenet(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    auxiliary: bool = False,
    dropout: float = 0.2,
    auxiliary_dropout: float = 0.7,
    seed: int = 0,
) -> Model:
    """Return GoogLeNet.

    Args:
        input_shape: (height, width, channels) of an image, 15x15 or more.
        classes: size of the output, which is logits.
        auxiliary: True adds the two heads; the outputs are then a dictionary with ``"logits"``,
            ``"aux2"`` and ``"aux1"``.
        dropout: fraction dropped before the last layer.
        auxiliary_dropout: the same in the heads.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    image = Input(input_shape)
    x = convolution(image, 64, 7, "conv1", strides=2)
    x = pooling(x, 3, "maxpool1")
    x = convolution(x, 64, 1, "conv2")
    x = convolution(x, 192, 3, "conv3")
    x = pooling(x, 3, "maxpool2")
    heads = {}
    for name, filters in BLOCKS.items():
        x = inception(x, filters, name)
        if auxiliary and name == "inception4a":
            heads["aux1"] = head(x, classes, auxiliary_dropout, "aux1")
        if auxiliary and name == "inception4d":
            heads["aux2"] = head(x, classes, auxiliary_dropout, "aux2")
        if name == "inception3b":
            x = pooling(x, 3, "maxpool3")
        if name == "inception4e":
            x = pooling(x, 2, "maxpool4")
    x = GlobalAveragePooling2D(name="avgpool")(x)
    x = Dropout(dropout)(x)
    logits = Dense(classes, name="fc")(x)
    if not auxiliary:
        return Model(image, logits, name="googlenet", seed=seed)
    outputs = {"logits": logits, "aux2": heads["aux2"], "aux1": heads["aux1"]}
    return Model(image, outputs, name="googlenet", seed=seed)


def convolution(x: Symbol, filters: int, size: int, name: str, strides: int = 1) -> Symbol:
    """Return convolution, batch normalization and ReLU."""
    margin = (size // 2, size // 2)
    x = Conv2D(
        filters,
        size,
        strides,
        (margin, margin),
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}.conv",
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}.bn")(x)
    return Activation("relu")(x)


def inception(x: Symbol, filters: tuple[int, ...], name: str) -> Symbol:
    """Return the four branches side by side."""
    one, reduce_a, a, reduce_b, b, after_pooling = filters
    pooled = MaxPooling2D(3, 1, "same", name=f"{name}.branch4.0")(x)
    branches = [
        convolution(x, one, 1, f"{name}.branch1"),
        convolution(convolution(x, reduce_a, 1, f"{name}.branch2.0"), a, 3, f"{name}.branch2.1"),
        convolution(convolution(x, reduce_b, 1, f"{name}.branch3.0"), b, 3, f"{name}.branch3.1"),
        convolution(pooled, after_pooling, 1, f"{name}.branch4.1"),
    ]
    return Concatenate(name=name)(branches)


def pooling(x: Symbol, size: int, name: str) -> Symbol:
    """Return max pooling with a step of 2, whose last windows may reach over the edge.

    Of n positions it makes ceil((n - size) / 2) + 1, so that no pixel is left out.
    """
    margins = []
    for n in x.shape[1:3]:
        windows = ceil(((n or 0) - size) / 2) + 1
        margins.append((0, max((windows - 1) * 2 + size - (n or 0), 0)))
    rows, columns = margins
    if max(rows[1], columns[1]) >= size:
        rows = columns = (0, 0)  # nothing is left to pool, and the layer says so
    return MaxPooling2D(size, 2, (rows, columns), name=name)(x)


def head(x: Symbol, classes: int, dropout: float, name: str) -> Symbol:
    """Return the logits of an auxiliary head."""
    x = AdaptiveAveragePooling2D(4, name=f"{name}.pool")(x)
    x = convolution(x, 128, 1, f"{name}.conv")
    x = Flatten()(x)
    x = Dense(1024, "relu", name=f"{name}.fc1")(x)
    x = Dropout(dropout)(x)
    return Dense(classes, name=f"{name}.fc2")(x)
