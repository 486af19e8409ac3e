"""Training of a population with a step of one's own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from pellucid._checks import check_positive_int
from pellucid.errors import ArgumentError
from pellucid.training._callbacks import Callback
from pellucid.training._history import History
from pellucid.training._population import (
    Member,
    Orders,
    Stack,
    check_entries,
    checked_rows,
    fit_members,
)
from pellucid.training._population_loop import MakeStep, PopulationSteps, stacked
from pellucid.training._source import ArraySource
from pellucid.training._state import TrainingState
from pellucid.training._train import quotients, source_of


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
        batch_size: rows a step, at most as many as the member with the fewest rows has.
        callbacks: ``member number -> callbacks``, new ones for each.
        shuffle: draw a new order of rows every epoch.
        seeds: for each member what the order of its rows is drawn from; 0 by default.
        side_by_side: see ``PopulationSteps``.

    Returns:
        The state of each member after its last step, and the history of each.

    Raises:
        ArgumentError: numbers, rows or seeds for another count of members; rows that are not
            there; no member.

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
    if not states:
        raise ArgumentError("train_population expected at least one state, got none.")
    count = len(states)
    own_seeds = [0] * count if seeds is None else list(seeds)
    check_entries("seeds", own_seeds, count)
    for column in (numbers or {}).values():
        check_entries("numbers", column, count)
    source = source_of(data, None, batch_size)
    if not isinstance(source, ArraySource):
        raise ArgumentError("train_population expected arrays, got a stream; use train.")
    orders = Orders(checked_rows("rows", rows, count, source.rows), batch_size)
    stack = Stack(stacked(states))
    members = [Member(stack, number, None, epochs, orders) for number in range(count)]
    fit_members(
        PopulationSteps(make_step, side_by_side=side_by_side),
        members,
        {name: jnp.asarray(column, jnp.float32) for name, column in (numbers or {}).items()},
        source.placed,
        orders,
        results=quotients,
        callbacks=[list(callbacks(number)) if callbacks else [] for number in range(count)],
        models=[None] * count,
        seeds=own_seeds,
        shuffle=shuffle,
    )
    return [member.live for member in members], [member.history for member in members]
