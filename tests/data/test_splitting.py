"""Splits: shares, groups, time, seeds, and refusals."""

import doctest

import numpy as np
import pytest

from pellucid.data import _splitting, folds, train_test_split
from pellucid.errors import ArgumentError, DataError, ShapeError

N = 60
ROWS = np.arange(N)
CLASSES = np.array(["a"] * 40 + ["b"] * 15 + ["c"] * 5)
GROUPS = ROWS // 7
TIMES = (ROWS * 37) % N  # every time once, mixed


def test_examples_run():
    assert doctest.testmod(_splitting).failed == 0


@pytest.mark.parametrize("by", [{}, {"stratify": CLASSES}, {"groups": GROUPS}, {"times": TIMES}])
def test_parts_are_the_whole_and_belong_together(by):
    a, b, c, d = train_test_split(ROWS, [f"row {r}" for r in ROWS], test_size=0.3, **by)
    assert sorted([*a, *b]) == ROWS.tolist()
    assert [f"row {r}" for r in b] == d.tolist()
    assert [f"row {r}" for r in a] == c.tolist()
    again = train_test_split(ROWS, test_size=0.3, **by)
    np.testing.assert_array_equal(again[1], b)


def test_seeds_make_the_draw():
    first, other = (train_test_split(ROWS, random_state=s)[1] for s in (1, 2))
    assert not np.array_equal(first, other)
    assert len(first) == 15


def test_every_class_keeps_its_share():
    train, test = train_test_split(CLASSES, test_size=0.2, stratify=CLASSES)
    assert [(test == name).sum() for name in "abc"] == [8, 3, 1]


def test_groups_stay_together():
    train, test = train_test_split(ROWS, test_size=0.3, groups=GROUPS)
    assert not set(GROUPS[train]) & set(GROUPS[test])


def test_nothing_is_learned_from_what_comes_later():
    train, test = train_test_split(ROWS, test_size=0.25, times=TIMES)
    assert TIMES[train].max() < TIMES[test].min()
    assert len(test) == 15
    ties = np.repeat(np.arange(6), 10)
    train, test = train_test_split(ROWS, test_size=0.25, times=ties)
    assert set(ties[test]) == {4, 5}
    assert set(ties[train]) == {0, 1, 2, 3}


@pytest.mark.parametrize("by", [{}, {"stratify": CLASSES}, {"groups": GROUPS}])
def test_folds_test_every_row_once(by):
    found = list(folds(N, 4, **by))
    assert sorted(np.concatenate([test for _, test in found])) == ROWS.tolist()
    for train, test in found:
        assert sorted([*train, *test]) == ROWS.tolist()
        if "groups" in by:
            assert not set(GROUPS[train]) & set(GROUPS[test])
        if "stratify" in by:
            assert (CLASSES[test] == "a").sum() == 10


def test_folds_in_time():
    found = list(folds(N, 4, times=TIMES))
    assert len(found) == 4
    for train, test in found:
        assert TIMES[train].max() < TIMES[test].min()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: train_test_split(), ArgumentError, "at least one array, got none"),
        (lambda: train_test_split(ROWS, ROWS[1:]), ShapeError, "as many rows .*, got 60, 59"),
        (lambda: train_test_split(ROWS, groups=[1]), ShapeError, "got 60, 1"),
        (lambda: train_test_split(ROWS, test_size=1.0), ArgumentError, "test_size to be a number"),
        (
            lambda: train_test_split([1], test_size=0.5),
            ArgumentError,
            "rows on both sides, got 0.5",
        ),
        (
            lambda: train_test_split(ROWS, groups=GROUPS, times=TIMES),
            ArgumentError,
            "one of stratify, groups, times, got groups and times; leave times out",
        ),
        (
            lambda: train_test_split(ROWS, groups=np.zeros(N)),
            DataError,
            "at least 2 groups, got 1",
        ),
        (
            lambda: train_test_split(ROWS, times=np.zeros(N)),
            DataError,
            "times to leave rows on both sides",
        ),
        (
            lambda: train_test_split(ROWS, stratify=ROWS),
            DataError,
            "at least 2 rows of every class",
        ),
        (lambda: folds(N, 1), ArgumentError, "n_splits from 2 to the number of rows, 60, got 1"),
        (lambda: folds(N, 6, stratify=CLASSES), DataError, "6 rows of every class, got 5 of class"),
        (lambda: folds(N, 10, groups=GROUPS), DataError, "at least 10 groups, got 9"),
        (
            lambda: folds(N, 2, stratify=CLASSES, groups=GROUPS),
            ArgumentError,
            "leave groups out",
        ),
        (lambda: folds(N, 2, times=[1, 2]), ShapeError, "got 60, 2"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
