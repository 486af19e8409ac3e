"""The fit of a population: where its members stand, which rows they take, and their epochs."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from pellucid._tree import tree_map
from pellucid.errors import ArgumentError
from pellucid.training._backup import BackupAndRestore
from pellucid.training._callbacks import Callback, Callbacks, Logs
from pellucid.training._fit import Pace, Results, interrupts_at_looks
from pellucid.training._loop import PADDING, Totals, batch_order, read_sums
from pellucid.training._population_loop import Numbers, PopulationSteps, Tree, is_keys, member_of
from pellucid.training._record import FitRecord
from pellucid.training._recorder import Recorder
from pellucid.training._state import Batch, TrainingState

Array = jax.Array


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
            if is_keys(leaf):
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
        orders: the rows that the members take.
    """

    def __init__(
        self, stack: Stack, number: int, optimizer: Any, epochs: int, orders: "Orders"
    ) -> None:
        self.stack = stack
        self.number = number
        steps = int(orders.steps[number])
        super().__init__(stack.states, optimizer, epochs, steps)
        size = orders.batch_size
        self.history.params = {"epochs": epochs, "steps": steps, "batch_size": size}

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

    def sums(
        self,
        steps: PopulationSteps,
        states: TrainingState,
        numbers: Numbers,
        members: Iterable[int],
    ) -> Any:
        """Return the sums of all members on the host; only some of them are measured."""
        chosen = list(members)
        counts = np.zeros_like(self.orders.steps)
        counts[chosen] = self.orders.steps[chosen]
        totals = steps.evaluate(
            *(states, numbers, self.data, self.drawn, counts),
            self.orders.batch_size,
            self.orders.padded,
        )
        return read_sums(totals)


def check_entries(name: str, entries: Sequence[Any], members: int) -> None:
    """Raise ArgumentError unless there is one entry for each member."""
    if len(entries) != members:
        raise ArgumentError(
            f"A population expected {name} with one entry for each of its {members} members, got "
            f"{len(entries)}."
        )


def checked_rows(
    name: str, rows: Sequence[Any] | None, members: int, count: int
) -> list[np.ndarray]:
    """Return for each member the numbers of its rows, of ``count`` that there are; None is all."""
    if rows is None:
        return [np.arange(count)] * members
    check_entries(name, rows, members)
    chosen = [np.asarray(own) for own in rows]
    for number, own in enumerate(chosen):
        inside = own.ndim == 1 and own.size and own.dtype.kind in "iu"
        if not inside or own.min() < 0 or own.max() >= count:
            raise ArgumentError(
                f"A population expected {name}[{number}] to be numbers of rows from 0 to "
                f"{count - 1}, one at least; use numpy.flatnonzero(mask) for a mask."
            )
    return chosen


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
    for callback in sum(map(list, callbacks), []):
        if isinstance(callback, (BackupAndRestore, Recorder)):
            raise ArgumentError(
                f"{type(callback).__name__} follows one fit, and not a member of a population; "
                "leave it out, or fit the models one by one."
            )
    stack = members[0].stack
    called = [
        Callbacks(own, member, model)
        for own, member, model in zip(callbacks, members, models, strict=True)
    ]
    pace = Pace(any(own.every_step for own in called))
    for own in called:
        own.call("on_train_begin", {})
    try:
        with interrupts_at_looks() as look:
            for epoch in range(max(member.epochs for member in members)):
                going = [
                    member for member in members if member.stopped is None and epoch < member.epochs
                ]
                if not going:
                    break
                counts = jax.device_get(stack.states.step)
                for member in going:
                    number = member.number
                    member.epoch, member.batch = epoch, 0
                    member.order_seed = (seeds[number], int(counts[number])) if shuffle else None
                    called[number].call("on_epoch_begin", epoch, {})
                sums = _run_epoch(steps, going, numbers, data, orders, results, called, pace, look)
                tested = None
                if held_out is not None:
                    places = [member.number for member in going]
                    tested = held_out.sums(steps, stack.states, numbers, places)
                epoch_logs = []
                for member in going:
                    # One that was stopped at the start of the epoch has taken no step.
                    logs = results(member_of(sums, member.number)) if member.batch else {}
                    if tested is not None:
                        measured = results(member_of(tested, member.number))
                        logs |= {f"val_{name}": value for name, value in measured.items()}
                    called[member.number].call("on_epoch_end", epoch, logs)
                    member.history.append(epoch, logs)
                    epoch_logs.append(logs)
                if tell is not None:
                    tell(epoch, epoch_logs)
                look()
    finally:
        for own in called:
            own.call("on_train_end", {})


def _run_epoch(
    steps: PopulationSteps,
    going: Sequence[Member],
    numbers: Numbers,
    data: Batch,
    orders: Orders,
    results: Results,
    called: Sequence[Callbacks],
    pace: Pace,
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
    start = 0
    while active := [m for m in going if m.stopped is None and start < orders.steps[m.number]]:
        stop = min(start + pace.steps, max(int(orders.steps[m.number]) for m in active))
        starts = np.full(len(orders.rows), stop, np.int32)
        stops = starts.copy()
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
            logs = results(member_of(sums, member.number))
            if pace.every_step:
                called[member.number].call("on_train_batch_end", member.batch - 1, logs)
            called[member.number].call("on_look", member.batch, logs)
        start = stop
    return sums
