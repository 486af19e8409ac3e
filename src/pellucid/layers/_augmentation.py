"""What the layers that change images at random share: ranges, draws, and one resampling."""

from dataclasses import field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_one_of, check_range
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_channels_last, check_positions

Array = jax.Array
Range = float | tuple[float, float]

FILL_MODES = ("constant", "nearest", "reflect", "wrap")


def as_range(who: str, name: str, value: Any, low: float | None = None) -> tuple[float, float]:
    """Return the ends of a range: two numbers as they are, one number f as (-f, f)."""
    if not isinstance(value, (tuple, list)):
        check_range(who, name, value, 0)
        value = (-value, value)
    ends = tuple(value)
    if len(ends) != 2:
        raise ArgumentError(f"{who} expected {name} to be one number or two, got {value!r}.")
    for end in ends:
        check_range(who, name, end, low, open_low=low is not None)
    if ends[0] > ends[1]:
        raise ArgumentError(
            f"{who} expected {name} from the smaller to the larger number, got {value!r}; type "
            f"{(ends[1], ends[0])}."
        )
    return float(ends[0]), float(ends[1])


def as_strength(who: str, factor: Any) -> tuple[float, float]:
    """Return the range from 1 - lower to 1 + upper of a factor (lower, upper), or of one number."""
    pair = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
    if len(pair) != 2:
        raise ArgumentError(f"{who} expected factor to be one number or two, got {factor!r}.")
    check_range(who, "factor", pair[0], 0, 1)
    check_range(who, "factor", pair[1], 0)
    return 1.0 - pair[0], 1.0 + pair[1]


def draw(key: Array, batch: int, *ranges: tuple[float, float]) -> list[Array]:
    """Return for each range one evenly spread number per sample, shape (batch,)."""
    drawn = jax.random.uniform(key, (len(ranges), batch), "float32")
    return [low + (high - low) * u for (low, high), u in zip(ranges, drawn, strict=True)]


class RandomImageLayer(Layer):
    """A layer that changes images while the network learns, each in its own way, and else none."""

    axes: ClassVar[int] = 2
    """Axes between batch and channels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last(type(self).__name__, getattr(self, "data_format", None))

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x changed at random in training, as it is in evaluation."""
        check_positions(type(self).__name__, x.shape, self.axes)
        x = as_floating(x)
        return self.change(context.make_key(), x) if context.training else x

    def change(self, key: Array, x: Array) -> Array:
        """Return the images ``x``, each changed by its own share of what ``key`` draws."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method change.")


class RandomSoundLayer(RandomImageLayer):
    """The same for sounds and spectrograms, (batch, steps, channels)."""

    axes: ClassVar[int] = 1


class RandomPlaces(RandomImageLayer):
    """A layer that reads each output pixel at a random place of its image, by one resampling."""

    fill_mode: str = field(default="reflect", kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    data_format: str | None = field(default=None, kw_only=True)

    formula: ClassVar[str] = "y_p = x read at q(p) between its pixels, q drawn for each image"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(type(self).__name__, "fill_mode", self.fill_mode, FILL_MODES)
        check_range(type(self).__name__, "fill_value", self.fill_value)

    def change(self, key: Array, x: Array) -> Array:
        """Return the images read at the places drawn for them."""
        rows, columns = self.places(key, x.shape)
        return ops.resample(
            x, rows, columns, fill_mode=self.fill_mode, fill_value=float(self.fill_value)
        )

    def places(self, key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the row and the column that each output pixel is read at, (batch, rows, columns).

        Args:
            key: a random key.
            shape: shape of the images, (batch, height, width, channels).
        """
        raise NotImplementedError(f"{type(self).__name__} lacks the method places.")


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Return row and column of every pixel, shapes (height, 1) and (1, width)."""
    return jnp.arange(height, dtype="float32")[:, None], jnp.arange(width, dtype="float32")[None]
