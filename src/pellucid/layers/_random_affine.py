"""Random rotation, shift, zoom and shear: each an affine map of the picture about its center.

Output pixel p is read at

    q = A (p - c - t) + c

where c is the center of the picture, t the shift in pixels and A the inverse of what is seen to
happen: where A stretches, the picture shrinks. Several maps in one ``RandomAffine`` are one
resampling, which blurs once and costs once.
"""

from math import tau
from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid._named import Symbols
from pellucid.layers._augmentation import RandomPlaces, Range, as_range, draw, grid
from pellucid.layers._registry import REGISTRY

Array = jax.Array


class _RandomMap(RandomPlaces):
    """What the five share: q = A (p - c - t) + c."""

    formula: ClassVar[str] = "y_p = x read at A (p - c - t) + c, A and t drawn for each image"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "y": "output",
        "p": "pixel, (row, column)",
        "A": "matrix of the map, 2 x 2",
        "c": "middle of the image",
        "t": "shift",
    }
    operations: ClassVar[tuple[str, ...]] = ("resample",)

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return A, shape (batch, 2, 2), and t, shape (batch, 2), in rows and columns."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method maps.")

    def places(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return q for every output pixel p of every image."""
        _, height, width, _ = shape
        a, t = (m[..., None, None] for m in self.maps(key, shape))
        center = (height - 1) / 2, (width - 1) / 2
        rows, columns = grid(height, width)
        row = rows - center[0] - t[:, 0]
        column = columns - center[1] - t[:, 1]
        return (
            a[:, 0, 0] * row + a[:, 0, 1] * column + center[0],
            a[:, 1, 0] * row + a[:, 1, 1] * column + center[1],
        )


def _matrix(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return [[a, b], [c, d]] for each sample."""
    return jnp.stack([jnp.stack([a, b], -1), jnp.stack([c, d], -1)], -2)


def _rotation(turns: Array) -> Array:
    angle = tau * turns
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return _matrix(cos, sin, -sin, cos)


def _zoom(rows: Array, columns: Array) -> Array:
    zero = jnp.zeros_like(rows)
    return _matrix(1 + rows, zero, zero, 1 + columns)


def _shear(x: Array, y: Array) -> Array:
    one = jnp.ones_like(x)
    return _matrix(one, y, x, one)


def _shift(rows: Array, columns: Array, shape: tuple[int, ...]) -> Array:
    return jnp.stack([rows * shape[1], columns * shape[2]], -1)


def _nowhere(batch: int) -> Array:
    return jnp.zeros((batch, 2))


@REGISTRY.register()
class RandomRotation(_RandomMap):
    """Rotates each image by its own random angle while the network learns.

    The angle is 2 pi u, u drawn from the range; counter-clockwise where it is positive, about the
    center. When the network is evaluated y = x.

    Args:
        factor: range of u, in turns: ``(-0.1, 0.2)`` is from 36 degrees clockwise to 72 degrees
            counter-clockwise; one number f stands for (-f, f).
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomRotation
        >>> RandomRotation(0.05, fill_mode="constant")(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        Simard, Steinkraus, Platt, Best practices for convolutional neural networks applied to
        visual document analysis (2003), section 2.
    """

    factor: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        as_range("RandomRotation", "factor", self.factor)

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return a rotation for each image."""
        (turns,) = draw(key, shape[0], as_range("RandomRotation", "factor", self.factor))
        return _rotation(turns), _nowhere(shape[0])


@REGISTRY.register()
class RandomTranslation(_RandomMap):
    """Shifts each image by its own random distance while the network learns.

    When the network is evaluated y = x.

    Args:
        height_factor: range of the shift downwards, as a share of the height; one number f stands
            for (-f, f).
        width_factor: range of the shift to the right, as a share of the width; one number f stands
            for (-f, f).
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomTranslation
        >>> RandomTranslation(0.1, 0.1, fill_mode="nearest")(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section III.C (distortions).
    """

    height_factor: Range
    width_factor: Range

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ranges()

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return a shift for each image."""
        rows, columns = draw(key, shape[0], *self._ranges())
        one, zero = jnp.ones_like(rows), jnp.zeros_like(rows)
        return _matrix(one, zero, zero, one), _shift(rows, columns, shape)

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (
            as_range("RandomTranslation", "height_factor", self.height_factor),
            as_range("RandomTranslation", "width_factor", self.width_factor),
        )


@REGISTRY.register()
class RandomZoom(_RandomMap):
    """Enlarges or shrinks each image by its own random factor while the network learns.

    What is seen has the size 1 / (1 + u) of before, u drawn from the range: larger where u is
    negative, smaller where it is positive, about the center. When the network is evaluated y = x.

    Args:
        height_factor: range of u for the height, above -1; one number f stands for (-f, f).
        width_factor: range of u for the width; None takes the u of the height, which keeps the
            proportions.
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomZoom
        >>> RandomZoom((-0.2, 0.1))(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section III.C (distortions).
    """

    height_factor: Range
    width_factor: Range | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ranges()

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return an enlargement for each image."""
        rows, *rest = draw(key, shape[0], *self._ranges())
        return _zoom(rows, rest[0] if rest else rows), _nowhere(shape[0])

    def _ranges(self) -> list[tuple[float, float]]:
        given = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return [
            as_range("RandomZoom", name, value, low=-1)
            for name, value in given.items()
            if value is not None
        ]


@REGISTRY.register()
class RandomShear(_RandomMap):
    """Slants each image by its own random amount while the network learns.

    A row that lies d pixels below the center is shifted x d pixels to the left, a column that lies
    d pixels to the right of it y d pixels upwards. When the network is evaluated y = x.

    Args:
        x_factor: range of x; one number f stands for (-f, f).
        y_factor: range of y; one number f stands for (-f, f).
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomShear
        >>> RandomShear(0.2, fill_mode="constant")(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section III.C (distortions).
    """

    x_factor: Range = 0.0
    y_factor: Range = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ranges()

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return a slant for each image."""
        return _shear(*draw(key, shape[0], *self._ranges())), _nowhere(shape[0])

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (
            as_range("RandomShear", "x_factor", self.x_factor),
            as_range("RandomShear", "y_factor", self.y_factor),
        )


@REGISTRY.register()
class RandomAffine(_RandomMap):
    """Zooms, slants, rotates and shifts each image at random while the network learns.

    The four maps are one: A = Z S R with the matrices of ``RandomZoom`` (one factor for both
    sides), ``RandomShear`` and ``RandomRotation``, t as in ``RandomTranslation``. The image is read
    once, so it is blurred once. When the network is evaluated y = x.

    Args:
        rotation: range of the angle, in turns, counter-clockwise; one number f stands for (-f, f),
            here and below.
        height_shift: range of the shift downwards, as a share of the height.
        width_shift: range of the shift to the right, as a share of the width.
        zoom: range of u, above -1; the image has the size 1 / (1 + u) of before.
        x_shear: range of the shift to the left of a row, for each pixel that it lies lower.
        y_shear: range of the shift upwards of a column, for each pixel that it lies farther right.
        fill_mode: what lies outside the image: ``"reflect"`` (its reflection), ``"nearest"`` (the
            nearest pixel), ``"wrap"`` (its repetition) or ``"constant"``.
        fill_value: the value outside, with ``"constant"``.
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, height, width, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomAffine
        >>> RandomAffine(rotation=0.03, zoom=0.1, fill_mode="constant")(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        Simard, Steinkraus, Platt, Best practices for convolutional neural networks applied to
        visual document analysis (2003), section 2.
    """

    rotation: Range = 0.0
    height_shift: Range = 0.0
    width_shift: Range = 0.0
    zoom: Range = 0.0
    x_shear: Range = 0.0
    y_shear: Range = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ranges()

    def maps(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the joined map for each image."""
        turns, down, right, zoom, x, y = draw(key, shape[0], *self._ranges())
        a = _zoom(zoom, zoom) @ _shear(x, y) @ _rotation(turns)
        return a, _shift(down, right, shape)

    def _ranges(self) -> list[tuple[float, float]]:
        names = ("rotation", "height_shift", "width_shift", "zoom", "x_shear", "y_shear")
        return [
            as_range("RandomAffine", name, getattr(self, name), -1 if name == "zoom" else None)
            for name in names
        ]
