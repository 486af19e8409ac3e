"""Normalization: measured by hand and in pieces, refusals, and its place in a saved model."""

import numpy as np
import pytest

from layers.calls import call
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError, NotReadyError, ShapeError
from pellucid.layers import Dense, Input, Normalization
from pellucid.models import Sequential, load_model

X = np.random.default_rng(0).normal([1e3, -2, 0], [2, 0.5, 1], (3000, 3)).astype("float32")


def test_adapted_data_has_mean_0_and_variance_1():
    layer = Normalization(name="scaled").adapt(X)
    assert layer.name == "scaled"
    np.testing.assert_allclose(layer.mean, X.astype(float).mean(0), rtol=1e-9)
    np.testing.assert_allclose(layer.variance, X.astype(float).var(0), rtol=1e-9)
    y, _ = call(layer, X)
    np.testing.assert_allclose(np.mean(y, 0), 0, atol=2e-3)  # float32 near 1000
    np.testing.assert_allclose(np.std(y, 0), 1, atol=1e-4)


@pytest.mark.parametrize(
    "data",
    [
        Dataset.from_arrays(X),
        Dataset.from_arrays(X).pipeline().batch(70),
        Dataset.from_batches([X[:1000], X[1000:1001], X[1001:]]),
        X.reshape(30, 100, 3),
    ],
    ids=["arrays", "pipeline", "batches", "sequences"],
)
def test_pieces_give_the_numbers_of_the_whole(data):
    layer, whole = Normalization().adapt(data), Normalization().adapt(X)
    np.testing.assert_allclose(layer.mean, whole.mean, rtol=1e-10)
    np.testing.assert_allclose(layer.variance, whole.variance, rtol=1e-9)


def test_a_channel_that_never_changes_becomes_0():
    layer = Normalization().adapt(np.full((5, 2), 7.0))
    assert not np.asarray(call(layer, np.full((3, 2), 7.0, "float32"))[0]).any()


def test_it_is_saved_with_the_model(tmp_path):
    model = Sequential([Input((3,)), Normalization().adapt(X), Dense(2)])
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.layers[0].mean == model.layers[0].mean
    np.testing.assert_array_equal(loaded.predict(X[:9]), model.predict(X[:9]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Normalization(1.0), ArgumentError, "mean and variance together, got one of them"),
        (lambda: Normalization((1.0, 2.0), (1.0,)), ArgumentError, "as many numbers .* 2 and 1"),
        (lambda: Normalization(0.0, -1.0), ArgumentError, "variances of 0 or more"),
        (lambda: Normalization(float("nan"), 1.0), ArgumentError, "finite means"),
        (lambda: Normalization().adapt([1.0, 2.0]), ShapeError, r"\(samples, ..., channels\)"),
        (lambda: Normalization().adapt(np.zeros((0, 2))), DataError, "to adapt to, got none"),
        (lambda: Normalization().adapt([["a"]]), ShapeError, "expected numbers of shape"),
        (lambda: call(Normalization(), X), NotReadyError, r"type layer = Normalization\(\).adapt"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="finite numbers to adapt to, got some that are not"):
        Normalization().adapt([[1.0], [np.inf]])
