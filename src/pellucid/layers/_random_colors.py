"""Random saturation and hue: the three colors of a pixel mixed by a matrix of each image.

Both keep the brightness Y of a pixel, as the NTSC standard defines it, and change the other two
coordinates of its color space YIQ: saturation makes them longer or shorter, hue turns them.
"""

from math import tau
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._augmentation import RandomImageLayer, Range, as_range, as_strength, draw
from pellucid.layers._random_values import _as_values, _clip
from pellucid.layers._registry import REGISTRY

Array = jax.Array

TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], np.float64
)
"""Rows: Y, I and Q of a pixel as sums of red, green and blue."""


class _RandomColors(RandomImageLayer):
    """What the two share: y = x M, with a matrix for each image."""

    factor: Range
    value_range: tuple[float, float] = (0, 255)

    operations: ClassVar[tuple[str, ...]] = ("reshape", "attention_values", "maximum", "minimum")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.drawn()
        _as_values(type(self).__name__, self.value_range)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images with their colors mixed."""
        who = type(self).__name__
        if x.shape[-1] != 3:
            raise ShapeError(
                f"{who} expected images of 3 colors, got shape {x.shape}; leave it out for grey "
                "images."
            )
        batch, height, width, _ = x.shape
        (u,) = draw(key, batch, self.drawn())
        m = self.matrices(u).astype(x.dtype)
        pixels = ops.reshape(x, shape=(batch, height * width, 3))
        y = ops.reshape(ops.attention_values(pixels, m), shape=x.shape)
        return _clip(y, *_as_values(who, self.value_range))

    def drawn(self) -> tuple[float, float]:
        """Return the range that u of each image is drawn from."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method drawn.")

    def matrices(self, u: Array) -> Array:
        """Return M of each image, (batch, 3, 3): column c tells what color c is made of."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method matrices.")


@REGISTRY.register()
class RandomSaturation(_RandomColors):
    """Makes the colors of each image stronger or paler at random while the network learns.

    With the brightness Y = 0.299 red + 0.587 green + 0.114 blue of a pixel and u drawn from
    1 - lower to 1 + upper::

        y = Y + u (x - Y), brought to the value range where it lies beyond

    When the network is evaluated y = x.

    Args:
        factor: ``(lower, upper)``, lower in [0, 1], upper 0 or more; one number stands for both.
            (1, 0) reaches grey.
        value_range: least and greatest value of a pixel, ``(0, 1)`` behind ``Rescaling(1 / 255)``.

    Input shape (batch, height, width, 3); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomSaturation
        >>> RandomSaturation(0.3, value_range=(0, 1))(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Howard, Some improvements on deep convolutional neural network based image classification
        (2013), section 2.2.
    """

    formula: ClassVar[str] = "y = Y + u (x - Y), u drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, 3)",
        "y": "output",
        "u": "a number drawn evenly from the range",
        "Y": "brightness of the pixel",
    }

    def drawn(self) -> tuple[float, float]:
        """Return 1 - lower and 1 + upper."""
        return as_strength("RandomSaturation", self.factor)

    def matrices(self, u: Array) -> Array:
        """Return M = u I + (1 - u) w 1', with w the shares of the colors in Y."""
        u = u[:, None, None]
        return u * jnp.eye(3) + (1 - u) * jnp.asarray(TO_YIQ[0], "float32")[:, None]


@REGISTRY.register()
class RandomHue(_RandomColors):
    """Turns the colors of each image by its own random angle while the network learns.

    In the color space YIQ the plane of I and Q is turned by 2 pi u, with u drawn from the range;
    brightness and greys stay::

        y = x M, M' = T^-1 R(2 pi u) T, brought to the value range where it lies beyond

    When the network is evaluated y = x.

    Args:
        factor: range of u, in turns, within [-0.5, 0.5]; one number f stands for (-f, f).
        value_range: least and greatest value of a pixel, ``(0, 1)`` behind ``Rescaling(1 / 255)``.

    Input shape (batch, height, width, 3); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomHue
        >>> RandomHue(0.05, value_range=(0, 1))(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Foley, van Dam, Feiner, Hughes, Computer graphics: principles and practice (1990), section
        13.3 (the matrix T of the color space YIQ).
    """

    formula: ClassVar[str] = "y = x M, M' = T^-1 R(2 pi u) T, u drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, 3)",
        "y": "output",
        "u": "a number drawn evenly from the range",
        "M": "matrix that mixes the colors, 3 x 3",
        "T": "matrix from red, green, blue to Y, I, Q",
        "R": "rotation of the plane of I and Q",
    }

    def drawn(self) -> tuple[float, float]:
        """Return the ends of the range, in turns."""
        ends = as_range("RandomHue", "factor", self.factor)
        for end in ends:
            check_range("RandomHue", "factor", end, -0.5, 0.5)
        return ends

    def matrices(self, u: Array) -> Array:
        """Return M of each image."""
        cos, sin = jnp.cos(tau * u), jnp.sin(tau * u)
        zero, one = jnp.zeros_like(u), jnp.ones_like(u)
        rows = [[one, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
        r = jnp.stack([jnp.stack(row, -1) for row in rows], -2)
        t = jnp.asarray(TO_YIQ, "float32")
        back = jnp.asarray(np.linalg.inv(TO_YIQ), "float32")
        return jnp.swapaxes(back @ r @ t, 1, 2)
