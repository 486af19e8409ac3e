"""Targets and activations that do not fit a loss, and the sentence each one gets."""

import numpy as np
import pytest

from pellucid import activations, losses
from pellucid.errors import DataError, DTypeError, MismatchError, ShapeError

SPARSE = losses.SparseCategoricalCrossentropy()
CATEGORICAL = losses.CategoricalCrossentropy()
BINARY = losses.BinaryCrossentropy()
MSE = losses.MeanSquaredError()


def row(*values):
    return np.array(values)


REFUSED = [
    # Integer labels.
    (
        SPARSE,
        np.eye(10)[[1, 2]],
        10,
        ShapeError,
        r"shape \(2,\), got rows of shape \(2, 10\); use C",
    ),
    (SPARSE, row(1.0, 2.0), 10, DTypeError, r"labels are float64; cast them .* CategoricalCross"),
    (SPARSE, np.ones((2, 1)), 10, DTypeError, r"labels are float64; cast them"),
    (
        SPARSE,
        np.ones((2, 7), int),
        10,
        ShapeError,
        r"predictions of shape \(2, 10\), got shape \(2, 7",
    ),
    (
        SPARSE,
        row(0, 3, 10, 11),
        10,
        DataError,
        r"labels from 0 to 9, .* got 10 in row 2; give .* 12",
    ),
    (
        SPARSE,
        row([0], [-1]),
        10,
        DataError,
        r"labels from 0 to 9, .* got -1 in row 1; labels are c",
    ),
    (SPARSE, row(1, 2, 10), 10, DataError, r"got 10 in row 2; count labels from 0"),
    (SPARSE, row(0, 1), 1, ShapeError, r"one output for each class, .* Dense\(1, activation='sig"),
    (SPARSE, row("cat", "dog"), 10, DTypeError, r"numbers, got <U3; turn names .* np\.unique"),
    # One-hot rows.
    (
        CATEGORICAL,
        row(1, 2),
        10,
        ShapeError,
        r"\(2, 10\), got labels .* use to_categorical\(y_true, 10",
    ),
    (
        CATEGORICAL,
        row([1], [2]),
        10,
        ShapeError,
        r"one-hot .* got labels of shape \(2, 1\); .* Sparse",
    ),
    (
        CATEGORICAL,
        np.eye(4),
        10,
        ShapeError,
        r"\(4, 10\), got \(4, 4\); give the last layer 4 units",
    ),
    (CATEGORICAL, np.ones((2, 1)), 1, ShapeError, r"expected one output for each class"),
    (
        CATEGORICAL,
        2 * np.eye(3),
        3,
        DataError,
        r"from 0 to 1, got 2\.0 in row 0; .* to_categorical",
    ),
    (CATEGORICAL, np.ones((2, 3, 4)), 4, ShapeError, r"equal shape, got \(2, 4\) and \(2, 3, 4\)"),
    (losses.CategoricalHinge(), row(1, 2), 3, ShapeError, r"CategoricalHinge expected one-hot"),
    (losses.CategoricalHinge(), 2 * np.eye(3), 3, DataError, r"from 0 to 1, got 2\.0 in row 0"),
    # Yes or no.
    (BINARY, row([0], [3]), 1, DataError, r"targets from 0 to 1, got 3 in row 1; .* SparseCat"),
    (
        BINARY,
        row([1], [-1]),
        1,
        DataError,
        r"got -1 in row 1; write -1 and 1 as \(y_true \+ 1\) / 2",
    ),
    (BINARY, row(0, 1), 1, ShapeError, r"\(2, 1\) and \(2,\); add the missing axis with y_true\["),
    (losses.Hinge(), row([1], [2]), 1, DataError, r"-1 and 1, or 0 and 1, got 2 in row 1; turn"),
    (losses.SquaredHinge(), row([0], [-1]), 1, DataError, r"got 0 in row 0; these are mixed"),
    (losses.Hinge(), row(1, -1), 1, ShapeError, r"Hinge expected predictions and y_true of equal"),
    # Numbers.
    (MSE, row(1.0, 2.0), 1, ShapeError, r"\(2, 1\) and \(2,\); add the missing axis with y_true\["),
    (MSE, np.ones((2, 3)), 4, ShapeError, r"\(2, 4\) and \(2, 3\)\."),
    (MSE, row([1.0], [np.nan]), 1, DataError, r"expected finite targets, got nan in row 1; leave"),
    (MSE, row([np.inf], [1.0]), 1, DataError, r"expected finite targets, got inf in row 0"),
    (MSE, np.ones((0, 1)), 1, DataError, r"at least one target, .* got an array of shape \(0, 1\)"),
    (MSE, np.float32(1), 1, DataError, r"at least one target, .* got an array of shape \(\)"),
    (losses.Huber(), row(1.0), 1, ShapeError, r"Huber expected predictions and y_true"),
    (losses.LogCosh(), row(1.0), 1, ShapeError, r"LogCosh expected predictions and y_true"),
    (losses.MeanAbsoluteError(), row(1.0), 1, ShapeError, r"MeanAbsoluteError expected pred"),
    (losses.CosineSimilarity(), row(1.0), 1, ShapeError, r"CosineSimilarity expected pred"),
    (
        losses.Poisson(),
        row([1.0], [-2.0]),
        1,
        DataError,
        r"of 0 or more, got -2\.0 in row 1; use M",
    ),
    (
        losses.KLDivergence(),
        row([2.0, 1.0]),
        2,
        DataError,
        r"from 0 to 1, got 2\.0 in row 0; .*sum",
    ),
    # What is alike.
    (losses.Contrastive(), row([0], [2]), 1, DataError, r"from 0 to 1, got 2 in row 1; write 1"),
    (losses.Triplet(), np.eye(3), 3, ShapeError, r"labels of shape \(3,\), got .* y_true\.argmax"),
    (losses.Triplet(), row(4, 4), 3, DataError, r"labels of two classes at least, got one; with"),
    (
        losses.InfoNCE(),
        row(0, 0),
        3,
        ShapeError,
        r"even number of them, got 3 outputs; join .* Con",
    ),
    (losses.CTC(), row(1, 2), 3, ShapeError, r"CTC expected an input of rank 2 \(batch, length\)"),
    (losses.CTC(), row([1], [2]), 3, ShapeError, r"\(batch, time, classes\), got .* \(None, 3\)"),
]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (
            row([1, 3], [2, 0]),
            DataError,
            r"labels from 1 to 2, and 0 after the last, got 3 in row 0",
        ),
        (row([1, 2], [-1, 0]), DataError, r"got -1 in row 1; the last layer needs one unit for"),
        (row([1, 2], [0, 2]), DataError, r"zeros only after .* a label in row 1; class 0 is blank"),
        (
            row([1, 2], [2, 2]),
            DataError,
            r"more labels than steps, .* 3 for 2 steps in row 1; give",
        ),
        (row([1.0, 2.0]), DTypeError, r"integer labels, but labels are float64; cast them with"),
    ],
    ids=["large", "negative", "gap", "long", "float"],
)
def test_labels_that_no_path_stands_for(labels, error, message):
    with pytest.raises(error, match=message):
        losses.CTC().check(labels, (None, 2, 3))


@pytest.mark.parametrize(("loss", "y_true", "units", "error", "message"), REFUSED)
def test_targets_that_do_not_fit(loss, y_true, units, error, message):
    with pytest.raises(error, match=message):
        loss.check(y_true, (None, units))


def test_targets_with_an_extra_axis():
    with pytest.raises(ShapeError, match=r"\(5,\) and \(5, 1\); drop the extra axis with y_true\["):
        MSE.check(np.ones((5, 1)), (None,))


def test_every_loss_refuses_something():
    refusing = {type(loss) for loss, *_ in REFUSED}
    assert refusing == set(losses.REGISTRY.entries.values())


@pytest.mark.parametrize(
    ("loss", "y_true", "output_shape"),
    [
        (SPARSE, np.array([0, 9], "uint8"), (None, 10)),
        (SPARSE, np.array([[0], [9]]), (32, 10)),
        (SPARSE, np.zeros((2, 5), int), (None, None, 10)),
        (SPARSE, np.zeros((2, 5, 1), int), (None, 5, 10)),
        (BINARY, np.array([[True], [False]]), (None, 1)),
        (BINARY, np.array([[0.3, 0.7]]), (None, 2)),
        (CATEGORICAL, np.full((2, 4), 0.25), (None, 4)),
        (MSE, np.zeros((3, 7, 7, 1)), (None, None, None, 1)),
        (losses.Hinge(), np.array([[0], [1]]), (None, 1)),
        (losses.Hinge(), np.array([[-1.0], [1.0]]), (None, 1)),
    ],
)
def test_targets_that_fit(loss, y_true, output_shape):
    loss.check(y_true, output_shape)


LOGITS = [
    losses.BinaryCrossentropy(from_logits=True),
    losses.CategoricalCrossentropy(from_logits=True),
    losses.SparseCategoricalCrossentropy(from_logits=True),
]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("loss", LOGITS, ids=repr)
def test_probabilities_where_logits_are_expected(loss, activation):
    with pytest.raises(
        MismatchError,
        match=rf"already applies {activation}, but {type(loss).__name__}\(from_logits=True\) "
        rf"expects raw scores; drop the {activation} or use from_logits=False\.",
    ):
        loss.check_activation(activation)


CONTRADICTIONS = [
    (SPARSE, "linear", r"no activation, but Spars.*\(\) expects probabilities that sum to 1; use "),
    (SPARSE, "linear", r"use from_logits=True, or activation='softmax'\."),
    (SPARSE, "relu", r"applies relu, .* use activation='softmax'\."),
    (CATEGORICAL, "sigmoid", r"applies sigmoid, .* to 1; use activation='softmax', or BinaryCross"),
    (BINARY, "linear", r"no activation, .* use from_logits=True, or activation='sigmoid'\."),
    (BINARY, "tanh", r"applies tanh, but BinaryCrossentropy\(\) expects probabilities; use act"),
    (losses.KLDivergence(), "linear", r"KLDivergence\(\) expects probabilities; use activation="),
    (losses.Poisson(), "linear", r"Poisson\(\) expects rates of 0 or more; use activation='exp"),
]


@pytest.mark.parametrize(("loss", "activation", "message"), CONTRADICTIONS)
def test_activations_that_contradict(loss, activation, message):
    with pytest.raises(MismatchError, match=message):
        loss.check_activation(activation)


@pytest.mark.parametrize("loss", [BINARY, CATEGORICAL, MSE, LOGITS[0]], ids=repr)
def test_softmax_over_one_unit(loss):
    with pytest.raises(MismatchError, match=r"softmax to a single unit, which always gives 1; use"):
        loss.check_activation("softmax", (None, 1))


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        (SPARSE, "softmax"),
        (BINARY, "sigmoid"),
        (BINARY, "hard_sigmoid"),
        (losses.KLDivergence(), "softmax"),
        (losses.Poisson(), "exponential"),
        (losses.Hinge(), "tanh"),
        *((loss, "linear") for loss in LOGITS),
        *((loss, None) for loss in (SPARSE, BINARY, *LOGITS)),
        *((loss, "my_own") for loss in (SPARSE, BINARY, *LOGITS)),
    ],
)
def test_activations_that_fit(loss, activation):
    loss.check_activation(activation, (None, 3))


@pytest.mark.parametrize("activation", sorted(activations.REGISTRY.entries))
def test_losses_between_numbers_take_any_activation(activation):
    MSE.check_activation(activation, (None, 3))
