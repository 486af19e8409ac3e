"""What an attribution is, and the score of a class as a function that methods can question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.inspection._positions import find_place
from pellucid.layers import Context, Embedding, Variables
from pellucid.layers._context import Collected
from pellucid.models import Graph, Model

Array = jax.Array

AT_ONCE = 256
"""Rows that run at once."""
TOLERANCE = 1e-12
"""Keeps a share of a difference of zero finite."""


@dataclass(frozen=True)
class Attribution:
    """How much each number that went in has to do with the score of a class.

    Attributes:
        method: the name of the method.
        values: the attribution of each number, shape of what is explained, batch axis first.
        target: the class that is explained, for each row.
        score: its score, for each row.
        identity: what the values must satisfy, in plain text.
        error: how far each row is from it, as a share of what it is compared with; for a method
            without an identity of its own, how uncertain its values are.
        baseline_score: the score of the baseline, for methods that have one.
    """

    method: str
    values: np.ndarray
    target: np.ndarray
    score: np.ndarray
    identity: str
    error: np.ndarray
    baseline_score: np.ndarray | None = field(default=None)

    def by_position(self) -> np.ndarray:
        """Return the values summed over the last axis: one number for a pixel, a word."""
        return self.values.sum(axis=-1) if self.values.ndim > 2 else self.values

    def to_json(self) -> dict[str, Any]:
        """Return everything as lists and numbers."""
        numbers = {"values": self.values, "target": self.target, "score": self.score}
        numbers["error"] = self.error
        return {
            "method": self.method,
            "identity": self.identity,
            **{name: array.tolist() for name, array in numbers.items()},
        }


@dataclass(frozen=True)
class Question:
    """The scores of some rows, as functions of what is explained.

    Attributes:
        start: what is explained: the inputs, or the output of the layer ``at``.
        target: the class of each row.
        given: the inputs of the model.
        all_scores: the scores of all classes, shape (rows, classes).
        score: compiled; takes values shaped like rows of ``start``, and the number of the row that
            each belongs to, and returns their scores.
        slope: compiled; takes the same and returns dS/d(values).
    """

    start: Array
    target: np.ndarray
    given: Array
    all_scores: np.ndarray
    score: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]

    def scores(self, values: Array, rows: Any = None) -> np.ndarray:
        """Return the scores of many values; ``rows`` are the rows they belong to."""
        return _in_parts(self.score, values, rows)

    def slopes(self, values: Array, rows: Any = None) -> np.ndarray:
        """Return the derivative of the score with respect to each value."""
        return _in_parts(self.slope, values, rows)


def ask(model: Model, x: Any, target: Any = None, at: str | None = None) -> Question:
    """Return the question what the score of a class depends on.

    The score is the output for the class; where the model ends in softmax, it is what goes into
    the softmax, since a probability near 1 no longer moves. Dropout is off, and moving averages
    are used.

    Args:
        model: a model of one input, whose output has the shape (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input, such as an embedding.

    Raises:
        ShapeError: the inputs do not fit, or the output is not one number for a class.
        ArgumentError: the target is no class of the model.
        DTypeError: the inputs are whole numbers and ``at`` is not given.
        UnknownNameError: there is no layer ``at``.
    """
    graph = model.graph
    given = jnp.asarray(graph.arrange_inputs(x)[0])
    _check_form(graph)
    words = isinstance(graph.nodes[0].layer, Embedding)
    if at is None and (words or not jnp.issubdtype(graph.input_symbols[0].dtype, jnp.floating)):
        raise _no_gradient(graph)
    variables = model.variables
    label = None if at is None else f"{find_place(graph, at).path}/output"

    scores, start = _look(graph, label, variables, given)
    chosen = _targets(target, np.asarray(scores))
    rows = Rows(given, start, jnp.asarray(chosen))
    return Question(
        start,
        chosen,
        given,
        np.asarray(scores),
        partial(_score, graph, label, variables, rows),
        partial(_slope, graph, label, variables, rows),
    )


class Rows(NamedTuple):
    """The rows that are asked about: inputs, what is explained of them, their classes."""

    given: Array
    start: Array
    target: Array


@partial(jax.jit, static_argnums=(0, 1))
def _look(graph: Graph, label: str | None, variables: Variables, x: Array) -> tuple[Array, Array]:
    """Return the scores of all classes, and what is explained: the input, or a layer's output."""
    scores, values = run(graph, variables, x, {})
    return scores, x.astype("float32") if label is None else values[label]


@partial(jax.jit, static_argnums=(0, 1))
def _score(
    graph: Graph, label: str | None, variables: Variables, of: Rows, values: Array, rows: Array
) -> Array:
    """Return the score of each value in the place of what is explained of its row."""
    if label is None:
        made, _ = run(graph, variables, values, {})
    else:
        # A probe is added to the layer's output; this one takes it to ``values``.
        made, _ = run(graph, variables, of.given[rows], {label: values - of.start[rows]})
    return made[jnp.arange(len(rows)), of.target[rows]]


@partial(jax.jit, static_argnums=(0, 1))
def _slope(
    graph: Graph, label: str | None, variables: Variables, of: Rows, values: Array, rows: Array
) -> Array:
    """Return the derivative of each score with respect to its value."""
    return jax.grad(lambda v: jnp.sum(_score(graph, label, variables, of, v, rows)))(values)


def run(graph: Graph, variables: Variables, x: Array, probes: Any) -> tuple[Array, Any]:
    """Return the scores of all classes (before a final softmax), and all recorded values."""
    collected = Collected(values={}, probes=probes)
    y = graph.run_checked(variables, x, Context(collected=collected))
    values = collected.values or {}
    final = final_label(graph, values)
    return (y if final is None else values["/".join(final)]), values


def final_label(graph: Graph, values: Mapping[str, Array]) -> tuple[str, str] | None:
    """Return the path of a final softmax and the name of what goes into it, None without one."""
    node = graph.output_symbols[0].node
    if node is not None and node.layer.output_activation() in ("softmax", "log_softmax"):
        name = [name for name, _, other in graph.calls() if other is node][0]
        for kind in ("pre_activation", "input"):
            if f"{name}/{kind}" in values:
                return name, kind
    return None


def share(difference: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return |difference| as a share of |whole|."""
    return np.abs(difference) / np.maximum(np.abs(whole), TOLERANCE)


def baseline_like(question: Question, baseline: Any) -> Array:
    """Return the baseline in the shape of what is explained; one number or sample serves all."""
    start = question.start
    try:
        return jnp.broadcast_to(jnp.asarray(baseline, start.dtype), start.shape)
    except ValueError:
        raise ShapeError(
            f"The baseline must be a number, one sample of shape {start.shape[1:]} or as many as "
            f"there are rows, got shape {np.shape(baseline)}."
        ) from None


def row_sums(values: np.ndarray) -> np.ndarray:
    """Return the sum of each row."""
    return values.reshape(len(values), -1).sum(axis=1)


def _in_parts(function: Callable[[Array, Array], Array], values: Array, rows: Any) -> np.ndarray:
    """Return what a function makes of many values, some rows at once."""
    rows = jnp.arange(len(values)) if rows is None else jnp.asarray(rows)
    parts = [slice(first, first + AT_ONCE) for first in range(0, len(values), AT_ONCE)]
    return np.concatenate([np.asarray(function(values[part], rows[part])) for part in parts])


def _check_form(graph: Graph) -> None:
    if len(graph.input_symbols) != 1:
        raise ArgumentError(
            f"An attribution explains a model of one input, got {len(graph.input_symbols)} "
            f"({', '.join(graph.input_names)}); make a model of the part that is to be explained."
        )
    if len(graph.output_symbols) != 1 or len(graph.output_symbols[0].shape) != 2:
        shapes = ", ".join(str(symbol.shape) for symbol in graph.output_symbols)
        raise ShapeError(
            f"An attribution explains one output of shape (batch, classes), got {shapes}; put a "
            "pooling or Flatten behind it, or explain a model that ends earlier."
        )


def _no_gradient(graph: Graph) -> DTypeError:
    first = graph.names[id(graph.nodes[0].layer)]
    return DTypeError(
        "Word numbers have no gradient; name the layer whose output is explained, such as "
        f"at={first!r}."
    )


def _targets(target: Any, scores: np.ndarray) -> np.ndarray:
    count, classes = scores.shape
    chosen = scores.argmax(axis=1) if target is None else np.asarray(target)
    whole = np.issubdtype(chosen.dtype, np.integer)
    if not whole or chosen.ndim > 1 or (chosen.ndim == 1 and len(chosen) != count):
        raise ArgumentError(
            f"The target must be a class number, or one for each of the {count} rows, got "
            f"{target!r}."
        )
    if np.any((chosen < 0) | (chosen >= classes)):
        raise ArgumentError(
            f"The target must be one of the model's classes 0 to {classes - 1}, got {target!r}."
        )
    return np.broadcast_to(chosen, (count,)).astype(int)
