"""The training examples that a network finds most alike to an input, in its own space."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import ArgumentError
from pellucid.inspection._recorded import layer_output
from pellucid.models import Model

TINY = 1e-12


@dataclass(frozen=True)
class Neighbors:
    """The nearest training examples of some inputs.

    Attributes:
        index: their row numbers in the training data, nearest first, shape (rows, count).
        distance: how far they are, likewise.
        layer: path of the layer in whose output distances are taken.
        identity: what the distances must satisfy, in plain text.
        error: the largest distance of a training example from itself, among those found.
    """

    index: np.ndarray
    distance: np.ndarray
    layer: str
    identity: str
    error: float

    def vote(self, labels: Any) -> np.ndarray:
        """Return the label that most neighbors of each input have; of equal ones the nearest's."""
        labels = np.asarray(labels)[self.index]
        counts = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
        return labels[np.arange(len(labels)), counts.argmax(axis=1)]


def nearest_examples(
    model: Model,
    x: Any,
    examples: Any,
    layer: str | None = None,
    count: int = 5,
    metric: Literal["cosine", "euclidean"] = "cosine",
) -> Neighbors:
    """Return the training examples whose representations are nearest to those of some inputs.

    With h(x) the output of a layer, as one vector::

        cosine:     d(x, e) = 1 - h(x) . h(e) / (|h(x)| |h(e)|)
        euclidean:  d(x, e) = |h(x) - h(e)|

    Its identity: an example has the distance 0 to itself. The error is the largest one computed for
    the examples that were found, by rounding.

    Args:
        model: any model.
        x: inputs, batch axis first.
        examples: the training inputs, in the same form.
        layer: path of the layer whose output is compared; by default the last but one, which the
            last layer decides from.
        count: how many are returned for each input.
        metric: ``"cosine"`` compares directions, ``"euclidean"`` lengths as well.

    Raises:
        ArgumentError: there are fewer examples than ``count``, or the model has one layer alone.
        UnknownNameError: there is no such layer; the nearest is suggested.

    References:
        Papernot, McDaniel, Deep k-nearest neighbors (2018), section 3.
    """
    check_positive_int("nearest_examples", "count", count)
    check_one_of("nearest_examples", "metric", metric, ("cosine", "euclidean"))
    path = layer or _last_but_one(model)
    found, known = (_vectors(model, path, rows) for rows in (x, examples))
    if len(known) < count:
        raise ArgumentError(
            f"nearest_examples expected at least count={count} examples, got {len(known)}."
        )
    if metric == "cosine":
        found, known = (h / np.maximum(_lengths(h)[:, None], TINY) for h in (found, known))
    index = np.stack(
        [np.argsort(_distances(h, known, metric), kind="stable")[:count] for h in found]
    )
    near = [_distances(h, known[i], metric) for h, i in zip(found, index, strict=True)]
    own = [_distances(known[i], known[[i]], metric)[0] for i in np.unique(index)]
    identity = "an example has the distance 0 to itself"
    return Neighbors(index, np.stack(near), path, identity, float(np.max(np.abs(own))))


def _distances(h: np.ndarray, known: np.ndarray, metric: str) -> np.ndarray:
    """Return the distance of one vector to many."""
    return 1 - known @ h if metric == "cosine" else _lengths(known - h)


def _vectors(model: Model, path: str, rows: Any) -> np.ndarray:
    made = layer_output(model, path, rows)
    return made.reshape(len(made), -1).astype(float)


def _lengths(h: np.ndarray) -> np.ndarray:
    return np.sqrt((h * h).sum(axis=-1))


def _last_but_one(model: Model) -> str:
    graph = model.graph
    node = graph.output_symbols[0].node
    before = None if node is None else node.input_symbols()[0].node
    for name, number, other in graph.calls():
        if other is before:
            return name if number == 0 else f"{name}#{number}"
    raise ArgumentError(
        "nearest_examples compares what the last layer reads, and this model has one layer alone; "
        "name the layer, as in layer='dense'."
    )
