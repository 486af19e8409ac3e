"""PyTorch's names and layouts for the numbers of a model.

The array ``NAME.weight`` of a PyTorch state dict belongs to the layer called ``NAME`` here (a
network inside a network adds its own name and a dot). What differs, with O outputs, I inputs, K
the axes of the window::

    layer                        here                    PyTorch
    convolution                  kernel (K, I, O)        weight (O, I, K)
    transposed convolution       kernel (K, O, I)        weight (I, O, K)
    depthwise convolution        kernel (K, C, M)        weight (C M, 1, K)
    dense                        kernel (I, O)           weight (O, I)
    embedding                    embeddings (I, O)       weight (I, O)
    normalization                gamma, beta             weight, bias
    batch normalization          moving_mean, _variance  running_mean, running_var
    all                          bias                    bias

PyTorch's images have the channels first, so that the first dense layer after ``Flatten`` meets the
numbers (C, H, W) in another order than here, (H, W, C): its inputs are put in order as well.
"""

from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from pellucid import layers
from pellucid.errors import ArgumentError
from pellucid.layers._conv import _Conv
from pellucid.layers._conv_transpose import _ConvTranspose
from pellucid.layers._depthwise_conv import _DepthwiseConv
from pellucid.layers._symbol import Node
from pellucid.models._graph import Graph
from pellucid.training._array_file import array_names, read_arrays

Change = Callable[[np.ndarray], np.ndarray]

COUNTER = "num_batches_tracked"
"""An array of PyTorch's batch normalization that nothing here depends on."""

NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Entry(NamedTuple):
    """One array: its path here, its name there, and the way from one layout to the other."""

    path: str
    name: str
    to_torch: Change
    from_torch: Change


def are_torch_names(names: Iterable[str]) -> bool:
    """Tell PyTorch's names, ``layer1.0.conv1.weight``, from paths, ``layer1.0.conv1/kernel``."""
    names = list(names)
    return any(name.endswith(".weight") for name in names) and not any("/" in n for n in names)


def read_torch_arrays(model: Any, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a PyTorch state dict by the paths of the model.

    Raises:
        ModelFileError: if the file is damaged, or belongs to another network; all differences are
            listed.
        ArgumentError: if the model has a layer that PyTorch has not.
    """
    specs = dict(model._ordered(model.shapes))
    found = list(entries(model.graph))
    expected: dict[str, Any] = {}
    for entry in found:
        # A broadcast zero has the shape and takes no memory.
        spec = specs[entry.path]
        expected[entry.name] = entry.to_torch(np.broadcast_to(spec.dtype.type(0), spec.shape))
    counters = {f"{e.name.removesuffix('running_mean')}{COUNTER}" for e in found}
    for name in counters.intersection(array_names(path)):
        expected[name] = np.zeros((), np.int64)
    arrays = read_arrays(path, expected)
    return {entry.path: entry.from_torch(arrays[entry.name]) for entry in found}


def torch_arrays(model: Any) -> dict[str, np.ndarray]:
    """Return the model's numbers by PyTorch's names, in PyTorch's layout.

    Raises:
        ArgumentError: if the model has a layer that PyTorch has not.
    """
    found = list(entries(model.graph))
    own = dict(model._ordered(model.variables))
    made = {}
    for entry in found:
        made[entry.name] = entry.to_torch(np.asarray(own[entry.path]))
        if entry.name.endswith("running_mean"):
            made[entry.name.removesuffix("running_mean") + COUNTER] = np.zeros((), np.int64)
    return made


def entries(graph: Graph, path: str = "", prefix: str = "") -> Iterator[Entry]:
    """Yield one entry for each array of a graph."""
    for name, call, node in graph.calls():
        if call:
            continue
        if isinstance(node.layer, Graph):
            yield from entries(node.layer, f"{path}{name}/", f"{prefix}{name}.")
            continue
        for variable, rank in _variables(graph, node):
            to_torch, from_torch = _changes(node, variable, rank)
            theirs = NAMES.get(variable, "bias" if variable == "bias" else "weight")
            place = f"{path}{name}/{variable}"
            yield Entry(place, f"{prefix}{name}.{theirs}", to_torch, from_torch)


def _variables(graph: Graph, node: Node) -> list[tuple[str, int]]:
    """Return name and rank of each variable of the layer of a node."""

    specs = jax.tree.map(lambda symbol: symbol.spec(), node.inputs)
    made = jax.eval_shape(
        lambda key: node.layer.make_variables(key, specs), jax.eval_shape(lambda: jax.random.key(0))
    )
    return [(n, len(a.shape)) for tree in (made.parameters, made.state) for n, a in tree.items()]


def _changes(node: Node, variable: str, rank: int) -> tuple[Change, Change]:
    """Return the way to PyTorch's layout and back."""
    layer = node.layer
    shape = _flattened_from(node)
    if variable == "kernel" and isinstance(layer, _DepthwiseConv):
        return _depthwise_to_torch, lambda w: _depthwise_from_torch(w, layer.depth_multiplier)
    if variable == "kernel" and isinstance(layer, (_Conv, _ConvTranspose)):
        axes = (rank - 1, rank - 2, *range(rank - 2))
        back = (*range(2, rank), 1, 0)
        return lambda w: w.transpose(axes), lambda w: w.transpose(back)
    if variable == "kernel" and isinstance(layer, layers.Dense):
        return (
            lambda w: channels_first(w, shape).T,
            lambda w: channels_last(w.T, shape),
        )
    if isinstance(layer, layers.Embedding):
        return _same, _same
    if variable == "bias" and isinstance(layer, (_DepthwiseConv, _Conv, _ConvTranspose)):
        return _same, _same
    if variable == "bias" and isinstance(layer, layers.Dense):
        return _same, _same
    if variable in NAMES:
        return lambda w: channels_first(w, shape), lambda w: channels_last(w, shape)
    raise ArgumentError(
        f"{type(layer).__name__} has no PyTorch layout for its {variable}; save and load this "
        "model in Pellucid's own names."
    )


def _same(w: np.ndarray) -> np.ndarray:
    return w


def _depthwise_to_torch(w: np.ndarray) -> np.ndarray:
    """Return (K, C, M) as (C M, 1, K)."""
    joined = w.reshape(*w.shape[:-2], 1, w.shape[-2] * w.shape[-1])
    return joined.transpose(joined.ndim - 1, joined.ndim - 2, *range(joined.ndim - 2))


def _depthwise_from_torch(w: np.ndarray, multiplier: int) -> np.ndarray:
    """Return (C M, 1, K) as (K, C, M)."""
    last = w[:, 0].transpose(*range(1, w.ndim - 1), 0)
    return last.reshape(*last.shape[:-1], last.shape[-1] // multiplier, multiplier)


def channels_first(w: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return w with the entries of its first axis, an image (H, W, C), in the order (C, H, W)."""
    return w if shape is None else w[_order(shape)]


def channels_last(w: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return w with the entries of its first axis, an image (C, H, W), in the order (H, W, C)."""
    return w if shape is None else w[np.argsort(_order(shape))]


def _order(shape: tuple[int, ...]) -> np.ndarray:
    """Return the places of (C, H, W) in (H, W, C)."""
    return np.moveaxis(np.arange(prod(shape)).reshape(shape), -1, 0).ravel()


def _flattened_from(node: Node) -> tuple[int, ...] | None:
    """Return the shape (H, W, C) that a row of the node's input was, None if it was a row.

    It is followed back through the layers that leave the order of a row as it is.
    """
    symbol = node.inputs
    keeps = (layers.Dropout, layers.Activation, layers.ReLU, layers.BatchNormalization)
    while not isinstance(symbol, list) and len(symbol.shape) == 2 and symbol.node is not None:
        before = symbol.node
        if isinstance(before.layer, layers.Flatten):
            shape = before.inputs.shape[1:]
            return shape if len(shape) > 1 else None
        if not isinstance(before.layer, keeps):
            return None
        symbol = before.inputs
    return None
