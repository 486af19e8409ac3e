"""Figures of what a layer makes of a picture, of its weights, and of where attention looks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.inspection._plots import GREY, INK, _figure, plot_attention
from pellucid.inspection._recorded import labels, layer_output, recorded
from pellucid.inspection._trace import _part
from pellucid.models import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILE = 0.78
"""Inches of a small picture."""


def plot_feature_maps(model: Model, layer: str, sample: Any, most: int = 32) -> "Figure":
    """Draw what each channel of a layer makes of one sample.

    Every channel is a picture of its own scale, from its least value (dark) to its greatest
    (bright); a channel that is the same everywhere is grey, with its value under it. The output of
    a layer of sequences is one picture, a row for each step.

    Args:
        model: a model of pictures or sequences.
        layer: path of the layer.
        sample: one input without the batch axis; a list for a model of several inputs.
        most: channels that are drawn, the first ones.

    Raises:
        ShapeError: the layer has no rows and columns.
        UnknownNameError: there is no such layer; the nearest is suggested.
    """
    check_positive_int("plot_feature_maps", "most", most)
    several = isinstance(sample, (list, tuple)) and len(model.graph.input_symbols) > 1
    batch = [np.asarray(part)[None] for part in sample] if several else np.asarray(sample)[None]
    made = layer_output(model, layer, batch)[0]
    if made.ndim == 2:
        figure = _figure(min(8.0, 1.5 + 0.1 * made.shape[1]), min(6.0, 1.2 + 0.08 * made.shape[0]))
        axes = figure.subplots()
        axes.imshow(made, cmap="viridis", aspect="auto", interpolation="nearest")
        axes.set_xlabel("channel", color=GREY)
        axes.set_ylabel("step", color=GREY)
        _bare(axes)
        return figure
    if made.ndim != 3:
        raise ShapeError(
            f"Feature maps need a layer of rows and columns, or of steps, got {layer!r} with the "
            f"output shape {made.shape} for one sample; name a convolution or a pooling."
        )
    maps = np.moveaxis(made, -1, 0)[:most]
    pictures: list[Any] = []
    titles = []
    for n, one in enumerate(maps):
        low, high = float(one.min()), float(one.max())
        even = low == high
        told = {"cmap": "gray", "vmin": low - 1, "vmax": low + 1} if even else {"cmap": "viridis"}
        pictures.append((one, told))
        titles.append(f"{n}: all {low:.2g}" if even else f"{n}")
    return tiles(in_rows(pictures), titles)


def plot_weight_maps(model: Model, layer: str, most: int = 32) -> "Figure":
    """Draw the weights of a layer as pictures: red is positive, blue negative, white 0.

    The kernels of a convolution that reads one channel are drawn one by one, those that read three
    as colors, lightest where they are greatest; of others the first kernels are drawn in rows, one
    column for each channel that they read. The weights of a dense layer that reads all pixels of
    the input are drawn in the places of the pixels.

    Args:
        model: a built model.
        layer: path of a layer with a ``kernel``.
        most: kernels that are drawn, the first ones.

    Raises:
        ShapeError: the weights do not lie in rows and columns.
        UnknownNameError: there is no such layer; the nearest is suggested.
    """
    check_positive_int("plot_weight_maps", "most", most)
    paths = [label.rpartition("/")[0] for label in labels(model) if label.endswith("/output")]
    if layer not in paths:
        raise UnknownNameError("layer in this model", layer, paths)
    own = _part(model.variables.parameters, layer)
    if "kernel" not in own:
        raise ArgumentError(
            f"Weight maps need a layer with a kernel, got {layer!r} with "
            f"{', '.join(own) or 'no parameters'}; name a convolution or a dense layer."
        )
    kernel = np.asarray(own["kernel"], np.float64)
    if kernel.ndim == 2:
        kernel = _as_pixels(model, layer, kernel)
    if kernel.ndim != 4:
        raise ShapeError(
            f"The weights of {layer!r} have the shape {kernel.shape}, which are no pictures; name "
            "a two-dimensional convolution."
        )
    reads, count = kernel.shape[2], min(kernel.shape[3], most)
    largest = max(float(np.abs(kernel).max()), 1e-30)
    if reads not in (1, 3):
        told = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        rows = [
            [(kernel[:, :, c, n], told) for c in range(min(reads, 16))]
            for n in range(min(count, 8))
        ]
        columns = [f"{c}" for c in range(len(rows[0]))]
        return tiles(rows, columns, [f"{n}" for n in range(len(rows))])
    pictures: list[Any] = []
    for n in range(count):
        one = kernel[..., n]
        scale = max(float(np.abs(one).max()), 1e-30)
        if reads == 3:
            pictures.append((0.5 + 0.5 * one / scale, {}))
        else:
            pictures.append((one[..., 0], {"cmap": "RdBu_r", "vmin": -scale, "vmax": scale}))
    return tiles(in_rows(pictures), [f"{n}" for n in range(count)])


def plot_attention_maps(
    model: Model,
    sample: Any,
    layer: str | None = None,
    words: Sequence[str] | None = None,
    most: int = 4,
) -> "Figure":
    """Draw where each head of an attention looks in one sample.

    Args:
        model: a model with attention in it.
        sample: one input without the batch axis; a list for a model of several inputs.
        layer: path of the attention, such as ``"block_1/attention"``; the last one by default.
        words: what the steps are called; their numbers by default. Only the first are drawn if
            there are more steps than words.
        most: heads that are drawn, the first ones.

    Raises:
        ArgumentError: no layer of the model records attention weights.
        UnknownNameError: there is no such attention; the nearest is suggested.
    """
    known = attentions(model)
    if not known:
        raise ArgumentError(
            "This model has no attention to draw; use plot_feature_maps or trace to look inside."
        )
    chosen = known[-1] if layer is None else layer
    several = isinstance(sample, (list, tuple)) and len(model.graph.input_symbols) > 1
    batch = [np.asarray(part)[None] for part in sample] if several else np.asarray(sample)[None]
    weights = recorded(model, f"{chosen}/attention_weights", batch)[0]
    weights = weights if weights.ndim == 3 else weights[None]
    _, rows, columns = weights.shape
    if words is not None:
        rows, columns = min(rows, len(words)), min(columns, len(words))
    named = list(words) if words is not None else [f"{n}" for n in range(max(rows, columns))]
    heads = {f"head {n}": one[:rows, :columns] for n, one in enumerate(weights[:most])}
    return plot_attention(heads, dict.fromkeys(heads, (named[:rows], named[:columns])))


def attentions(model: Model) -> list[str]:
    """Return the paths of what records attention weights, in the order in which it runs."""
    end = "/attention_weights"
    return [label.removesuffix(end) for label in labels(model) if label.endswith(end)]


def tiles(
    rows: Sequence[Sequence[tuple[Any, dict[str, Any]]]],
    titles: Sequence[str] = (),
    names: Sequence[str] = (),
) -> "Figure":
    """Return a figure of small pictures in rows.

    Args:
        rows: in each row, pictures with what ``imshow`` is told about them.
        titles: above the pictures, row by row; or only above the first row.
        names: before the rows.
    """
    across = max(map(len, rows))
    high = 1.24 if len(titles) > across else 1.06
    top = 0.24 if titles else 0.0
    width, height = 1.06 * across, high * len(rows)
    figure = _figure(TILE * width + 0.2 + 0.25 * bool(names), TILE * (height + top) + 0.1)
    axes = figure.subplots()
    flat = iter(titles)
    for number, row in enumerate(rows):
        for column, (picture, told) in enumerate(row):
            tall, wide = np.shape(picture)[:2]
            h, w = tall / max(tall, wide), wide / max(tall, wide)
            left, up = 1.06 * column + (1 - w) / 2, high * number + (1 - h) / 2
            axes.imshow(
                picture, interpolation="nearest", extent=(left, left + w, up + h, up), **told
            )
            title = next(flat, "")
            if title:
                middle = 1.06 * column + 0.5
                axes.text(middle, high * number - 0.03, title, fontsize=8, color=INK,
                          ha="center", va="bottom")  # fmt: skip
    for number, name in enumerate(names):
        axes.text(-0.08, high * number + 0.5, name, fontsize=8, color=INK, ha="right", va="center")
    axes.set_xlim(-0.03 - 0.3 * bool(names), width - 0.03)
    axes.set_ylim(high * (len(rows) - 1) + 1.03, -0.03 - top)
    axes.set_aspect("equal")
    _bare(axes)
    return figure


def in_rows(pictures: Sequence[Any], across: int = 8) -> list[list[Any]]:
    """Return pictures in rows of equal length."""
    return [list(pictures[first : first + across]) for first in range(0, len(pictures), across)]


def _as_pixels(model: Model, layer: str, kernel: np.ndarray) -> np.ndarray:
    """Return dense weights (pixels, units) in the places of the pixels of the input."""
    shapes = [symbol.shape[1:] for symbol in model.graph.input_symbols]
    for shape in shapes:
        sides = [n for n in shape if n is not None]
        if len(sides) == len(shape) in (2, 3) and np.prod(sides) == len(kernel):
            height, width, *channels = sides
            return kernel.reshape(height, width, channels[0] if channels else 1, -1)
    side = round(len(kernel) ** 0.5)
    if len(shapes) == 1 and shapes[0] == (len(kernel),) and side * side == len(kernel) > 9:
        return kernel.reshape(side, side, 1, -1)
    raise ShapeError(
        f"The {len(kernel)} weights of each unit of {layer!r} are not the pixels of an input of "
        f"shape {', '.join(map(str, shapes))}; name the first dense layer of a model of pictures."
    )


def _bare(axes: "Axes") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
