"""Rows that travel through a pipeline together, as columns of equal length.

A block is a ``Batch`` whose arrays have the rows on their first axis. Rows whose shapes differ
(sentences, sounds), and strings, lie in a column of objects: an array of shape ``(rows,)`` that
holds one array or string for each row.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from pellucid.data._arrays import Batch, _leaves, _map, _named, _parts
from pellucid.errors import DataError, ShapeError


def rows_in(block: Batch) -> int:
    """Return the number of rows of a block."""
    return len(_leaves("x", block.x)[0][1])


def class_numbers(y: Any) -> np.ndarray | None:
    """Return targets that may be numbers of classes, one whole number a row; else None."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biu" or y.size != len(y):
        return None
    return y.reshape(-1)


def taken(block: Batch, rows: Any) -> Batch:
    """Return some rows of a block: a slice, or row numbers."""
    return Batch(*(_map(lambda column: column[rows], part) for part in block))


def joined(blocks: Sequence[Batch]) -> Batch:
    """Return the rows of several blocks as one."""
    if len(blocks) == 1:
        return blocks[0]
    parts = zip(*blocks, strict=True)
    return Batch(*(zipped(lambda *columns: _join(columns), part) for part in parts))


def zipped(function: Callable[..., Any], parts: Sequence[Any]) -> Any:
    """Apply a function to the columns that stand at the same place in several blocks."""
    first = parts[0]
    for other in parts[1:]:
        if _names(other) != _names(first):
            raise DataError(
                "A pipeline expected the same inputs and outputs in every row, got "
                f"{_form(first)} and {_form(other)}; give every row the same parts."
            )
    if isinstance(first, dict):
        return {key: function(*(part[key] for part in parts)) for key in first}
    if isinstance(first, tuple):
        return tuple(function(*columns) for columns in zip(*parts, strict=True))
    return None if first is None else function(*parts)


def column(values: Sequence[Any]) -> np.ndarray:
    """Return one value for each row as a column: an array where all have one shape."""
    if any(isinstance(value, (str, bytes)) for value in values):
        return objects(values)
    arrays = [np.asarray(value) for value in values]
    if len({array.shape for array in arrays}) == 1 and arrays[0].dtype != object:
        return np.stack(arrays)
    return objects(arrays)


def objects(values: Sequence[Any]) -> np.ndarray:
    """Return a column of objects, whatever their shapes."""
    made = np.empty(len(values), object)
    for row, value in enumerate(values):
        made[row] = value
    return made


def stacked(samples: Sequence[Any], where: str = "") -> Batch:
    """Return samples ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, as tuples, as one block."""
    parts = [
        _parts(sample, where) if isinstance(sample, tuple) else (sample, None, None)
        for sample in samples
    ]
    forms = [[_as_form(sample[place]) for sample in parts] for place in range(3)]
    return Batch(*(zipped(_columned, form) for form in forms))


def samples_of(block: Batch) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each row as (x, y, sample_weight), without the first axis."""
    for row in range(rows_in(block)):
        x, y, weight = (_map(itemgetter(row), part) for part in block)
        yield x, y, weight


def replaced(block: Batch, rows: np.ndarray, by: Batch) -> Batch:
    """Return the block with these rows replaced; columns of one type are written in place."""

    def put(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        if old.dtype != new.dtype or old.shape[1:] != new.shape[1:]:
            old, new = as_objects(old), as_objects(new)
        old[rows] = new
        return old

    return Batch(*(zipped(put, pair) for pair in zip(block, by, strict=True)))


def as_objects(values: np.ndarray) -> np.ndarray:
    """Return a column as a column of objects."""
    return values if values.dtype == object else objects(list(values))


def after(blocks: Iterator[Batch], skip: int) -> Iterator[Batch]:
    """Yield what follows the first ``skip`` rows."""
    for block in blocks:
        rows = rows_in(block)
        if skip >= rows:
            skip -= rows
            continue
        yield taken(block, slice(skip, None)) if skip else block
        skip = 0


def dense(batch: Batch, where: str) -> Batch:
    """Return a batch with an array for every column; ShapeError if its rows differ in shape."""
    batch = Batch(*(_map(_dense, part) for part in batch))
    for label, part in _named(batch):
        if part.dtype == object and not isinstance(part[0], (str, bytes)):
            first, *others = {np.shape(value): None for value in part}
            if others:
                raise ShapeError(
                    f"A batch expected rows of one shape in {label}, got {first} and "
                    f"{others[0]}{where}; write pad(length) before batch(...), or "
                    "bucket_by_length(...) in its place."
                )
    return batch


def _dense(values: np.ndarray) -> np.ndarray:
    return column(list(values)) if values.dtype == object else values


def _join(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    if len({part.shape[1:] for part in parts}) > 1:
        parts = tuple(as_objects(part) for part in parts)
    return np.concatenate(parts)


def _columned(*values: Any) -> np.ndarray:
    return column(values)


def _as_form(value: Any) -> Any:
    """Return a part of a sample: several inputs as a tuple or dictionary, else one array."""
    if not isinstance(value, (list, tuple)):
        return value
    several = bool(value) and all(getattr(entry, "ndim", 0) > 0 for entry in value)
    try:
        return tuple(value) if several else np.asarray(value)
    except ValueError as error:
        raise DataError(
            "A pipeline expected each part of a sample as an array, got lists of different length; "
            "make each sample one array, or pad its lists."
        ) from error


def _names(value: Any) -> Any:
    """Return what two parts must share to stand in one block."""
    if isinstance(value, dict):
        return tuple(value)
    return len(value) if isinstance(value, tuple) else value is None


def _form(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return f"parts {', '.join(map(repr, value))}"
    return f"{len(value)} parts" if isinstance(value, tuple) else "one array"
