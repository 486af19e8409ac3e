"""The confusion matrix with a picture of each kind of confusion in it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._checks import check_same_shape
from pellucid.errors import ShapeError
from pellucid.inspection._overlays import _shown
from pellucid.inspection._plots import GREY, INK, TRAINING, VALIDATION, _figure, _plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 0.62
"""Inches of a cell."""


def plot_confusion_examples(
    truth: Any,
    predicted: Any,
    pictures: Any,
    names: Sequence[str],
    confidence: Any = None,
) -> "Figure":
    """Draw for each true class (rows) and predicted class (columns) a picture of that kind.

    Of several the most confident one is shown, its number of cases in the corner; what was taken
    rightly has a blue frame, what was not an orange one.

    Args:
        truth: true class numbers, shape (rows,).
        predicted: predicted class numbers, shape (rows,).
        pictures: shape (rows, height, width) or (rows, height, width, channels).
        names: what the classes are called.
        confidence: how sure the network was of each, shape (rows,); the first one of each kind is
            shown without it.

    Raises:
        ShapeError: there is not one prediction, one picture and one confidence for each row.
    """
    truth, predicted = np.asarray(truth).reshape(-1), np.asarray(predicted).reshape(-1)
    who = "plot_confusion_examples"
    check_same_shape(who, "truth", truth.shape, "predicted", predicted.shape)
    if len(pictures) != len(truth):
        raise ShapeError(
            f"{who} expected one picture for each of the {len(truth)} rows, got {len(pictures)}."
        )
    sure = np.zeros(len(truth)) if confidence is None else np.asarray(confidence).reshape(-1)
    check_same_shape(who, "truth", truth.shape, "confidence", sure.shape)
    count = len(names)
    side = CELL * count + 1.2
    figure = _figure(side, side)
    axes = figure.subplots()
    for row in range(count):
        for column in range(count):
            found = np.flatnonzero((truth == row) & (predicted == column))
            if not len(found):
                continue
            best = found[int(sure[found].argmax())]
            left, low = column + 0.06, row + 0.06
            axes.imshow(
                _shown(pictures[best]), cmap="gray", vmin=0, vmax=1, interpolation="nearest",
                extent=(left, left + 0.88, low + 0.88, low), zorder=2,
            )  # fmt: skip
            right = row == column
            axes.plot(
                [left, left + 0.88, left + 0.88, left, left],
                [low, low, low + 0.88, low + 0.88, low],
                color=TRAINING if right else VALIDATION, linewidth=1.6, zorder=3,
            )  # fmt: skip
            axes.text(
                left + 0.05, low + 0.04, f"{len(found)}", fontsize=6.5, color=INK, va="top",
                zorder=4,
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    axes.set_xlim(0, count)
    axes.set_ylim(count, 0)
    axes.set_aspect("equal")
    long = max(map(len, names)) > 4
    axes.set_xticks(np.arange(count) + 0.5, names, rotation=40 if long else 0,
                    ha="right" if long else "center")  # fmt: skip
    axes.set_yticks(np.arange(count) + 0.5, names)
    axes.set_xlabel("predicted class", color=GREY)
    axes.set_ylabel("true class", color=GREY)
    _plain_axes(axes)
    return figure
