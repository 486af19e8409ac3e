"""Figures of a training run, as Matplotlib figures that the caller saves or shows.

They are made without pyplot: nothing is kept open, and no display is needed.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._checks import check_last_axis, check_rank, check_same_shape
from pellucid.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION = "#1f5fa8", "#d1621b"
INK, GREY, GRID = "#222222", "#6b6b6b", "#e4e4e4"
DOTS_PER_INCH = 150


def plot_learning_curve(history: Mapping[str, Sequence[float]]) -> "Figure":
    """Draw each measure over the epochs: training and, where there is one, validation.

    Args:
        history: one number an epoch for each measure, as ``fit(...).history`` holds them; the
            measure ``val_loss`` is drawn beside ``loss``, or by itself where there is no ``loss``.
            None or NaN leaves a gap.

    Returns:
        A figure with one panel for each measure.

    Raises:
        DataError: there is no epoch in it.
    """
    from matplotlib.ticker import MaxNLocator

    names = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    if not names or not any(map(len, history.values())):
        raise DataError("A learning curve needs the measures of at least one epoch, got none.")
    figure = _figure(4.6 * len(names) + 0.4, 3.6)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        lines = {
            label: (history[given], color)
            for label, given, color in (
                ("training", name, TRAINING),
                ("validation", f"val_{name}", VALIDATION),
            )
            if given in history
        }
        for label, (values, color) in lines.items():
            y = np.array([np.nan if value is None else value for value in values], float)
            epochs = np.arange(1, len(y) + 1)
            marker = "o" if len(y) < 3 else None
            axes.plot(epochs, y, color=color, linewidth=1.8, label=label, marker=marker)
        axes.set_title(name.replace("_", " "), loc="left", fontsize=11, color=INK)
        axes.set_xlabel("epoch", color=GREY)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(left=min(1, len(y) - 1))
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        _plain_axes(axes)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    return figure


def plot_confusion_matrix(matrix: Any, labels: Sequence[str], title: str = "") -> "Figure":
    """Draw how often each class was taken for each.

    The colour of a cell is its share of its row, so that rare classes show as well as common ones;
    the number in it is the count.

    Args:
        matrix: counts, shape (classes, classes); row is the true class, column the predicted one.
        labels: what the classes are called, in the order of the rows.
        title: a line above the figure; by default the number and share of right answers.

    Raises:
        ShapeError: the matrix is not square, or there is not one label for each row.
    """
    from matplotlib.colors import LinearSegmentedColormap

    matrix = np.asarray(matrix)
    check_rank("plot_confusion_matrix", matrix.shape, 2, "(true class, predicted class)")
    check_same_shape("plot_confusion_matrix", "rows", matrix.shape[:1], "columns", matrix.shape[1:])
    check_last_axis(
        "plot_confusion_matrix", matrix.shape, len(labels), "give one label for each class"
    )
    total, right = matrix.sum(), np.trace(matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # Few mistakes should still show: the root lifts small shares.
    shade = np.sqrt(share)
    blues = LinearSegmentedColormap.from_list("paper to blue", ["#f3f5f8", "#a9c8ea", TRAINING])

    count = len(labels)
    side = max(4.2, 0.46 * count + 1.4)
    figure = _figure(side, side)
    axes = figure.subplots()
    axes.pcolormesh(shade[::-1], cmap=blues, vmin=0, vmax=1, edgecolors="#ffffff", linewidth=1.5)
    axes.set_aspect("equal")
    for row in range(count):
        for column in range(count):
            if matrix[row, column]:
                axes.text(
                    column + 0.5,
                    count - row - 0.5,
                    f"{matrix[row, column]:g}",
                    ha="center",
                    va="center",
                    fontsize=9 if count <= 12 else 7,
                    color="#ffffff" if shade[row, column] > 0.7 else INK,
                )
    axes.set_xticks(np.arange(count) + 0.5, labels)
    axes.set_yticks(np.arange(count) + 0.5, labels[::-1])
    axes.set_xlabel("predicted class", color=GREY)
    axes.set_ylabel("true class", color=GREY)
    if total:
        title = title or f"{right:g} of {total:g} right, {right / total:.2%}"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    _plain_axes(axes)
    return figure


def plot_attention(
    maps: Mapping[str, Any], read: Mapping[str, tuple[Sequence[str], Sequence[str]]]
) -> "Figure":
    """Draw which steps of one sequence were read for each step of another.

    Args:
        maps: by title, attention weights of shape (steps written, steps read), from 0 to 1.
        read: by the same titles, the words written (beside the rows) and the words read (below).

    Returns:
        A figure with one panel for each map; the darker a cell, the greater its weight.

    Raises:
        ShapeError: if a map has not one row and one column for each word.
    """
    from matplotlib.colors import LinearSegmentedColormap

    blues = LinearSegmentedColormap.from_list("paper to blue", ["#f3f5f8", "#a9c8ea", TRAINING])
    shapes = [np.shape(weights) for weights in maps.values()]
    figure = _figure(
        sum(1.2 + 0.32 * columns for _, columns in shapes), 1.4 + 0.32 * max(n for n, _ in shapes)
    )
    widths = [columns for _, columns in shapes]
    panels = figure.subplots(1, len(maps), squeeze=False, width_ratios=widths)[0]
    for axes, (title, weights) in zip(panels, maps.items(), strict=True):
        written, words = read[title]
        check_same_shape(
            "plot_attention",
            f"the map {title!r}",
            np.shape(weights),
            "its words",
            (len(written), len(words)),
        )
        axes.pcolormesh(
            np.asarray(weights)[::-1], cmap=blues, vmin=0, vmax=1, edgecolors="#ffffff", linewidth=1
        )
        axes.set_aspect("equal")
        axes.set_xticks(np.arange(len(words)) + 0.5, words)
        axes.set_yticks(np.arange(len(written)) + 0.5, list(written)[::-1])
        axes.set_xlabel("read", color=GREY)
        axes.set_ylabel("written", color=GREY)
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        _plain_axes(axes)
    return figure


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def _plain_axes(axes: "Axes") -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, colors=GREY, labelsize=9)
