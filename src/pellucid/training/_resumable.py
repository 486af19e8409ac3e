"""Batches of a pipeline, read ahead by a thread, which can be gone on with exactly."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import jax

from pellucid.errors import DataError
from pellucid.training._record import FitRecord
from pellucid.training._source import Chunk, Source, gathered
from pellucid.training._state import Batch

Reading = tuple[int, ...]
"""The name of a pass over the data: what is random in it is drawn from these numbers."""

CHUNK_BYTES = 1 << 24
"""A chunk is about as large as this: three of them are in memory at a time."""
MOST_BATCHES = 256


class Resumable(Protocol):
    """What ``ResumableSource`` reads; ``pellucid.data.Pipeline`` is one."""

    batch_count: int | None

    @property
    def batch_size(self) -> int | None:
        """Rows of a batch."""

    @property
    def may_be_short(self) -> bool:
        """True if a batch may have fewer rows."""

    @property
    def position(self) -> Any:
        """Where the reading stands: ``reading``, ``batch``, ``restored`` and ``live``."""

    def read(self, reading: Reading, skip: int = 0) -> Iterator[Any]:
        """Yield the batches of a pass after the first ``skip``."""
        ...

    def steps(self) -> int | None:
        """Return the number of batches of a pass, None while unknown."""
        ...


class ResumableSource(Source):
    """Chunks of batches of a pipeline; the next one is prepared while the present one trains.

    A pass is named by the fit's seed and the number of its first step, as the order of arrays is:
    a fit that goes on at an epoch from a saved state reads what the whole fit would have read.
    After ``restore`` of the pipeline it goes on within the pass. Batches of several shapes are
    gathered by shape.

    Args:
        data: the pipeline, in batches.
        prepare: turns one of its batches into what the steps take.
    """

    def __init__(self, data: Resumable, prepare: Callable[[Any], Batch]) -> None:
        self.data = data
        self.prepare = prepare
        self.batch_size = data.batch_size or 1
        self.limit = data.batch_count
        self.steps: int | None = data.steps() if self.limit is None else self.limit
        self._record: FitRecord | None = None
        self._seed: tuple[int, int] | None = None
        self._marks: list[tuple[int, Reading, int]] = []
        self._open: tuple[Reading, int, Iterator[Any]] | None = None
        self._passed = 0
        self._chunk: int | None = None

    # Reading

    def epoch(self, seed: tuple[int, int] | None) -> Iterator[Chunk]:
        """Yield the chunks of an epoch; ``seed`` names its pass, None reads always the same one."""
        if seed is None:
            batches = self._evaluated()
        else:
            reading, skip = self._start(seed)
            self._seed, self._marks = seed, [(0, reading, skip)]
            batches = self._trained(seed, self._marks)
        chunks = self._gathered(batches)
        with ThreadPoolExecutor(1) as worker:
            coming = worker.submit(next, chunks, None)
            while (chunk := coming.result()) is not None:
                coming = worker.submit(next, chunks, None)
                yield chunk

    def pass_by(self, epochs: int) -> None:
        """Stand behind so many epochs, without reading what need not be read."""
        self._passed = epochs if self.limit is not None else 0

    def _evaluated(self) -> Iterator[Any]:
        for number, batch in enumerate(self.data.read((0,))):
            yield batch
            if number + 1 == self.limit:
                return

    def _start(self, seed: tuple[int, int]) -> tuple[Reading, int]:
        """Return pass and batch at which an epoch begins."""
        position = self.data.position
        if position.restored and position.reading is not None:
            position.restored = False
            # A fit that stands where the pass began counts the batches of the epoch itself.
            if position.reading != seed:
                return position.reading, position.batch
        if self.limit is None:
            return seed, 0
        if self._marks and self._open is not None:
            return self._open[0], self._open[1]
        done, self._passed = self._passed * self.limit, 0
        reading, each = (seed[0], seed[1] - done), self.data.steps()
        while each and done >= each:
            reading, done = (reading[0], reading[1] + each), done - each
        return reading, done

    def _trained(self, seed: tuple[int, int], marks: list[Any]) -> Iterator[Any]:
        """Yield the batches of an epoch; with a limit it goes on where the last one ended."""
        _, reading, skip = marks[0]
        count = 0
        while True:
            kept, self._open = self._open, None
            going_on = kept is not None and kept[:2] == (reading, skip)
            batches = kept[2] if kept and going_on else self.data.read(reading, skip)
            before = count
            for batch in batches:
                yield batch
                count, skip = count + 1, skip + 1
                if count == self.limit:
                    self._open = reading, skip, batches
                    return
            if self.limit is None and count:
                return
            if count == before and not skip:
                return
            reading, skip = (seed[0], seed[1] + count), 0
            marks.append((count, reading, 0))

    def _gathered(self, batches: Iterator[Any]) -> Iterator[Chunk]:
        held: list[Batch] = []
        kind: Any = None
        for given in batches:
            batch = self.prepare(given)
            leaves = jax.tree.leaves(batch)
            if self._chunk is None:
                size = sum(leaf.nbytes for leaf in leaves)
                most = MOST_BATCHES if self.steps is None else min(MOST_BATCHES, self.steps)
                self._chunk = max(1, min(most, CHUNK_BYTES // max(1, size)))
            shapes = [(leaf.shape[1:], leaf.dtype) for leaf in leaves]
            if held and (shapes != kind or len(held) == self._chunk):
                yield self._made(held)
                held = []
            kind = shapes
            held.append(batch)
        if held:
            yield self._made(held)
        elif kind is None:
            raise DataError("The data set is empty: it gave no batch at all.")

    def _made(self, batches: list[Batch]) -> Chunk:
        chunk = gathered(batches, self._chunk or 1, self.batch_size)
        return chunk if self.data.may_be_short else chunk._replace(padded=False)

    # Where it stands

    @contextmanager
    def following(self, record: FitRecord) -> Iterator[None]:
        """Let the pipeline say where the fit stands, and leave it where the fit has come to."""
        position = self.data.position
        self._record, position.live = record, self.place
        try:
            yield
        finally:
            if self._marks:
                position.reading, position.batch = self.place()
                position.restored = False
            self._record, position.live = None, None

    def place(self) -> tuple[Reading | None, int]:
        """Return pass and batch behind the steps that have been trained."""
        if not self._marks or self._record is None:
            return self.data.position.reading, self.data.position.batch
        steps = self._record.batch
        if self._record.order_seed != self._seed:  # the next epoch has been named, not yet read
            if self._open is not None:
                return self._open[0], self._open[1]
            return self._record.order_seed, 0
        first, reading, skip = [mark for mark in self._marks if mark[0] <= steps][-1]
        return reading, skip + steps - first
