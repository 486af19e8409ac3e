"""Random brightness, contrast and erased boxes: pixels that get other values."""

from math import log
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._augmentation import (
    RandomImageLayer,
    Range,
    as_range,
    as_strength,
    draw,
    grid,
)
from pellucid.layers._registry import REGISTRY

Array = jax.Array

ASPECT = 0.3
"""The sides of an erased box differ by at most this factor (Zhong et al., r_1)."""


def _as_values(who: str, value: Any) -> tuple[float, float]:
    """Return the smallest and the largest value that a pixel can have."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not value[0] < value[1]:
        raise ArgumentError(
            f"{who} expected value_range to be the smallest and the largest value of a pixel, got "
            f"{value!r}; type value_range=(0, 1) behind Rescaling(1 / 255)."
        )
    return float(value[0]), float(value[1])


def _clip(x: Array, low: float, high: float) -> Array:
    """Return x with what lies beyond the range brought to its ends."""
    return ops.minimum(ops.maximum(x, jnp.full_like(x, low)), jnp.full_like(x, high))


def _for_each_image(numbers: Array, x: Array) -> Array:
    """Return (batch,) as (batch, 1, 1, 1), of the type of x."""
    return numbers[:, None, None, None].astype(x.dtype)


@REGISTRY.register()
class RandomBrightness(RandomImageLayer):
    """Makes each image lighter or darker by its own random amount while the network learns.

    With u drawn from the range and pixels from low to high::

        y = x + u (high - low), brought to low and high where it lies beyond

    When the network is evaluated y = x.

    Args:
        factor: range of u, in [-1, 1]; one number f stands for (-f, f).
        value_range: low and high, ``(0, 1)`` behind ``Rescaling(1 / 255)``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomBrightness
        >>> RandomBrightness(0.2, value_range=(0, 1))(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Howard, Some improvements on deep convolutional neural network based image classification
        (2013), section 2.2.
    """

    factor: Range
    value_range: tuple[float, float] = (0, 255)

    formula: ClassVar[str] = "y = x + u (high - low), u drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "u": "a number drawn evenly from the range",
        "low": "lower end of value_range",
        "high": "upper end of value_range",
    }
    operations: ClassVar[tuple[str, ...]] = ("add", "maximum", "minimum")

    def __post_init__(self) -> None:
        super().__post_init__()
        for end in as_range("RandomBrightness", "factor", self.factor):
            check_range("RandomBrightness", "factor", end, -1, 1)
        _as_values("RandomBrightness", self.value_range)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images made lighter or darker."""
        low, high = _as_values("RandomBrightness", self.value_range)
        (u,) = draw(key, x.shape[0], as_range("RandomBrightness", "factor", self.factor))
        return _clip(ops.add(x, _for_each_image(u * (high - low), x)), low, high)


@REGISTRY.register()
class RandomContrast(RandomImageLayer):
    """Strengthens or weakens the contrast of each image at random while the network learns.

    With m the mean of the image's channel and u drawn from 1 - lower to 1 + upper::

        y = u (x - m) + m, brought to the value range where it lies beyond

    When the network is evaluated y = x.

    Args:
        factor: ``(lower, upper)``, lower in [0, 1], upper 0 or more; one number stands for both.
        value_range: least and greatest value of a pixel, ``(0, 1)`` behind ``Rescaling(1 / 255)``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomContrast
        >>> RandomContrast(0.3, value_range=(0, 1))(Input((32, 32, 3))).shape
        (None, 32, 32, 3)

    References:
        Howard, Some improvements on deep convolutional neural network based image classification
        (2013), section 2.2.
    """

    factor: Range
    value_range: tuple[float, float] = (0, 255)

    formula: ClassVar[str] = "y = u (x - m) + m, u drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "u": "a number drawn evenly from the range",
        "m": "mean of each channel of the image",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "global_average_pool",
        "subtract",
        "multiply",
        "add",
        "maximum",
        "minimum",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        as_strength("RandomContrast", self.factor)
        _as_values("RandomContrast", self.value_range)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images with more or less contrast."""
        (u,) = draw(key, x.shape[0], as_strength("RandomContrast", self.factor))
        m = ops.reshape(ops.global_average_pool(x), shape=(x.shape[0], 1, 1, x.shape[3]))
        y = ops.add(ops.multiply(ops.subtract(x, m), _for_each_image(u, x)), m)
        return _clip(y, *_as_values("RandomContrast", self.value_range))


@REGISTRY.register()
class RandomErasing(RandomImageLayer):
    """Erases a random box of each image while the network learns (cutout).

    The box has a share of the image's area drawn from ``scale`` and sides whose quotient is drawn
    from 0.3 to 1 / 0.3, evenly in its logarithm; it lies anywhere within the image. When the
    network is evaluated y = x.

    Args:
        factor: the probability that an image gets a box, in [0, 1].
        scale: smallest and largest share of the area, within [0, 1].
        fill_value: the value inside the box; None draws every pixel evenly from the value range.
        value_range: least and greatest value of a pixel, ``(0, 1)`` behind ``Rescaling(1 / 255)``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomErasing
        >>> RandomErasing(0.5, scale=(0.02, 0.2), fill_value=0.0)(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        Zhong, Zheng, Kang, Li, Yang, Random erasing data augmentation (2020), algorithm 1.
        DeVries, Taylor, Improved regularization of convolutional neural networks with cutout
        (2017).
    """

    factor: float = 1.0
    scale: tuple[float, float] = (0.02, 0.33)
    fill_value: float | None = None
    value_range: tuple[float, float] = (0, 255)
    data_format: str | None = None

    formula: ClassVar[str] = "y_p = fill if p lies in the box else x_p, a box for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "p": "pixel",
        "fill": "fill_value, or noise",
    }
    operations: ClassVar[tuple[str, ...]] = ("multiply", "add")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("RandomErasing", "factor", self.factor, 0, 1)
        if not isinstance(self.scale, (tuple, list)):
            raise ArgumentError(
                f"RandomErasing expected scale to be the smallest and the largest share of the "
                f"area, got {self.scale!r}; type scale=(0.02, 0.33)."
            )
        for share in as_range("RandomErasing", "scale", self.scale):
            check_range("RandomErasing", "scale", share, 0, 1)
        if self.fill_value is not None:
            check_range("RandomErasing", "fill_value", self.fill_value)
        _as_values("RandomErasing", self.value_range)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images with a box of each erased."""
        key_box, key_fill = jax.random.split(key)
        keep = jnp.broadcast_to(~self._boxes(key_box, x.shape), x.shape).astype(x.dtype)
        if self.fill_value is None:
            low, high = _as_values("RandomErasing", self.value_range)
            fill = jax.random.uniform(key_fill, x.shape, "float32", low, high).astype(x.dtype)
        else:
            fill = jnp.full(x.shape, self.fill_value, x.dtype)
        return ops.add(ops.multiply(x, keep), ops.multiply(fill, 1 - keep))

    def _boxes(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Return True inside the boxes, shape (batch, height, width, 1)."""
        batch, height, width, _ = shape
        chance, share, quotient, down, right = draw(
            key,
            batch,
            (0.0, 1.0),
            as_range("RandomErasing", "scale", self.scale),
            (log(ASPECT), -log(ASPECT)),
            (0.0, 1.0),
            (0.0, 1.0),
        )
        area = share * height * width
        rows = jnp.clip(jnp.round(jnp.sqrt(area * jnp.exp(quotient))), 0, height)
        columns = jnp.clip(jnp.round(jnp.sqrt(area / jnp.exp(quotient))), 0, width)
        top = jnp.floor(down * (height - rows + 1))
        left = jnp.floor(right * (width - columns + 1))
        r, s = grid(height, width)

        def within(place: Array, start: Array, size: Array) -> Array:
            start, size = start[:, None, None], size[:, None, None]
            return (place >= start) & (place < start + size)

        box = within(r, top, rows) & within(s, left, columns)
        return (box & (chance < self.factor)[:, None, None])[..., None]
