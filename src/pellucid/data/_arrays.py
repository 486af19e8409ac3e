"""What ``fit`` eats: checked arrays in memory, or a stream of checked batches.

Both kinds of ``Dataset`` give batches ``(x, y, sample_weight)``. Data is checked once, where it
comes in, and reaches the training loop in the types that it computes with:

=======================  ===========================================================
given                    kept as
=======================  ===========================================================
float64, longer floats   float32
int64, uint64            int32, if every number fits
anything else numeric    as it is (bool, uint8, int32, float16, float32, ...)
strings, objects, dates  refused, with what to do instead
=======================  ===========================================================
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.data._opening import Opening
from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError

if TYPE_CHECKING:
    from pellucid.data._pipeline import Pipeline

Arrays = np.ndarray | tuple[np.ndarray, ...] | dict[str, np.ndarray]
"""One array, or several inputs or outputs by place or by name."""


class Batch(NamedTuple):
    """Some samples: all first axes are equal."""

    x: Arrays
    y: Arrays | None
    sample_weight: Arrays | None


class Dataset(Opening):
    """Training data after its checks; made by ``from_arrays``, ``from_batches``, and what reads
    files: ``from_npy``, ``from_folder``, ``from_audio``, ``from_text``, ``from_csv``,
    ``from_parquet``, ``from_generator``."""

    @staticmethod
    def from_arrays(x: Any, y: Any = None, sample_weight: Any = None) -> "ArrayDataset":
        """Check data that is in memory.

        Args:
            x: inputs, shape ``(samples, ...)``: an array, or anything that ``numpy.asarray`` takes
                (nested lists, data frames, other libraries' arrays). A list or tuple whose members
                are themselves arrays is several inputs; so is a dictionary.
            y: targets, in the same forms, or ``None``.
            sample_weight: weight of each sample in the loss, shape ``(samples,)``, in the same
                forms for several outputs, or ``None``.

        Raises:
            ShapeError: if the numbers of samples differ.
            DataError: if there is no sample, or a number is NaN, infinite or too large.
            DTypeError: if something is not numeric.
        """
        return ArrayDataset(*_checked_batch(x, y, sample_weight, where=""))

    @staticmethod
    def from_batches(source: Any, batches: int | None = None) -> "BatchDataset":
        """Check a stream of batches as it is read, for data that does not fit into memory.

        Args:
            source: a function without arguments that returns a new iterator each time, or an object
                that can be iterated over again and again. It gives ``x``, ``(x, y)`` or
                ``(x, y, sample_weight)``, each in the forms that ``from_arrays`` takes.
            batches: how many batches make an epoch; ``None`` for all that the iterator gives.

        Raises:
            DTypeError: if ``source`` can be read only once.
        """
        if batches is not None:
            check_positive_int("Dataset.from_batches", "batches", batches)
        if isinstance(source, Iterator):
            raise DTypeError(
                "Dataset.from_batches expected a function that returns a new iterator for every "
                "epoch, got an iterator that can be read only once; pass the generator function "
                "itself, without calling it."
            )
        if callable(source):
            return BatchDataset(source, batches)
        if not isinstance(source, Iterable):
            raise DTypeError(
                "Dataset.from_batches expected a function that returns an iterator, got "
                f"{type(source).__name__}."
            )
        return BatchDataset(lambda: iter(source), batches)


@dataclass(frozen=True, eq=False)
class ArrayDataset(Dataset):
    """Checked arrays in memory; made by ``Dataset.from_arrays``."""

    x: Arrays
    y: Arrays | None
    sample_weight: Arrays | None

    def __len__(self) -> int:
        return len(_leaves("x", self.x)[0][1])

    def __getitem__(self, rows: Any) -> "ArrayDataset":
        return self.take(rows)

    def take(self, rows: Any) -> "ArrayDataset":
        """Return some samples: a slice, an array of row numbers, or an array of true and false.

        Raises:
            ArgumentError: if ``rows`` is something else, or names a row that is not there.
        """
        rows = rows if isinstance(rows, slice) else self._row_numbers(rows)
        parts = (self.x, self.y, self.sample_weight)
        return ArrayDataset(*(_map(lambda array: array[rows], part) for part in parts))

    def split(self, fraction: float) -> tuple["ArrayDataset", "ArrayDataset"]:
        """Return (front, back): the last ``fraction`` of the samples, unshuffled, is the back.

        With n samples the front has floor(n (1 - fraction)), as in Keras's ``validation_split``.

        Raises:
            ArgumentError: if ``fraction`` is not between 0 and 1, or leaves one side empty.
        """
        check_range("Dataset.split", "fraction", fraction, 0, 1, open_low=True, open_high=True)
        at = math.floor(len(self) * (1.0 - fraction))
        if not 0 < at < len(self):
            raise ArgumentError(
                f"Dataset.split expected fraction to leave samples on both sides, got {fraction} "
                f"of {len(self)} samples; take another fraction or more data."
            )
        return self[:at], self[at:]

    def pipeline(self) -> "Pipeline":
        """Return the samples as a pipeline, to be mapped, shuffled, balanced, ...

        The arrays stay where they are; of them a piece at a time is read.
        """
        from pellucid.data._pipeline import Pipeline
        from pellucid.data._sources import InMemory

        return Pipeline(InMemory(self))

    def batches(self, batch_size: int, order: Any = None) -> Iterator[Batch]:
        """Yield the samples in batches of ``batch_size``; the last may be shorter.

        Args:
            batch_size: samples in a batch, 1 or more.
            order: row numbers in the order wanted, such as a permutation; ``None`` for the data's.
        """
        check_positive_int("Dataset.batches", "batch_size", batch_size)
        rows = None if order is None else self._row_numbers(order)
        for start in range(0, len(self) if rows is None else len(rows), batch_size):
            chosen = slice(start, start + batch_size)
            part = self.take(chosen if rows is None else rows[chosen])
            yield Batch(part.x, part.y, part.sample_weight)

    def _row_numbers(self, rows: Any) -> np.ndarray:
        """Return ``rows`` as row numbers that exist."""
        numbers = np.asarray(rows)
        if numbers.ndim == 1 and numbers.dtype == bool and len(numbers) == len(self):
            return np.flatnonzero(numbers)
        if numbers.ndim == 1 and not numbers.size:
            return np.zeros(0, np.int64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise ArgumentError(
                "A Dataset is indexed with a slice, an array of row numbers, or an array of "
                f"{len(self)} times true or false, got {numbers.dtype} of shape {numbers.shape}; "
                "for one sample write dataset[i : i + 1]."
            )
        if not -len(self) <= numbers.min() <= numbers.max() < len(self):
            raise ArgumentError(
                f"A Dataset of {len(self)} samples was indexed with rows {numbers.min()} to "
                f"{numbers.max()}; the last one is {len(self) - 1}."
            )
        return numbers


@dataclass(frozen=True, eq=False)
class BatchDataset(Dataset):
    """A stream of batches, each checked as it comes; made by ``Dataset.from_batches``.

    Args:
        source: returns a new iterator over batches.
        batch_count: the number of batches in an epoch, if it is fixed.
    """

    source: Callable[[], Iterator[Any]]
    batch_count: int | None

    def __iter__(self) -> Iterator[Batch]:
        return self.batches()

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of one epoch, from a new iterator.

        All must be alike: the same inputs and outputs, types, and shapes beyond the first axis.

        Raises:
            DataError, ShapeError, DTypeError: as in ``from_arrays``, with the batch's number; also
                if a batch differs from the first, or if there are fewer batches than there should.
        """
        stream = iter(self.source())
        first: dict[str, tuple[Any, ...]] | None = None
        number = 0
        while number != self.batch_count:
            try:
                given = next(stream)
            except StopIteration:
                break
            where = f" in batch {number}"
            batch = _checked_batch(*_parts(given, where), where=where)
            kind = _kind(batch)
            first = kind if first is None else first
            if kind != first:
                raise ShapeError(
                    f"Dataset expected every batch to be like the first, {_in_words(first)}, got "
                    f"{_in_words(kind)}{where}."
                )
            yield batch
            number += 1
        if not number or (self.batch_count is not None and number < self.batch_count):
            wanted = "at least one batch" if self.batch_count is None else self.batch_count
            raise DataError(
                f"Dataset.from_batches expected {wanted}, and the iterator ended after {number}; "
                "pass a smaller batches=, or a function that gives a new iterator every time."
            )


def _parts(given: Any, where: str) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of what an iterator gave."""
    if not isinstance(given, (tuple, list)):
        return given, None, None
    if not 1 <= len(given) <= 3:
        raise DataError(
            f"Dataset expected x, (x, y) or (x, y, sample_weight), got {len(given)} parts{where}; "
            "several inputs go together as ((a, b), y)."
        )
    x, y, sample_weight = (*given, None, None)[:3]
    return x, y, sample_weight


def _kind(batch: Batch) -> dict[str, tuple[Any, ...]]:
    """Return what must be the same in every batch: names, types, and shapes of a sample."""
    return {name: (str(array.dtype), array.shape[1:]) for name, array in _named(batch)}


def _in_words(kind: Mapping[str, tuple[Any, ...]]) -> str:
    return ", ".join(f"{name} {dtype} of {('n', *shape)}" for name, (dtype, shape) in kind.items())


def _checked_batch(x: Any, y: Any, sample_weight: Any, where: str) -> Batch:
    """Convert and check the three parts and compare their numbers of samples."""
    batch = Batch(
        _arrays("x", x, where),
        None if y is None else _arrays("y", y, where),
        None if sample_weight is None else _weights(sample_weight, where),
    )
    (name, array), *others = _named(batch)
    for other_name, other in others:
        if len(other) != len(array):
            hint = (
                "a list of arrays is several inputs, write numpy.stack(list) for a single one"
                if isinstance(batch.x, tuple)
                else "give each sample its own row in both"
            )
            raise ShapeError(
                f"Dataset expected {name} and {other_name} with as many samples each{where}, got "
                f"{len(array):,} and {len(other):,}; {hint}."
            )
    if not len(array):
        raise DataError(f"Dataset expected at least one sample, got {name} without any{where}.")
    return batch


def _arrays(name: str, value: Any, where: str) -> Arrays:
    """Convert one array, or each of several."""
    if isinstance(value, Mapping):
        if not value:
            raise DataError(f"Dataset expected arrays by name in {name}, got none{where}.")
        return {str(key): _array(f"{name}[{key!r}]", part, where) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and value and all(map(_is_array, value)):
        return tuple(_array(f"{name}[{place}]", part, where) for place, part in enumerate(value))
    return _array(name, value, where)


def _is_array(value: Any) -> bool:
    """Tell an array (of any library, with at least one axis) from a number or a list."""
    return getattr(value, "ndim", 0) > 0


def _weights(value: Any, where: str) -> Arrays:
    return _map(lambda array: array.astype(np.float32), _arrays("sample_weight", value, where))


def _map(function: Callable[[np.ndarray], np.ndarray], arrays: Any) -> Any:
    """Apply a function to each array and keep the form."""
    if isinstance(arrays, dict):
        return {key: function(array) for key, array in arrays.items()}
    if isinstance(arrays, tuple):
        return tuple(function(array) for array in arrays)
    return None if arrays is None else function(arrays)


def _leaves(name: str, arrays: Arrays) -> list[tuple[str, np.ndarray]]:
    """Return each array with its name, such as ``x`` or ``x['image']``."""
    if isinstance(arrays, dict):
        return [(f"{name}[{key!r}]", array) for key, array in arrays.items()]
    if isinstance(arrays, tuple):
        return [(f"{name}[{place}]", array) for place, array in enumerate(arrays)]
    return [(name, arrays)]


def _named(batch: Batch) -> list[tuple[str, np.ndarray]]:
    """Return each array of a batch with its name."""
    parts = zip(Batch._fields, batch, strict=True)
    return [leaf for part, arrays in parts if arrays is not None for leaf in _leaves(part, arrays)]


def _array(name: str, value: Any, where: str) -> np.ndarray:
    """Convert and check one array."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"Dataset expected {name} as an array, got lists of different length{where}; make them "
            "one array with pellucid.preprocessing.sequence.pad_sequences(...)."
        ) from error
    _check_type(name, value, array, where)
    if array.ndim == 0:
        raise ShapeError(
            f"Dataset expected {name} with a first axis of samples, got the single value "
            f"{array}{where}; put it into a list."
        )
    if array.dtype.kind == "f":
        return _finite(name, array, where)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        return _int32(name, array, where)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_type(name: str, value: Any, array: np.ndarray, where: str) -> None:
    """Raise DTypeError or DataError unless the array holds numbers."""
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(
            f"Dataset expected {name} without a mask{where}; fill what is masked with "
            f"{name}.filled(...)."
        )
    if array.dtype.kind in "biuf":
        return
    sample = array.flat[0] if array.dtype.kind == "O" and array.size else None
    if array.dtype.kind in "US" or isinstance(sample, (str, bytes)):
        raise DTypeError(
            f"Dataset expected {name} to hold numbers, got strings{where}; turn words into numbers "
            "and class names into 0, 1, 2, ... first."
        )
    if hasattr(value, "toarray"):
        raise DTypeError(
            f"Dataset expected {name} as a plain array, got a sparse matrix{where}; pass "
            f"{name}.toarray()."
        )
    if hasattr(sample, "__len__"):
        raise DataError(
            f"Dataset expected {name} as an array, got an array of {type(sample).__name__} objects"
            f"{where}; make them one array with "
            "pellucid.preprocessing.sequence.pad_sequences(...)."
        )
    raise DTypeError(
        f"Dataset expected {name} to hold numbers, got {array.dtype}{where}; convert it first, for "
        f"example with {name}.astype('float32')."
    )


def _finite(name: str, array: np.ndarray, where: str) -> np.ndarray:
    """Return floats as float32 or narrower, if all are finite."""
    dtype = array.dtype.newbyteorder("=") if array.dtype.itemsize <= 4 else np.dtype(np.float32)
    with np.errstate(over="ignore"):
        converted = array.astype(dtype, copy=False)
    with np.errstate(invalid="ignore"):  # smallest and largest show NaN and infinity, in no memory
        fine = not array.size or np.isfinite(converted.min()) and np.isfinite(converted.max())
    if fine:
        return converted
    bad = ~np.isfinite(converted)
    first = int(np.argwhere(bad)[0][0])
    if np.isfinite(array[bad]).all():
        what = f"{bad.sum():,} beyond what {dtype} can hold"
        hint = "scale the data, for example to mean 0 and deviation 1"
    else:
        what = f"{bad.sum():,} that are NaN or infinite"
        hint = "leave these rows out or replace the values"
    raise DataError(
        f"Dataset expected finite numbers in {name}, got {what}, the first in row {first}{where}; "
        f"{hint}."
    )


def _int32(name: str, array: np.ndarray, where: str) -> np.ndarray:
    """Return 64-bit integers as int32, if all fit."""
    limits = np.iinfo(np.int32)
    if array.size and not limits.min <= int(array.min()) <= int(array.max()) <= limits.max:
        outside = (array < limits.min) | (array > limits.max)
        first = tuple(np.argwhere(outside)[0])
        raise DataError(
            f"Dataset expected integers in {name} that fit int32, got {array[first]} in row "
            f"{first[0]}{where}; number the categories from 0, or pass floats."
        )
    return array.astype(np.int32)
