"""The stages of a pipeline: each turns a stream of rows into another one.

A stage is a frozen description. ``run(above, reading, skip)`` yields what comes out of it after
the first ``skip`` rows, and asks ``above(reading, skip)`` for what goes in. A stage that keeps the
number of rows passes the skip on, so that going on in the middle of a pass reads nothing twice; one
that cannot know (``filter``, a shuffled buffer) runs from the start and drops what was seen.

``reading`` names the pass, a few whole numbers. What is random in a pass is drawn from the stage's
seed and these numbers alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch, _map, _parts
from pellucid.data._blocks import (
    after,
    joined,
    replaced,
    rows_in,
    samples_of,
    stacked,
    taken,
)
from pellucid.errors import DataError

Reading = tuple[int, ...]
"""The name of one pass over the data."""
Above = Callable[[Reading, int], Iterator[Batch]]

BLOCK = 1024
"""Rows that travel together where nothing else says how many."""


def generator(seed: int, *numbers: int) -> np.random.Generator:
    """Return the random numbers that belong to a seed and some whole numbers."""
    return np.random.default_rng((seed, *numbers))


class Stage:
    """What all stages promise."""

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows that come out after the first ``skip``."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method run.")

    def length(self, rows: int | None) -> int | None:
        """Return how many rows come out of ``rows`` rows, None where nobody knows."""
        return rows


@dataclass(frozen=True)
class Map(Stage):
    """Calls a function for every row.

    Args:
        function: takes the parts of a row and returns ``x``, ``(x, y)`` or ``(x, y, weight)``.
        seed: None, or what the ``rng`` that the function is given is drawn from.
        batched: the function takes and returns many rows at once.
    """

    function: Callable[..., Any]
    seed: int | None
    batched: bool

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the mapped rows."""
        if self.batched and self.seed is not None:  # what is drawn depends on what lies together
            return after(self._mapped(above(reading, 0), reading, 0), skip)
        return self._mapped(above(reading, skip), reading, skip)

    def _mapped(self, blocks: Iterator[Batch], reading: Reading, at: int) -> Iterator[Batch]:
        for block in blocks:
            if self.batched:
                yield self._many(block, reading, at)
            else:
                made = [
                    self.function(*_given(sample), **self._random(reading, at + row))
                    for row, sample in enumerate(samples_of(block))
                ]
                yield stacked(made, " from map")
            at += rows_in(block)

    def _many(self, block: Batch, reading: Reading, at: int) -> Batch:
        made = self.function(*_given(block), **self._random(reading, at))
        parts = _parts(made, " from map") if isinstance(made, tuple) else (made, None, None)
        new = Batch(*(_map(np.asarray, part) for part in parts))
        if rows_in(new) != rows_in(block):
            raise DataError(
                f"map(batched=True) expected as many rows back, got {rows_in(new)} of "
                f"{rows_in(block)}; leave rows out with filter(...)."
            )
        return new

    def _random(self, reading: Reading, row: int) -> dict[str, Any]:
        return {} if self.seed is None else {"rng": generator(self.seed, *reading, row)}


@dataclass(frozen=True)
class Blocks(Stage):
    """Calls a function of ours, which keeps the rows, for every block."""

    function: Callable[[Batch], Batch]

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield what the function makes of the blocks."""
        return map(self.function, above(reading, skip))


@dataclass(frozen=True)
class Filter(Stage):
    """Keeps the rows for which a function says yes."""

    function: Callable[..., Any]

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows that are kept."""
        return after(self._kept(above(reading, 0)), skip)

    def _kept(self, blocks: Iterator[Batch]) -> Iterator[Batch]:
        for block in blocks:
            kept = [bool(self.function(*_given(sample))) for sample in samples_of(block)]
            if any(kept):
                yield block if all(kept) else taken(block, np.flatnonzero(kept))

    def length(self, rows: int | None) -> int | None:
        """Return None: only reading tells."""
        return None


@dataclass(frozen=True)
class Shuffle(Stage):
    """Changes the order of the rows.

    With a buffer of B rows, the rows of each block that comes take places drawn from the buffer,
    and the rows that were there go on. Without, all rows of the pass are permuted.
    """

    buffer: int | None
    seed: int

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows in their new order."""
        random = generator(self.seed, *reading)
        if self.buffer is None:
            return self._permuted(above, reading, random, skip)
        return after(self._mixed(above(reading, 0), random, self.buffer), skip)

    def _permuted(
        self, above: Above, reading: Reading, random: np.random.Generator, skip: int
    ) -> Iterator[Batch]:
        blocks = list(above(reading, 0))
        if not blocks:
            return
        everything = joined(blocks)
        order = random.permutation(rows_in(everything))
        for start in range(skip, len(order), BLOCK):
            yield taken(everything, order[start : start + BLOCK])

    def _mixed(
        self, blocks: Iterator[Batch], random: np.random.Generator, size: int
    ) -> Iterator[Batch]:
        waiting: list[Batch] = []
        held: Batch | None = None
        for block in blocks:
            if held is None:
                waiting.append(block)
                if sum(map(rows_in, waiting)) < size:
                    continue
                everything = joined(waiting)
                held = _owned(taken(everything, slice(size)))
                block = taken(everything, slice(size, None))
            for start in range(0, rows_in(block), size):
                coming = taken(block, slice(start, start + size))
                places = random.choice(size, rows_in(coming), replace=False)
                yield taken(held, places)
                held = replaced(held, places, coming)
        if held is None and waiting:
            held = joined(waiting)
        if held is not None:
            order = random.permutation(rows_in(held))
            for start in range(0, len(order), BLOCK):
                yield taken(held, order[start : start + BLOCK])


@dataclass(frozen=True, eq=False)
class Balanced(Stage):
    """Gives every class equally many rows; those of small classes come several times.

    Args:
        labels: the class of each row of the source.
        seed: makes the order.
    """

    labels: np.ndarray = field(repr=False)
    seed: int

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield row numbers of the source, as many as came in."""
        blocks = list(above(reading, 0))
        if not blocks:
            return
        rows: Any = joined(blocks).x
        random = generator(self.seed, *reading)
        labels = self.labels[rows]
        classes = np.unique(labels)
        # Whole rounds of all classes, then some of them once more.
        rounds, rest = divmod(len(rows), len(classes))
        more = random.permutation(len(classes))[:rest]
        drawn = [
            _cycled(random, rows[labels == label], rounds + int(place in more))
            for place, label in enumerate(classes)
        ]
        order = random.permutation(np.concatenate(drawn))
        for start in range(skip, len(order), BLOCK):
            yield Batch(order[start : start + BLOCK], None, None)


@dataclass(frozen=True)
class Take(Stage):
    """Ends after some rows."""

    count: int

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the first rows."""
        left = self.count - skip
        if left <= 0:
            return
        for block in above(reading, skip):
            yield taken(block, slice(left)) if rows_in(block) > left else block
            left -= rows_in(block)
            if left <= 0:
                return

    def length(self, rows: int | None) -> int | None:
        """Return the smaller number, if both are known."""
        return None if rows is None else min(rows, self.count)


@dataclass(frozen=True)
class Skip(Stage):
    """Leaves the first rows out."""

    count: int

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows that follow."""
        return above(reading, skip + self.count)

    def length(self, rows: int | None) -> int | None:
        """Return what is left."""
        return None if rows is None else max(0, rows - self.count)


@dataclass(frozen=True)
class Repeat(Stage):
    """Reads the rows several times, or without end; each time in a new order.

    Args:
        count: how often, None without end.
        each: the rows of one time, if they are known.
    """

    count: int | None
    each: int | None

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows again and again."""
        if not self.each:
            return after(self._times(above, reading, 0, 0), skip)
        return self._times(above, reading, *divmod(skip, self.each))

    def _times(self, above: Above, reading: Reading, time: int, skip: int) -> Iterator[Batch]:
        while self.count is None or time < self.count:
            seen = skip > 0
            for block in above((*reading, time), skip):
                seen = True
                yield block
            if not seen:
                raise DataError(
                    "repeat expected at least one row each time, got none; look at the stages "
                    "before it."
                )
            time, skip = time + 1, 0

    def length(self, rows: int | None) -> int | None:
        """Return the product, None without end."""
        return None if rows is None or self.count is None else rows * self.count


@dataclass(frozen=True, eq=False)
class Cache(Stage):
    """Keeps the rows of the first whole pass in memory and gives them again later."""

    kept: list[Batch] = field(default_factory=list, repr=False)

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows, read once."""
        return after(iter(self.kept) if self.kept else self._filling(above), skip)

    def _filling(self, above: Above) -> Iterator[Batch]:
        blocks = []
        for block in above((0,), 0):
            blocks.append(block)
            yield block
        if not self.kept:
            self.kept.extend(blocks)


def _given(parts: Any) -> tuple[Any, ...]:
    """Return the parts that are there, as arguments of a function."""
    x, y, weight = parts
    if weight is not None:
        return x, y, weight
    return (x,) if y is None else (x, y)


def _owned(block: Batch) -> Batch:
    """Return a block whose columns may be written to."""
    return Batch(*(_map(np.array, part) for part in block))


def _cycled(random: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` of the rows: each once in random order, then each once more, ..."""
    times = -(-count // len(rows))
    shuffled = [random.permutation(rows) for _ in range(times)]
    return np.concatenate(shuffled)[:count] if shuffled else rows[:0]
