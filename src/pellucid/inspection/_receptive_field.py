"""Receptive fields: what each unit of a layer sees of the input, by arithmetic.

The arithmetic follows the windows of the layers backwards. One window of size k, stride s and
dilation d turns a field of size r with step j into

    r' = r + (k - 1) d j,        j' = j s,

and where branches meet, the field is the union of theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.inspection._positions import Place, Reached, find_place, places, trace_back
from pellucid.models import Graph, Model

Box = tuple[tuple[int, int], ...]
"""(first, one past the last) along each spatial axis."""


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of one layer see of one input, along each spatial axis.

    Unit t sees the positions from ``offset + stride t`` to ``offset + stride t + size - 1``,
    padding included; the part inside the input is what ``seen_by`` gives.

    Attributes:
        layer: path of the layer.
        units: how many units the layer has along each spatial axis.
        pixels: size of the input along each spatial axis.
        size: size of the field.
        stride: distance between the fields of neighboring units; a fraction where the network
            upsamples; 0 where all units see the same.
        offset: where the field of the first unit starts; below 0 in the padding.
    """

    layer: str
    units: tuple[int, ...]
    pixels: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[Fraction, ...]
    offset: tuple[int, ...]

    @property
    def sees_all(self) -> bool:
        """True if every unit sees the whole input."""
        axes = zip(self.stride, self.offset, self.size, self.pixels, strict=True)
        return all(s == 0 and low <= 0 and low + r >= n for s, low, r, n in axes)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as lists that JSON can hold; a fractional stride as a float."""
        return {
            "layer": self.layer,
            "units": list(self.units),
            "pixels": list(self.pixels),
            "size": list(self.size),
            "stride": [_number(s) for s in self.stride],
            "offset": list(self.offset),
            "sees_all": self.sees_all,
        }


@dataclass(frozen=True)
class ReceptiveFields(Sequence[ReceptiveField]):
    """The receptive fields of all layers, in the order in which they run; prints as a table."""

    rows: tuple[ReceptiveField, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [("layer", "units", "size", "stride", "offset")]
        for row in self.rows:
            numbers = (row.units, row.size, row.stride, row.offset)
            cells = [_times(n) for n in numbers]
            if row.sees_all:
                cells[1:] = ["all", "", ""]
            lines.append((row.layer, *cells))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            f"{line[0]:<{widths[0]}}  "
            + "  ".join(f"{cell:>{n}}" for cell, n in zip(line[1:], widths[1:], strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded)


def receptive_field(model: Model, layer: str, input: str | None = None) -> ReceptiveField:
    """Return size, stride and offset of what the units of a layer see, by arithmetic.

    The sizes count padding, as published numbers do. A layer that does not tell its windows, such
    as a recurrent one, counts as seeing every position of its input.

    Args:
        model: a model whose input sizes are known; its weights are not looked at.
        layer: path of the layer, such as ``"conv2d_1"`` or ``"encoder/conv2d"``.
        input: name of the input, for a model of several; the first by default.

    Raises:
        UnknownNameError: there is no such layer, or no such input; the nearest is suggested.
        ShapeError: the input has no spatial axes, or one of unknown size.
        ArgumentError: the layer does not depend on the input.

    Example:
        >>> from pellucid.inspection import receptive_field
        >>> from pellucid.layers import Conv2D, Input, MaxPooling2D
        >>> from pellucid.models import Sequential
        >>> model = Sequential([Input((28, 28, 1)), Conv2D(6, 5), MaxPooling2D(2), Conv2D(16, 5)])
        >>> receptive_field(model, "conv2d_1").size
        (14, 14)

    References:
        Araujo, Norris, Sim, Computing receptive fields of convolutional neural networks, Distill
        (2019).
    """
    number = input_number(model.graph, input)
    return _field(find_place(model.graph, layer), number)


def receptive_fields(model: Model, input: str | None = None) -> ReceptiveFields:
    """Return the receptive fields of all layers that depend on an input; print it for a table.

    Args:
        model: a model whose input sizes are known.
        input: name of the input, for a model of several; the first by default.
    """
    number = input_number(model.graph, input)
    rows = []
    for place in places(model.graph).values():
        try:
            rows.append(_field(place, number))
        except ArgumentError:
            continue  # another input's branch
    return ReceptiveFields(tuple(rows))


def seen_by(model: Model, layer: str, unit: Sequence[int], input: str | None = None) -> Box:
    """Return the box of input positions that one unit sees, by arithmetic, without the padding.

    Args:
        model: a model whose input sizes are known.
        layer: path of the layer.
        unit: position along each spatial axis of the layer's output; () if it has none.
        input: name of the input, for a model of several.

    Raises:
        ArgumentError: the unit lies outside the layer.
    """
    number = input_number(model.graph, input)
    place = find_place(model.graph, layer)
    at = checked_unit("seen_by", place, unit)
    reached = trace_back(place, tuple(np.array([t]) for t in at), padded=False)[number]
    return _box(reached, place.path)


def reached_from(
    model: Model, layer: str, pixel: Sequence[int], input: str | None = None
) -> tuple[np.ndarray, ...]:
    """Return which units of a layer see one position of the input: its projective field.

    Args:
        model: a model whose input sizes are known.
        layer: path of the layer.
        pixel: position along each spatial axis of the input.
        input: name of the input, for a model of several.

    Returns:
        For each spatial axis of the layer the indices of the units, in order.

    Raises:
        ArgumentError: the pixel lies outside the input.
    """
    number = input_number(model.graph, input)
    place = find_place(model.graph, layer)
    check_pixel(model.graph, number, pixel)
    found = []
    for axis, n in enumerate(place.shape[1:-1]):
        middle = [np.array([m // 2]) for m in place.shape[1:-1]]
        seeing = []
        for t in range(n):
            middle[axis] = np.array([t])
            reached = trace_back(place, tuple(middle), padded=False)[number]
            if reached is not None and pixel[axis] in reached.positions[axis]:
                seeing.append(t)
        found.append(np.array(seeing, int))
    return tuple(found)


def _field(place: Place, number: int) -> ReceptiveField:
    axes = len(place.shape[1:-1])

    def fields(t: int) -> Reached:
        reached = trace_back(place, (np.array([t]),) * axes, padded=True)[number]
        if reached is None:
            raise ArgumentError(
                f"The layer {place.path!r} does not depend on this input; name another with "
                "input='...'."
            )
        return reached

    first = fields(0)
    size = [_extent(p) for p in first.positions]
    for t in range(1, first.period):
        size = [max(n, _extent(p)) for n, p in zip(size, fields(t).positions, strict=True)]
    return ReceptiveField(
        place.path,
        tuple(place.shape[1:-1]),
        tuple(_pixels(place.graphs[0], number)),
        tuple(size),
        first.strides,
        tuple(int(p[0]) if len(p) else 0 for p in first.positions),
    )


def input_number(graph: Graph, name: str | None) -> int:
    """Return the number of the named input, whose spatial sizes must be known."""
    if name is not None and name not in graph.input_names:
        raise UnknownNameError("input of this model", name, graph.input_names)
    number = 0 if name is None else graph.input_names.index(name)
    shape = graph.input_symbols[number].shape[1:]
    if None in shape:
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ShapeError(
            f"A receptive field needs an input of known size, got ({sizes}); build the model with "
            "the sizes in Input(shape)."
        )
    if not _pixels(graph, number):
        raise ShapeError(
            "A receptive field needs an input with spatial axes, such as Input((28, 28, 1)) or "
            f"Input((100, 8)), got {shape}: every unit of a table's network sees all columns."
        )
    return number


def _pixels(graph: Graph, number: int) -> tuple[int, ...]:
    """Return the sizes of an input's spatial axes; word numbers and plain scans lack channels."""
    symbol = graph.input_symbols[number]
    readers = [node for node in graph.nodes if symbol in node.input_symbols()]
    for node in readers:
        specs = jax.tree.map(lambda s: s.spec(), node.inputs)
        if isinstance(node.layer, Graph):
            continue
        windows = node.layer.windows(specs, node.outputs[0])
        if windows is not None:
            return tuple(n for n in symbol.shape[1 : 1 + len(windows)] if n is not None)
    return tuple(n for n in symbol.shape[1:-1] if n is not None)


def checked_unit(who: str, place: Place, unit: Sequence[int]) -> tuple[int, ...]:
    """Return the unit; raise ArgumentError unless it is one of the layer."""
    sizes = place.shape[1:-1]
    if len(unit) != len(sizes) or any(not 0 <= t < n for t, n in zip(unit, sizes, strict=True)):
        raise ArgumentError(
            f"{who} expected unit to be a position in layer {place.path!r}, which has {sizes} "
            f"units along its spatial axes, got {tuple(unit)}."
        )
    return tuple(int(t) for t in unit)


def check_pixel(graph: Graph, number: int, pixel: Sequence[int]) -> None:
    """Raise ArgumentError unless the pixel is a position of the input."""
    sizes = _pixels(graph, number)
    if len(pixel) != len(sizes) or any(not 0 <= p < n for p, n in zip(pixel, sizes, strict=True)):
        raise ArgumentError(
            f"The pixel must be a position in an input of {sizes} positions, got {tuple(pixel)}."
        )


def _box(reached: Reached | None, path: str) -> Box:
    if reached is None or any(len(p) == 0 for p in reached.positions):
        raise ArgumentError(f"This unit of layer {path!r} sees no position of the input.")
    return tuple((int(p[0]), int(p[-1]) + 1) for p in reached.positions)


def _extent(positions: np.ndarray) -> int:
    return int(positions[-1] - positions[0]) + 1 if len(positions) else 0


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def _times(values: Sequence[Any]) -> str:
    same = len(set(values)) == 1
    shown = values[:1] if same else values
    return " x ".join(str(value) for value in shown) if values else "-"
