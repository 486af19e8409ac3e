"""A picture of a data set before training, as a Matplotlib figure that the caller saves."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.data._describe import DataFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, INK, GREY = "#1f5fa8", "#222222", "#6b6b6b"
MOST_PANELS = 11
MOST_CLASSES = 30


def draw_data(facts: DataFacts) -> "Figure":
    """Draw the rows of each class, histograms of the columns, and examples where rows are images.

    Args:
        facts: what ``describe`` found.

    Returns:
        A figure, made without pyplot.
    """
    from matplotlib.figure import Figure

    shown = [column for column in facts.columns if column.values and column.name != "y"]
    shown = shown[:MOST_PANELS]
    panels = len(shown) + bool(facts.classes) or 1
    pictures = [(_as_image(x), label) for x, label in facts.examples]
    pictures = [(image, label) for image, label in pictures if image is not None]
    wide = min(panels, 4)
    high = -(-panels // wide)
    heights = [2.4 * high, 1.3] if pictures else [2.4 * high]
    figure = Figure(figsize=(3.0 * max(wide, 2), sum(heights)), layout="constrained")
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
    top, *below = parts[:, 0]
    axes = iter(top.subplots(high, wide, squeeze=False).ravel())
    if facts.classes:
        _classes(next(axes), facts.classes)
    for column in shown:
        of = "" if column.kind == "numbers" else ", length"
        _histogram(next(axes), column.values, f"{column.name}{of}")
    for rest in axes:
        rest.axis("off")
    names = list(facts.classes)
    for part in below:
        places = part.subplots(1, min(8, len(pictures)), squeeze=False)[0]
        for place, (image, label) in zip(places, pictures, strict=False):
            place.imshow(image, cmap="gray")
            place.axis("off")
            if label is not None and label < len(names):
                place.set_title(names[label], fontsize=8, color=INK)
    return figure


def _classes(axes: "Axes", classes: dict[str, int]) -> None:
    names = sorted(classes, key=lambda name: -classes[name])[:MOST_CLASSES]
    axes.barh([name[:16] for name in names][::-1], [classes[n] for n in names][::-1], color=BLUE)
    axes.tick_params(labelsize=max(4, 8 - len(names) // 8), colors=GREY)
    _title(axes, "rows of each class")


def _histogram(axes: "Axes", values: list[float], name: str) -> None:
    axes.hist(values, bins=30, color=BLUE)
    axes.tick_params(labelsize=7, colors=GREY)
    axes.set_yticks([])
    _title(axes, name)


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text[:32], loc="left", fontsize=9, color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _as_image(x: Any) -> np.ndarray | None:
    """Return a row as an image to draw, None if it is none."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "uif" or x.dtype == object:
        return None
    image = x[..., 0] if x.ndim == 3 and x.shape[-1] == 1 else x
    colored = image.ndim == 3 and image.shape[-1] == 3
    if not (image.ndim == 2 or colored) or min(image.shape[:2]) < 4:
        return None
    low, high = float(image.min()), float(image.max())
    if colored:
        top = 255.0 if image.dtype.kind in "ui" or high > 1 else 1.0
        return np.clip(image / top, 0, 1)
    return (image - low) / (high - low) if high > low else np.zeros(image.shape)
