"""What excites a unit most: the samples of some data, and a picture made by going uphill."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.inspection._maps import tiles
from pellucid.inspection._overlays import _shown
from pellucid.inspection._receptive_field import Box, receptive_field, seen_by
from pellucid.inspection._recorded import _run, labels, recorded
from pellucid.layers import Variables
from pellucid.models import Graph, Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = jax.Array


@dataclass(frozen=True)
class Excited:
    """One sample that excites a unit.

    Attributes:
        row: its row in the data.
        value: what the unit says (its pre-activation where it has one).
        position: where in the layer, along each spatial axis; () for a layer without any.
        box: what the unit sees there of the input, (first, one past the last) along each axis; ()
            where it sees all.
    """

    row: int
    value: float
    position: tuple[int, ...]
    box: Box


def most_exciting(model: Model, layer: str, channel: int, x: Any, count: int = 8) -> list[Excited]:
    """Return the samples that excite one unit or channel most, the strongest first.

    Of a convolution's channel the strongest position counts, once for each sample, with the part of
    the picture that it sees there.

    Args:
        model: a model of one input.
        layer: path of the layer.
        channel: number of the unit, or of the channel of a convolution.
        x: samples with the batch axis first.
        count: how many are returned.

    Raises:
        ArgumentError: the layer has no such channel.
        UnknownNameError: there is no such layer; the nearest is suggested.
    """
    check_positive_int("most_exciting", "count", count)
    values = recorded(model, _label(model, layer), x)
    _check_channel("most_exciting", layer, channel, values.shape[-1])
    one = values[..., channel]
    flat = one.reshape(len(one), -1)
    best = flat.argmax(axis=1)
    strength = flat[np.arange(len(flat)), best]
    found = []
    for row in np.argsort(-strength, kind="stable")[:count]:
        at = (
            tuple(int(n) for n in np.unravel_index(best[row], one.shape[1:]))
            if one.ndim > 1
            else ()
        )
        box = seen_by(model, layer, at) if at else ()
        found.append(Excited(int(row), float(strength[row]), at, box))
    return found


def exciting_pictures(
    model: Model,
    layer: str,
    channels: Sequence[int],
    *,
    low: float = 0.0,
    high: float = 1.0,
    steps: int = 128,
    rate: float = 0.03,
    decay: float = 0.1,
    smooth: float = 0.3,
    seed: int = 0,
) -> np.ndarray:
    """Return for each channel a picture made by going uphill, from even grey with a little noise.

    ::

        x <- x + rate (high - low) (g / rms(g) - decay (x - m) - smooth (x - mean of its neighbors))

    with g = dz/dx of the unit in the middle of the layer, m the middle of low and high, and x kept
    between low and high. The last two terms keep it from noise that no picture has. The same seed
    gives the same picture.

    Args:
        model: a model of one input of pictures.
        layer: path of the layer.
        channels: numbers of the units, or of the channels of a convolution.
        low: the darkest value of a pixel, as the model reads it.
        high: the brightest.
        steps: steps uphill.
        rate: length of a step, as a share of the range.
        decay: how strongly pixels are drawn back to grey.
        smooth: how strongly pixels are drawn to their neighbors.
        seed: makes the noise.

    Returns:
        Pictures of shape (channels, height, width, channels of the input).

    Raises:
        ShapeError: the model reads no pictures.
        ArgumentError: the layer has no such channel, or a setting is outside its domain.

    References:
        Erhan, Bengio, Courville, Vincent, Visualizing higher-layer features of a deep network
        (2009); Mahendran, Vedaldi, Understanding deep image representations by inverting them
        (2015), for the two terms.
    """
    who = "exciting_pictures"
    check_positive_int(who, "steps", steps)
    check_range(who, "rate", rate, 0, 1, open_low=True)
    check_range(who, "decay", decay, 0)
    check_range(who, "smooth", smooth, 0)
    graph = model.graph
    symbol = graph.input_symbols[0]
    if len(graph.input_symbols) != 1 or len(symbol.shape) not in (3, 4) or None in symbol.shape[1:]:
        shapes = ", ".join(str(s.shape[1:]) for s in graph.input_symbols)
        raise ShapeError(
            f"A picture can be made for a model of one input (height, width, channels), got "
            f"{shapes}; use most_exciting, which looks for samples."
        )
    if not jnp.issubdtype(symbol.dtype, jnp.floating):
        raise DTypeError(
            f"A picture is made by small steps, and the model reads {symbol.dtype}; give it an "
            "Input of floats."
        )
    if not low < high:
        raise ArgumentError(f"{who} expected low below high, got {low} and {high}.")
    label = _label(model, layer)
    spec = jax.eval_shape(lambda v, a: _run(graph, v, [a])[label], model.shapes, symbol.spec())
    for channel in channels:
        _check_channel(who, layer, channel, spec.shape[-1])
    shape = (len(channels), *(n for n in symbol.shape[1:] if n is not None))
    noise = np.random.default_rng(seed).standard_normal(shape[1:]).astype(symbol.dtype)
    start = np.broadcast_to((low + high) / 2 + 0.02 * (high - low) * noise, shape)
    settings = jnp.asarray([low, high, rate, decay, smooth], symbol.dtype)
    made = _uphill(
        graph, label, steps, model.variables, jnp.asarray(start), jnp.asarray(channels), settings
    )
    return np.asarray(made)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _uphill(
    graph: Graph,
    label: str,
    steps: int,
    variables: Variables,
    start: Array,
    channels: Array,
    settings: Array,
) -> Array:
    low, high, rate, decay, smooth = settings

    def strength(x: Array) -> Array:
        z = _run(graph, variables, [x])[label]
        middle = tuple(n // 2 for n in z.shape[1:-1])
        return jnp.sum(z[(jnp.arange(len(x)), *middle, channels)])

    def step(x: Array, _: None) -> tuple[Array, None]:
        g = jax.grad(strength)(x)
        axes = tuple(range(1, x.ndim))
        # Pixels that the unit does not see have no slope; the scale is that of the others.
        seen = jnp.maximum(jnp.sum(g != 0, axis=axes, keepdims=True), 1)
        rms = jnp.sqrt(jnp.sum(g * g, axis=axes, keepdims=True) / seen)
        around = sum(_moved(x, axis, by) for axis in (1, 2) for by in (1, -1)) / 4
        back = decay * (x - (low + high) / 2) + smooth * (x - around)
        pull = back / (high - low) * 2
        x = x + rate * (high - low) * (g / (rms + 1e-12) - pull)
        return jnp.clip(x, low, high), None

    return jax.lax.scan(step, start, None, length=steps)[0]


def _moved(x: Array, axis: int, by: int) -> Array:
    """Return pictures moved by one pixel, the edge repeated."""
    n = x.shape[axis]
    return jnp.take(x, jnp.clip(jnp.arange(n) + by, 0, n - 1), axis=axis)


def plot_exciting(
    model: Model, layer: str, channels: Sequence[int], x: Any, count: int = 6, **settings: Any
) -> "Figure":
    """Draw what excites some channels: in a row the made picture, then the strongest samples.

    Of a sample is drawn what the unit sees of it.

    Args:
        model: a model of one input of pictures.
        layer: path of the layer.
        channels: numbers of the units or channels, one row for each.
        x: pictures with the batch axis first.
        count: samples in a row.
        **settings: those of ``exciting_pictures``; low and high are taken from x by default.
    """
    x = np.asarray(x)
    ranges = {"low": float(x.min()), "high": float(x.max()), **settings}
    made = exciting_pictures(model, layer, channels, **ranges)
    spatial = bool(receptive_field(model, layer).units)
    units = recorded(model, _label(model, layer), x[:1]).shape[1:-1]
    middle: Box = seen_by(model, layer, [n // 2 for n in units]) if spatial else ()
    told = {"cmap": "gray", "vmin": 0, "vmax": 1}
    rows = []
    for row, channel in enumerate(channels):
        found = most_exciting(model, layer, channel, x, count)
        pictures = [_cut(made[row], middle), *(_cut(x[one.row], one.box) for one in found)]
        rows.append([(_shown(picture), told) for picture in pictures])
    return tiles(rows, ["made", "found"], [f"{channel}" for channel in channels])


def _cut(picture: np.ndarray, box: Box) -> np.ndarray:
    return picture[tuple(slice(*side) for side in box)] if box else picture


def _label(model: Model, layer: str) -> str:
    """Return the label of what a unit says before its activation, else of its output."""
    label = f"{layer}/pre_activation"
    return label if label in labels(model) else f"{layer}/output"


def _check_channel(who: str, layer: str, channel: int, count: int) -> None:
    if not 0 <= channel < count:
        raise ArgumentError(
            f"{who} expected a channel from 0 to {count - 1} of layer {layer!r}, got {channel}."
        )
