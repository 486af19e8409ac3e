"""What a name in ``compile(metrics=[...])`` becomes beside a loss and an output."""

import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import losses, metrics
from pellucid.errors import (
    ArgumentError,
    DTypeError,
    MismatchError,
    ShapeError,
    UnknownNameError,
)

BINARY = losses.BinaryCrossentropy()
SPARSE = losses.SparseCategoricalCrossentropy()
CATEGORICAL = losses.CategoricalCrossentropy()
SQUARED = losses.MeanSquaredError()
OWN = losses.get(lambda y_true, y_pred: jnp.mean(y_true - y_pred, axis=-1))


@pytest.mark.parametrize(
    ("loss", "output", "target", "expected"),
    [
        (SPARSE, (None, 10), None, metrics.SparseCategoricalAccuracy),
        (SPARSE, (None, 10), (None, 1), metrics.SparseCategoricalAccuracy),
        (CATEGORICAL, (None, 10), None, metrics.CategoricalAccuracy),
        (BINARY, (None, 1), None, metrics.BinaryAccuracy),
        # Several labels for each example: Keras takes the categorical form here.
        (BINARY, (None, 5), (None, 5), metrics.BinaryAccuracy),
        (SQUARED, (None, 1), None, metrics.BinaryAccuracy),
        (SQUARED, (None, 10), None, metrics.CategoricalAccuracy),
        (OWN, (None, 10), (None,), metrics.SparseCategoricalAccuracy),
        (OWN, (None, 10), (None, 1), metrics.SparseCategoricalAccuracy),
        (OWN, (None, 10), (None, 10), metrics.CategoricalAccuracy),
        (OWN, (None, 1), (None, 1), metrics.BinaryAccuracy),
        (SQUARED, (None, 10), (None, 10), metrics.CategoricalAccuracy),
        (None, (None, 7, 10), (None, 7), metrics.SparseCategoricalAccuracy),
    ],
)
@pytest.mark.parametrize("word", ["accuracy", "acc"])
def test_accuracy(word, loss, output, target, expected):
    metric = metrics.resolve(word, loss, output, target)
    assert type(metric) is expected
    assert metric.name == word


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (SPARSE, metrics.SparseCategoricalCrossentropy),
        (CATEGORICAL, metrics.CategoricalCrossentropy),
        (BINARY, metrics.BinaryCrossentropy),
    ],
)
@pytest.mark.parametrize("word", ["crossentropy", "ce"])
def test_crossentropy(word, loss, expected):
    metric = metrics.resolve(word, loss, (None, 3))
    assert metric == expected(name=word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("accuracy", metrics.BinaryAccuracy(threshold=0.0, name="accuracy")),
        ("binary_accuracy", metrics.BinaryAccuracy(threshold=0.0)),
        ("precision", metrics.Precision(thresholds=0.0)),
        ("recall", metrics.Recall(thresholds=0.0)),
        ("auc", metrics.AUC(from_logits=True)),
        ("AUC", metrics.AUC(from_logits=True, name="AUC")),
        ("ce", metrics.BinaryCrossentropy(from_logits=True, name="ce")),
        ("f1_score", metrics.F1Score()),
        ("mse", metrics.MeanSquaredError(name="mse")),
    ],
)
def test_names_beside_a_loss_from_logits(word, expected):
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert metrics.resolve(word, loss, (None, 1)) == expected


def test_objects_stay_as_they_are():
    metric = metrics.Precision(thresholds=0.3, name="p")
    assert metrics.resolve(metric, BINARY, (None, 1)) is metric
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert metrics.resolve(metric, loss, (None, 1)) is metric


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (metrics.BinaryAccuracy(), r"write BinaryAccuracy\(threshold=0.0\)"),
        (metrics.Precision(), r"write Precision\(thresholds=0.0\)"),
        (metrics.AUC(), r"AUC\(\) reads probabilities, but the loss BinaryCrossentropy has"),
        (metrics.BinaryCrossentropy(), r"write BinaryCrossentropy\(from_logits=True\)"),
        (losses.BinaryCrossentropy(), r"reads probabilities"),
    ],
)
def test_objects_that_contradict_a_loss_from_logits(metric, message):
    with pytest.raises(MismatchError, match=message):
        metrics.resolve(metric, losses.BinaryCrossentropy(from_logits=True), (None, 1))


@pytest.mark.parametrize(
    "metric",
    [
        metrics.AUC(from_logits=True),
        metrics.LossMetric(losses.BinaryCrossentropy(from_logits=True)),
    ],
)
def test_objects_that_contradict_a_loss_from_probabilities(metric):
    with pytest.raises(MismatchError, match="reads logits, but the loss BinaryCrossentropy"):
        metrics.resolve(metric, BINARY, (None, 1))


def test_accuracy_that_could_mean_several_things():
    with pytest.raises(ArgumentError, match="'sparse_categorical_accuracy' for integer labels"):
        metrics.resolve("accuracy", OWN, (None, 10))


def test_a_loss_name_becomes_its_mean():
    metric = metrics.resolve("hinge", BINARY, (None, 1))
    assert metric == metrics.LossMetric(losses.get("hinge"), name="hinge")


def test_a_function_of_ones_own():
    def largest_error(y_true, y_pred):
        return jnp.max(jnp.abs(y_true - y_pred), axis=-1)

    metric = metrics.resolve(largest_error, SQUARED, (None, 2))
    assert metric.name == "largest_error"
    assert metric([[0, 0], [0, 0]], [[1, 3], [1, 0]], [1, 3]) == 1.5


def test_a_function_that_averages_over_the_batch():
    metric = metrics.get(lambda y_true, y_pred: jnp.mean(y_true - y_pred))
    with pytest.raises(ShapeError, match="leave out the mean over the batch"):
        metric(np.zeros(3), np.zeros(3))


def test_get_takes_names_classes_and_configurations():
    assert metrics.get("SparseCategoricalAccuracy") == metrics.SparseCategoricalAccuracy()
    assert metrics.get("accuracy") == metrics.Accuracy()
    assert metrics.get(metrics.AUC) == metrics.AUC()
    assert metrics.get({"name": "AUC", "config": {"curve": "PR"}}) == metrics.AUC(curve="PR")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="metric named 'acuracy'; did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(DTypeError, match="Expected metric to be an object, a name"):
        metrics.get(3)
