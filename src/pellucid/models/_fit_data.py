"""From what a user passes to ``fit`` to the source that the training loop reads."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pellucid.data import ArrayDataset, Dataset, Pipeline
from pellucid.errors import ArgumentError, DataError
from pellucid.models._graph import Graph
from pellucid.models._objective import Objective
from pellucid.training import ArraySource, Batch, Source, StreamSource
from pellucid.training._resumable import ResumableSource


def as_dataset(x: Any, y: Any = None, sample_weight: Any = None, steps: int | None = None) -> Any:
    """Return what ``fit`` was given as a data set, checked.

    Args:
        x: arrays, a ``Dataset``, or a stream of batches (a function that returns an iterator, or
            something that is not an array and can be iterated over again).
        y: targets that go with arrays.
        sample_weight: weights that go with arrays.
        steps: batches that make an epoch of a stream.
    """
    if x is None:
        raise DataError("fit, evaluate and predict need data: pass x, or x and y.")
    stream = callable(x) and not hasattr(x, "__array__")
    stream = stream or isinstance(x, Iterator) or _is_batches(x)
    if isinstance(x, Dataset) or stream:
        if y is not None or sample_weight is not None:
            raise ArgumentError(
                "A data set or stream brings its own targets and weights; leave y and "
                "sample_weight out."
            )
        if isinstance(x, Pipeline):
            return x.limited(steps)
        return x if isinstance(x, Dataset) else Dataset.from_batches(x, steps)
    return Dataset.from_arrays(x, y, sample_weight)


def _is_batches(x: Any) -> bool:
    """Tell a list of batches ``[(x, y), ...]`` from arrays."""
    if isinstance(x, (np.ndarray, Mapping)) or hasattr(x, "__array__"):
        return False
    if isinstance(x, (list, tuple)):
        return bool(x) and isinstance(x[0], tuple) and hasattr(x[0][0], "shape")
    return hasattr(x, "__iter__") and not hasattr(x, "__dataframe__")


class FitData:
    """Checks data against a graph and its objective, and makes sources of it.

    Args:
        graph: the network, which knows its inputs.
        objective: the losses and metrics, which know what targets they take.
        class_weight: weight in the loss for each class number, or None.
    """

    def __init__(
        self, graph: Graph, objective: Objective, class_weight: Mapping[int, float] | None
    ) -> None:
        self.graph = graph
        self.objective = objective
        self.class_weight = class_weight

    def source(self, dataset: Any, batch_size: int) -> Source:
        """Return the source of a data set's batches.

        A batch larger than the data is the whole data.
        """
        if isinstance(dataset, ArrayDataset):
            return ArraySource(self.batch(dataset), batch_size)
        if isinstance(dataset, Pipeline):
            return ResumableSource(dataset.for_fit(batch_size), self.batch)

        def batches() -> Iterator[Batch]:
            return (self.batch(part) for part in dataset.batches())

        return StreamSource(batches, dataset.batch_count)

    def batch(self, part: Any) -> Batch:
        """Return rows in the form that steps take, after all checks."""
        inputs = self.graph.arrange_inputs(part.x)
        self.graph.check_data(inputs)
        y = self.objective.arrange_targets(part.y)
        x = inputs[0] if len(inputs) == 1 else inputs
        return Batch(x, y, self._weights(part.y, part.sample_weight))

    def _weights(self, y: Any, sample_weight: Any) -> Any:
        """Return the product of sample weights and the weights of the rows' classes."""
        weight = list(sample_weight) if isinstance(sample_weight, tuple) else sample_weight
        if self.class_weight is None:
            return weight
        if isinstance(y, (tuple, dict)):
            raise ArgumentError(
                "class_weight needs a model with one output; use sample_weight for several."
            )
        labels = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
        missing = sorted(set(np.unique(labels).tolist()) - set(self.class_weight))
        if missing:
            raise DataError(
                f"class_weight has no weight for class {missing[0]}; give one for each class, "
                f"as in {{{missing[0]}: 1.0, ...}}."
            )
        of_class = np.zeros(int(labels.max()) + 1, np.float32)
        for label, value in self.class_weight.items():
            if 0 <= label < len(of_class):
                of_class[label] = value
        per_row = of_class[labels.astype(int)]
        return per_row if weight is None else per_row * weight
