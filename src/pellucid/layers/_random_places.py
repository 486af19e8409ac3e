"""Random flips, windows and elastic distortions: pixels read at other places."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._augmentation import RandomImageLayer, RandomPlaces, grid
from pellucid.layers._base import Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_positions
from pellucid.layers._registry import REGISTRY

Array = jax.Array

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@REGISTRY.register()
class RandomFlip(RandomImageLayer):
    """Mirrors each image or not, with equal chances, while the network learns.

    When the network is evaluated y = x.

    Args:
        mode: ``"horizontal"`` changes left and right, ``"vertical"`` top and bottom,
            ``"horizontal_and_vertical"`` draws for both.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomFlip
        >>> RandomFlip("horizontal")(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural
        networks (2012), section 4.1.
    """

    mode: str = "horizontal_and_vertical"
    data_format: str | None = None

    formula: ClassVar[str] = "y_(r,s) = x_(r,s) or x_(r,width-1-s), drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "width": "columns of the image",
    }
    operations: ClassVar[tuple[str, ...]] = ("resample",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("RandomFlip", "mode", self.mode, MODES)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images, some of them mirrored."""
        batch, height, width, _ = x.shape
        up_down, left_right = jax.random.bernoulli(key, 0.5, (2, batch, 1, 1))
        rows, columns = jnp.broadcast_arrays(*(g[None] for g in grid(height, width)))
        if self.mode != "horizontal":
            rows = jnp.where(up_down, height - 1 - rows, rows)
        if self.mode != "vertical":
            columns = jnp.where(left_right, width - 1 - columns, columns)
        places = (jnp.broadcast_to(g, (batch, height, width)) for g in (rows, columns))
        return ops.resample(x, *places, fill_mode="nearest")


@REGISTRY.register()
class RandomCrop(RandomImageLayer):
    """Cuts a window out of each image, at a random place while the network learns.

    When the network is evaluated the window lies in the middle. After ``ZeroPadding2D(4)``, a
    window of the image's own size shifts it by up to 4 pixels, and evaluation gets it unchanged.

    Args:
        height: rows of the window.
        width: columns of the window.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, rows, columns, channels), not smaller than the window; output shape (batch,
    height, width, channels).

    Raises:
        ShapeError: if the images are smaller than the window.

    Example:
        >>> from pellucid.layers import Input, RandomCrop, ZeroPadding2D
        >>> RandomCrop(32, 32)(ZeroPadding2D(4)(Input((32, 32, 3)))).shape
        (None, 32, 32, 3)

    References:
        Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural
        networks (2012), section 4.1.
    """

    height: int
    width: int
    data_format: str | None = None

    formula: ClassVar[str] = "y_(r,s) = x_(top+r,left+s), top and left drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, rows, columns, channels)",
        "y": "output",
        "top": "first row of the window",
        "left": "first column of the window",
    }
    operations: ClassVar[tuple[str, ...]] = ("resample", "crop")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("RandomCrop", "height", self.height)
        check_positive_int("RandomCrop", "width", self.width)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return a window of each image."""
        check_positions("RandomCrop", x.shape, 2)
        rows, columns = x.shape[1] - self.height, x.shape[2] - self.width
        if rows < 0 or columns < 0:
            raise ShapeError(
                f"RandomCrop expected images of at least {self.height}x{self.width} pixels, got "
                f"shape {x.shape}; ask for a smaller window, or put ZeroPadding2D before it."
            )
        if context.training:
            return self.change(context.make_key(), as_floating(x))
        top, left = rows // 2, columns // 2
        return ops.crop(as_floating(x), cropping=((top, rows - top), (left, columns - left)))

    def change(self, key: Array, x: Array) -> Array:
        """Return a window of each image, at its own random place."""
        batch, height, width, _ = x.shape
        most = jnp.array([height - self.height, width - self.width])[:, None, None, None]
        top, left = jax.random.randint(key, (2, batch, 1, 1), 0, most + 1).astype("float32")
        rows, columns = grid(self.height, self.width)
        shape = (batch, self.height, self.width)
        places = (jnp.broadcast_to(g, shape) for g in (top + rows, left + columns))
        return ops.resample(x, *places, fill_mode="nearest")


@REGISTRY.register()
class ElasticDistortion(RandomPlaces):
    """Distorts each image like rubber, at random, while the network learns.

    Every pixel is read at a place moved by a random distance, alike for neighbors: noise U, even
    between -1 and 1, smoothed along rows and columns by a Gaussian G and enlarged by alpha::

        d = alpha G U G'          y_p = x read at p + d_p

    with one U for the rows and one for the columns. G is normalized over the whole line, so that
    with one U for the rows and one for the columns; beyond the image U is 0. The distances have a
    standard deviation of about 0.16 alpha / sigma. When the network is evaluated y = x.

    Args:
        alpha: how far pixels are moved, 0 or more; the paper's 34 moves them by about 1.4.
        sigma: width of the smoothing in pixels, above 0; the paper has 4 for 29x29 pixels.
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import ElasticDistortion, Input
        >>> ElasticDistortion(34, 4, fill_mode="constant")(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        Simard, Steinkraus, Platt, Best practices for convolutional neural networks applied to
        visual document analysis (2003), section 2.
    """

    alpha: float = 34.0
    sigma: float = 4.0

    formula: ClassVar[str] = "y_p = x read at p + d_p, d = alpha G U G'"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "p": "pixel, (row, column)",
        "d": "displacement of a pixel",
        "G": "smoothing by a Gaussian of deviation sigma, along rows and columns",
        "U": "numbers drawn evenly from -1 to 1",
    }
    operations: ClassVar[tuple[str, ...]] = ("resample",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("ElasticDistortion", "alpha", self.alpha, 0)
        check_range("ElasticDistortion", "sigma", self.sigma, 0, open_low=True)

    def places(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return p + d_p for every pixel of every image."""
        batch, height, width, _ = shape
        u = jax.random.uniform(key, (2, batch, height, width), "float32", -1, 1)
        g_rows, g_columns = _gaussian(height, self.sigma), _gaussian(width, self.sigma)
        d = self.alpha * (g_rows @ (u @ g_columns))  # G is symmetric
        rows, columns = grid(height, width)
        return rows + d[0], columns + d[1]


def _gaussian(size: int, sigma: float) -> Array:
    """Return the matrix that smooths a line: g_ij = exp(-(i-j)^2 / (2 sigma^2)) / sum over all."""
    line = jnp.arange(size, dtype="float32")
    distance = line[:, None] - line
    reach = jnp.arange(-4 * int(sigma + 1), 4 * int(sigma + 1) + 1, dtype="float32")
    whole = jnp.sum(jnp.exp(-(reach**2) / (2 * sigma**2)))
    return jnp.exp(-(distance**2) / (2 * sigma**2)) / whole
