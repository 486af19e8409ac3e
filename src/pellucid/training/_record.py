"""The record that a fit keeps, and through which callbacks act."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from pellucid import optimizers
from pellucid._tree import tree_copy
from pellucid.training._checkpoint import save_state
from pellucid.training._history import History
from pellucid.training._state import TrainingState

Tree = Any


class FitRecord:
    """Where a fit stands; the one owner of the training state while it runs.

    Callbacks read it and act through it alone: ``stop()``, ``learning_rate = ...``,
    ``replace(parameters)``. What is read is a copy that stays as it was.

    Attributes:
        history: the measures of the epochs so far.
        epoch: number of the epoch, from 0.
        batch: number of steps taken in this epoch.
        steps: steps an epoch, None while unknown (a stream in its first epoch).
        optimizer: the optimizer that the state belongs to.
        epochs: the epoch to stop at.
        stopped: why the fit stopped early, or None.
        source: what the rows are read from; ``fit`` puts it here.
        order_seed: what the order of this epoch's rows is drawn from, None if they keep theirs.
        seed: what the orders of rows are drawn from.
        shuffle: whether there is an order to draw.
        totals: the running sums of this epoch's measures, None before its first step.
        begun: True from the start of an epoch until its end.
        to_come: the number of the epoch that is running or comes next.
        at_rest: True where nothing is half done: at looks and between epochs.
        resumed: True if this fit goes on from a checkpoint; it then stands where that stood before
            ``on_train_begin`` is called.
        finished: True once the fit has come to its end.
        on_change: called with ``"rate"`` or ``"weights"`` after a callback has changed them.
    """

    def __init__(
        self, state: TrainingState, optimizer: Any, epochs: int, steps: int | None
    ) -> None:
        self.live = state
        self.optimizer = optimizer
        self.history = History()
        self.epochs = epochs
        self.steps = steps
        self.epoch = 0
        self.batch = 0
        self.stopped: str | None = None
        self.source: Any = None
        self.order_seed: tuple[int, int] | None = None
        self.seed = 0
        self.shuffle = True
        self.totals: Any = None
        self.begun = False
        self.to_come = 0
        self.at_rest = True
        self.resumed = False
        self.finished = False
        self.on_change: list[Callable[[str], None]] = []

    @property
    def state(self) -> TrainingState:
        """A copy of the training state as it is now."""
        return tree_copy(self.live)

    @property
    def parameters(self) -> Tree:
        """A copy of the parameters as they are now."""
        return tree_copy(self.live.parameters)

    @property
    def layer_state(self) -> Tree:
        """A copy of the layers' state (moving averages) as it is now."""
        return tree_copy(self.live.layer_state)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; assign to change that of the next."""
        return float(optimizers.learning_rate_of(self.live.optimizer_state))

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        changed = optimizers.with_learning_rate(self.live.optimizer_state, value, self.optimizer)
        self.live = replace(self.live, optimizer_state=changed)
        self._tell("rate")

    def replace(self, parameters: Tree, layer_state: Tree | None = None) -> None:
        """Put other weights in the place of the present ones."""
        copies = {"parameters": jax.tree.map(jnp.array, parameters)}
        if layer_state is not None:
            copies["layer_state"] = jax.tree.map(jnp.array, layer_state)
        self.live = replace(self.live, **copies)
        self._tell("weights")

    def save(self, filepath: str | Path) -> None:
        """Write the training state as it is now to a file; ``load_state`` reads it."""
        save_state(self.live, filepath)

    def begin(self, epoch: int) -> None:
        """Stand before the first step of an epoch, whose order is drawn from its first step."""
        self.epoch = self.to_come = epoch
        self.batch, self.totals, self.begun = 0, None, True
        self.order_seed = (self.seed, int(self.live.step)) if self.shuffle else None

    def end(self) -> None:
        """Stand between this epoch and the next."""
        self.to_come, self.begun, self.at_rest = self.epoch + 1, False, True

    def stop(self, reason: str) -> None:
        """Ask for the end of the fit; it ends at this look, and ``reason`` is kept."""
        self.stopped = self.stopped or reason

    def _tell(self, what: str) -> None:
        for listener in self.on_change:
            listener(what)
