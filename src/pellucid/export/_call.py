"""What a layer is written from, and the table of those that can be written: one handler for each.

A handler mirrors the layer's ``apply``: it takes the call and its inputs as values of the graph,
and returns the outputs as values. Masks travel with the call, as in ``pellucid.layers.Context``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from pellucid.errors import ExportError
from pellucid.export._writer import Value, Writer
from pellucid.layers import Layer, Variables
from pellucid.models import Graph

Handler = Callable[["Call", Any], Any]

HANDLERS: dict[type[Layer], Handler] = {}
"""How each class of layer is written."""


def handles(*classes: type[Layer]) -> Callable[[Handler], Handler]:
    """Return a decorator that enters a handler for these classes of layers."""

    def enter(handler: Handler) -> Handler:
        for layer in classes:
            HANDLERS[layer] = handler
        return handler

    return enter


class Call:
    """One call of a layer that is being written.

    Attributes:
        layer: the layer.
        variables: its numbers, as NumPy arrays.
        path: the names that lead to it, with the number of the call where it is called again.
        mask: the mask of the input, a value (batch, time), or a list of masks, or None.
        output_mask: that of the output, which a handler sets.
        writer: where it is written.
    """

    def __init__(
        self,
        layer: Layer,
        variables: Variables,
        path: tuple[str, ...],
        writer: Writer,
        mask: Any = None,
    ) -> None:
        self.layer: Any = layer
        self.variables = variables
        self.path = path
        self.writer = writer
        self.mask = mask
        self.output_mask: Any = None

    @property
    def who(self) -> str:
        """Return the layer in words, for messages."""
        return f"Layer {'/'.join(self.path)!r} ({type(self.layer).__name__})"

    def weight(self, name: str) -> np.ndarray | None:
        """Return a variable, None where the layer has none of that name."""
        array = self.variables.get(name)
        return None if array is None else np.asarray(array)

    def stored(self, name: str, array: Any = None) -> Value:
        """Return a variable as a constant of the graph, or another form of it, under its path."""
        parts = [part.split("#")[0] for part in self.path]
        array = self.variables[name] if array is None else array
        return self.writer.constant(np.asarray(array), name="/".join((*parts, name)))

    def part(self, name: str, layer: Layer, x: Any, mask: Any = None) -> Any:
        """Write a part of the layer and return its output."""
        inside = Call(layer, self.variables.child(name), (*self.path, name), self.writer, mask)
        return inside.write(x)

    def known(self, x: Value, axis: int, why: str) -> int:
        """Return the size of an axis, which the handler has to know.

        Raises:
            ExportError: if it is not known before the graph runs.
        """
        size = x.shape[axis]
        if size is None:
            raise ExportError(
                f"{self.who} needs the size of axis {axis} to be written in ONNX, {why}, but the "
                "model takes any; make the model with that size in Input(shape)."
            )
        return size

    def write(self, x: Any) -> Any:
        """Write the layer and return its output; keep the mask where the layer keeps it."""
        y = self.run(x)
        if self.output_mask is None and self.layer.keeps_mask:
            self.output_mask = self.mask
        return y

    def run(self, x: Any) -> Any:
        """Write the layer and return its output.

        Raises:
            ExportError: if there is no handler for it.
        """
        handler = HANDLERS.get(type(self.layer))
        if handler is None:
            raise ExportError(
                f"{self.who} is no layer of Pellucid's, so that its ONNX form is not known; build "
                "the model of Pellucid's layers, or leave this one out of what you export."
            )
        with self.writer.at("/".join(self.path)):
            return handler(self, x)


@handles(Graph)
def graph(call: Call, x: Any) -> Any:
    """Write every layer in order; returns the outputs in the form in which they were given."""
    network: Graph = call.layer
    values: dict[tuple[int, int], Value] = {}
    masks: dict[tuple[int, int], Any] = {}
    given = call.mask if isinstance(call.mask, list) else [call.mask] * len(network.input_symbols)
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    for symbol, array, mask in zip(network.input_symbols, arrays, given, strict=True):
        values[_place(symbol)] = call.writer.cast(array, symbol.dtype)
        masks[_place(symbol)] = mask
    for name, number, node in network.calls():
        mask = jax.tree.map(lambda symbol: masks.get(_place(symbol)), node.inputs)
        if isinstance(mask, list) and all(part is None for part in mask):
            mask = None
        read = jax.tree.map(lambda symbol: values[_place(symbol)], node.inputs)
        path = (*call.path, name if number == 0 else f"{name}#{number}")
        inside = Call(node.layer, call.variables.child(name), path, call.writer, mask)
        y = inside.write(read)
        for index, value in enumerate(y if isinstance(y, (list, tuple)) else (y,)):
            values[id(node), index] = value
            own = inside.output_mask
            masks[id(node), index] = own[index] if isinstance(own, list) else own
    made = [masks.get(_place(symbol)) for symbol in network.output_symbols]
    call.output_mask = made[0] if len(made) == 1 else made
    outputs = [values[_place(symbol)] for symbol in network.output_symbols]
    single = not isinstance(network.outputs, (list, tuple, Mapping))
    return outputs[0] if single else tuple(outputs)


def _place(symbol: Any) -> tuple[int, int]:
    return (id(symbol), 0) if symbol.node is None else (id(symbol.node), symbol.index)
