"""The sets inside scikit-learn: contents, and a split that never changes."""

import hashlib

import numpy as np
import pytest
from sklearn import datasets as reference

from pellucid.data import diabetes, digits, iris
from pellucid.data._split import fixed_split
from pellucid.errors import ArgumentError


def sorted_rows(x, y):
    return sorted((*row.ravel().tolist(), label) for row, label in zip(x, y.tolist(), strict=True))


@pytest.mark.parametrize(
    ("loader", "load_reference", "shape", "dtypes", "counts"),
    [
        (digits, reference.load_digits, (8, 8), ("uint8", "uint8"), (1438, 359)),
        (iris, reference.load_iris, (4,), ("float32", "uint8"), (120, 30)),
        (diabetes, reference.load_diabetes, (10,), ("float32", "float32"), (354, 88)),
    ],
    ids=["digits", "iris", "diabetes"],
)
def test_each_record_is_in_one_part(loader, load_reference, shape, dtypes, counts):
    (x_train, y_train), (x_test, y_test) = loader.load_data()
    assert (len(x_train), len(x_test)) == counts
    assert x_train.shape[1:] == x_test.shape[1:] == shape
    assert (x_train.dtype, y_train.dtype) == (x_test.dtype, y_test.dtype) == dtypes
    x, y = load_reference(return_X_y=True)
    together = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    assert sorted_rows(*together) == sorted_rows(x.astype(dtypes[0]), y.astype(dtypes[1]))


@pytest.mark.parametrize(("loader", "classes"), [(digits, 10), (iris, 3)])
def test_each_class_keeps_its_share(loader, classes):
    (_, y_train), (_, y_test) = loader.load_data()
    train, test = np.bincount(y_train, minlength=classes), np.bincount(y_test, minlength=classes)
    assert (test == np.round(0.2 * (train + test))).all()


@pytest.mark.parametrize(
    ("loader", "digest"),
    [
        (digits, "f09929df461a8ac0"),
        (iris, "d13e88f828ac9d1b"),
        (diabetes, "8376ab8ef1daf098"),
    ],
    ids=["digits", "iris", "diabetes"],
)
def test_the_split_never_changes(loader, digest):
    (_, y_train), (_, y_test) = loader.load_data()
    labels = np.concatenate([y_train, y_test]).astype("<i4")
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == digest


def test_other_seeds_and_fractions():
    (x_train, _), (x_test, _) = iris.load_data(test_split=0.5, seed=1)
    assert (len(x_train), len(x_test)) == (75, 75)
    (again, _), _ = iris.load_data(test_split=0.5, seed=1)
    (other, _), _ = iris.load_data(test_split=0.5, seed=2)
    np.testing.assert_array_equal(again, x_train)
    assert not np.array_equal(other, x_train)


@pytest.mark.parametrize("test_split", [0, 1, -0.2, "half", True])
def test_fractions_outside(test_split):
    with pytest.raises(ArgumentError, match="test_split to be a number in"):
        iris.load_data(test_split=test_split)


def test_a_part_without_records():
    x = np.zeros(4)
    with pytest.raises(ArgumentError, match=r"records on both sides, got 0\.01 of 4 records"):
        fixed_split(x, x, x, 0.01, 0)


def test_names_where_keras_has_them():
    from pellucid import data, datasets
    from pellucid.datasets import mnist
    from pellucid.preprocessing.sequence import pad_sequences
    from pellucid.utils import to_categorical

    assert mnist is data.mnist
    assert pad_sequences is data.pad_sequences
    assert to_categorical is data.to_categorical
    assert all(hasattr(getattr(datasets, name), "load_data") for name in datasets.__all__)
    assert all(hasattr(data, name) for name in data.__all__)
