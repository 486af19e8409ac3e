"""Every mistake gets one sentence: which argument, what was expected, what came, what to type."""

import numpy as np
import pytest

import pellucid
from pellucid import Input, Model, Sequential, losses, models
from pellucid.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    MismatchError,
    NotReadyError,
    ShapeError,
    UnknownNameError,
)
from pellucid.layers import Conv2D, Dense, Flatten

X = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
Y = np.arange(40) % 3


def classifier(last=None, loss=None):
    model = Sequential([Input((6,)), Dense(8, activation="relu"), Dense(3, activation=last)])
    loss = loss or losses.SparseCategoricalCrossentropy(from_logits=last is None)
    model.compile("adam", loss, ["accuracy"], verbose=0)
    return model


def regressor():
    model = Sequential([Input((6,)), Dense(1)])
    model.compile("adam", "mse", verbose=0)
    return model


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X[:, :5], Y, ShapeError, r"expected x of shape \(batch, 6\), got \(40, 5\)"),
        (X[0], Y[:6], ShapeError, r"expected x of shape \(batch, 6\), got \(6,\).* x\[None\]"),
        (X.reshape(40, 2, 3), Y, ShapeError, r"got \(40, 2, 3\)\. Put Flatten\(\) first"),
        (X, Y[:30], ShapeError, "x and y with as many samples each, got 40 and 30"),
        (X[:0], Y[:0], DataError, "at least one sample"),
        (np.where(X > 2, np.nan, X), Y, DataError, "finite numbers in x, got .* NaN"),
        (X.astype(str), Y, DTypeError, "x to hold numbers, got strings"),
        ([[1, 2], [3]], [0, 1], DataError, "pad_sequences"),
        (X, Y + 1, DataError, "labels from 0 to 2, .* got 3 in row 2"),
        (X, -Y, DataError, "labels from 0 to 2, .* got -1 in row 1"),
        (X, Y.astype(float), DTypeError, "integer|labels"),
        (X, np.eye(3)[Y], (ShapeError, DTypeError), "one-hot|CategoricalCrossentropy"),
        (X, None, DataError, "no targets for it; pass y"),
        (None, None, DataError, "need data: pass x"),
    ],
)
def test_data_that_does_not_fit_a_classifier(x, y, error, message):
    with pytest.raises(error, match=message):
        classifier().fit(x, y, verbose=0)


def test_columns_against_rows_are_never_broadcast():
    a, b = np.zeros((4, 1), np.float32), np.zeros(4, np.float32)
    for y_true, y_pred in ((a, b), (b, a)):
        with pytest.raises(ShapeError, match=r"\(4, 1\)|\(4,\)"):
            losses.MeanSquaredError()(y_true, y_pred)
        with pytest.raises(ShapeError, match=r"\(4, 1\)|\(4,\)"):
            pellucid.metrics.MeanSquaredError()(y_true, y_pred)


def test_targets_wider_than_the_output():
    with pytest.raises(ShapeError, match=r"\(40, 1\).*\(40, 2\)|\(40, 2\).*\(40, 1\)"):
        regressor().fit(X, X[:, :2], verbose=0)


def test_classes_given_to_a_categorical_loss():
    model = classifier("softmax", losses.CategoricalCrossentropy())
    with pytest.raises(ShapeError, match="to_categorical|SparseCategorical"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        ("softmax", losses.SparseCategoricalCrossentropy(from_logits=True), "softmax.*from_logits"),
        ("softmax", losses.CategoricalCrossentropy(from_logits=True), "softmax.*from_logits"),
        ("sigmoid", losses.BinaryCrossentropy(from_logits=True), "sigmoid.*from_logits"),
        (None, losses.SparseCategoricalCrossentropy(), "from_logits=True"),
        ("relu", losses.BinaryCrossentropy(), "relu"),
    ],
)
def test_a_loss_that_contradicts_the_output_is_refused_at_compile(last, loss, message):
    with pytest.raises(MismatchError, match=message):
        classifier(last, loss)


def test_a_softmax_layer_counts_as_softmax():
    model = Sequential([Input((6,)), Dense(3), pellucid.layers.Softmax()])
    with pytest.raises(MismatchError, match="softmax"):
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), verbose=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: classifier().compile("adma", "mse", verbose=0), "optimizer named 'adma'.*'adam'"),
        (lambda: regressor().compile("adam", "msee", verbose=0), "loss named 'msee'.*'mse'"),
        (lambda: regressor().compile("adam", "mse", ["acuracy"], verbose=0), "metric .*'acuracy'"),
        (lambda: Dense(3, activation="rellu"), "activation.* 'rellu'.*'relu'"),
        (lambda: Dense(3, kernel_initializer="glorot"), "initializer named 'glorot'"),
        (lambda: classifier().get_layer("dens"), "layer in this model named 'dens'.*'dense'"),
    ],
)
def test_unknown_names_suggest_the_nearest(make, message):
    with pytest.raises(UnknownNameError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(0), ArgumentError, "Dense expected units to be an integer of 1 or more"),
        (lambda: Dense("many"), ArgumentError, "units .* got 'many'"),
        (lambda: Sequential([Dense]), DTypeError, r"expected a layer.*with parentheses"),
        (lambda: Sequential([Dense(1), Input((3,))]), ArgumentError, "Input must be the first"),
        (lambda: Sequential().summary(), NotReadyError, "does not know its input shape yet"),
        (lambda: Sequential([Dense(2)]).fit(X, Y), NotReadyError, "is not compiled"),
        (lambda: Sequential().predict(X), NotReadyError, "has no layers"),
        (lambda: Dense(2)(X), DTypeError, "was called with ndarray: a layer holds no weights"),
        (lambda: Input(), ShapeError, r"type Input\(\(784,\)\)"),
        (lambda: Model(X, X), DTypeError, "expected inputs to be symbols"),
        (lambda: regressor().compile("adam", verbose=0), ArgumentError, "expected a loss"),
        (lambda: regressor().fit(X, X[:, :1], batch_size=0), ArgumentError, "batch_size"),
        (lambda: regressor().fit(X, X[:, :1], batch_size=41), ArgumentError, "at most the 40 rows"),
        (lambda: regressor().fit(X, X[:, :1], epochs=0), ArgumentError, "epochs"),
        (lambda: regressor().fit(X, X[:, :1], validation_split=1.5), ArgumentError, "validation"),
        (lambda: regressor().set_weights([X]), ShapeError, "2 arrays of numbers, got 1"),
        (
            lambda: classifier().fit(X, Y, class_weight={0: 1.0}, verbose=0),
            DataError,
            "no weight for class 1",
        ),
        (
            lambda: classifier().fit(X, Y, sample_weight=np.ones((40, 2)), verbose=0),
            ShapeError,
            r"sample_weight of shape \(",
        ),
        (
            lambda: classifier().fit(X, Y, validation_data=(X,), verbose=0),
            DataError,
            "got 1 parts",
        ),
        (
            lambda: models.Sequential([Dense(2, name="a"), Dense(2, name="a")]).build((None, 3)),
            ArgumentError,
            "Two layers of the model are named 'a'",
        ),
    ],
)
def test_other_mistakes(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_error_inside_a_layer_names_the_layer_and_its_line():
    with pytest.raises(ShapeError, match=r"In layer 'early' \(made at .*test_bad_input.py:\d+\)"):
        Sequential([Input((5, 5, 1)), Conv2D(2, 7, name="early"), Flatten()])


def test_an_output_that_comes_from_elsewhere():
    x, other = Input((3,)), Input((3,))
    with pytest.raises(ArgumentError, match=r"depends on .*not among its inputs"):
        Model(x, Dense(2)(other))


def test_an_unknown_size_that_weights_need():
    with pytest.raises(ShapeError, match="weights depend on a size that is not known"):
        Dense(2)(Flatten()(Input((None, 4))))


def test_word_numbers_beyond_the_vocabulary():
    model = Sequential(
        [pellucid.layers.Embedding(10, 2), pellucid.layers.GlobalAveragePooling1D(), Dense(1)]
    )
    model.compile("adam", "mse", verbose=0)
    with pytest.raises(DataError, match="10"):
        model.fit(np.array([[1, 2, 10]]), np.array([1.0]), verbose=0)
