"""Pipelines: data of any size, read in pieces, in an order that can be gone on with exactly.

A pipeline is a source and a chain of stages, none of which runs before somebody reads::

    data = (
        Dataset.from_folder("photos", image_size=64)
        .shuffle(seed=1)
        .map(lambda image, label: (image / 255, label))
        .batch(32)
    )
    model.fit(data, epochs=10)

``fit`` reads the next batches in a thread while the last ones train. Every order and draw depends
on seeds and on where the reading stands alone, so ``state()`` is a few numbers, and a pipeline that
is given them by ``restore`` goes on with the same bits.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from pellucid._checks import check_count, check_one_of, check_positive_int, check_range
from pellucid.data._arrays import Batch, Dataset, _checked_batch
from pellucid.data._batching import Batches, Buckets, padded
from pellucid.data._position import Position
from pellucid.data._sources import (
    AnyOrder,
    Files,
    Load,
    LoadGood,
    Reader,
    Skipped,
    row_numbers,
)
from pellucid.data._stages import (
    Above,
    Balanced,
    Blocks,
    Cache,
    Filter,
    Map,
    Reading,
    Repeat,
    Shuffle,
    Skip,
    Stage,
    Take,
)
from pellucid.errors import ArgumentError, DataError, DTypeError

PREDICTED_TOGETHER = 256
"""Rows of a batch where a pipeline without ``batch`` is read in batches."""


class Pipeline(Dataset):
    """Rows from a source, through stages, to batches; made by ``Dataset.from_...``.

    Attributes:
        class_names: what the labels 0, 1, ... are called, None where they have no names.
        skipped: the bad rows that the last pass left out.
        batch_count: batches that make an epoch of ``fit``; None reads to the end.
    """

    def __init__(self, source: Reader | AnyOrder) -> None:
        self._source = source
        self._chosen = np.arange(source.length if isinstance(source, AnyOrder) else 0)
        self._numbers = isinstance(source, AnyOrder)  # whether numbers of rows go on, unread
        self._stages: tuple[Stage, ...] = ()
        self._batching: Batches | Buckets | None = None
        self._words: tuple[str, ...] = (source.name,)
        self._position = Position()
        self.skipped = source.skipped or Skipped()
        self.class_names = source.class_names
        self.batch_count: int | None = None

    # Stages

    def map(
        self, function: Callable[..., Any], seed: int | None = None, batched: bool = False
    ) -> "Pipeline":
        """Return the rows changed by a function.

        Args:
            function: takes ``x``, or ``x, y``, or ``x, y, sample_weight``, as the rows have them,
                and returns a row: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.
            seed: with a seed the function is also given ``rng=``, a NumPy generator that depends on
                the seed, the pass and the number of the (first) row alone.
            batched: the function is given many rows at once, as arrays, and returns as many. With
                a seed, going on in the middle of a pass maps the rows before it again.
        """
        _check_function("map", function)
        if seed is not None:
            check_count("map", "seed", seed)
        return self._loaded()._then(f"map(seed={seed})", Map(function, seed, batched))

    def filter(self, function: Callable[..., Any]) -> "Pipeline":
        """Return the rows for which a function of ``x``, or ``x, y``, says yes."""
        _check_function("filter", function)
        return self._loaded()._then("filter", Filter(function))

    def shuffle(self, buffer: int | None = None, seed: int = 0) -> "Pipeline":
        """Return the rows in another order, a new one in every pass.

        Args:
            buffer: rows among which is drawn: memory holds so many. None permutes all rows, which
                takes rows that can be read in any order (arrays, files in folders), or a cache.
            seed: makes the order, with the number of the pass.

        Raises:
            ArgumentError: without a buffer, for rows that come one after another.
        """
        check_count("shuffle", "seed", seed)
        if buffer is not None:
            check_positive_int("shuffle", "buffer", buffer)
        elif not self._numbers and not any(isinstance(s, Cache) for s in self._stages):
            raise ArgumentError(
                "shuffle expected a buffer, since these rows come one after another; type "
                f"shuffle(10_000, seed={seed}), or cache() before it."
            )
        return self._then(f"shuffle({buffer}, seed={seed})", Shuffle(buffer, seed))

    def balanced(self, seed: int = 0) -> "Pipeline":
        """Return as many rows as before with every class equally often.

        In every pass each row of a large class comes at most once more than another of it, and
        rows of small classes come several times.

        Raises:
            ArgumentError: if the labels are not known before the rows are read.
        """
        check_count("balanced", "seed", seed)
        labels = self._source.labels
        if not self._numbers or labels is None:
            raise ArgumentError(
                "balanced expected rows whose class numbers are known before they are read (arrays "
                "or .npy files with whole numbers as y, folders by class), before map or filter; "
                "use class_weight= of fit for others."
            )
        return self._then(f"balanced(seed={seed})", Balanced(labels, seed))

    def take(self, count: int) -> "Pipeline":
        """Return the first ``count`` rows."""
        check_positive_int("take", "count", count)
        return self._then(f"take({count})", Take(count))

    def skip(self, count: int) -> "Pipeline":
        """Return the rows after the first ``count``."""
        check_positive_int("skip", "count", count)
        return self._then(f"skip({count})", Skip(count))

    def repeat(self, count: int | None = None) -> "Pipeline":
        """Return the rows several times, each time shuffled anew; None repeats without end."""
        if count is not None:
            check_positive_int("repeat", "count", count)
        return self._then(f"repeat({count})", Repeat(count, self._length()))

    def cache(self) -> "Pipeline":
        """Return the rows kept in memory from their first whole pass on."""
        return self._loaded()._then("cache", Cache())

    def pad(
        self, length: int, value: float = 0, padding: str = "post", truncating: str = "post"
    ) -> "Pipeline":
        """Return rows whose ``x`` is cut or filled to one length.

        Args:
            length: steps of every row.
            value: what short rows are filled with.
            padding: ``"post"`` fills behind a short row, ``"pre"`` in front of it.
            truncating: ``"post"`` cuts the end of a long row, ``"pre"`` its front.
        """
        check_positive_int("pad", "length", length)
        check_one_of("pad", "padding", padding, ("pre", "post"))
        check_one_of("pad", "truncating", truncating, ("pre", "post"))

        def fill(block: Batch) -> Batch:
            return block._replace(x=padded(block.x, length, value, padding, truncating))

        return self._loaded()._then(f"pad({length})", Blocks(fill))

    def preprocess(self, preprocessing: Any) -> "Pipeline":
        """Return the rows after a fitted preprocessing: inputs, and labels if it knows them.

        Args:
            preprocessing: see ``pellucid.data.Preprocessing``; ``RawData`` does both.
        """

        def change(block: Batch) -> Batch:
            y = None if block.y is None else preprocessing.transform_labels(block.y)
            return block._replace(x=preprocessing.transform(block.x), y=y)

        return self._loaded()._then(type(preprocessing).__name__, Blocks(change))

    def split(
        self, fraction: float, seed: int = 0, stratify: bool = True, groups: Any = None
    ) -> tuple["Pipeline", "Pipeline"]:
        """Return (front, back) of rows that can be read in any order, drawn at random.

        Args:
            fraction: the share of the back, between 0 and 1.
            seed: makes the draw.
            stratify: keep the share of every class, where the classes are known.
            groups: a group for each row of the source; a group stays on one side.
        """
        from pellucid.data._splitting import equal_rows, split_rows

        check_range("split", "fraction", fraction, 0, 1, open_low=True, open_high=True)
        source, rows = self._source, self._chosen
        if not self._numbers or self._stages or not isinstance(source, AnyOrder):
            raise ArgumentError(
                "split expected rows that can be read in any order (arrays, .npy files, files in "
                "folders), before any other stage; for others use take and skip."
            )
        labels = source.labels
        equal_rows("split", source.length, groups)
        front, back = split_rows(
            "split",
            len(rows),
            fraction,
            seed,
            stratify=labels[rows] if stratify and labels is not None and groups is None else None,
            groups=None if groups is None else np.asarray(groups)[rows],
        )
        return self._only(rows[np.sort(front)]), self._only(rows[np.sort(back)])

    # Batches

    def batch(self, batch_size: int, drop_remainder: bool = False) -> "Pipeline":
        """Return the rows in batches; the end of the chain.

        Args:
            batch_size: rows of a batch.
            drop_remainder: leave a short last batch out.
        """
        check_positive_int("batch", "batch_size", batch_size)
        words = f"batch({batch_size}, {drop_remainder})"
        return self._batched(Batches(int(batch_size), drop_remainder), words)

    def bucket_by_length(
        self, bounds: Sequence[int], batch_size: int, value: float = 0, longer: str = "stop"
    ) -> "Pipeline":
        """Return batches of rows of similar length, for sequences; the end of the chain.

        A row goes to the first bucket that it fits into and is filled up to its bound, so that
        there are as many shapes as bounds, and ``fit`` compiles as many programs.

        Args:
            bounds: lengths in ascending order, such as ``(16, 32, 64)``.
            batch_size: rows of a batch.
            value: what short rows are filled with.
            longer: for rows longer than the last bound: ``"stop"`` raises DataError, ``"cut"`` cuts
                their end, ``"skip"`` leaves them out.
        """
        check_positive_int("bucket_by_length", "batch_size", batch_size)
        check_one_of("bucket_by_length", "longer", longer, ("stop", "cut", "skip"))
        lengths = tuple(bounds)
        for bound in lengths:
            check_positive_int("bucket_by_length", "bounds", bound)
        if not lengths or list(lengths) != sorted(set(lengths)):
            raise ArgumentError(
                f"bucket_by_length expected bounds in ascending order, got {bounds!r}; type "
                f"{tuple(sorted(set(lengths))) or (16, 32, 64)}."
            )
        words = f"bucket_by_length({lengths}, {batch_size})"
        return self._batched(Buckets(lengths, int(batch_size), value, longer), words)

    # Reading

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches from where the reading stands to the end of the pass."""
        position = self._position
        if position.reading is None:
            position.reading, position.batch = (0,), 0
        position.restored = False
        going_on, nothing = position.batch > 0, True
        for batch in self.read(position.reading, position.batch):
            nothing = False
            position.batch += 1
            yield batch
        position.reading, position.batch = (*position.reading[:-1], position.reading[-1] + 1), 0
        if going_on and nothing:  # it stood at the end of a pass
            yield from self

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of one whole pass; where the reading stands is left alone."""
        return islice(self.read((0,), 0), self.batch_count)

    def read(self, reading: Reading, skip: int = 0) -> Iterator[Batch]:
        """Yield the checked batches of a pass after the first ``skip``.

        Args:
            reading: whole numbers that name the pass; what is random in it is drawn from them.
            skip: batches to leave out.
        """
        batching = self._batching or Batches(PREDICTED_TOGETHER)
        loaded = self._loaded()
        number = skip
        for batch in batching.run(lambda rows: loaded._run(reading, rows), skip):
            yield _checked_batch(*batch, where=f" in batch {number}")
            number += 1

    def rows(self, reading: Reading = (0,)) -> Iterator[Batch]:
        """Yield the rows of a pass in blocks, unbatched and as they are, strings too."""
        return self._loaded()._run(reading, 0)

    def length(self) -> int | None:
        """Return the number of rows of a pass, None where only reading tells."""
        return self._loaded()._length()

    def steps(self) -> int | None:
        """Return the number of batches of a pass, None where only reading tells."""
        batching = self._batching or Batches(PREDICTED_TOGETHER)
        return batching.count(self.length())

    @property
    def any_order(self) -> bool:
        """True while the rows can be read in any order."""
        return self._numbers

    @property
    def labels(self) -> np.ndarray | None:
        """The class numbers of all rows, where they are known without reading."""
        if self._source.labels is None or not self._numbers or self._stages:
            return None
        return self._source.labels[self._chosen]

    @property
    def source_name(self) -> str:
        """What the rows come from, in words."""
        return self._source.name

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns of a table's matrix, in order; empty for other sources."""
        return self._source.columns

    @property
    def batch_size(self) -> int | None:
        """Rows of a batch, None without ``batch``."""
        return None if self._batching is None else self._batching.size

    @property
    def may_be_short(self) -> bool:
        """True if a batch may have fewer rows than ``batch_size``."""
        return self._batching is None or self._batching.may_be_short(self.length())

    # Where the reading stands

    def state(self) -> dict[str, Any]:
        """Return where the reading stands, as a few plain numbers that JSON can hold.

        During a fit that is the batch that has been trained, however far ahead data is read.
        """
        return {**self._position.state(), "pipeline": self._fingerprint()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state()`` was taken; what comes is bit-equal to what would have come.

        Args:
            state: what ``state()`` returned, of a pipeline of the same source and stages.

        Raises:
            DataError: if it is no such state, or another pipeline's.
        """
        if state.get("pipeline") != self._fingerprint():
            raise DataError(
                "restore expected the state of a pipeline with the same source and stages as this "
                f"one, {str(self)!r}; build the pipeline as it was when the state was taken."
            )
        self._position.restore(state)

    @property
    def position(self) -> Position:
        """Where the reading stands, for whoever reads on behalf of a fit."""
        return self._position

    def __str__(self) -> str:
        return " → ".join(self._words)

    def __repr__(self) -> str:
        return f"Pipeline({self})"

    def _fingerprint(self) -> int:
        return zlib.crc32(f"{self} {self._source.length}".encode())

    # Parts

    def for_fit(self, batch_size: int) -> "Pipeline":
        """Return this pipeline, in batches if it has none; where it stands is shared."""
        return self if self._batching is not None else self.batch(batch_size)._sharing(self)

    def limited(self, batches: int | None) -> "Pipeline":
        """Return this pipeline with so many batches an epoch; where it stands is shared."""
        if batches is None:
            return self
        check_positive_int("fit", "steps_per_epoch", batches)
        limited = self._copy()
        limited.batch_count = int(batches)
        return limited._sharing(self)

    def _sharing(self, other: "Pipeline") -> "Pipeline":
        self._position = other._position
        self._words = other._words
        return self

    def _copy(self) -> "Pipeline":
        copy = object.__new__(Pipeline)
        copy.__dict__.update(self.__dict__)
        copy._position = Position()
        return copy

    def _then(self, words: str, *stages: Stage) -> "Pipeline":
        if self._batching is not None:
            raise ArgumentError(
                f"A pipeline expected batch or bucket_by_length as its last stage, got "
                f"{words.partition('(')[0]} after it; move that in front."
            )
        longer = self._copy()
        longer._stages = (*self._stages, *stages)
        longer._words = (*self._words, words)
        return longer

    def _batched(self, batching: Batches | Buckets, words: str) -> "Pipeline":
        made = self._then(words)
        made._batching = batching
        return made

    def _only(self, rows: np.ndarray) -> "Pipeline":
        part = self._copy()
        part._chosen = rows
        part._words = (*self._words, f"rows {zlib.crc32(rows.astype('<i8').tobytes()):08x}")
        return part

    def _loaded(self) -> "Pipeline":
        """Return the pipeline with rows in the place of their numbers."""
        source = self._source
        if not self._numbers or not isinstance(source, AnyOrder):
            return self
        loaded = self._copy()
        loaded._numbers = False
        stage: Stage = Load(source)
        if isinstance(source, Files) and source.skipped is not None:
            stage = LoadGood(source, source.skipped)
        loaded._stages = (*self._stages, stage)
        return loaded

    def _length(self) -> int | None:
        """Return the number of rows, or of their numbers, that come out of the last stage."""
        rows = len(self._chosen) if isinstance(self._source, AnyOrder) else self._source.length
        for stage in self._stages:
            rows = stage.length(rows)
        return rows

    def _run(self, reading: Reading, skip: int) -> Iterator[Batch]:
        """Yield the rows of a pass in blocks."""
        above: Above
        if isinstance(self._source, Reader):
            above = self._source.read
        else:
            above = partial(row_numbers, self._chosen)
        for stage in self._stages:
            above = partial(stage.run, above)
        return above(reading, skip)


def _check_function(who: str, function: Any) -> None:
    if not callable(function):
        raise DTypeError(f"{who} expected a function of a row, got {function!r}.")
