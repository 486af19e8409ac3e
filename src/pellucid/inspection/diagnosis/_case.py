"""The case: a model with its data, and what was measured on them, each thing once."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import losses, training
from pellucid._tree import flatten_paths
from pellucid.inspection.diagnosis._measures import take_rows
from pellucid.inspection.diagnosis._passes import Passes, passes_of
from pellucid.inspection.diagnosis._simple import ROWS, Features, SimpleModels, as_features
from pellucid.layers import Layer, Variables
from pellucid.models import Model
from pellucid.models._fit_data import FitData
from pellucid.models._graph import Graph
from pellucid.training import Batch, TrainingState

Tree = Any

LOOKED_AT = 256
"""Rows whose every inner number is looked at."""
LARGEST_LOOK = 2**28
"""Bytes that those numbers may take; a large network is looked at with fewer rows."""
LOSS_ROWS = 1024
"""Rows whose loss is measured."""


class Case:
    """A compiled model, its data, and measurements that are made when first asked for.

    Args:
        model: the compiled model; nothing in it changes.
        train: the training rows as steps take them.
        validation: validation rows, or None.
        test: test rows, or None.
        history: the measures of every epoch by name, empty if unknown.
        batch_size: rows a training step.
        seed: draws samples and random numbers.
    """

    def __init__(
        self,
        model: Model,
        train: Batch,
        validation: Batch | None,
        test: Batch | None,
        history: Mapping[str, list[float]],
        batch_size: int,
        seed: int,
    ) -> None:
        self.model = model
        self.objective, self.steps = model._ready()
        self.graph: Graph = model.graph
        self.train, self.validation, self.test = train, validation, test
        self.history = history
        self.rows = count_rows(train)
        self.batch_size = min(batch_size, self.rows)
        self.seed = seed
        self.key = jax.random.key(seed)
        self.single = len(self.objective.losses) == 1 and self.objective.losses[0] is not None

    # The model

    @cached_property
    def passes(self) -> Passes:
        """The compiled passes."""
        return passes_of(self.objective)

    @cached_property
    def state(self) -> TrainingState:
        """The present state of training, a copy."""
        return self.model._start(self.seed)

    @cached_property
    def start(self) -> Variables:
        """The numbers that the model starts with, drawn from its seed again."""
        return self.model._initial_variables()

    @property
    def trained(self) -> bool:
        """Whether the model was fitted since it was compiled."""
        return int(self.state.step) > 0

    @cached_property
    def finite(self) -> bool:
        """Whether all weights are finite numbers."""
        return self.bad_share == 0.0

    @cached_property
    def bad_share(self) -> float:
        """The share of weights that are no finite numbers."""
        leaves = jax.tree.leaves(self.state.parameters)
        bad = sum(int(jnp.sum(~jnp.isfinite(leaf))) for leaf in leaves)
        return bad / max(sum(leaf.size for leaf in leaves), 1)

    @cached_property
    def tokens(self) -> bool:
        """Whether the inputs are numbers of words, read by an embedding."""
        reads = {id(symbol) for symbol in self.graph.input_symbols}
        return any(
            not isinstance(node.inputs, list) and id(node.inputs) in reads
            for node in self.graph.nodes
            if type(node.layer).__name__.endswith("Embedding")
        )

    def layer_at(self, path: str) -> Layer | None:
        """Return the layer at a path such as ``"encoder/dense#1"``, None if there is none."""
        layer: Layer | None = self.graph
        for name in path.split("/"):
            inside = layer.layers() if isinstance(layer, Graph) else layer.parts() if layer else {}
            layer = inside.get(name.split("#")[0])
        return layer

    @cached_property
    def output_names(self) -> set[str]:
        """The names of the layers that give the model's outputs."""
        return {
            self.graph.names[id(symbol.node.layer)]
            for symbol in self.graph.output_symbols
            if symbol.node is not None
        }

    # Targets

    @cached_property
    def loss(self) -> losses.Loss:
        """The loss of a model with one output."""
        loss = self.objective.losses[0]
        if loss is None:
            raise TypeError("a case with one output has a loss")
        return loss

    @cached_property
    def classes(self) -> int:
        """How many classes the targets are of: one label a row; 0 for all else."""
        if not self.single:
            return 0
        y = np.asarray(self.train.y)
        width = int(self.graph.output_symbols[0].shape[-1] or 0)
        if isinstance(self.loss, losses.SparseCategoricalCrossentropy):
            return width if y.size == len(y) else 0
        zero_one = bool(np.isin(y, (0, 1)).all())
        if y.ndim == 2 and y.shape[1] > 1 and zero_one and bool((y.sum(axis=1) == 1).all()):
            return int(y.shape[1])
        if isinstance(self.loss, losses.BinaryCrossentropy) and y.size == len(y) and zero_one:
            return 2
        return 0

    def labels_of(self, batch: Batch) -> np.ndarray:
        """Return the class of each row, for targets of classes."""
        y = np.asarray(batch.y)
        return (y.argmax(axis=1) if y.size > len(y) else y.reshape(-1)).astype(int)

    @cached_property
    def labels(self) -> np.ndarray:
        """The classes of the training rows."""
        return self.labels_of(self.train)

    @cached_property
    def scale(self) -> tuple[float, float]:
        """The losses of perfect answers and of the best constant answer, for this data."""
        y = np.asarray(self.train.y)
        a = float(getattr(self.loss, "label_smoothing", 0.0))
        name = type(self.loss).__name__
        if name.startswith("Binary"):
            p = y.reshape(len(y), -1) * (1 - a) + a / 2
            floor, flat = _entropy(p) + _entropy(1 - p), p.mean(axis=0)
            return float(floor.mean()), float((_entropy(flat) + _entropy(1 - flat)).mean())
        if name.endswith("Crossentropy"):
            width = int(self.graph.output_symbols[0].shape[-1] or 1)
            if name.startswith("Sparse"):
                shares = np.bincount(y.reshape(-1).astype(int), minlength=width) / y.size
                one = np.arange(width) == 0
                floor = _entropy(one * (1 - a) + a / width).sum()
            else:
                p = y.reshape(-1, width) * (1 - a) + a / width
                shares, floor = y.reshape(-1, width).mean(axis=0), _entropy(p).sum(axis=1).mean()
            return float(floor), float(_entropy(shares * (1 - a) + a / width).sum())
        shape = self.graph.output_symbols[0].shape[1:]
        target = jnp.asarray(y)
        if any(n is None for n in shape) or y.shape[1:] != tuple(shape):
            return 0.0, float("nan")
        constants = [np.mean(y, axis=0), np.median(y, axis=0)]
        flat_losses = [
            float(jnp.mean(self.loss.values(target, jnp.broadcast_to(jnp.float32(c), y.shape))))
            for c in constants
        ]
        perfect = float(jnp.mean(self.loss.values(target, target.astype(jnp.float32))))
        return perfect, min(flat_losses)

    def level(self, loss: float) -> float:
        """Return a loss on the scale from 0, perfect, to 1, the best constant answer."""
        perfect, constant = self.scale
        return (loss - perfect) / max(constant - perfect, 1e-12)

    # Samples

    def sample(self, batch: Batch, rows: int) -> Batch:
        """Return at most ``rows`` rows of a batch, drawn by the seed."""
        return take_rows(batch, draw_rows(count_rows(batch), rows, self.seed))

    @cached_property
    def room(self) -> int:
        """How many rows' inner numbers fit into ``LARGEST_LOOK`` bytes."""
        rows = min(self.rows, LOOKED_AT)
        state = self.state
        made = jax.eval_shape(
            lambda batch: self.passes.look(
                state.parameters, state.layer_state, batch, self.key, training=False
            )[1],
            self.sample(self.train, rows),
        )
        size = sum(int(np.prod(spec.shape)) * spec.dtype.itemsize for spec in made.values())
        return min(rows, max(16, rows * LARGEST_LOOK // max(size, 1)))

    @cached_property
    def small(self) -> Batch:
        """Training rows whose inner numbers are looked at."""
        return self.sample(self.train, self.room)

    @cached_property
    def large(self) -> Batch:
        """Training rows whose loss is measured."""
        return self.sample(self.train, LOSS_ROWS * self.room // min(self.rows, LOOKED_AT))

    # Looks inside

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """Every recorded value of the small sample in evaluation, by label."""
        return self.look(self.state.parameters, self.state.layer_state, training=False)

    @cached_property
    def training_values(self) -> Mapping[str, Any]:
        """The same in training, with dropout and augmentation."""
        return self.look(self.state.parameters, self.state.layer_state, training=True)

    def look(self, parameters: Tree, layer_state: Tree, *, training: bool) -> Mapping[str, Any]:
        """Return every recorded value of the small sample, by label, as arrays on the host."""
        made = self.passes.look(parameters, layer_state, self.small, self.key, training=training)[1]
        return jax.device_get(made)

    @cached_property
    def slopes(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Gradients by path, and deltas by label, of the small sample as one training batch."""
        gradients, deltas, _ = self.passes.slopes(
            self.state.parameters, self.state.layer_state, self.small, self.key
        )
        return jax.device_get(dict(flatten_paths(gradients))), jax.device_get(deltas)

    @cached_property
    def starting_deltas(self) -> Mapping[str, Any]:
        """The deltas of the small sample at the weights as they are drawn."""
        made = self.passes.slopes(self.start.parameters, self.start.state, self.small, self.key)
        return jax.device_get(made[1])

    # Losses

    def losses_of(
        self,
        batch: Batch,
        state: Any = None,
        *,
        training: bool = False,
        probes: Mapping[str, Any] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (loss of each row, output), without penalties."""
        state = self.state if state is None else state
        return jax.device_get(
            self.passes.losses(
                state.parameters,
                state.layer_state,
                batch,
                self.key,
                dict(probes or {}),
                training=training,
            )
        )

    @cached_property
    def evaluated(self) -> tuple[np.ndarray, np.ndarray]:
        """Loss and output of the large sample in evaluation."""
        return self.losses_of(self.large)

    @cached_property
    def train_level(self) -> float:
        """The training loss in evaluation, from 0, perfect, to 1, no better than a constant."""
        return self.level(float(np.mean(self.evaluated[0])))

    @cached_property
    def step_level(self) -> float:
        """The same in training, with dropout, augmentation and batch statistics."""
        return self.step_level_of(self.state)

    def step_level_of(self, state: TrainingState) -> float:
        """Return the level of the large sample as one training batch, infinite if not finite."""
        level = self.level(float(np.mean(self.losses_of(self.large, state, training=True)[0])))
        return level if np.isfinite(level) else float("inf")

    def score_of(self, batch: Batch, outputs: np.ndarray) -> float:
        """Return the accuracy for classes, R2 for numbers."""
        if self.classes:
            return float((self.chosen(outputs) == self.labels_of(batch)).mean())
        y = np.asarray(batch.y, np.float64).reshape(len(outputs), -1)
        wrong = ((outputs.reshape(len(outputs), -1) - y) ** 2).sum()
        return 1.0 - float(wrong / max(((y - y.mean(axis=0)) ** 2).sum(), 1e-12))

    def chosen(self, outputs: np.ndarray) -> np.ndarray:
        """Return the class that each row of outputs names."""
        if outputs.shape[-1] == 1:
            threshold = 0.0 if getattr(self.loss, "from_logits", False) else 0.5
            return (outputs.reshape(-1) > threshold).astype(int)
        return outputs.argmax(axis=-1)

    # The data alone

    @cached_property
    def compared(self) -> np.ndarray:
        """Numbers of the training rows that are compared with one another."""
        return np.sort(draw_rows(self.rows, ROWS, self.seed))

    @cached_property
    def features(self) -> Features:
        """Those rows as numbers on a common scale."""
        return as_features(take_rows(self.train, self.compared).x, self.tokens)

    @cached_property
    def simple(self) -> SimpleModels:
        """Neighbors and a linear model on those rows."""
        part = take_rows(self.train, self.compared)
        targets = self.labels_of(part) if self.classes else np.asarray(part.y)
        return SimpleModels(self.features.rows, targets, self.classes, self.seed)

    @property
    def simple_targets(self) -> bool:
        """Whether targets are classes, or a few numbers a row."""
        y = self.train.y
        return self.single and (self.classes > 0 or (np.ndim(y) <= 2 and np.size(y) <= 8 * len(y)))

    # Where the learning rate stands

    @cached_property
    def optimizer(self) -> Any:
        """The optimizer."""
        return self.model._ready_optimizer()

    @cached_property
    def starting_state(self) -> TrainingState:
        """A state before the first step."""
        return training.start_state(
            self.start.parameters,
            self.start.state,
            self.optimizer,
            self.seed,
            self.graph.is_trainable,
        )


def draw_rows(count: int, wanted: int, seed: int) -> np.ndarray:
    """Return at most ``wanted`` of ``count`` row numbers, drawn by the seed."""
    if count <= wanted:
        return np.arange(count)
    return np.random.default_rng(seed).permutation(count)[:wanted]


def count_rows(batch: Batch) -> int:
    """Return how many rows a batch has."""
    return int(np.shape(jax.tree.leaves(batch.x)[0])[0])


def is_kind(layer: Layer | None, *words: str) -> bool:
    """Tell whether the name of a layer's class holds one of the words."""
    return layer is not None and any(word in type(layer).__name__ for word in words)


def make_batch(model: Model, dataset: Any) -> Batch:
    """Return a data set's rows as steps take them."""
    objective, _ = model._ready()
    return FitData(model.graph, objective, None).batch(dataset)


def _entropy(p: np.ndarray) -> np.ndarray:
    """Return -p log p, 0 where p is 0."""
    p = np.asarray(p, np.float64)
    return -p * np.log(np.where(p > 0, p, 1.0))
