"""Figures that lie over a picture: receptive fields and attributions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection._attribution import Attribution
from pellucid.inspection._measured_field import measure_receptive_field
from pellucid.inspection._plots import GREY, INK, TRAINING, VALIDATION, _figure
from pellucid.inspection._receptive_field import receptive_field, seen_by
from pellucid.models import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_receptive_field(
    model: Model, layer: str, image: Any, unit: Sequence[int] | None = None, measure: bool = True
) -> "Figure":
    """Draw what one unit sees, over a picture: by arithmetic, and as measured.

    Left, the picture with the field as a frame (dashed where it lies in the padding), and the
    fields of the neighboring unit to the right in a fainter one. Right, how strongly each pixel
    moves the unit, in a network of random positive weights; the frame is the same.

    Args:
        model: a model of images.
        layer: path of the layer.
        image: a picture that the model takes, shape (height, width) or (height, width, channels).
        unit: (row, column) of the unit; the middle one by default.
        measure: False leaves the measured half out, which compiles the model.

    Raises:
        ShapeError: the picture has not the model's size, or the layer no rows and columns.
    """
    from matplotlib.patches import Rectangle

    field = receptive_field(model, layer)
    pixels = _shown(image)
    if len(field.pixels) != 2 or len(field.units) != 2:
        raise ShapeError(
            f"A field can be drawn for a layer of rows and columns, got {layer!r} with "
            f"{field.units} units; use receptive_field for its numbers."
        )
    if pixels.shape[:2] != field.pixels:
        raise ShapeError(
            f"The picture must have the {field.pixels} pixels of the model's input, got "
            f"{pixels.shape[:2]}; resize it first."
        )
    at = tuple(n // 2 for n in field.units) if unit is None else tuple(unit)
    inside = seen_by(model, layer, at)
    strength = measure_receptive_field(model, layer, at).strength if measure else None
    figure = _figure(8.4 if measure else 4.4, 4.8)
    _give_room(figure)
    panels = figure.subplots(1, 2 if measure else 1, squeeze=False)[0]
    _draw(panels[0], pixels)
    start = [float(low + s * t) for low, s, t in zip(field.offset, field.stride, at, strict=True)]
    if at[1] + 1 < field.units[1] and field.stride[1] > 0:
        right = (start[1] + float(field.stride[1]) - 0.5, start[0] - 0.5)
        panels[0].add_patch(
            Rectangle(right, field.size[1], field.size[0], fill=False, edgecolor=TRAINING,
                      linewidth=1.2, alpha=0.8)
        )  # fmt: skip
    if strength is not None:
        scale = strength / max(float(strength.max()), 1e-30)
        # Most fields are strong in the middle; the root lets the rim be seen.
        panels[1].imshow(np.sqrt(scale), cmap="magma", vmin=0, vmax=1)
        panels[1].set_title("measured by gradient", loc="left", fontsize=11, color=INK)
    for axes in panels:
        axes.add_patch(
            Rectangle((start[1] - 0.5, start[0] - 0.5), field.size[1], field.size[0], fill=False,
                      edgecolor=VALIDATION, linewidth=1.2, linestyle=(0, (4, 3)))
        )  # fmt: skip
        (top, bottom), (left, end) = inside
        axes.add_patch(
            Rectangle((left - 0.5, top - 0.5), end - left, bottom - top, fill=False,
                      edgecolor=VALIDATION, linewidth=2.2)
        )  # fmt: skip
        low = [min(-0.5, s - 1.0) for s in start]
        high = [
            max(n - 0.5, s + r) for n, s, r in zip(field.pixels, start, field.size, strict=True)
        ]
        axes.set_xlim(low[1], high[1])
        axes.set_ylim(high[0], low[0])
        _plain(axes)
    size = " x ".join(map(str, field.size))
    stride = " x ".join(str(s) for s in field.stride)
    panels[0].set_title(
        f"{layer}, unit {at}: sees {size} pixels", loc="left", fontsize=11, color=INK
    )
    panels[0].set_xlabel(f"stride {stride}; blue: its right neighbor", color=GREY, fontsize=9)
    if measure:
        panels[1].set_xlabel("bright: moves the unit most", color=GREY, fontsize=9)
    return figure


def plot_attribution(
    attribution: Attribution, images: Any, names: Sequence[str] | None = None, rows: int = 4
) -> "Figure":
    """Draw attributions of images beside the images themselves, and over them.

    Red speaks for the class, blue against it; the strongest pixel of a picture has the full color.

    Args:
        attribution: what a method gave for the images.
        images: the pictures, shape (count, height, width) or (count, height, width, channels).
        names: what the classes are called; their numbers by default.
        rows: pictures that are drawn, at most.

    Raises:
        ShapeError: there is not one map for each picture.
    """
    values = attribution.values
    maps = values.sum(axis=-1) if values.ndim == 4 else values
    images = np.asarray(images)
    if maps.ndim != 3 or images.shape[: maps.ndim] != maps.shape:
        raise ShapeError(
            f"An attribution of shape {values.shape} cannot lie over pictures of shape "
            f"{images.shape}; give the pictures that were explained, all of them."
        )
    if rows < 1:
        raise ArgumentError(f"plot_attribution expected rows to be 1 or more, got {rows}.")
    count = min(len(maps), rows)
    figure = _figure(4.9, 2.5 * count + 0.4)
    _give_room(figure)
    panels = figure.subplots(count, 2, squeeze=False)
    for (left, right), values, image, target, score in zip(
        panels, maps, images, attribution.target, attribution.score, strict=False
    ):
        pixels = _shown(image)
        _draw(left, pixels)
        name = names[target] if names is not None else f"class {target}"
        left.set_title(f"{name}, score {score:.3g}", loc="left", fontsize=10, color=INK)
        grey = pixels if pixels.ndim == 2 else pixels.mean(axis=-1)
        # Pale enough that color is always the attribution.
        right.imshow(0.68 + 0.3 * grey, cmap="gray", vmin=0, vmax=1)
        largest = max(float(np.abs(values).max()), 1e-30)
        right.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest,
                     alpha=0.9 * np.sqrt(np.abs(values) / largest))  # fmt: skip
        for axes in (left, right):
            _plain(axes)
    panels[0, 1].set_title(attribution.method, loc="left", fontsize=10, color=INK)
    panels[-1, 1].set_xlabel("red for, blue against", color=GREY, fontsize=9)
    return figure


def _shown(image: Any) -> np.ndarray:
    """Return a picture as (height, width) or (height, width, 3), values in [0, 1]."""
    pixels = np.asarray(image, float)
    if pixels.ndim == 3 and pixels.shape[-1] != 3:
        pixels = pixels.mean(axis=-1)
    if pixels.ndim not in (2, 3):
        raise ShapeError(
            "A picture must have the shape (height, width) or (height, width, channels), got "
            f"{pixels.shape}; choose one with images[0]."
        )
    low, high = pixels.min(), pixels.max()
    return (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)


def _give_room(figure: "Figure") -> None:
    """Keep titles off the edges; pictures of equal sides would use all of the height."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = figure.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0.01, 0.02, 0.98, 0.95))


def _draw(axes: "Axes", pixels: np.ndarray) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)


def _plain(axes: "Axes") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
