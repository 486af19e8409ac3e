"""Make sequences of different length one array."""

from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Cut or fill sequences to one length and stack them.

    Args:
        sequences: n sequences, each a list or array of shape ``(length, ...)`` with the same shape
            beyond its first axis; lengths may differ and may be 0.
        maxlen: the length of all results, 1 or more; ``None`` takes the longest sequence's.
        dtype: type of the result. Keras's default, whole numbers, is kept; entries that it would
            change are refused. ``object`` holds strings.
        padding: ``"pre"`` fills in front of a short sequence, ``"post"`` behind it.
        truncating: ``"pre"`` cuts the front of a long sequence, ``"post"`` its end.
        value: what is filled in.

    Returns:
        Array of shape ``(n, maxlen, ...)``.

    Raises:
        ArgumentError: if an option is unknown, or if ``value`` does not fit ``dtype``.
        DataError: if there are no sequences, or if an entry does not fit ``dtype``.
        DTypeError: if ``sequences`` is no list of sequences.
        ShapeError: if the sequences' entries differ in shape.

    Example::

        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    check_one_of("pad_sequences", "padding", padding, ("pre", "post"))
    check_one_of("pad_sequences", "truncating", truncating, ("pre", "post"))
    if maxlen is not None:
        check_positive_int("pad_sequences", "maxlen", maxlen)
    lengths = _lengths(sequences)
    if not lengths:
        raise DataError("pad_sequences expected at least one sequence, got none.")
    dtype = np.dtype(dtype)
    length = max(lengths) if maxlen is None else int(maxlen)

    padded: np.ndarray | None = None  # made when the first entries show their shape
    for row, sequence in enumerate(sequences):
        if not lengths[row]:
            continue
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        entries = _entries(kept, dtype, row)
        if padded is None:
            padded = _filled((len(lengths), length, *entries.shape[1:]), value, dtype)
        elif entries.shape[1:] != padded.shape[2:]:
            raise ShapeError(
                f"pad_sequences expected entries of shape {padded.shape[2:]} as in the first "
                f"sequence, got {entries.shape[1:]} in sequences[{row}]."
            )
        if padding == "pre":
            padded[row, length - len(entries) :] = entries
        else:
            padded[row, : len(entries)] = entries
    return _filled((len(lengths), length), value, dtype) if padded is None else padded


def _lengths(sequences: Any) -> list[int]:
    """Return the length of each sequence."""
    if isinstance(sequences, str) or not hasattr(sequences, "__len__"):
        raise DTypeError(
            "pad_sequences expected a list of sequences, got "
            f"{type(sequences).__name__}; pass list(...) of it."
        )
    lengths = []
    for row, sequence in enumerate(sequences):
        if isinstance(sequence, str) or not hasattr(sequence, "__len__"):
            raise DTypeError(
                f"pad_sequences expected a list of sequences, got {sequence!r} as "
                f"sequences[{row}]; one sequence alone is passed as [sequence]."
            )
        lengths.append(len(sequence))
    return lengths


def _entries(sequence: Any, dtype: np.dtype, row: int) -> np.ndarray:
    """Return a sequence as an array of the type, unless that would change a whole number."""
    try:
        given = np.asarray(sequence)
    except ValueError as error:
        raise ShapeError(
            f"pad_sequences expected entries of one shape, and those of sequences[{row}] differ."
        ) from error
    if dtype.kind in "iu" and given.dtype.kind not in "biuf":
        raise DataError(
            f"pad_sequences expected numbers that fit dtype={dtype}, got {given.dtype} in "
            f"sequences[{row}]; turn words into numbers first, or pass dtype=object."
        )
    with np.errstate(invalid="ignore", over="ignore"):
        entries = given.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(given, entries):
        changed = given[given != entries].flat[0]
        raise DataError(
            f"pad_sequences expected numbers that fit dtype={dtype}, got {changed} in "
            f"sequences[{row}]; pass another dtype, such as dtype='float32'."
        )
    return entries


def _filled(shape: tuple[int, ...], value: Any, dtype: np.dtype) -> np.ndarray:
    """Return an array full of ``value``, if the type can hold it."""
    number = isinstance(value, (int, float, np.integer, np.floating))
    if dtype.kind in "US":
        fits = isinstance(value, str)
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        fits = number and limits.min <= value <= limits.max and value == int(value)
    elif dtype.kind in "bf":
        fits = number
    else:
        fits = True
    if not fits:
        raise ArgumentError(
            f"pad_sequences expected a value that fits dtype={dtype}, got {value!r}; pass another "
            "value or another dtype, such as dtype='float32', or dtype=object for strings."
        )
    return np.full(shape, value, dtype)
