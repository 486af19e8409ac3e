"""What a layer is written from, and the table of those that can be written: one handler for each.

A handler mirrors the layer's ``apply``: it takes the call and its inputs as values of the graph,
and returns the outputs as values. Masks travel with the call, as in ``pellucid.layers.Context``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import ExportError
from pellucid.export._layer_call import Handlers, LayerCall, write_network
from pellucid.export._writer import Value, Writer
from pellucid.layers import Layer
from pellucid.models import Graph

HANDLERS = Handlers()
"""How each class of layer is written: a handler takes the call and the input."""

handles = HANDLERS.enter


@dataclass(eq=False)
class Call(LayerCall):
    """One call of a layer that is being written in ONNX.

    Attributes:
        writer: where it is written.
    """

    writer: Writer

    def stored(self, name: str, array: Any = None) -> Value:
        """Return a variable as a constant of the graph, or another form of it, under its path."""
        array = self.variables[name] if array is None else array
        return self.writer.constant(np.asarray(array), name=self.label(name))

    def stored_if_any(self, name: str) -> Value | None:
        """Return a variable as a constant, None where the layer has none of that name."""
        return None if self.variables.get(name) is None else self.stored(name)

    def part(self, name: str, layer: Layer, x: Any, mask: Any = None) -> Any:
        """Write a part of the layer and return its output."""
        own, path = self.variables.child(name), (*self.path, name)
        return Call(layer, own, path, self.writer, mask=mask).write(x)

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
        self.keep_mask()
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
    """Write every layer in order."""
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    pairs = zip(arrays, call.layer.input_symbols, strict=True)
    given = [call.writer.cast(array, symbol.dtype) for array, symbol in pairs]
    return write_network(call, given, lambda inside, symbols, read: inside.write(read))
