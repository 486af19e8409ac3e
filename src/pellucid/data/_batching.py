"""The end of a pipeline: rows put together to batches, of one length or of a few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch, _leaves, _map
from pellucid.data._blocks import (
    dense,
    joined,
    rows_in,
    samples_of,
    stacked,
    taken,
)
from pellucid.data._sequences import pad_sequences
from pellucid.errors import DataError

Rows = Callable[[int], Iterator[Batch]]
"""Gives the rows that follow the first so many."""


@dataclass(frozen=True)
class Batches:
    """So many rows a batch, in the order in which they come.

    Args:
        size: rows of a batch.
        drop_remainder: leave a short last batch out.
    """

    size: int
    drop_remainder: bool = False

    def run(self, rows: Rows, skip: int) -> Iterator[Batch]:
        """Yield the batches that follow the first ``skip``."""
        held: list[Batch] = []
        count, number = 0, skip
        for block in rows(skip * self.size):
            start = 0
            while start < rows_in(block):
                part = taken(block, slice(start, start + self.size - count))
                start += rows_in(part)
                count += rows_in(part)
                held.append(part)
                if count == self.size:
                    yield self._made(held, number)
                    held, count, number = [], 0, number + 1
        if held and not self.drop_remainder:
            yield self._made(held, number)

    def _made(self, parts: list[Batch], number: int) -> Batch:
        return dense(joined(parts), f" in batch {number}")

    def count(self, rows: int | None) -> int | None:
        """Return the number of batches of so many rows."""
        if rows is None:
            return None
        return rows // self.size if self.drop_remainder else -(-rows // self.size)

    def may_be_short(self, rows: int | None) -> bool:
        """Tell whether a batch may have fewer rows."""
        return not self.drop_remainder and (rows is None or rows % self.size > 0)


@dataclass(frozen=True)
class Buckets:
    """Rows of similar length together, each batch filled up to the bound of its bucket.

    Args:
        bounds: the lengths, from the smallest to the largest.
        size: rows of a batch.
        value: what short rows are filled with, at their end.
        longer: what to do with a row longer than the last bound: stop, cut or skip.
    """

    bounds: tuple[int, ...]
    size: int
    value: float
    longer: str

    def run(self, rows: Rows, skip: int) -> Iterator[Batch]:
        """Yield the batches that follow the first ``skip``."""
        held: dict[int, list[Any]] = {bound: [] for bound in self.bounds}
        at = 0
        for block in rows(0):
            for sample in samples_of(block):
                bound = self._bucket(sample[0], at)
                at += 1
                if bound is None:
                    continue
                held[bound].append(sample)
                if len(held[bound]) == self.size:
                    full, held[bound] = held[bound], []
                    if skip:
                        skip -= 1
                    else:
                        yield self._made(full, bound)
        for bound, left in held.items():
            if left and skip:
                skip -= 1
            elif left:
                yield self._made(left, bound)

    def count(self, rows: int | None) -> int | None:
        """Return None: the lengths tell."""
        return None

    def may_be_short(self, rows: int | None) -> bool:
        """Return True: what is left in a bucket is a short batch."""
        return True

    def _bucket(self, x: Any, row: int) -> int | None:
        length = len(_leaves("x", x)[0][1])
        for bound in self.bounds:
            if length <= bound:
                return bound
        if self.longer == "stop":
            raise DataError(
                f"bucket_by_length expected rows of at most {self.bounds[-1]} steps, got {length} "
                f"in row {row}; add a larger bound, or pass longer='cut' or longer='skip'."
            )
        return self.bounds[-1] if self.longer == "cut" else None

    def _made(self, samples: list[Any], bound: int) -> Batch:
        block = stacked(samples)
        x = padded(block.x, bound, self.value)
        y = block.y
        if y is not None and any(part.dtype == object for _, part in _leaves("y", y)):
            y = padded(y, bound, self.value)
        return dense(Batch(x, y, block.sample_weight), " in a bucket")


def padded(
    columns: Any, length: int, value: float, padding: str = "post", truncating: str = "post"
) -> Any:
    """Return columns whose rows are sequences with all rows of one length; see pad_sequences."""

    def fill(column: np.ndarray) -> np.ndarray:
        return pad_sequences(column, length, column[0].dtype, padding, truncating, value)

    return _map(fill, columns)
