"""Random shift, gain and noise of sounds, and masks of spectrograms: (batch, steps, channels)."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_count, check_one_of, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._augmentation import FILL_MODES, RandomSoundLayer, Range, as_range, draw
from pellucid.layers._registry import REGISTRY

Array = jax.Array

SILENCE = 1e-12
"""Added to a power before its root is taken, so that silence has a slope."""


@REGISTRY.register()
class RandomTimeShift(RandomSoundLayer):
    """Shifts each sound in time by its own random whole number of steps while the network learns.

    With s drawn from the range, times the number of steps, rounded::

        y_t = x_(t - s)

    When the network is evaluated y = x.

    Args:
        factor: range of the shift towards later, as a share of the steps; one number f stands for
            (-f, f).
        fill_mode: what comes in at the end: ``"constant"``, ``"wrap"`` (what has gone out at the
            other), ``"reflect"`` or ``"nearest"``.
        fill_value: the value that comes in, with ``"constant"``.

    Input shape (batch, steps, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomTimeShift
        >>> RandomTimeShift(0.1)(Input((16000, 1))).shape
        (None, 16000, 1)

    References:
        Salamon, Bello, Deep convolutional neural networks and data augmentation for environmental
        sound classification (2017), section II.B.
    """

    factor: Range
    fill_mode: str = "constant"
    fill_value: float = 0.0

    formula: ClassVar[str] = "y_t = x_(t - s), s drawn for each x"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "t": "step",
        "s": "shift in steps",
    }
    operations: ClassVar[tuple[str, ...]] = ("reshape", "resample")

    def __post_init__(self) -> None:
        super().__post_init__()
        as_range("RandomTimeShift", "factor", self.factor)
        check_one_of("RandomTimeShift", "fill_mode", self.fill_mode, FILL_MODES)
        check_range("RandomTimeShift", "fill_value", self.fill_value)

    def change(self, key: Array, x: Array) -> Array:
        """Return the sounds, each read at its own shifted steps."""
        batch, steps, channels = x.shape
        (share,) = draw(key, batch, as_range("RandomTimeShift", "factor", self.factor))
        shift = jnp.round(share * steps)
        rows = (jnp.arange(steps, dtype="float32") - shift[:, None])[:, :, None]
        image = ops.reshape(x, shape=(batch, steps, 1, channels))
        y = ops.resample(
            image,
            rows,
            jnp.zeros_like(rows),
            fill_mode=self.fill_mode,
            fill_value=float(self.fill_value),
        )
        return ops.reshape(y, shape=x.shape)


@REGISTRY.register()
class RandomGain(RandomSoundLayer):
    """Makes each sound louder or softer by its own random amount while the network learns.

    With g drawn from the range, in decibels::

        y = 10^(g / 20) x

    When the network is evaluated y = x.

    Args:
        decibels: range of g; one number f stands for (-f, f).

    Input shape (batch, steps, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomGain
        >>> RandomGain(6)(Input((16000, 1))).shape
        (None, 16000, 1)

    References:
        Salamon, Bello, Deep convolutional neural networks and data augmentation for environmental
        sound classification (2017), section II.B (dynamic range).
    """

    decibels: Range

    formula: ClassVar[str] = "y = 10^(g / 20) x, g drawn for each x"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "g": "gain in decibels",
    }
    operations: ClassVar[tuple[str, ...]] = ("multiply",)

    def __post_init__(self) -> None:
        super().__post_init__()
        as_range("RandomGain", "decibels", self.decibels)

    def change(self, key: Array, x: Array) -> Array:
        """Return the sounds, each with its own loudness."""
        (g,) = draw(key, x.shape[0], as_range("RandomGain", "decibels", self.decibels))
        return ops.multiply(x, (10 ** (g / 20))[:, None, None].astype(x.dtype))


@REGISTRY.register()
class RandomNoise(RandomSoundLayer):
    """Adds noise of its own random strength to each sound while the network learns.

    With the power P of a channel, the mean of its squares, and r drawn from the range::

        y = x + sqrt(P 10^(-r / 10)) e, e ~ N(0, 1)

    so that r is the ratio of signal to noise in decibels. When the network is evaluated y = x.

    Args:
        decibels: range of r, ``(from, to)``: 0 is noise as loud as the sound, 20 a tenth of its
            size.

    Input shape (batch, steps, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, RandomNoise
        >>> RandomNoise((10, 40))(Input((16000, 1))).shape
        (None, 16000, 1)

    References:
        Salamon, Bello, Deep convolutional neural networks and data augmentation for environmental
        sound classification (2017), section II.B (background noise).
    """

    decibels: tuple[float, float] = (10.0, 40.0)

    formula: ClassVar[str] = "y = x + sqrt(P 10^(-r / 10)) e, e ~ N(0, 1), r drawn for each x"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "P": "mean of the squares of the channel",
        "r": "signal to noise in decibels",
        "e": "noise, drawn for every entry",
        "N": "normal distribution: mean, variance",
    }
    operations: ClassVar[tuple[str, ...]] = ("multiply", "global_average_pool", "reshape", "add")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.decibels, (tuple, list)):
            raise ArgumentError(
                f"RandomNoise expected decibels to be two numbers, got {self.decibels!r}; type "
                "decibels=(10, 40)."
            )
        as_range("RandomNoise", "decibels", self.decibels)

    def change(self, key: Array, x: Array) -> Array:
        """Return the sounds with noise."""
        batch, _, channels = x.shape
        key_ratio, key_noise = jax.random.split(key)
        (r,) = draw(key_ratio, batch, as_range("RandomNoise", "decibels", self.decibels))
        power = ops.global_average_pool(ops.multiply(x, x))
        share = (10 ** (-r / 20))[:, None].astype(x.dtype)
        size = ops.multiply(jnp.sqrt(power + SILENCE), jnp.broadcast_to(share, power.shape))
        e = jax.random.normal(key_noise, x.shape, x.dtype)
        return ops.add(x, ops.multiply(ops.reshape(size, shape=(batch, 1, channels)), e))


@REGISTRY.register()
class SpecAugment(RandomSoundLayer):
    """Blanks random bands of time and frequency of each spectrogram while the network learns.

    Each of the masks covers the steps from t0 to t0 + t, with t drawn evenly from 0 to the width
    and t0 from where it fits, or so many channels::

        y = 0 where a mask lies, else x

    0 is the mean of spectrograms that are normalized. When the network is evaluated y = x.

    Args:
        time_masks: masks of steps for each spectrogram, 0 or more.
        time_width: the longest one, as a share of the steps, in [0, 1].
        frequency_masks: masks of channels for each spectrogram, 0 or more.
        frequency_width: the widest one, as a share of the channels, in [0, 1].

    Input shape (batch, steps, channels); output shape the same.

    Example:
        >>> from pellucid.layers import Input, SpecAugment
        >>> SpecAugment(time_masks=2, frequency_masks=2)(Input((100, 80))).shape
        (None, 100, 80)

    References:
        Park, Chan, Zhang, Chiu, Zoph, Cubuk, Le, SpecAugment: a simple data augmentation method for
        automatic speech recognition (2019), section 2.
    """

    time_masks: int = 2
    time_width: float = 0.2
    frequency_masks: int = 2
    frequency_width: float = 0.2

    formula: ClassVar[str] = "y = m x, m drawn for each x"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, channels)",
        "y": "output",
        "m": "0 where a mask lies, else 1",
    }
    operations: ClassVar[tuple[str, ...]] = ("multiply",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("time_masks", "frequency_masks"):
            check_count("SpecAugment", name, getattr(self, name))
        for name in ("time_width", "frequency_width"):
            check_range("SpecAugment", name, getattr(self, name), 0, 1)

    def change(self, key: Array, x: Array) -> Array:
        """Return the spectrograms with their masks."""
        batch, steps, channels = x.shape
        key_time, key_frequency = jax.random.split(key)
        in_time = _covered(key_time, batch, self.time_masks, steps, self.time_width)
        in_band = _covered(
            key_frequency, batch, self.frequency_masks, channels, self.frequency_width
        )
        masked = in_time[:, :, None] | in_band[:, None, :]
        return ops.multiply(x, (~masked).astype(x.dtype))


def _covered(key: Array, batch: int, masks: int, size: int, share: float) -> Array:
    """Return where at least one of some bands lies, (batch, size)."""
    width, start = jax.random.uniform(key, (2, masks, batch, 1), "float32")
    width = jnp.floor(width * (share * size + 1))
    start = jnp.floor(start * (size - width + 1))
    line = jnp.arange(size, dtype="float32")
    return jnp.any((line >= start) & (line < start + width), axis=0)
