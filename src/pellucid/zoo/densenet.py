"""DenseNet: every layer sees all layers before it in its block, side by side.

G. Huang, Z. Liu, L. van der Maaten, K. Weinberger: Densely connected convolutional networks, CVPR
2017, table 1. Layer l of a block computes k new channels from all earlier ones::

    x_l = H([x_0, x_1, ..., x_(l-1)])
    H:    normalization, ReLU, 1x1 convolution to 4 k channels, normalization, ReLU, 3x3 to k

Between blocks a transition halves the channels (1x1 convolution) and the size (mean of 2x2).

``densenet121``: k = 32, blocks of 6, 12, 24 and 16 layers, 7,978,856 trained parameters. Layers are
named as torchvision's, whose weights it loads. Shapes for an image of 224x224x3::

    conv0 7x7/2                      112x112x64
    max pooling 3x3/2                56x56x64
    block 1, transition 1            56x56x256     28x28x128
    block 2, transition 2            28x28x512     14x14x256
    block 3, transition 3            14x14x1024    7x7x512
    block 4                          7x7x1024
    mean over the image, dense       1000
"""

from pellucid.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Symbol,
)
from pellucid.models import Model
from pellucid.zoo._pixels import needs_pixels

Shape = tuple[int, int, int]


@needs_pixels(29)
def densenet(
    blocks: tuple[int, ...],
    growth_rate: int,
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    width: int = 64,
    seed: int = 0,
    name: str = "densenet",
) -> Model:
    """Return a DenseNet.

    Args:
        blocks: layers of each block.
        growth_rate: k, the channels that each layer adds.
        input_shape: (height, width, channels) of an image, 29x29 or more for four blocks.
        classes: size of the output, which is logits.
        width: filters of the first convolution.
        seed: makes the initial weights.
        name: a name for the model.

    Raises:
        ShapeError: if the images are too small; it names the layer that ran out of pixels.
    """
    image = Input(input_shape)
    x = convolution(image, width, 7, "features.conv0", strides=2)
    x = normalized(x, "features.norm0")
    x = MaxPooling2D(3, 2, ((1, 1), (1, 1)), name="features.pool0")(x)
    for number, layers in enumerate(blocks, 1):
        for layer in range(1, layers + 1):
            place = f"features.denseblock{number}.denselayer{layer}"
            h = convolution(normalized(x, f"{place}.norm1"), 4 * growth_rate, 1, f"{place}.conv1")
            h = convolution(normalized(h, f"{place}.norm2"), growth_rate, 3, f"{place}.conv2")
            x = Concatenate(name=place)([x, h])
        if number < len(blocks):
            place = f"features.transition{number}"
            x = normalized(x, f"{place}.norm")
            x = convolution(x, (x.shape[-1] or 0) // 2, 1, f"{place}.conv")
            x = AveragePooling2D(2, name=f"{place}.pool")(x)
    x = normalized(x, "features.norm5")
    x = GlobalAveragePooling2D()(x)
    return Model(image, Dense(classes, name="classifier")(x), name=name, seed=seed)


def convolution(x: Symbol, filters: int, size: int, name: str, strides: int = 1) -> Symbol:
    """Return a convolution without bias."""
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


def normalized(x: Symbol, name: str) -> Symbol:
    """Return batch normalization and ReLU."""
    return Activation("relu")(BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x))


def densenet121(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    growth_rate: int = 32,
    width: int = 64,
    seed: int = 0,
) -> Model:
    """Return the network of 121 layers; see ``densenet``."""
    blocks = (6, 12, 24, 16)
    return densenet(blocks, growth_rate, input_shape, classes, width, seed, "densenet121")
