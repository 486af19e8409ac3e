"""The numbers of a model alone: as safetensors, and by the names and shapes that Keras has."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pellucid import layers
from pellucid._files import write_file
from pellucid._named import snake_case
from pellucid.errors import ArgumentError, ExportError
from pellucid.layers import Layer, Variables
from pellucid.models import Graph, Model

Pairs = Iterator[tuple[str, np.ndarray]]


def to_safetensors(model: Model, path: str | Path) -> Path:
    """Write the numbers of a model to one safetensors file, by the paths of the layers.

    The same as ``model.save_weights(path)``: the file has an array ``dense/kernel`` for the kernel
    of the layer ``dense``, in Pellucid's shapes, and ``model.load_weights`` reads it.

    Args:
        model: a built model.
        path: the file, which ends in ``.safetensors``.

    Returns:
        The path.

    Raises:
        ArgumentError: if the path does not end in ``.safetensors``.
        NotReadyError: if the model does not know its input shape yet.

    Example:
        >>> import tempfile, pathlib
        >>> from safetensors.numpy import load_file
        >>> from pellucid import Sequential, export
        >>> from pellucid.layers import Dense, Input
        >>> model = Sequential([Input((2,)), Dense(3)])
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> sorted(load_file(export.to_safetensors(model, folder / "m.safetensors")))
        ['dense/bias', 'dense/kernel']
    """
    path = path_ending_in(".safetensors", "to_safetensors", path)
    model.save_weights(path)
    return path


def to_keras_names(model: Model, path: str | Path | None = None) -> dict[str, np.ndarray]:
    """Return the numbers of a model by the names that Keras 3 gives them, in Keras's shapes.

    A name is what ``variable.path`` ends in there, the path from the layer on: ``dense/kernel``,
    ``lstm/lstm_cell/recurrent_kernel``, ``bidirectional/forward_lstm/lstm_cell/kernel``,
    ``multi_head_attention/query/kernel``. So a Keras model whose layers have the same names takes
    them::

        for name, array in arrays.items():
            place = next(v for v in keras_model.variables if f"/{v.path}".endswith(f"/{name}"))
            place.assign(array)

    Args:
        model: a built model.
        path: a file that ends in ``.npz`` to write the arrays to as well (``numpy.load``).

    Returns:
        Arrays by name, in the order of the layers.

    Raises:
        ExportError: if a layer has numbers and Keras has no such layer.
        ArgumentError: if the path does not end in ``.npz``.
        NotReadyError: if the model does not know its input shape yet.

    Example:
        >>> from pellucid import Sequential, export
        >>> from pellucid.layers import LSTM, Input
        >>> arrays = export.to_keras_names(Sequential([Input((5, 2)), LSTM(3)]))
        >>> {name: array.shape for name, array in arrays.items()}["lstm/lstm_cell/kernel"]
        (2, 12)
    """
    place = None if path is None else path_ending_in(".npz", "to_keras_names", path)
    variables = jax.tree.map(np.asarray, model.variables)
    arrays = dict(_graph(model.graph, variables, ""))
    if place is not None:
        write_npz(place, arrays)
    return arrays


def path_ending_in(ending: str, who: str, path: str | Path) -> Path:
    """Return the path; raise ArgumentError, in the name of ``who``, if its ending is another."""
    path = Path(path)
    if path.suffix != ending:
        raise ArgumentError(
            f"{who} expected a path that ends in {ending}, got {str(path)!r}; type "
            f"{str(path.with_suffix(ending))!r}."
        )
    return path


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write plain arrays by name, whole or not at all."""
    savez: Any = np.savez
    data = io.BytesIO()
    savez(data, **arrays)
    write_file(path, [data.getvalue()])


def _graph(graph: Graph, variables: Variables, path: str) -> Pairs:
    for name, layer in graph.layers().items():
        yield from _layer(layer, variables.child(name), f"{path}{name}/")


def _layer(layer: Layer, variables: Variables, path: str) -> Pairs:
    own: Any = layer
    if isinstance(layer, Graph):
        yield from _graph(layer, variables, path)
    elif isinstance(layer, (layers.SimpleRNN, layers.LSTM, layers.GRU)):
        yield from _same(variables, f"{path}{snake_case(type(layer).__name__)}_cell/")
    elif isinstance(layer, layers.Bidirectional):
        for way in ("forward", "backward"):
            part = own._directions[f"{way}_layer"]
            inside = variables.child(f"{way}_layer")
            yield from _layer(part, inside, f"{path}{way}_{_name(own.layer)}/")
    elif isinstance(layer, layers.TimeDistributed):
        yield from _layer(own.layer, variables.child("layer"), f"{path}{_name(own.layer)}/")
    elif isinstance(layer, layers.MultiHeadAttention):
        yield from _heads(own, variables, path)
    elif type(layer) in SAME or not (variables.parameters or variables.state):
        yield from _same(variables, path)
    else:
        raise ExportError(
            f"Layer {path.rstrip('/')!r} ({type(layer).__name__}) has numbers, and Keras has no "
            "such layer; save the model's numbers with to_safetensors."
        )


SAME = {
    layers.Dense,
    layers.Embedding,
    layers.ReversibleEmbedding,
    layers.PReLU,
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Attention,
    layers.AdditiveAttention,
}
"""Layers whose variables have the names and shapes that Keras gives them."""


def _same(variables: Variables, path: str) -> Pairs:
    for tree in (variables.parameters, variables.state):
        for name, array in tree.items():
            yield f"{path}{name}", array


def _heads(layer: layers.MultiHeadAttention, variables: Variables, path: str) -> Pairs:
    """Yield the four projections with an axis for the heads, which lie side by side here."""
    for part, tree in variables.parameters.items():
        for name, array in tree.items():
            shape = array.shape
            if part != "attention_output":
                shape = (*shape[:-1], layer.num_heads, shape[-1] // layer.num_heads)
            elif name == "kernel":
                shape = (layer.num_heads, shape[0] // layer.num_heads, shape[1])
            yield f"{path}{part}/{name}", array.reshape(shape)


def _name(layer: Layer) -> str:
    return layer.name or snake_case(type(layer).__name__)
