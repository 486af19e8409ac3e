"""Where the rows of an epoch come from: arrays on the device, or a stream of batches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import jax
import numpy as np

from pellucid._tree import tree_map
from pellucid.errors import DataError
from pellucid.training._device import aligned, canonical, to_device
from pellucid.training._loop import PADDING, batch_order
from pellucid.training._record import FitRecord
from pellucid.training._recording import hash_rows
from pellucid.training._state import Batch

Array = jax.Array


class Chunk(NamedTuple):
    """Rows on the device and the order in which the coming steps take them."""

    data: Batch
    order: Array
    steps: int
    padded: bool


class Source(ABC):
    """What an epoch is read from.

    Attributes:
        batch_size: rows a step.
        steps: steps an epoch, None while unknown.
    """

    batch_size: int
    steps: int | None

    @abstractmethod
    def epoch(self, seed: tuple[int, int] | None) -> Iterator[Chunk]:
        """Yield the chunks of one epoch; ``seed`` shuffles, None keeps the order."""

    def pass_by(self, epochs: int) -> None:  # noqa: B027 (most have nothing to do)
        """Stand behind so many epochs that are done. What a seed draws anew has no place."""

    def following(self, record: FitRecord) -> AbstractContextManager[Any]:
        """Return what the fit of a record runs inside of, for what keeps a place of its own."""
        return nullcontext()

    def hashes(self) -> Future[Any] | None:
        """Return hashes of inputs and targets, in the making; None for what is read once."""
        return None


class ArraySource(Source):
    """Arrays that the steps take rows of for the whole fit; every epoch is one chunk.

    Args:
        data: the rows, trees of arrays of equal first axes. They may be read where they are, and
            stay as they are while the source is in use.
        batch_size: rows a step.

    Attributes:
        placed: the data as the compiled steps take it.
    """

    def __init__(self, data: Batch, batch_size: int) -> None:
        self.rows = int(jax.tree.leaves(data.x)[0].shape[0])
        self.batch_size = min(batch_size, self.rows)
        self.data = tree_map(canonical, data)
        self.placed = to_device(self.data)
        self._hashes: Future[Any] | None = None
        self.steps: int | None = -(-self.rows // self.batch_size)

    def epoch(self, seed: tuple[int, int] | None) -> Iterator[Chunk]:
        """Yield the whole epoch, its rows shuffled by ``seed`` (numbers that make a generator)."""
        if seed is None:
            rows = np.arange(self.rows)
        else:
            rows = np.random.default_rng(seed).permutation(self.rows)
        order, padded = batch_order(rows, self.batch_size)
        yield Chunk(self.placed, jax.device_put(order), len(order) // self.batch_size, padded)

    def hashes(self) -> Future[Any]:
        """Return hashes of inputs and targets; a thread makes them, once."""
        if self._hashes is None:
            worker = ThreadPoolExecutor(1)
            self._hashes = worker.submit(hash_rows, self.data)
            worker.shutdown(wait=False)
        return self._hashes


class NoSource(Source):
    """Nothing to read: a step that makes its own data (from an environment) gets empty batches.

    Args:
        steps: steps an epoch.
    """

    batch_size = 1

    def __init__(self, steps: int) -> None:
        self.steps: int | None = steps

    def epoch(self, seed: tuple[int, int] | None) -> Iterator[Chunk]:
        """Yield one chunk of batches whose ``x`` and ``y`` are None."""
        order = np.zeros(self.steps or 0, np.int32)
        yield Chunk(Batch(None, None), jax.device_put(order), len(order), False)


class StreamSource(Source):
    """Batches from an iterator, gathered into chunks of equal shape; the next one is prepared
    while the present one trains.

    Args:
        make_iterator: returns a new iterator of host batches for every epoch (or goes on with the
            old one, where ``steps`` bounds the epoch).
        steps: steps an epoch; None runs each iterator to its end.
        chunk: batches a chunk.
    """

    def __init__(
        self,
        make_iterator: Callable[[], Iterator[Batch]],
        steps: int | None = None,
        chunk: int = 16,
    ) -> None:
        self.make_iterator = make_iterator
        self.steps = steps
        self.limit = steps
        self.chunk = chunk if steps is None else min(chunk, steps)
        self._iterator: Iterator[Batch] | None = None
        self._first: Batch | None = None
        first = next(self._going_on(), None)
        if first is None:
            raise DataError("The data set is empty: it gave no batch at all.")
        self._first = first
        self.batch_size = _rows(first)

    def epoch(self, seed: tuple[int, int] | None) -> Iterator[Chunk]:
        """Yield chunks until the iterator or the epoch's steps end; a stream is never shuffled."""
        left = self.limit
        with ThreadPoolExecutor(1) as worker:
            coming = worker.submit(self._next_chunk, left)
            while (chunk := coming.result()) is not None:
                left = None if left is None else left - chunk.steps
                coming = worker.submit(self._next_chunk, left)
                yield chunk
        if self.limit is None:
            self._iterator = None

    def pass_by(self, epochs: int) -> None:
        """Read the epochs that are done, so that the next one is the next."""
        for _ in range(epochs):
            for _ in self.epoch(None):
                pass

    def _going_on(self) -> Iterator[Batch]:
        if self._iterator is None:
            self._iterator = iter(self.make_iterator())
        return self._iterator

    def _next_batch(self) -> Batch | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        batch = next(self._going_on(), None)
        if batch is None and self.limit is not None:
            self._iterator = None
            batch = next(self._going_on(), None)
        return batch

    def _next_chunk(self, left: int | None) -> Chunk | None:
        """Gather up to ``chunk`` batches."""
        count = self.chunk if left is None else min(self.chunk, left)
        batches: list[Batch] = []
        while len(batches) < count and (batch := self._next_batch()) is not None:
            if _rows(batch) > self.batch_size:
                raise DataError(
                    f"A batch of the stream has {_rows(batch)} rows and the first one had "
                    f"{self.batch_size}; only the last batch may differ, and be smaller."
                )
            batches.append(batch)
        return gathered(batches, self.chunk, self.batch_size) if batches else None


def gathered(batches: list[Batch], chunk: int, batch_size: int) -> Chunk:
    """Return up to ``chunk`` batches as arrays of fixed shape, padded with absent rows."""
    rows = [_rows(batch) for batch in batches]
    total = chunk * batch_size
    order = np.full((chunk, batch_size), PADDING, np.int32)
    first = 0
    for number, n in enumerate(rows):
        order[number, :n] = np.arange(first, first + n)
        first += n

    def gather(*parts: Any) -> np.ndarray:
        array = aligned((total, *np.shape(parts[0])[1:]), np.asarray(parts[0]).dtype)
        np.concatenate(parts, out=array[:first])
        array[first:] = 0
        return array

    data = tree_map(gather, *batches)
    return Chunk(jax.device_put(data), jax.device_put(order.reshape(-1)), len(batches), True)


def _rows(batch: Batch) -> int:
    return int(np.shape(jax.tree.leaves(batch.x)[0])[0])
