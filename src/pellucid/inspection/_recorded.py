"""Outputs of layers, and whatever else they show, for many rows."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid.errors import UnknownNameError
from pellucid.layers import Context, Variables
from pellucid.layers._context import Collected
from pellucid.models import Graph, Model

Array = jax.Array

ROWS = 256
"""Rows that run at once."""


def layer_output(model: Model, layer: str, x: Any) -> np.ndarray:
    """Return what a layer makes of some inputs, with dropout off.

    Args:
        model: any model.
        layer: path of the layer, as in a trace: ``"dense"``, ``"encoder/conv2d"``; parts of layers
            made of layers have paths as well.
        x: inputs with the batch axis first, in the forms that ``predict`` takes.

    Raises:
        UnknownNameError: there is no such layer; the nearest is suggested.
    """
    return recorded(model, f"{layer}/output", x)


def recorded(model: Model, label: str, x: Any) -> np.ndarray:
    """Return a value that a layer records, such as ``"dense/pre_activation"``, for all rows."""
    graph, variables = model.graph, model.variables
    arrays = [np.asarray(array) for array in graph.arrange_inputs(x)]
    known = labels(model)
    if label not in known:
        path, _, name = label.rpartition("/")
        paths = [other.rpartition("/")[0] for other in known if other.endswith(f"/{name}")]
        raise UnknownNameError("layer in this model", path, paths)
    parts = [
        np.asarray(_values(graph, label, variables, [a[first : first + ROWS] for a in arrays]))
        for first in range(0, len(arrays[0]), ROWS)
    ]
    return np.concatenate(parts)


def labels(model: Model) -> list[str]:
    """Return the labels of everything that the layers record, in the order in which they run."""
    graph = model.graph
    found: list[str] = []

    def run(variables: Variables, arrays: list[Array]) -> None:
        found.extend(_run(graph, variables, arrays))

    jax.eval_shape(run, model.shapes, [symbol.spec() for symbol in graph.input_symbols])
    return found


@partial(jax.jit, static_argnums=(0, 1))
def _values(graph: Graph, label: str, variables: Variables, arrays: list[Array]) -> Array:
    return jnp.asarray(_run(graph, variables, arrays)[label])


def _run(graph: Graph, variables: Variables, arrays: list[Array]) -> dict[str, Array]:
    collected = Collected(values={})
    given: Any = arrays[0] if len(arrays) == 1 else arrays
    if len(arrays) > 1 and isinstance(graph.inputs, dict):
        given = dict(zip(graph.input_names, arrays, strict=True))
    graph.run_checked(variables, given, Context(collected=collected))
    return collected.values or {}
