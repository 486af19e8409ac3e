"""What a pipeline reads: rows that can be read in any order, or rows that come one after another.

A source of the first kind (arrays, files in a folder) starts a pipeline with row numbers alone, so
that shuffling, splitting and going on in the middle cost nothing; the rows are read behind that.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from pellucid.data._arrays import ArrayDataset, Batch
from pellucid.data._blocks import after, class_numbers, stacked
from pellucid.data._stages import BLOCK, Above, Reading, Stage
from pellucid.errors import DataError, DatasetError

TOGETHER = 256
"""Samples of a generator that are put together."""
SHOWN = 3
"""Bad rows that a report names; of the others it gives the number."""


@dataclass
class Skipped:
    """The bad rows that a data set left out, ``on_error="skip"``: how many, and the first ones.

    Attributes:
        count: the bad rows of the last pass.
        examples: what was wrong with the first few of them.
    """

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Begin to count anew."""
        self.count, self.examples = 0, []

    def note(self, error: Exception) -> None:
        """Count one bad row."""
        self.count += 1
        if len(self.examples) < SHOWN:
            self.examples.append(str(error))

    def report(self) -> None:
        """Warn, if anything was left out."""
        if self.count:
            more = "" if self.count <= SHOWN else f" (and {self.count - SHOWN:,} more)"
            warnings.warn(
                f"{self.count:,} bad {'row was' if self.count == 1 else 'rows were'} left out: "
                f"{' '.join(self.examples)}{more}",
                stacklevel=2,
            )


class Source:
    """Where rows come from.

    Attributes:
        name: what it is, in words.
        length: the number of rows, None where only reading tells.
        class_names: what the labels 0, 1, ... are called, None where they have no names.
        columns: the names of the columns of a table; empty for others.
        labels: the class of every row, if it is known without reading them.
        skipped: where bad rows are noted that are left out; None raises for the first one.
    """

    name: str = "rows"
    length: int | None = None
    class_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    skipped: Skipped | None = None


class Reader(Source):
    """Rows that come one after another."""

    def read(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield blocks of the rows after the first ``skip``."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method read.")


class AnyOrder(Source):
    """Rows that can be read in any order.

    Attributes:
        block: rows that are read together.
    """

    length: int
    block: int = BLOCK

    def load(self, rows: np.ndarray) -> Batch:
        """Return the rows with these numbers."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method load.")


def row_numbers(rows: np.ndarray, reading: Reading, skip: int) -> Iterator[Batch]:
    """Yield blocks of numbers of rows: how a pass over a source of the kind ``AnyOrder`` starts."""
    for start in range(skip, len(rows), BLOCK):
        yield Batch(rows[start : start + BLOCK], None, None)


@dataclass(frozen=True, eq=False)
class Load(Stage):
    """Reads the rows whose numbers come in."""

    source: AnyOrder

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows."""
        return map(self.source.load, _pieces(above(reading, skip), self.source.block))


@dataclass(frozen=True, eq=False)
class LoadGood(Stage):
    """Reads the rows whose numbers come in and leaves the bad ones out."""

    source: "Files"
    skipped: Skipped

    def run(self, above: Above, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the good rows."""
        return after(self._good(above(reading, 0)), skip)

    def _good(self, numbers: Iterator[Batch]) -> Iterator[Batch]:
        self.skipped.clear()
        for part in _pieces(numbers, self.source.block):
            good = self.source.load_good(part, self.skipped)
            if good is not None:
                yield good
        self.skipped.report()

    def length(self, rows: int | None) -> int | None:
        """Return None: only reading tells which rows are bad."""
        return None


class InMemory(AnyOrder):
    """The rows of checked arrays."""

    def __init__(self, data: ArrayDataset, name: str = "arrays") -> None:
        self.name = name
        self.data = data
        self.length = len(data)
        self.labels = class_numbers(data.y)

    def load(self, rows: np.ndarray) -> Batch:
        """Return some rows; neighbors are not copied."""
        part = self.data.take(as_slice(rows))
        return Batch(part.x, part.y, part.sample_weight)


class Files(AnyOrder):
    """One row for each file, read by several threads.

    Args:
        name: what the files are, in words.
        files: their paths, as strings.
        read: reads one file.
        labels: the class of each file, or None.
        class_names: what the classes are called, or None.
        block: files that are read together.
        skipped: where bad files are noted; None raises for the first one.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[str],
        read: Callable[[str], Any],
        labels: np.ndarray | None,
        class_names: tuple[str, ...] | None,
        block: int,
        skipped: Skipped | None,
    ) -> None:
        self.name = name
        self.files = list(files)
        self.length = len(files)
        self.read = read
        self.labels = labels
        self.class_names = class_names
        self.block = block
        self.skipped = skipped

    def load(self, rows: np.ndarray) -> Batch:
        """Read some files; a bad one raises."""
        return self._block(rows, self._together(self.read, rows))

    def load_good(self, rows: np.ndarray, skipped: Skipped) -> Batch | None:
        """Read some files and note the bad ones; None if there is no good one."""

        def read(path: str) -> Any:
            try:
                return self.read(path)
            except (DataError, DatasetError) as error:
                return error

        made = self._together(read, rows)
        for value in made:
            if isinstance(value, Exception):
                skipped.note(value)
        good = [place for place, value in enumerate(made) if not isinstance(value, Exception)]
        return self._block(rows[good], [made[place] for place in good]) if good else None

    def _together(self, read: Callable[[str], Any], rows: np.ndarray) -> list[Any]:
        paths = [self.files[row] for row in rows]
        if len(paths) < 2:
            return list(map(read, paths))
        with ThreadPoolExecutor(min(8, len(paths))) as workers:
            return list(workers.map(read, paths))

    def _block(self, rows: np.ndarray, values: list[Any]) -> Batch:
        block = stacked(values)
        return block if self.labels is None else block._replace(y=self.labels[rows])


class Function(Reader):
    """The samples of a Python generator.

    Args:
        function: returns a new iterator of samples.
        length: how many there are, if it is known.
    """

    name = "generator"

    def __init__(self, function: Callable[[], Iterator[Any]], length: int | None) -> None:
        self.function = function
        self.length = length

    def read(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield blocks of samples; those before ``skip`` are made and dropped."""
        for samples in in_lists(self.function(), skip, TOGETHER):
            yield stacked(samples, " from the generator")


def in_lists(values: Iterator[Any], skip: int, size: int) -> Iterator[list[Any]]:
    """Yield what follows the first ``skip`` values, so many at a time."""
    left = islice(values, skip, None)
    while some := list(islice(left, size)):
        yield some


def _pieces(numbers: Iterator[Batch], size: int) -> Iterator[np.ndarray]:
    """Yield numbers of rows, so many at a time or fewer."""
    for block in numbers:
        rows: Any = block.x
        yield from (rows[start : start + size] for start in range(0, len(rows), size))


def as_slice(rows: np.ndarray) -> Any:
    """Return row numbers that follow each other as a slice, others as they are."""
    first, last = int(rows[0]), int(rows[-1])
    neighbors = last - first == len(rows) - 1 and bool(np.all(np.diff(rows) == 1))
    return slice(first, last + 1) if neighbors else rows
