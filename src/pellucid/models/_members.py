"""In what the models of a population differ, and one model with those numbers left open.

The members of a population share one program: they have the same layers, losses and optimizer and
differ in floating-point settings alone, such as rates and strengths. ``differences`` finds these by
comparing the descriptions; ``with_numbers`` puts traced numbers in their places.
"""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid.errors import ArgumentError
from pellucid.layers import (
    Context,
    Dropout,
    Layer,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    Symbol,
    Variables,
)
from pellucid.layers._symbol import Node
from pellucid.models._graph import Graph

Array = jax.Array
Path = tuple[str, ...]
Differences = dict[Path, list[float]]

_DROPOUTS = (Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D)
_START = "initializer"
"""How the name of a setting ends that only says how numbers start."""


def differences(parts: Sequence[Any], path: Path = ()) -> Differences:
    """Return the numbers in which descriptions differ, by the path of names that leads to them.

    Args:
        parts: the same part of every member's description.
        path: where this part is.

    Raises:
        ArgumentError: they differ in something that shapes the program.
    """
    first = parts[0]
    if all(part is first for part in parts) or (path and path[-1].endswith(_START)):
        return {}
    if all(_is_number(part) for part in parts):
        if all(part == first for part in parts):
            return {}
        if not any(isinstance(part, float) for part in parts):
            raise _unlike(path, parts)
        return {path: [float(part) for part in parts]}
    if any(type(part) is not type(first) for part in parts):
        raise _unlike(path, parts)
    found: Differences = {}
    for name, column in _columns(parts, path):
        found |= differences(column, (*path, name))
    return found


def _columns(parts: Sequence[Any], path: Path) -> list[tuple[str, list[Any]]]:
    """Return the parts of the parts by name; none for what is equal as a whole."""
    first = parts[0]
    if isinstance(first, Graph):
        if any(_wiring(part) != _wiring(first) for part in parts):
            raise _unlike(path, parts)
        return [(name, [part.layers()[name] for part in parts]) for name in first.layers()]
    if dataclasses.is_dataclass(first):
        names = [entry.name for entry in dataclasses.fields(first)]
        return [(name, [getattr(part, name) for part in parts]) for name in names]
    if isinstance(first, (list, tuple)) and all(len(part) == len(first) for part in parts):
        return [(str(place), [part[place] for part in parts]) for place in range(len(first))]
    if isinstance(first, Mapping) and all(set(part) == set(first) for part in parts):
        return [(str(name), [part[name] for part in parts]) for name in first]
    if isinstance(first, np.ndarray) and all(np.array_equal(part, first) for part in parts):
        return []
    if isinstance(first, (np.ndarray, list, tuple)) or any(part != first for part in parts):
        raise _unlike(path, parts)
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _unlike(path: Path, parts: Sequence[Any]) -> ArgumentError:
    other = next((part for part in parts if str(part) != str(parts[0])), parts[-1])
    kinds = [
        str(part) if len(str(part)) < 60 else type(part).__name__ for part in (parts[0], other)
    ]
    return ArgumentError(
        "The members of a population must be alike in all but numbers such as rates and "
        f"strengths, but {'/'.join(path) or 'the network'} is {kinds[0]} in one and {kinds[1]} in "
        "another; build them alike, or fit them one by one."
    )


def _wiring(graph: Graph) -> Any:
    """Return which layer reads what, in words that compare."""
    places: dict[int, Any] = {
        id(symbol): ("input", n) for n, symbol in enumerate(graph.input_symbols)
    }

    def place(symbol: Symbol) -> Any:
        known = places[id(symbol if symbol.node is None else symbol.node)]
        return (*known, symbol.index)

    nodes = []
    for number, (name, _, node) in enumerate(graph.calls()):
        nodes.append((name, [place(symbol) for symbol in node.input_symbols()]))
        places[id(node)] = ("node", number)
    shapes = [(symbol.shape, str(symbol.dtype)) for symbol in graph.input_symbols]
    return shapes, nodes, [place(symbol) for symbol in graph.output_symbols]


def with_numbers(part: Any, numbers: Mapping[Path, Array]) -> Any:
    """Return a description with other numbers, traced ones, at some of its places.

    The checks of the settings are not made again: each number has passed them in its member.
    """
    if not numbers:
        return part
    if isinstance(part, Graph):
        return _rebuilt(part, numbers)
    if isinstance(part, _DROPOUTS) and ("rate",) in numbers:
        axes = getattr(type(part), "axes", None)
        return _OpenDropout(numbers["rate",], axes, name=part.name, trainable=part.trainable)
    inner: dict[str, dict[Path, Array]] = {}
    for path, value in numbers.items():
        inner.setdefault(path[0], {})[path[1:]] = value

    def changed(name: str, old: Any) -> Any:
        own = inner.get(name, {})
        return own[()] if () in own else with_numbers(old, own)

    if isinstance(part, (list, tuple)):
        return type(part)(changed(str(place), old) for place, old in enumerate(part))
    if isinstance(part, Mapping):
        return {name: changed(str(name), old) for name, old in part.items()}
    new = copy.copy(part)
    for name in inner:
        object.__setattr__(new, name, changed(name, getattr(part, name)))
    return new


def _rebuilt(graph: Graph, numbers: Mapping[Path, Array]) -> Graph:
    """Return a graph of the same wiring and names, some of whose layers have other numbers."""
    layers: dict[str, Layer] = {}
    for name, layer in graph.layers().items():
        own = {path[1:]: value for path, value in numbers.items() if path[0] == name}
        new = copy.copy(with_numbers(layer, own))
        object.__setattr__(new, "name", name)
        layers[name] = new
    inputs = {id(symbol): symbol for symbol in graph.input_symbols}
    nodes: dict[int, Node] = {}

    def place(symbol: Symbol) -> Symbol:
        if symbol.node is None:
            return inputs[id(symbol)]
        return dataclasses.replace(symbol, node=nodes[id(symbol.node)])

    for name, _, node in graph.calls():
        given = jax.tree.map(place, node.inputs)
        nodes[id(node)] = dataclasses.replace(node, layer=layers[name], inputs=given)
    outputs = jax.tree.map(place, graph.outputs)
    return Graph(graph.inputs, outputs, name=graph.name, trainable=graph.trainable)


class _OpenDropout(Layer):
    """Dropout whose rate is a traced number: y = m x / (1 - rate) while the network learns.

    The mask m is drawn with the key of the ``Dropout`` whose place it takes, so that the same
    entries stay.
    """

    rate: Any
    axes: int | None = None

    keeps_mask: ClassVar[bool] = True
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with a part of it dropped."""
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
        if not context.training:
            return x
        shape = x.shape
        if self.axes is not None:
            shape = (x.shape[0], *(1,) * self.axes, x.shape[-1])
        keep = 1 - self.rate
        mask = jax.random.bernoulli(context.make_key(), keep, shape)
        return ops.multiply(
            x, jnp.broadcast_to(jnp.where(mask, 1 / keep, 0), x.shape).astype(x.dtype)
        )


def starts(part: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """Return how the numbers of a layer or a graph start, in words that compare."""
    found: list[tuple[Path, str]] = []
    if isinstance(part, Graph):
        for name, layer in part.layers().items():
            found += starts(layer, (*path, name))
    elif isinstance(part, Layer):
        for entry in dataclasses.fields(part):
            value = getattr(part, entry.name)
            if entry.name.endswith(_START):
                found.append(((*path, entry.name), repr(value)))
            else:
                found += starts(value, (*path, entry.name))
    return found


def by_member(found: Differences) -> dict[str, Array]:
    """Return the numbers as float32 arrays of shape (K,), by their path in one word."""
    return {"/".join(path): jnp.asarray(values, jnp.float32) for path, values in found.items()}


def of_part(numbers: Mapping[str, Array], part: str) -> dict[Path, Array]:
    """Return the numbers of one part of a model, by the rest of their paths."""
    split = {tuple(path.split("/")): value for path, value in numbers.items()}
    return {path[1:]: value for path, value in split.items() if path[0] == part}


__all__ = ["Differences", "by_member", "differences", "of_part", "starts", "with_numbers"]
