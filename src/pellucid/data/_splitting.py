"""Splits of rows by scikit-learn's splitters: at random, by class, by group, in time."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ArgumentError, DataError, ShapeError


def train_test_split(
    *arrays: Any,
    test_size: float = 0.25,
    random_state: int = 0,
    stratify: Any = None,
    groups: Any = None,
    times: Any = None,
) -> list[Any]:
    """Split arrays into a part to train with and a part to test with.

    Args:
        arrays: arrays or lists of as many rows each.
        test_size: the share of the test part, between 0 and 1.
        random_state: makes the draw; equal numbers give equal parts.
        stratify: the class of each row: each class keeps its share in both parts.
        groups: the group of each row (a patient, a writer): a group stays in one part.
        times: the time of each row: the last ones are the test part, so that nothing is learned
            from what comes later; nothing is drawn. Rows of one time stay in one part.

    Returns:
        ``[a_train, a_test, b_train, b_test, ...]``, rows in their order in the data where
        ``groups`` or ``times`` is given, else in random order.

    Raises:
        ShapeError: if the numbers of rows differ.
        ArgumentError: if more than one of ``stratify``, ``groups``, ``times`` is given, or a part
            would be empty.
        DataError: if a class or the groups are too few to split.

    Example::

        >>> train_test_split([1, 2, 3, 4], test_size=0.5, times=[3, 1, 2, 0])
        [array([2, 4]), array([1, 3])]
    """
    if not arrays:
        raise ArgumentError("train_test_split expected at least one array, got none.")
    who = "train_test_split"
    check_range(who, "test_size", test_size, 0, 1, open_low=True, open_high=True)
    tables = [np.atleast_1d(array) for array in arrays]
    count = len(tables[0])
    equal_rows(who, count, *tables[1:], stratify, groups, times)
    train, test = split_rows(who, count, test_size, random_state, stratify, groups, times)
    return [part for table in tables for part in (table[train], table[test])]


def split_rows(
    who: str,
    count: int,
    test_size: float,
    random_state: int,
    stratify: Any = None,
    groups: Any = None,
    times: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of the two parts; see ``train_test_split``."""
    _check_one(who, stratify=stratify, groups=groups, times=times)
    tested = math.ceil(count * test_size)
    if not 0 < tested < count:
        raise ArgumentError(
            f"{who} expected a share that leaves rows on both sides, got {test_size} of {count} "
            "rows; take another share or more data."
        )
    rows = np.arange(count)
    if times is not None:
        return _by_time(who, np.asarray(times), tested)
    from sklearn import model_selection as splitters

    if groups is not None:
        names = np.unique(np.asarray(groups))
        if len(names) < 2:
            raise DataError(
                f"{who} expected at least 2 groups, got {len(names)}; one group cannot be in both "
                "parts."
            )
        splitter = splitters.GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
        train, test = next(splitter.split(rows, groups=np.asarray(groups)))
        return np.sort(train), np.sort(test)
    if stratify is None:
        splitter = splitters.ShuffleSplit(1, test_size=test_size, random_state=random_state)
        return next(splitter.split(rows))
    labels = np.asarray(stratify)
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2 or tested < len(names) or count - tested < len(names):
        raise DataError(
            f"{who} expected at least 2 rows of every class, and a row of each on both sides, got "
            f"{counts.min()} of class {names[counts.argmin()]!r} and {tested} rows to test with "
            f"for {len(names)} classes; add rows, or leave stratify out."
        )
    splitter = splitters.StratifiedShuffleSplit(1, test_size=test_size, random_state=random_state)
    return next(splitter.split(rows, labels))


def folds(
    count: int,
    n_splits: int = 5,
    random_state: int = 0,
    stratify: Any = None,
    groups: Any = None,
    times: Any = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (train, test) row numbers for cross-validation; each row is tested once.

    Args:
        count: the number of rows.
        n_splits: the number of folds, 2 or more.
        random_state: makes the draw.
        stratify: the class of each row: each class keeps its share in every fold.
        groups: the group of each row: a group stays in one fold.
        times: the time of each row: each fold is tested with what comes before it alone, so the
            earliest rows are never tested.

    Raises:
        ArgumentError, DataError: as in ``train_test_split``.
    """
    check_positive_int("folds", "n_splits", n_splits)
    if not 2 <= n_splits <= count - (times is not None):
        raise ArgumentError(
            f"folds expected n_splits from 2 to the number of rows, {count}, got {n_splits}."
        )
    rows = np.arange(count)
    equal_rows("folds", count, stratify, groups, times)
    _check_one("folds", stratify=stratify, groups=groups, times=times)
    from sklearn import model_selection as splitters

    if times is not None:
        order = np.argsort(np.asarray(times), kind="stable")
        parts = splitters.TimeSeriesSplit(n_splits).split(rows)
        return ((order[train], order[test]) for train, test in parts)
    if groups is not None:
        groups = np.asarray(groups)
        if len(np.unique(groups)) < n_splits:
            raise DataError(
                f"folds expected at least {n_splits} groups, got {len(np.unique(groups))}; take a "
                "smaller n_splits."
            )
        return splitters.GroupKFold(n_splits).split(rows, groups=groups)
    if stratify is None:
        return splitters.KFold(n_splits, shuffle=True, random_state=random_state).split(rows)
    labels = np.asarray(stratify)
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < n_splits:
        raise DataError(
            f"folds expected at least {n_splits} rows of every class, got {counts.min()} of class "
            f"{names[counts.argmin()]!r}; take a smaller n_splits, or leave stratify out."
        )
    splitter = splitters.StratifiedKFold(n_splits, shuffle=True, random_state=random_state)
    return splitter.split(rows, labels)


def _by_time(who: str, times: np.ndarray, tested: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows before a moment and those from it on, each in order of the data."""
    border = np.sort(times, kind="stable")[-tested]
    late = times >= border
    if late.all():
        raise DataError(
            f"{who} expected times to leave rows on both sides, got {len(times)} rows of which "
            "the first ones to test with have the earliest time; take a smaller test_size."
        )
    return np.flatnonzero(~late), np.flatnonzero(late)


def equal_rows(who: str, count: int, *others: Any) -> None:
    """Raise ShapeError unless all that is given has so many rows."""
    counts = [count, *(len(other) for other in others if other is not None)]
    if len(set(counts)) > 1:
        raise ShapeError(
            f"{who} expected as many rows everywhere, got {', '.join(map(str, counts))}."
        )


def _check_one(who: str, **given: Any) -> None:
    """Raise ArgumentError if rows are to be kept together in two ways."""
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ArgumentError(
            f"{who} expected one of {', '.join(given)}, got {' and '.join(chosen)}; leave "
            f"{chosen[1]} out."
        )
