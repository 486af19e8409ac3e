"""The estimators: against scikit-learn's own on the same numbers, and in its company."""

import copy
import doctest
import inspect
import subprocess
import sys

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from compilations import compilations
from pellucid import Sequential
from pellucid import sklearn as ours
from pellucid.errors import ArgumentError, DataError, ShapeError

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
BRIEF = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(StandardScaler().fit_transform(X), y, test_size=1 / 3, random_state=42)


def targets(kind, y):
    """Return iris's labels as another kind of target."""
    return {
        "three classes": y,
        "two classes": np.where(y == 0, "setosa", "other"),
        "labels": np.stack([y == 0, y >= 1, y == 2], axis=1).astype(int),
        "number": 0.5 * y - 0.3,
        "numbers": np.stack([0.5 * y, 1.0 - y], axis=1),
    }[kind]


@BRIEF
@pytest.mark.parametrize(
    ("kind", "settings", "weighted"),
    [
        ("three classes", {"solver": "sgd", "learning_rate_init": 0.1}, False),
        ("three classes", {"solver": "adam", "alpha": 1.0, "activation": "tanh"}, False),
        ("three classes", {"batch_size": 150, "beta_1": 0.8, "beta_2": 0.9}, True),
        ("two classes", {"activation": "logistic", "hidden_layer_sizes": (5, 4)}, False),
        ("two classes", {"solver": "sgd", "nesterovs_momentum": False, "batch_size": 150}, True),
        (
            "labels",
            {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "momentum": 0.0},
            False,
        ),
        ("number", {"solver": "sgd", "momentum": 0.0, "activation": "identity"}, False),
        ("numbers", {"alpha": 0.5, "hidden_layer_sizes": ()}, False),
    ],
)
def test_trains_step_by_step_as_scikit_learn_does(iris, kind, settings, weighted):
    X, y = iris
    y = targets(kind, y)
    estimator = "MLPRegressor" if kind.startswith("number") else "MLPClassifier"
    settings = {**SMALL, "batch_size": 30, "max_iter": 4, "shuffle": False} | settings
    w = np.linspace(0.5, 2, len(y)) if weighted else None
    a = getattr(ours, estimator)(**settings).fit(X, y, sample_weight=w)
    b = getattr(theirs, estimator)(**settings).fit(X, y, sample_weight=w)
    for mine, scikit in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_allclose(mine, scikit, rtol=2e-4, atol=2e-5)
    if (
        kind != "numbers"
    ):  # There scikit-learn reports the mean over outputs, but trains on the sum.
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-4)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(a, name) == getattr(b, name)
    if estimator == "MLPClassifier":
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(a.predict(X), b.predict(X))
        np.testing.assert_array_equal(a.classes_, b.classes_)
    else:
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_has_the_arguments_and_defaults_of_scikit_learn(estimator):
    def arguments(module):
        parameters = inspect.signature(getattr(module, estimator)).parameters.values()
        return {p.name: p.default for p in parameters}

    expected = arguments(theirs)
    expected.pop("loss", None)
    assert arguments(ours) == expected
    assert clone(getattr(ours, estimator)(alpha=0.5)).get_params()["alpha"] == 0.5


@BRIEF
def test_digits(digits):
    X, X_test, y, y_test = digits
    network = ours.MLPClassifier(
        hidden_layer_sizes=(128,),
        activation="relu",
        solver="sgd",
        learning_rate_init=0.01,
        max_iter=100,
        random_state=42,
    ).fit(X, y)
    assert network.score(X_test, y_test) >= 0.965
    probability = network.predict_proba(X_test)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_allclose(network.predict_log_proba(X_test), np.log(probability))


@BRIEF
def test_the_same_random_state_gives_the_same_bits(iris):
    first, second = (ours.MLPClassifier(**SMALL, max_iter=3).fit(*iris) for _ in range(2))
    for a, b in zip(first.coefs_, second.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.loss_curve_ == second.loss_curve_


@BRIEF
def test_the_network_inside(iris):
    X, y = iris
    fitted = ours.MLPClassifier(**SMALL, max_iter=2).fit(X, y)
    assert isinstance(fitted.model_, Sequential)
    assert fitted.model_.predict(X).shape == (150, 3)
    # A copy (as a parallel search makes) has the numbers, and makes the network anew.
    copied = copy.deepcopy(fitted)
    assert not hasattr(copied, "_model")
    np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))
    before = copied.loss_curve_[-1]
    assert copied.partial_fit(X, y).loss_curve_[-1] < before


# When a fit ends


def test_ends_when_the_loss_no_longer_improves(iris):
    fitted = ours.MLPClassifier(**SMALL, tol=10.0, n_iter_no_change=3).fit(*iris)
    scikit = theirs.MLPClassifier(**SMALL, tol=10.0, n_iter_no_change=3).fit(*iris)
    assert fitted.n_iter_ == scikit.n_iter_ == 5


def test_adaptive_rates_fall_to_a_millionth(iris):
    settings = {**SMALL, "solver": "sgd", "learning_rate": "adaptive", "tol": 10.0}
    fitted = ours.MLPClassifier(**settings, n_iter_no_change=1).fit(*iris)
    scikit = theirs.MLPClassifier(**settings, n_iter_no_change=1).fit(*iris)
    assert fitted.n_iter_ == scikit.n_iter_
    assert fitted._rate == pytest.approx(scikit._optimizer.learning_rate)


def test_says_when_max_iter_was_reached(iris):
    with pytest.warns(ConvergenceWarning, match="when max_iter=2 was reached; raise max_iter"):
        ours.MLPClassifier(**SMALL, max_iter=2).fit(*iris)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_early_stopping_keeps_the_best_weights(iris, estimator):
    X, y = iris
    fitted = getattr(ours, estimator)(
        **SMALL, early_stopping=True, n_iter_no_change=4, learning_rate_init=0.05
    ).fit(X, y)
    assert len(fitted.validation_scores_) == fitted.n_iter_ < 200
    assert fitted.best_validation_score_ == max(fitted.validation_scores_) > 0
    assert fitted.best_loss_ is None
    held_out = fitted._hold_out(X.astype(np.float32), fitted._targets(y, False, True), None)[3]
    score = fitted._score_outputs(fitted._outputs(held_out[0]), held_out[1], None)
    assert score == pytest.approx(fitted.best_validation_score_)


@BRIEF
@pytest.mark.filterwarnings("ignore:batch_size")
@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_a_weight_of_three_is_three_examples_to_the_last_bit(iris, estimator):
    X, y = iris
    times = np.random.default_rng(0).integers(0, 4, len(y))
    settings = {**SMALL, "batch_size": 500, "max_iter": 5}
    weighted = getattr(ours, estimator)(**settings).fit(X, y, sample_weight=times)
    order = np.random.default_rng(1).permutation(times.sum())
    repeated = getattr(ours, estimator)(**settings).fit(
        np.repeat(X, times, axis=0)[order], np.repeat(y, times)[order]
    )
    for a, b in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


@BRIEF
def test_warm_start_goes_on(iris):
    network = ours.MLPClassifier(**SMALL, max_iter=3, warm_start=True)
    first = network.fit(*iris).loss_
    assert network.fit(*iris).loss_ < first
    assert len(network.loss_curve_) == 6
    assert network.n_iter_ == 3
    cold = ours.MLPClassifier(**SMALL, max_iter=3)
    assert cold.fit(*iris).loss_ == cold.fit(*iris).loss_ == first


def test_partial_fit_goes_on(iris):
    X, y = iris
    network = ours.MLPClassifier(**SMALL)
    for rows in (slice(0, 60), slice(60, 150)):
        network.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert network.t_ == 150
    assert len(network.loss_curve_) == 2
    assert network.predict_proba(X).shape == (150, 3)
    regressor = ours.MLPRegressor(**SMALL, shuffle=False)
    scikit = theirs.MLPRegressor(**SMALL, shuffle=False)
    for _ in range(3):
        regressor.partial_fit(X, y)
        scikit.partial_fit(X, y)
    np.testing.assert_allclose(regressor.coefs_[0], scikit.coefs_[0], rtol=1e-4, atol=1e-5)


# In scikit-learn's company


@BRIEF
def test_in_pipelines_searches_and_cross_validation(iris):
    X, y = iris
    pipeline = make_pipeline(
        StandardScaler(), ours.MLPClassifier(**SMALL, learning_rate_init=0.05, max_iter=20)
    )
    assert cross_val_score(pipeline, X, y, cv=2).mean() > 0.9
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.predict(X).shape == (150,)


@BRIEF
def test_one_class_alone(iris):
    X, _ = iris
    fitted = ours.MLPClassifier(**SMALL, max_iter=2).fit(X, np.full(150, "only"))
    assert set(fitted.predict(X)) == {"only"}


@BRIEF
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:batch_size")
@parametrize_with_checks(
    [ours.MLPClassifier(max_iter=100), ours.MLPRegressor(max_iter=100)],
)
def test_is_an_estimator(estimator, check):
    check(estimator)


def test_example_in_the_documentation():
    assert doctest.testmod(ours).failed == 0


def test_import_pellucid_leaves_scikit_learn_alone():
    code = "import sys, pellucid; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "lbfgs"}, "no solver 'lbfgs'; use solver='adam' or 'sgd'"),
        ({"solver": "rmsprop"}, "solver to be one of 'adam', 'sgd', got 'rmsprop'"),
        ({"activation": "gelu"}, "activation to be one of 'identity', 'logistic'"),
        ({"learning_rate": 0.1}, "learning_rate to be one of 'constant'"),
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes to be an integer of 1 or more, got 0"),
        ({"batch_size": 0}, "batch_size to be an integer of 1 or more"),
        ({"batch_size": "all"}, "batch_size to be an integer of 1 or more, got 'all'"),
        ({"max_iter": 0}, "max_iter to be an integer of 1 or more"),
        ({"alpha": -1.0}, "alpha to be a number in"),
        ({"learning_rate_init": 0.0}, "learning_rate_init to be a number in"),
        ({"validation_fraction": 1.0}, "validation_fraction to be a number in"),
    ],
)
def test_bad_arguments(iris, settings, message):
    with pytest.raises(ArgumentError, match=message):
        ours.MLPClassifier(**settings).fit(*iris)


def test_bad_weights(iris):
    X, y = iris
    network = ours.MLPRegressor(**SMALL)
    with pytest.raises(ShapeError, match=r"shape \(150,\), got shape \(150, 1\); leave it out"):
        network.fit(X, y, sample_weight=np.ones((150, 1)))
    with pytest.raises(DataError, match="numbers of 0 or more"):
        network.fit(X, y, sample_weight=-np.ones(150))
    with pytest.raises(DataError, match="all are zero"):
        network.fit(X, y, sample_weight=np.zeros(150))


def test_bad_use_of_partial_fit(iris):
    X, y = iris
    network = ours.MLPClassifier(**SMALL)
    with pytest.raises(ArgumentError, match="give all labels, such as np.unique"):
        network.partial_fit(X, y)
    with pytest.raises(DataError, match="got the label 2; name all classes"):
        network.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ArgumentError, match="not the same as on last call"):
        network.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ArgumentError, match="partial_fit cannot stop early"):
        ours.MLPRegressor(**SMALL, early_stopping=True).partial_fit(X, y)


def test_too_few_examples_to_hold_out(iris):
    X, y = iris
    with pytest.raises(DataError, match="needs 2 or more; raise validation_fraction"):
        ours.MLPRegressor(**SMALL, early_stopping=True).fit(X[:5], y[:5])


@BRIEF
def test_a_batch_larger_than_the_data(iris):
    X, y = iris
    with pytest.warns(UserWarning, match="batch_size=500 is more than the 150 examples"):
        ours.MLPClassifier(**SMALL, batch_size=500, max_iter=1).fit(X, y)


def test_numbers_that_run_away(iris):
    X, y = iris
    with pytest.raises(DataError, match="weights that are not finite; standardise X"):
        ours.MLPRegressor(**SMALL, solver="sgd", learning_rate_init=1e6).fit(1e3 * X, y)


def test_predict_before_fit(iris):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ours.MLPClassifier().predict(iris[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_second_fit_alike_compiles_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0}
    first = ours.MLPClassifier(**settings).fit(X, y)
    first.predict(X)
    with compilations() as compiled:
        second = ours.MLPClassifier(learning_rate_init=0.01, **settings).fit(X, y)
        second.predict(X)
        again = ours.MLPClassifier(**settings).fit(X, y)
    assert not compiled
    assert first.model_ is not second.model_
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
    np.testing.assert_array_equal(again.coefs_[0], first.coefs_[0])
    np.testing.assert_array_equal(again.predict(X), first.predict(X))
