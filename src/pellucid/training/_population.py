"""Many trainings in one compiled program: a population of K members.

Every member has its own weights, seeds, rows and numbers (a learning rate, a strength of a
penalty); the program and the data are shared. The states of all members lie in one tree, whose
arrays have the member as their first axis, and the body of a member's steps is that of
``CompiledSteps``, mapped over that axis.

A member that has stopped takes no more steps: its bounds of the loop are empty.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid._checks import check_positive_int
from pellucid._tree import tree_map
from pellucid.errors import ArgumentError
from pellucid.training._callbacks import Callback, Callbacks, Logs
from pellucid.training._fit import Pace, Results, interrupts_at_looks
from pellucid.training._history import History
from pellucid.training._loop import (
    PADDING,
    CompiledSteps,
    Measure,
    Totals,
    _check_same_form,
    batch_order,
    read_sums,
    take_batch,
)
from pellucid.training._record import FitRecord
from pellucid.training._source import ArraySource
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import Step, Sums
from pellucid.training._train import quotients, source_of

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
        if _is_keys(leaves[0]):
            return jax.random.wrap_key_data(stack(*map(jax.random.key_data, leaves)))
        return jax.device_put(np.stack(jax.device_get(leaves)))

    return tree_map(stack, *trees)


def member_of(tree: Tree, number: Any) -> Tree:
    """Return the tree of one member."""
    return tree_map(lambda leaf: leaf[number], tree)


def _is_keys(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _write_member(tree: Tree, number: Array, own: Tree) -> Tree:
    return tree_map(lambda leaf, new: leaf.at[number].set(new), tree, own)


_write = jax.jit(_write_member, donate_argnums=0)


class Stack:
    """The one owner of the states of all members while they train."""

    def __init__(self, states: TrainingState) -> None:
        self.states = states

    def read(self, number: int) -> TrainingState:
        """Return a copy of the state of a member."""

        def copied(leaf: Array) -> Array:
            if _is_keys(leaf):
                return jax.random.wrap_key_data(copied(jax.random.key_data(leaf)))
            return jax.device_put(np.array(np.asarray(leaf)[number]))

        return tree_map(copied, self.states)

    def write(self, number: int, state: TrainingState) -> None:
        """Replace the state of a member."""
        self.states = _write(self.states, np.int32(number), state)


class Member(FitRecord):
    """Where one member stands: the record that its callbacks see, as in a fit of its own.

    Args:
        stack: the states of all members.
        number: which of them this is.
        optimizer: the member's optimizer.
        epochs: the epoch to stop at.
        steps: steps an epoch.
    """

    def __init__(self, stack: Stack, number: int, optimizer: Any, epochs: int, steps: int) -> None:
        self.stack = stack
        self.number = number
        super().__init__(stack.states, optimizer, epochs, steps)

    @property
    def live(self) -> TrainingState:
        """The member's state as it is now."""
        return self.stack.read(self.number)

    @live.setter
    def live(self, state: TrainingState) -> None:
        if state is not self.stack.states:  # what the record starts with
            self.stack.write(self.number, state)


class Orders:
    """The rows that the members take, epoch by epoch, in batches of one size.

    Args:
        rows: for each member the numbers of its rows.
        batch_size: rows a step, at most as many as the member with the fewest rows has.
    """

    def __init__(self, rows: Sequence[np.ndarray], batch_size: int) -> None:
        self.rows = [np.asarray(own) for own in rows]
        self.batch_size = min(batch_size, *(len(own) for own in self.rows))
        self.steps = np.array([-(-len(own) // self.batch_size) for own in self.rows], np.int32)
        self.padded = any(len(own) % self.batch_size for own in self.rows)

    def draw(self, seeds: Sequence[tuple[int, int] | None]) -> Array:
        """Return the row numbers of an epoch, shape (K, whole batches).

        The order of a member is that of a fit of its own on its rows; None keeps the rows' order.
        """
        longest = int(self.steps.max()) * self.batch_size
        orders = np.full((len(self.rows), longest), PADDING, np.int32)
        for order, rows, seed in zip(orders, self.rows, seeds, strict=True):
            if seed is not None:
                rows = rows[np.random.default_rng(seed).permutation(len(rows))]
            own, _ = batch_order(rows, self.batch_size)
            order[: len(own)] = own
        return jax.device_put(orders)


class HeldOut:
    """The rows that the members are measured on after every epoch.

    Args:
        data: the rows of all.
        rows: for each member the numbers of its rows.
        batch_size: rows a batch.
    """

    def __init__(self, data: Batch, rows: Sequence[np.ndarray], batch_size: int) -> None:
        self.data = data
        self.orders = Orders(rows, batch_size)
        self.drawn = self.orders.draw([None] * len(rows))


def fit_members(
    steps: PopulationSteps,
    members: Sequence[Member],
    numbers: Numbers,
    data: Batch,
    orders: Orders,
    *,
    results: Results,
    held_out: HeldOut | None = None,
    callbacks: Sequence[Sequence[Callback]],
    models: Sequence[Any],
    seeds: Sequence[int],
    shuffle: bool = True,
    tell: Callable[[int, list[Logs]], Any] | None = None,
) -> None:
    """Train all members, each until its epochs are over or one of its callbacks stops it.

    Args:
        steps: the compiled steps.
        members: where each member stands; they are changed.
        numbers: in what they differ, shape (K,) each.
        data: the rows of all.
        orders: which rows each member takes.
        results: turns the sums of a member into its measures.
        held_out: what the members are measured on after every epoch.
        callbacks: for each member its own.
        models: for each member what its callbacks see as ``self.model``.
        seeds: for each member what the order of its rows is drawn from.
        shuffle: False keeps the rows in order.
        tell: called after every epoch with its number and the measures of the members in it.
    """
    stack = members[0].stack
    called = [
        Callbacks(own, member, model)
        for own, member, model in zip(callbacks, members, models, strict=True)
    ]
    pace = Pace(any(own.every_step for own in called))
    watched = pace.every_step or any(map(_watches_looks, sum(map(list, callbacks), [])))
    for own in called:
        own.call("on_train_begin", {})
    ended: set[int] = set()
    try:
        with interrupts_at_looks() as look:
            for epoch in range(max(member.epochs for member in members)):
                going = [
                    member for member in members if member.stopped is None and epoch < member.epochs
                ]
                if not going:
                    break
                counts = jax.device_get(stack.states.step)
                for member in members:
                    number = member.number
                    member.epoch, member.batch = epoch, 0
                    member.order_seed = (seeds[number], int(counts[number])) if shuffle else None
                for member in going:
                    called[member.number].call("on_epoch_begin", epoch, {})
                sums = _run_epoch(
                    steps, going, numbers, data, orders, results, called, pace, watched, look
                )
                tested = None if held_out is None else _measure(steps, going, numbers, held_out)
                epoch_logs = []
                for member in going:
                    logs = results(member_of(sums, member.number))
                    if tested is not None:
                        measured = results(member_of(tested, member.number))
                        logs |= {f"val_{name}": value for name, value in measured.items()}
                    called[member.number].call("on_epoch_end", epoch, logs)
                    member.history.append(epoch, logs)
                    epoch_logs.append(logs)
                if tell is not None:
                    tell(epoch, epoch_logs)
                look()
                for member in going:
                    if member.stopped is not None:
                        ended.add(member.number)
                        called[member.number].call("on_train_end", {})
    finally:
        for member in members:
            if member.number not in ended:
                called[member.number].call("on_train_end", {})


def _run_epoch(
    steps: PopulationSteps,
    going: Sequence[Member],
    numbers: Numbers,
    data: Batch,
    orders: Orders,
    results: Results,
    called: Sequence[Callbacks],
    pace: Pace,
    watched: bool,
    look: Callable[[], None],
) -> Any:
    """Run one epoch of the members that go on, and return the sums of all, on the host."""
    stack = going[0].stack
    seeds: list[tuple[int, int] | None] = [None] * len(orders.rows)
    for member in going:
        seeds[member.number] = member.order_seed
    drawn = orders.draw(seeds)
    totals: Totals | None = None
    sums: Any = None
    start, longest = 0, max(int(orders.steps[member.number]) for member in going)
    active = list(going)
    while start < longest and active:
        stop = min(start + pace.steps, longest)
        starts = np.full(len(orders.rows), stop, np.int32)
        stops = np.full(len(orders.rows), stop, np.int32)
        for member in active:
            starts[member.number] = start
            stops[member.number] = min(stop, orders.steps[member.number])
            if pace.every_step:
                called[member.number].call("on_train_batch_begin", member.batch, {})
        began = time.perf_counter()
        stack.states, totals = steps.train(
            *(stack.states, totals, numbers, data, drawn, starts, stops),
            orders.batch_size,
            orders.padded,
        )
        sums = read_sums(totals)
        pace.took(stop - start, time.perf_counter() - began)
        look()
        for member in active:
            member.batch = int(stops[member.number])
            if watched and start < member.batch:
                logs = results(member_of(sums, member.number))
                if pace.every_step:
                    called[member.number].call("on_train_batch_end", member.batch - 1, logs)
                called[member.number].call("on_look", member.batch, logs)
        active = [member for member in active if member.stopped is None]
        start = stop
    return sums


def _measure(
    steps: PopulationSteps, going: Sequence[Member], numbers: Numbers, held_out: HeldOut
) -> Any:
    """Return the sums of the held-out rows of the members that go on, on the host."""
    orders = held_out.orders
    counts = np.zeros(len(orders.rows), np.int32)
    for member in going:
        counts[member.number] = orders.steps[member.number]
    totals = steps.evaluate(
        *(going[0].stack.states, numbers, held_out.data, held_out.drawn, counts),
        orders.batch_size,
        orders.padded,
    )
    return read_sums(totals)


def _watches_looks(callback: Callback) -> bool:
    """Tell whether a callback does something at a look."""
    return getattr(callback.on_look, "__func__", None) is not Callback.on_look


def train_population(
    make_step: MakeStep,
    states: Sequence[TrainingState],
    data: Any,
    *,
    numbers: Mapping[str, Sequence[float]] | None = None,
    rows: Sequence[Any] | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    callbacks: Callable[[int], Sequence[Callback]] | None = None,
    shuffle: bool = True,
    seeds: Sequence[int] | None = None,
    side_by_side: bool = False,
) -> tuple[list[TrainingState], list[History]]:
    """Run a step of one's own for many states in one compiled program.

    ::

        (state_k, measures_k) = make_step(numbers_k)(state_k, batch_k)        for every member k

    Each member ends as ``train`` would leave it by itself.

    Args:
        make_step: ``numbers -> step``, a step as ``train`` takes it.
        states: the state of each member, all of one form; they are copied.
        data: rows ``x``, a pair ``(x, y)`` or a ``Batch``, shared by all.
        numbers: by name one number a member, which ``make_step`` is given as traced scalars.
        rows: for each member the numbers of its rows; all rows by default.
        epochs: the epoch to stop after.
        batch_size: rows a step.
        callbacks: ``member number -> callbacks``, new ones for each.
        shuffle: draw a new order of rows every epoch.
        seeds: for each member what the order of its rows is drawn from; 0 by default.
        side_by_side: see ``PopulationSteps``.

    Returns:
        The state of each member after its last step, and the history of each.

    Raises:
        ArgumentError: numbers, rows or seeds for another count of members; no member.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.training import TrainingState, train_population
        >>> def make_step(numbers):
        ...     def shrink(state, batch):
        ...         w = state.parameters["w"] * numbers["factor"]
        ...         return state.replace(parameters={"w": w}), {"size": jnp.abs(w)}
        ...     return shrink
        >>> start = TrainingState.start({"w": jnp.array(8.0)})
        >>> factors = {"factor": [0.5, 0.25]}
        >>> states, _ = train_population(
        ...     make_step, [start, start], jnp.zeros(4), numbers=factors, batch_size=2
        ... )
        >>> [float(state.parameters["w"]) for state in states]
        [2.0, 0.5]
    """
    check_positive_int("train_population", "epochs", epochs)
    count = len(states)
    given: dict[str, list[Any]] = {
        "numbers": list((numbers or {}).values()),
        "rows": [rows],
        "seeds": [seeds],
    }
    for name, columns in given.items():
        wrong = [len(column) for column in columns if column is not None and len(column) != count]
        if wrong or not count:
            raise ArgumentError(
                f"train_population expected {name} with one entry for each of the {count} states, "
                f"got {wrong[0] if wrong else 0}."
            )
    source = source_of(data, None, batch_size)
    if not isinstance(source, ArraySource):
        raise ArgumentError("train_population expected arrays, got a stream; use train.")
    own_rows = [np.arange(source.rows)] * count if rows is None else [np.asarray(r) for r in rows]
    orders = Orders(own_rows, batch_size)
    stack = Stack(stacked(states))
    members = [
        Member(stack, number, None, epochs, int(orders.steps[number])) for number in range(count)
    ]
    fit_members(
        PopulationSteps(make_step, side_by_side=side_by_side),
        members,
        {name: jnp.asarray(column, jnp.float32) for name, column in (numbers or {}).items()},
        next(source.epoch(None)).data,
        orders,
        results=quotients,
        callbacks=[list(callbacks(number)) if callbacks else [] for number in range(count)],
        models=[None] * count,
        seeds=[0] * count if seeds is None else list(seeds),
        shuffle=shuffle,
    )
    return [member.live for member in members], [member.history for member in members]
