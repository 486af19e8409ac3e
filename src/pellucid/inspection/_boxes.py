"""Figures of objects in images: what is there, and what a detector finds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.inspection._plots import GREY, INK, _figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#d7263d", "#1f5fa8", "#c98a00", "#1b998b", "#7b4ea3", "#f46036")
"""Of the classes, in turn."""
WIDTH = 3.1
"""Inches of one image."""


def plot_boxes(
    images: Any,
    true: tuple[Any, Any],
    found: tuple[Any, Any, Any],
    names: Sequence[str],
    least_score: float = 0.5,
) -> "Figure":
    """Draw images twice, one below the other: with the true boxes, and with those found.

    A box has the color of its class; a found one has its score, in hundredths, at its corner.

    Args:
        images: from 0 to 255, shape (count, height, width, 3).
        true: boxes (count, m, 4), left, top, right, bottom in pixels, and labels (count, m), -1
            where there is none.
        found: boxes (count, n, 4), labels (count, n) and scores (count, n).
        names: what the classes are called.
        least_score: what a found box needs to be drawn.

    Raises:
        ShapeError: there are not boxes for each image.
    """
    from matplotlib.patches import Patch

    images, (true_boxes, true_labels) = np.asarray(images), map(np.asarray, true)
    boxes, labels, scores = map(np.asarray, found)
    if images.ndim != 4 or len({len(images), len(true_boxes), len(boxes)}) > 1:
        raise ShapeError(
            f"Expected images of shape (count, height, width, 3) and boxes for each, got "
            f"{images.shape}, true boxes for {len(true_boxes)} and found ones for {len(boxes)}."
        )
    count, height, width = images.shape[:3]
    figure = _figure(WIDTH * count + 0.4, 2 * WIDTH * height / width + 0.9)
    rows = figure.subplots(2, count, squeeze=False)
    for k in range(count):
        shown = (labels[k] >= 0) & (scores[k] >= least_score)
        _draw(rows[0, k], images[k], true_boxes[k], true_labels[k])
        _draw(rows[1, k], images[k], boxes[k][shown], labels[k][shown], scores[k][shown])
        rows[1, k].set_xlabel(_counted(labels[k][shown], names), color=GREY, fontsize=9)
        rows[0, k].set_xlabel(_counted(true_labels[k], names), color=GREY, fontsize=9)
    rows[0, 0].set_ylabel("true", color=INK, fontsize=11)
    rows[1, 0].set_ylabel(f"found, score {least_score:g} or more", color=INK, fontsize=11)
    handles = [Patch(color=_color(number), label=name) for number, name in enumerate(names)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(names), frameon=False,
                  fontsize=10, labelcolor=INK)  # fmt: skip
    return figure


def _draw(
    axes: "Axes", image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, scores: Any = None
) -> None:
    from matplotlib.patches import Rectangle

    height, width = image.shape[:2]
    axes.imshow(image, extent=(0, width, height, 0), interpolation="bicubic")
    for place, (label, (left, top, right, bottom)) in enumerate(zip(labels, boxes, strict=True)):
        if label < 0:
            continue
        color = _color(int(label))
        axes.add_patch(
            Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color,
                      linewidth=1.4)
        )  # fmt: skip
        if scores is not None:
            axes.text(left + 1, top + 1, f"{100 * scores[place]:.0f}", color="white", fontsize=5.5,
                      va="top", ha="left", clip_on=True,
                      bbox={"facecolor": color, "edgecolor": "none", "pad": 0.7})  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _counted(labels: np.ndarray, names: Sequence[str]) -> str:
    counts = [(int((labels == number).sum()), name) for number, name in enumerate(names)]
    return ", ".join(f"{count} {name}" for count, name in counts if count) or "nothing"


def _color(label: int) -> str:
    return COLORS[label % len(COLORS)]
