"""Pictures of a search: its course, what mattered, and how two settings go together."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import ArgumentError, DataError, UnknownNameError
from pellucid.inspection._plots import GREY, GRID, INK, TRAINING, VALIDATION, _figure, _plain_axes
from pellucid.tuning._search import Search, Trial
from pellucid.tuning._space import Choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pellucid.tuning._range_test import RangeTest


def plot_trials(search: Search) -> "Figure":
    """Draw the measure of every trial in the order in which they began, and the best so far.

    Args:
        search: what was found.
    """
    from matplotlib.ticker import MaxNLocator

    done = _measured(search)
    figure = _figure(6.4, 3.6)
    axes = figure.subplots()
    for state, color, label in (("complete", TRAINING, "complete"), ("pruned", GREY, "stopped")):
        points = [(t.number + 1, t.value) for t in done if t.state == state]
        if points:
            numbers, measures = zip(*points, strict=True)
            axes.scatter(numbers, measures, s=18, color=color, label=label, zorder=3)
    complete = [t for t in done if t.state == "complete"]
    if complete:
        best = np.maximum if search.question.larger else np.minimum
        values = best.accumulate(np.array([t.value for t in complete], float))
        axes.step(
            [t.number + 1 for t in complete],
            values,
            where="post",
            color=VALIDATION,
            linewidth=1.8,
            label="best",
        )
    axes.set_title(_words(search.question.monitor), loc="left", fontsize=11, color=INK)
    axes.set_xlabel("trial", color=GREY)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    _plain_axes(axes)
    return figure


def plot_importance(search: Search) -> "Figure":
    """Draw how much of the spread of the measure each setting accounts for.

    Args:
        search: what was found.

    Raises:
        DataError: there are no two complete trials with different measures.
    """
    shares = search.importance()
    if not shares:
        raise DataError(
            "The importance of settings needs two complete trials with different measures; run "
            "more trials."
        )
    ordered = sorted(shares.items(), key=lambda pair: pair[1])
    figure = _figure(6.4, 1.2 + 0.42 * len(ordered))
    axes = figure.subplots()
    names = [_words(name) for name, _ in ordered]
    bars = axes.barh(names, [share for _, share in ordered], color=TRAINING, height=0.62)
    axes.bar_label(bars, [f"{share:.0%}" for _, share in ordered], padding=4, color=INK, fontsize=9)
    axes.set_xlim(0, 1.1 * max(share for _, share in ordered))
    axes.set_xticks([])
    title = f"share of the spread of {_words(search.question.monitor)}"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    _plain_axes(axes)
    return figure


def plot_contour(search: Search, first: str | None = None, second: str | None = None) -> "Figure":
    """Draw the measure over two settings: a dot for each trial, and the heights between them.

    Between the dots the measure is interpolated in triangles; nothing is drawn outside them.

    Args:
        search: what was found.
        first: the setting on the horizontal axis; by default the most important one.
        second: the setting on the vertical axis; by default the next.

    Raises:
        UnknownNameError: the search has no such setting.
        ArgumentError: it has one setting alone, or the same is named twice.
        DataError: no trial has a measure.
    """
    from matplotlib.colors import LinearSegmentedColormap

    space = search.question.space
    for name in (first, second):
        if name is not None and name not in space:
            raise UnknownNameError("setting of this search", name, space)
    shares = search.importance()
    names = sorted(space, key=lambda name: -shares.get(name, 0.0))
    x_name = first or next((name for name in names if name != second), names[0])
    y_name = second or next((name for name in names if name != x_name), x_name)
    if x_name == y_name:
        raise ArgumentError(
            "plot_contour expected two different settings, got "
            f"{x_name!r} alone; search over two, or use plot_trials."
        )
    done = _measured(search)
    z = np.array([t.value for t in done], float)
    x, x_ticks = _places(space[x_name], [t.settings[x_name] for t in done])
    y, y_ticks = _places(space[y_name], [t.settings[y_name] for t in done])
    figure = _figure(5.6, 4.4)
    axes = figure.subplots()
    blues = LinearSegmentedColormap.from_list("paper to blue", ["#f3f5f8", "#a9c8ea", TRAINING])
    colors = blues if search.question.larger else blues.reversed()
    low, high = np.percentile(z, [10, 100] if search.question.larger else [0, 90])
    if high <= low:
        low, high = z.min() - 1e-9, z.max() + 1e-9
    shown = np.clip(z, low, high)
    if _spans_a_plane(x, y):
        levels = np.linspace(low, high, 9)
        axes.tricontourf(x, y, shown, levels=levels, cmap=colors)
    dots = axes.scatter(
        x, y, c=shown, cmap=colors, vmin=low, vmax=high, s=30, edgecolors=INK, linewidths=0.7
    )
    bar = figure.colorbar(dots, ax=axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=GREY, labelsize=9)
    for axis, own, ticks in (
        (axes.xaxis, space[x_name], x_ticks),
        (axes.yaxis, space[y_name], y_ticks),
    ):
        if ticks is not None:
            axis.set_ticks(range(len(ticks)), ticks)
        elif getattr(own, "log", False):
            axis.set_major_formatter(lambda value, _: f"{10**value:.2g}")
    axes.set_xlabel(_words(x_name), color=GREY)
    axes.set_ylabel(_words(y_name), color=GREY)
    axes.set_title(_words(search.question.monitor), loc="left", fontsize=11, color=INK)
    _plain_axes(axes)
    return figure


def plot_range_test(test: "RangeTest") -> "Figure":
    """Draw the loss over a growing learning rate.

    Args:
        test: what ``learning_rate_range_test`` returned.
    """
    figure = _figure(6.4, 3.6)
    axes = figure.subplots()
    axes.plot(test.learning_rates, test.losses, color=GRID, linewidth=1.2, label="each batch")
    axes.plot(test.learning_rates, test.smoothed, color=TRAINING, linewidth=1.8, label="smoothed")
    label = f"suggestion {test.suggestion:.2g}"
    axes.axvline(test.suggestion, color=VALIDATION, linewidth=1.4, label=label)
    top = max(test.smoothed[0], float(np.median(test.losses)))
    bottom = min(test.smoothed)
    axes.set_ylim(bottom - 0.1 * (top - bottom) - 1e-9, top + 0.4 * (top - bottom) + 1e-9)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate", color=GREY)
    axes.set_title("loss", loc="left", fontsize=11, color=INK)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    axes.minorticks_off()
    _plain_axes(axes)
    return figure


def _measured(search: Search) -> list[Trial]:
    done = [t for t in search.trials if t.value is not None and t.state in ("complete", "pruned")]
    if not done:
        raise DataError("A picture of a search needs a trial with a measure, got none.")
    return done


def _places(own: Any, values: list[Any]) -> tuple[np.ndarray, list[str] | None]:
    """Return where values lie on an axis, and what is written there where they are no numbers."""
    if isinstance(own, Choice):
        return np.array([own.values.index(v) for v in values], float), [str(v) for v in own.values]
    numbers = np.array(values, float)
    return (np.log10(numbers) if own.log else numbers), None


def _spans_a_plane(x: np.ndarray, y: np.ndarray) -> bool:
    """Tell whether there are three points at least that do not lie on a line."""
    points = np.unique(np.stack([x, y], 1), axis=0)
    return len(points) > 2 and np.linalg.matrix_rank(points - points[0], tol=1e-9) == 2


def _words(name: str) -> str:
    return name.replace("_", " ")
