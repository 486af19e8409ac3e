"""Figures of what is learned without answers, or drawn: lines, maps, rows of pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.inspection._plots import GREY, INK, TRAINING, VALIDATION, _figure, _plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_lines(
    x: np.ndarray,
    t: np.ndarray,
    lines: Sequence[tuple[np.ndarray, float]],
    sides: Sequence[str] = ("-1", "1"),
    measures: Sequence[str] = ("", ""),
) -> "Figure":
    """Draw points of two classes in the plane and a line's way between them, the oldest faintest.

    Args:
        x: points, shape (rows, 2).
        t: their sides, -1 or 1, shape (rows,).
        lines: weights (2,) and bias of each line w . x + b = 0, the oldest first.
        sides: what the classes are called that have the sides -1 and 1.
        measures: what the two columns of x are.
    """
    if x.ndim != 2 or x.shape[1] != 2:
        raise ShapeError(
            f"Lines can be drawn among points of the plane, shape (rows, 2), got {x.shape}; choose "
            "two columns, as in x[:, :2]."
        )
    figure = _figure(5.2, 4.6)
    axes = figure.subplots()
    for side, color, name in ((-1, VALIDATION, sides[0]), (1, TRAINING, sides[1])):
        chosen = x[t.reshape(-1) == side]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=14, color=color, label=name, zorder=3)
    low, high = x.min(axis=0), x.max(axis=0)
    edge = 0.08 * np.maximum(high - low, 1e-6)
    low, high = low - edge, high + edge
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low))
    for number, (w, b) in enumerate(lines):
        length = float(w @ w)
        if length == 0:
            continue
        foot = middle - (w @ middle + b) / length * w
        along = np.array([-w[1], w[0]]) / np.sqrt(length) * reach
        age = (number + 1) / len(lines)
        ends = np.stack([foot - along, foot + along])
        axes.plot(*ends.T, color=INK, alpha=0.1 + 0.9 * age**3, linewidth=0.8 + age)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_xlabel(measures[0], color=GREY)
    axes.set_ylabel(measures[1], color=GREY)
    axes.set_title(f"{len(lines)} lines, the last one darkest", loc="left", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, title=None)
    _plain_axes(axes)
    return figure


def plot_pictures(
    pictures: Any, columns: int, titles: Sequence[str] = (), side: float = 0.62
) -> "Figure":
    """Draw pictures in rows, close together.

    Args:
        pictures: in [0, 1], shape (count, height, width), bright ink on dark, or colors, shape
            (count, height, width, 3).
        columns: pictures in a row.
        titles: a word above each picture, or none.
        side: inches that a picture is wide.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 3 and not (pictures.ndim == 4 and pictures.shape[-1] == 3):
        raise ShapeError(
            f"Expected pictures of shape (count, height, width), got {pictures.shape}; for one "
            "channel type pictures[..., 0]."
        )
    rows = -(-len(pictures) // columns)
    height = side * pictures.shape[1] / pictures.shape[2] + (0.16 if titles else 0.0)
    figure = _figure(side * columns + 0.2, height * rows + 0.2)
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in panels:
        axes.axis("off")
    for number, picture in enumerate(pictures):
        panels[number].imshow(picture, cmap="gray", vmin=0, vmax=1)
        if titles:
            panels[number].set_title(titles[number], fontsize=8, color=INK, pad=2)
    return figure


def plot_map(points: Any, labels: Any, names: Sequence[str], size: float = 3) -> "Figure":
    """Draw points of the plane in the colours of their classes.

    Args:
        points: shape (rows, 2).
        labels: class numbers, shape (rows,).
        names: what the classes are called.
        size: of a point, as an area.
    """
    from matplotlib import colormaps

    points, labels = np.asarray(points), np.asarray(labels)
    figure = _figure(6.0, 5.2)
    axes = figure.subplots()
    colors = colormaps["tab10"].colors  # type: ignore[attr-defined]
    for number, name in enumerate(names):
        chosen = points[labels == number]
        color = colors[number % 10]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=size, color=color, label=name, linewidths=0)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, markerscale=(48 / size) ** 0.5,
                loc="center left", bbox_to_anchor=(1, 0.5))  # fmt: skip
    axes.set_aspect("equal")
    _plain_axes(axes)
    return figure
