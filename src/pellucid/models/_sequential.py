"""A model that is a chain of layers."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from pellucid._named import snake_case
from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError, DTypeError, NotReadyError
from pellucid.layers import Input, Layer, Symbol
from pellucid.models._graph import Graph
from pellucid.models._model import Model


class Sequential(Model):
    """A model in which every layer reads the one before it.

    ::

        model = Sequential([Flatten(input_shape=(28, 28)), Dense(128, "relu"), Dense(10)])

    The shape of the input comes from ``Input(shape)`` as first entry, from ``input_shape=`` of the
    first layer, from ``build``, or from the data at the first ``fit``.

    Args:
        layers: layers, models, or an ``Input`` as the first entry; more can be ``add``-ed.
        name: a name for the model.
        seed: makes the initial weights.
    """

    def __init__(
        self, layers: Sequence[Any] | None = None, name: str | None = None, seed: int = 0
    ) -> None:
        super().__init__(name=name, seed=seed)
        self._input: Symbol | None = None
        self._chain: list[Any] = []
        for layer in layers or ():
            self._append(layer)
        self._connect()

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, also before the model is built."""
        return [entry.graph if isinstance(entry, Model) else entry for entry in self._chain]

    def add(self, layer: Any) -> None:
        """Append a layer; weights that the model already has are drawn anew."""
        self._append(layer)
        self._connect()

    def pop(self) -> None:
        """Remove the last layer."""
        if not self._chain:
            raise NotReadyError("The model has no layers to pop.")
        self._chain.pop()
        self._connect()

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Fix the input's shape, batch axis included: ``build((None, 784))``."""
        if self._graph is None:
            self._input = Input(tuple(input_shape)[1:])
            self._connect()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, Symbol):
            if self._chain or self._input is not None:
                raise ArgumentError("Input must be the first entry of a Sequential.")
            self._input = layer
        elif isinstance(layer, (Layer, Model)):
            self._chain.append(layer)
        else:
            raise DTypeError(
                f"Sequential expected a layer, got {layer!r}; write the layer's class with "
                "parentheses, as in Flatten()."
            )

    def _connect(self) -> None:
        """Make the graph, if the input's shape is known."""
        self._graph = None
        first = self._chain[0] if self._chain else None
        start = self._input
        if start is None and isinstance(first, Layer) and first.input_shape is not None:
            start = Input(first.input_shape)
        if start is None and isinstance(first, Model) and first.built:
            symbol = first.graph.input_symbols[0]
            start = Input(symbol.shape[1:], symbol.dtype, symbol.name)
        if start is None or not self._chain:
            return
        symbol = start
        for entry in self._chain:
            symbol = entry(symbol)
            if isinstance(symbol, tuple):
                raise ArgumentError(
                    f"{snake_case(type(entry).__name__)} has {len(symbol)} outputs, and a "
                    "Sequential passes one on; use the functional Model."
                )
        self._set_graph(Graph(start, symbol))

    def _build_for(self, x: Any) -> None:
        """Build an unbuilt model for the shape of the data."""
        if self._graph is not None:
            return
        if not self._chain:
            raise NotReadyError("The model has no layers; add some first.")
        if isinstance(x, ArrayDataset):
            x = x.x
        elif hasattr(x, "batches"):
            x = next(iter(x.batches())).x
        arrays = list(x.values()) if isinstance(x, dict) else x
        arrays = arrays if isinstance(arrays, (list, tuple)) else [arrays]
        if len(arrays) != 1:
            raise ArgumentError(f"A Sequential has one input, got {len(arrays)}.")
        array = arrays[0]
        wide = jax.numpy.result_type(array) if hasattr(array, "dtype") else np.dtype("float32")
        dtype = wide if wide == np.dtype("float64") else "float32"
        self._input = Input(np.shape(array)[1:], dtype)
        self._connect()
