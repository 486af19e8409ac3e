"""Which positions of an input a unit depends on: the windows of the layers, followed backwards.

Every layer says through which window its units look at its input (``Layer.windows``). Starting from
units of one layer, the positions read are followed layer by layer to the inputs of the model; where
branches meet, what they read is united. The padding is counted (``padded``) or left out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from pellucid.errors import UnknownNameError
from pellucid.layers._symbol import Node, Symbol
from pellucid.models import Graph


@dataclass(frozen=True)
class Reached:
    """What is read of one array, along each spatial axis.

    Attributes:
        positions: the positions, in order.
        strides: how far they move when the unit moves by one; 0 where they stay.
        period: after how many units the pattern repeats (1 unless the network upsamples).
    """

    positions: tuple[np.ndarray, ...]
    strides: tuple[Fraction, ...]
    period: int = 1

    def united(self, other: "Reached | None") -> "Reached":
        """Return what either reads."""
        if other is None:
            return self
        pairs = zip(self.positions, other.positions, strict=True)
        moves = zip(self.strides, other.strides, strict=True)
        return Reached(
            tuple(np.union1d(a, b) for a, b in pairs),
            # A branch that sees everything keeps the whole from moving.
            tuple(min(a, b) if 0 in (a, b) else max(a, b) for a, b in moves),
            math.lcm(self.period, other.period),
        )


@dataclass(frozen=True)
class Place:
    """One call of a layer in a model.

    Attributes:
        path: the names that lead to it, as in a trace.
        graphs: the graphs that lead to it, outermost first.
        nodes: the call in each of them; the last is that of the layer itself.
    """

    path: str
    graphs: tuple[Graph, ...]
    nodes: tuple[Node, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the layer's first output, batch axis included."""
        return tuple(self.nodes[-1].outputs[0].shape)


def places(graph: Graph) -> dict[str, Place]:
    """Return every call of every layer by path, those of nested models included."""
    found = {}
    for name, call, node in graph.calls():
        path = name if call == 0 else f"{name}#{call}"
        found[path] = Place(path, (graph,), (node,))
        if isinstance(node.layer, Graph):
            for inner in places(node.layer).values():
                deep = f"{path}/{inner.path}"
                found[deep] = Place(deep, (graph, *inner.graphs), (node, *inner.nodes))
    return found


def find_place(graph: Graph, path: str) -> Place:
    """Return the call of a layer; raise UnknownNameError with the nearest path if there is none."""
    known = places(graph)
    if path not in known:
        raise UnknownNameError("layer in this model", path, known)
    return known[path]


def trace_back(place: Place, units: tuple[np.ndarray, ...], padded: bool) -> list[Reached | None]:
    """Return what these units of a layer depend on in each input of the model; None for nothing."""
    start = Reached(units, (Fraction(1),) * len(units))
    wanted: Mapping[Any, Reached] = {(id(place.nodes[-1]), 0): start}
    found: list[Reached | None] = []
    for graph, outer in zip(
        reversed(place.graphs), [*reversed(place.nodes[:-1]), None], strict=True
    ):
        found = _through_graph(graph, wanted, padded)
        if outer is not None:
            symbols = outer.input_symbols()
            wanted = _gathered(zip(symbols, found, strict=True))
    return found


def _through_graph(
    graph: Graph, wanted: Mapping[Any, Reached], padded: bool
) -> list[Reached | None]:
    """Return what is reached at each input of a graph, from what is wanted inside it."""
    reached = dict(wanted)
    for node in reversed(graph.nodes):
        outputs = [reached.get((id(node), index)) for index in range(len(node.outputs))]
        if all(output is None for output in outputs):
            continue
        for symbol, read in _through_node(node, outputs, padded):
            if read is not None:
                reached[_key(symbol)] = read.united(reached.get(_key(symbol)))
    return [reached.get(_key(symbol)) for symbol in graph.input_symbols]


def _through_node(node: Node, outputs: list[Reached | None], padded: bool) -> Any:
    """Yield (input symbol, what is read of it)."""
    symbols = node.input_symbols()
    if isinstance(node.layer, Graph):
        inner = zip(node.layer.output_symbols, outputs, strict=True)
        yield from zip(symbols, _through_graph(node.layer, _gathered(inner), padded), strict=True)
        return
    specs = [symbol.spec() for symbol in symbols]
    given = specs if isinstance(node.inputs, list) else specs[0]
    for index, output in enumerate(outputs):
        if output is None:
            continue
        windows = node.layer.windows(given, node.outputs[index])
        for symbol, spec in zip(symbols, specs, strict=True):
            yield symbol, _read(spec.shape, node.outputs[index].shape, windows, output, padded)


def _read(
    shape: tuple[int, ...], made: tuple[int, ...], windows: Any, output: Reached, padded: bool
) -> Reached:
    """Return what a layer with these windows reads of an input of this shape."""
    if windows is None:
        everything = tuple(np.arange(n) for n in shape[1:-1])
        return Reached(everything, (Fraction(0),) * len(everything), output.period)
    positions, strides, period = [], [], output.period
    for axis, window in enumerate(windows):
        n = shape[axis + 1]
        if n == 1 and made[axis + 1] > 1:  # stretched to the size of another input
            positions.append(np.zeros(1, int))
            strides.append(Fraction(0))
            continue
        read = window.read(output.positions[axis])
        positions.append(read if padded else read[(read >= 0) & (read < n)])
        strides.append(output.strides[axis] * Fraction(window.stride, window.zoom))
        period = math.lcm(period, strides[-1].denominator)
    return Reached(tuple(positions), tuple(strides), period)


def _gathered(pairs: Any) -> dict[Any, Reached]:
    """Return what is reached by symbol; a symbol that comes twice is reached by both."""
    gathered: dict[Any, Reached] = {}
    for symbol, read in pairs:
        if read is not None:
            gathered[_key(symbol)] = read.united(gathered.get(_key(symbol)))
    return gathered


def _key(symbol: Symbol) -> tuple[int, int]:
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)
