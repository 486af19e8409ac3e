"""Many trainings in one compiled program: a population of K members.

Every member has its own weights, seeds, rows and numbers (a learning rate, a strength of a
penalty); the program and the data are shared. The states of all members lie in one tree, whose
arrays have the member as their first axis, and the body of a member's steps is that of
``CompiledSteps``, mapped over that axis.

A member that has stopped takes no more steps: its bounds of the loop are empty.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid._tree import tree_map
from pellucid.training._loop import (
    CompiledSteps,
    Measure,
    Totals,
    _check_same_form,
    take_batch,
)
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import Step, Sums

Array = jax.Array
Tree = Any
Numbers = Mapping[str, Array]
"""Numbers in which the members differ, by name; for one member scalars, for all shape (K,)."""
MakeStep = Callable[[Numbers], Step]
MakeMeasure = Callable[[Numbers], Measure]


class PopulationSteps:
    """The compiled forms of the steps of a population.

    Args:
        make_step: returns the training step of a member from its numbers, which are traced.
        make_measure: returns the measuring step of a member in the same way.
        side_by_side: True takes one step of all members at once (``jax.vmap``: each operation once
            for all of them), which suits machines that one member does not fill; False takes the
            steps of one member after the other (``jax.lax.map``), each with the compiled kernels,
            and leaves those that have stopped out.
    """

    def __init__(
        self,
        make_step: MakeStep,
        make_measure: MakeMeasure = lambda numbers: lambda *_: {},
        side_by_side: bool = False,
    ) -> None:
        self.make_step = make_step
        self.make_measure = make_measure
        self.side_by_side = side_by_side
        self._sums: Any = None
        static = ("batch_size", "padded")
        self._train = jax.jit(self._train_members, static_argnames=static, donate_argnums=(0, 1))
        self._measure = jax.jit(self._measure_members, static_argnames=static)

    def train(
        self,
        states: TrainingState,
        totals: Totals | None,
        numbers: Numbers,
        data: Batch,
        orders: Array,
        starts: np.ndarray,
        stops: np.ndarray,
        batch_size: int,
        padded: bool,
    ) -> tuple[TrainingState, Totals]:
        """Run the steps ``starts`` to ``stops`` of every member; states and totals are used up.

        Args:
            states: the states of all members.
            totals: their running sums, None at the start of an epoch.
            numbers: their numbers.
            data: the rows of all.
            orders: row numbers, shape (K, whole batches).
            starts: int32, shape (K,): the first step of each member.
            stops: int32, shape (K,): the step to stop before; a member whose start is its stop
                keeps its state.
            batch_size: rows a step.
            padded: whether an order may hold padding.

        Returns:
            The new states and the new running sums.
        """
        if totals is None:
            totals = self._no_sums(states, numbers, data, orders, batch_size, padded)
        return self._train(
            *(states, totals, numbers, data, orders, starts, stops),
            batch_size=batch_size,
            padded=padded,
        )

    def evaluate(
        self,
        states: TrainingState,
        numbers: Numbers,
        data: Batch,
        orders: Array,
        counts: np.ndarray,
        batch_size: int,
        padded: bool,
    ) -> Totals:
        """Return the running sums of the first ``counts`` batches of every member's order."""
        return self._measure(
            *(states.parameters, states.layer_state, numbers, data, orders, counts),
            batch_size=batch_size,
            padded=padded,
        )

    def _map(self, member: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``member`` of the arguments of every member."""
        if self.side_by_side:
            return jax.vmap(member)(*arguments)
        return lax.map(lambda own: member(*own), arguments)

    def _steps(self, numbers: Numbers) -> CompiledSteps:
        return CompiledSteps(self.make_step(numbers), self.make_measure(numbers))

    def _train_members(
        self,
        states: TrainingState,
        totals: Totals,
        numbers: Numbers,
        data: Batch,
        orders: Array,
        starts: Array,
        stops: Array,
        *,
        batch_size: int,
        padded: bool,
    ) -> tuple[TrainingState, Totals]:
        def member(state: Any, totals: Any, numbers: Any, order: Any, start: Any, stop: Any) -> Any:
            return self._steps(numbers)._train_steps(
                *(state, totals, data, order, start, stop), batch_size=batch_size, padded=padded
            )

        return self._map(member, states, totals, numbers, orders, starts, stops)

    def _measure_members(
        self,
        parameters: Tree,
        layer_state: Tree,
        numbers: Numbers,
        data: Batch,
        orders: Array,
        counts: Array,
        *,
        batch_size: int,
        padded: bool,
    ) -> Totals:
        def member(parameters: Any, layer_state: Any, numbers: Any, order: Any, count: Any) -> Any:
            steps = self._steps(numbers)
            batch = take_batch(data, order, 0, batch_size, padded)
            sums = jax.eval_shape(steps.measure, parameters, layer_state, batch)
            zeros = tree_map(lambda s: jnp.zeros(s.shape, s.dtype), sums)
            return steps._measure_steps(
                *(parameters, layer_state, (zeros, zeros), data, order, count),
                batch_size=batch_size,
                padded=padded,
            )

        return self._map(member, parameters, layer_state, numbers, orders, counts)

    def _no_sums(
        self,
        states: TrainingState,
        numbers: Numbers,
        data: Batch,
        orders: Array,
        batch_size: int,
        padded: bool,
    ) -> Totals:
        """Return totals of zero for all members."""
        if self._sums is None:
            first = jax.eval_shape(lambda tree: member_of(tree, 0), (states, numbers, orders))

            def step(own: Any, data: Batch) -> tuple[TrainingState, Sums]:
                state, numbers, order = own
                batch = take_batch(data, order, 0, batch_size, padded)
                return self._steps(numbers).step(state, batch)

            new, self._sums = jax.eval_shape(step, first, data)
            _check_same_form(first[0], new)
        count = len(orders)
        zeros = tree_map(lambda s: np.zeros((count, *s.shape), s.dtype), self._sums)
        return jax.device_put(zeros), jax.device_put(zeros)


def stacked(trees: Sequence[Tree]) -> Tree:
    """Return one tree of the trees of all members: the member is the first axis of its arrays.

    They are put together on the host, so that nothing is compiled for it.
    """

    def stack(*leaves: Array) -> Array:
        if is_keys(leaves[0]):
            return jax.random.wrap_key_data(stack(*map(jax.random.key_data, leaves)))
        return jax.device_put(np.stack(jax.device_get(leaves)))

    return tree_map(stack, *trees)


def member_of(tree: Tree, number: Any) -> Tree:
    """Return the tree of one member."""
    return tree_map(lambda leaf: leaf[number], tree)


def is_keys(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
