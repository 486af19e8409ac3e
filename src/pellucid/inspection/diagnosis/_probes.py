"""Probes: a few training steps on copies of the state, at other rates, batches and decays."""

from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import optimizers
from pellucid.errors import PellucidError
from pellucid.inspection.diagnosis._case import Case
from pellucid.models._objective import renewed_state
from pellucid.optimizers import Optimizer
from pellucid.training import (
    ArraySource,
    Batch,
    CompiledSteps,
    TrainingState,
    make_train_step,
)

Tree = Any

STEPS = 60
"""Steps of a probe, more for small batches, until 2,000 rows were seen."""


class Probes:
    """Short trainings from the start or from the present state; deterministic, none is kept.

    Probes at the model's own batch size run in the very program that ``fit`` compiled.

    Args:
        case: the model and its data.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.optimizer = case.optimizer
        self.steps = case.steps
        self.rate = float(optimizers.learning_rate_of(case.state.optimizer_state))
        if isinstance(self.optimizer, Optimizer):
            given = self.optimizer.learning_rate
            if callable(given):
                # A schedule sets the rate of each step: its largest one up to now is taken.
                taken = int(case.state.step)
                looks = np.unique(np.linspace(0, max(taken - 1, 0), 30).astype(int))
                self.first_rate = max(float(given(jnp.int32(n))) for n in looks)
                self.optimizer = replace(self.optimizer, learning_rate=self.first_rate)
                self.steps = self._compile(self.optimizer)
            else:
                self.first_rate = float(given)
        else:
            self.first_rate = self.rate
        self._sources: dict[int, ArraySource] = {}
        self._made: dict[Any, TrainingState] = {}
        self._undecayed: Any = None

    @property
    def decays(self) -> bool:
        """Whether the optimizer or the layers pull the weights towards 0."""
        decay = getattr(self.optimizer, "weight_decay", None)
        penalty = self.case.graph.penalty(self.case.state.parameters)
        return bool(decay) or float(jnp.asarray(penalty)) > 0

    def level(
        self, origin: str, rate: float, *, larger_batch: int = 1, decay: bool = True
    ) -> float:
        """Return the level of the training loss after a probe; infinite if it is not finite.

        Args:
            origin: ``"start"``, from the weights as they are drawn, or ``"now"``.
            rate: the learning rate.
            larger_batch: how many times the batch size.
            decay: False leaves weight decay and penalties out.
        """
        mark = (origin, rate, larger_batch, decay)
        if mark not in self._made:
            steps = self.steps
            if not decay:
                if self._undecayed is None:
                    self._undecayed = self._compile(self._optimizer_without_decay(), decay=False)
                steps = self._undecayed
            self._made[mark] = self._run(steps, origin, rate, larger_batch)
        return self.case.step_level_of(self._made[mark])

    def quiet_level(self, rate: float, *, drop: bool) -> float:
        """Return the level in evaluation after a probe from the start, with or without dropout.

        Without it the layers run as in evaluation while they learn.
        """
        case = self.case
        steps = self.steps if drop else self._compile(self.optimizer, training=False)
        state = self._run(steps, "start", rate, 1)
        level = case.level(float(np.mean(case.losses_of(case.large, state)[0])))
        return level if np.isfinite(level) else float("inf")

    def _run(
        self, steps: CompiledSteps, origin: str, rate: float, larger_batch: int
    ) -> TrainingState:
        case = self.case
        size = min(case.batch_size * larger_batch, case.rows)
        if size not in self._sources:
            self._sources[size] = ArraySource(case.train, size)
        source = self._sources[size]
        state = case.starting_state if origin == "start" else case.state
        state = jax.tree.map(jnp.copy, state)
        state = state.replace(
            optimizer_state=optimizers.with_learning_rate(state.optimizer_state, rate)
        )
        left = max(STEPS, min(500, 2000 // case.batch_size))
        epoch = 0
        while left > 0:
            for chunk in source.epoch((case.seed, epoch)):
                count = min(left, chunk.steps)
                state, _ = steps.train(
                    state, None, chunk.data, chunk.order, range(count), size, chunk.padded
                )
                left -= count
            epoch += 1
        return state

    def _compile(
        self, optimizer: Any, *, decay: bool = True, training: bool = True
    ) -> CompiledSteps:
        graph, objective = self.case.graph, self.case.objective

        def plain(parameters: Tree, layer_state: Tree, batch: Batch, key: jax.Array) -> Any:
            outputs, context = objective.run(
                *(parameters, layer_state, batch.x),
                training=training,
                key=key,
                row_weights=batch.row_weights,
            )
            loss, sums = objective.measure_outputs(outputs, context, parameters, batch)
            renewed = renewed_state(layer_state, context.collected)
            return (loss if decay else loss - graph.penalty(parameters)), (renewed, sums)

        step = make_train_step(plain, optimizer, graph.is_trainable, graph.constrain)
        return CompiledSteps(step, objective.measure)

    def _optimizer_without_decay(self) -> Any:
        if "weight_decay" not in {entry.name for entry in fields(self.optimizer)}:
            return self.optimizer
        return replace(self.optimizer, weight_decay=0.0)


def can_probe(case: Case) -> bool:
    """Tell whether the optimizer's rate can be set."""
    try:
        state = case.state.optimizer_state
        optimizers.with_learning_rate(state, optimizers.learning_rate_of(state))
    except PellucidError:
        return False
    return True
