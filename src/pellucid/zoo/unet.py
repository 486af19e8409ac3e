"""U-Net: down to what is there, up again to where it is, with bridges between equal sizes.

O. Ronneberger, P. Fischer, T. Brox: U-Net: convolutional networks for biomedical image
segmentation, MICCAI 2015, figure 1. Every pixel gets logits of its own.

``unet``: each stage is two 3x3 convolutions with ReLU; down by 2x2 max pooling, up by a transposed
2x2 convolution; on the way up the stage of the same size on the way down is joined on. With 64
filters at first, one channel and two classes 31,030,658 parameters. With the paper's convolutions
without padding, 572x572x1 becomes::

    down 1      568x568x64
    down 2      280x280x128
    down 3      136x136x256
    down 4      64x64x512
    bottom      28x28x1024
    up 4        52x52x512
    up 3        100x100x256
    up 2        196x196x128
    up 1        388x388x64
    output      388x388x2

With ``padding="same"`` the output is as large as the image, whose height and width must be
multiples of 16.
"""

from pellucid._checks import check_one_of
from pellucid.errors import ShapeError
from pellucid.layers import (
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Input,
    MaxPooling2D,
    Symbol,
)
from pellucid.models import Model
from pellucid.zoo._pixels import check_image_shape

Shape = tuple[int, int, int]

DEPTH = 4
LEAST = 188
"""The smallest image without padding: 8x8 pixels reach the bottom, and 4x4 come out."""


def unet(
    input_shape: Shape = (572, 572, 1),
    classes: int = 2,
    width: int = 64,
    padding: str = "valid",
    seed: int = 0,
) -> Model:
    """Return the U-Net.

    Args:
        input_shape: (height, width, channels) of an image.
        classes: logits for each pixel.
        width: filters of the first stage; each stage down has twice as many.
        padding: of the 3x3 convolutions: ``"valid"`` as in the paper, or ``"same"``.
        seed: makes the initial weights.

    Raises:
        ShapeError: if a stage is left with too few pixels, or with an odd number to halve; it names
            the stage.
    """
    check_one_of("unet", "padding", padding, ("valid", "same"))
    check_image_shape("unet", input_shape)
    image = Input(input_shape)
    x, bridges = image, []
    for stage in range(DEPTH):
        x = double(x, width * 2**stage, padding, f"down{stage + 1}", image)
        bridges.append(x)
        x = halved(x, f"down{stage + 1}", image)
    x = double(x, width * 2**DEPTH, padding, "bottom", image)
    for stage in reversed(range(DEPTH)):
        filters = width * 2**stage
        x = Conv2DTranspose(filters, 2, 2, name=f"up{stage + 1}.grow")(x)
        bridge = cropped(bridges[stage], x)
        x = Concatenate(name=f"up{stage + 1}.join")([bridge, x])
        x = double(x, filters, padding, f"up{stage + 1}", image)
    return Model(image, Conv2D(classes, 1, name="output")(x), name="unet", seed=seed)


def double(x: Symbol, filters: int, padding: str, name: str, image: Symbol) -> Symbol:
    """Return two 3x3 convolutions with ReLU."""
    if padding == "valid" and min(n or 0 for n in x.shape[1:3]) < 5:
        raise ShapeError(
            f"unet ran out of pixels at {name}: {in_words(x)} are left of {in_words(image)}, and "
            f"its two 3x3 convolutions without padding need 5x5; give images of {LEAST}x{LEAST} or "
            "more, or padding='same'."
        )
    for number in (1, 2):
        x = Conv2D(
            filters,
            3,
            padding=padding,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"{name}.conv{number}",
        )(x)
    return x


def halved(x: Symbol, name: str, image: Symbol) -> Symbol:
    """Return 2x2 max pooling of an image that it leaves no row or column of out."""
    if any((n or 0) % 2 for n in x.shape[1:3]):
        raise ShapeError(
            f"unet has {in_words(x)} after {name}, of images of {in_words(image)}, and halves "
            "them: height and width must be even there; with padding='same' give images whose "
            "sides are multiples of 16, with 'valid' 16 n + 12, such as 572."
        )
    return MaxPooling2D(2, name=f"{name}.pool")(x)


def cropped(bridge: Symbol, x: Symbol) -> Symbol:
    """Return the middle of a bridge, as large as x."""
    pairs = []
    for n, m in zip(bridge.shape[1:3], x.shape[1:3], strict=True):
        rest = (n or 0) - (m or 0)
        pairs.append((rest // 2, rest - rest // 2))
    return bridge if pairs == [(0, 0), (0, 0)] else Cropping2D((pairs[0], pairs[1]))(bridge)


def in_words(x: Symbol) -> str:
    """Return height and width, such as 28x28."""
    return f"{x.shape[1]}x{x.shape[2]}"
