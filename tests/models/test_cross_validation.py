"""Cross-validation: the same scores as one fit for each fold, and every row predicted once."""

from functools import cache

import numpy as np
import pytest

from pellucid import callbacks, layers, losses, models
from pellucid.errors import ArgumentError, DataError
from pellucid.models._cross_validation import divide

RNG = np.random.default_rng(0)
X = RNG.standard_normal((61, 5)).astype(np.float32)
Y = (X @ RNG.standard_normal((5, 3))).argmax(1)
SETTINGS = {"epochs": 3, "batch_size": 16}


def build():
    model = models.Sequential(
        [layers.Dense(8, "relu", input_shape=(5,)), layers.Dropout(0.2), layers.Dense(3)]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, ["accuracy"], verbose=0)
    return model


@cache
def found():
    return models.cross_validate(build, X, Y, folds=3, seed=4, **SETTINGS)


def test_folds_together_are_folds_one_by_one():
    together = found()
    one_by_one = models.cross_validate(build, X, Y, folds=3, seed=4, together=False, **SETTINGS)
    assert together.scores.keys() == one_by_one.scores.keys() == {"loss", "accuracy"}
    for name, values in together.scores.items():
        np.testing.assert_allclose(values, one_by_one.scores[name], rtol=1e-5)
    np.testing.assert_allclose(together.predictions, one_by_one.predictions, rtol=1e-4, atol=1e-6)
    for a, b in zip(together.models, one_by_one.models, strict=True):
        for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_classes_have_weights_only_where_networks_learn():
    settings = {"folds": 3, "class_weight": {0: 1.0, 1: 5.0, 2: 0.2}, "epochs": 1}
    together, one_by_one = (
        models.cross_validate(build, X, Y, together=together, **settings)
        for together in (True, False)
    )
    for name, values in together.scores.items():
        np.testing.assert_allclose(values, one_by_one.scores[name], rtol=1e-5)
    for a, b in zip(together.histories, one_by_one.histories, strict=True):
        for name, values in a.history.items():
            np.testing.assert_allclose(values, b.history[name], rtol=1e-5)


def test_every_row_is_predicted_by_the_network_that_has_not_seen_it():
    result = found()
    assert sorted(np.concatenate(result.folds).tolist()) == list(range(61))
    for rows, model in zip(result.folds, result.models, strict=True):
        expected = model.predict(X[rows])
        np.testing.assert_allclose(result.predictions[rows], expected, rtol=1e-4, atol=1e-6)
    right = [np.mean(result.predictions[r].argmax(1) == Y[r]) for r in result.folds]
    np.testing.assert_allclose(result.scores["accuracy"], right, rtol=1e-6)


def test_mean_and_spread_are_those_of_the_folds():
    result = found()
    values = result.scores["loss"]
    assert result.mean["loss"] == pytest.approx(sum(values) / 3)
    expected = (sum((v - sum(values) / 3) ** 2 for v in values) / 2) ** 0.5
    assert result.spread["loss"] == pytest.approx(expected)
    assert result.to_json()["mean"] == result.mean
    assert str(result).startswith("3 folds\n")
    assert f"{result.mean['accuracy']:.4f} ± {result.spread['accuracy']:.4f}" in str(result)


def test_repeats_divide_anew_and_predictions_are_their_mean():
    def stop(fold):
        return [callbacks.EarlyStopping("val_loss", min_delta=9.0, restore_best_weights=True)]

    result = models.cross_validate(build, X, Y, folds=2, repeats=2, callbacks=stop, epochs=5)
    assert len(result.folds) == len(result.scores["loss"]) == 4
    assert not np.array_equal(result.folds[0], result.folds[2])
    assert [len(history.epoch) for history in result.histories] == [2] * 4
    each = np.zeros((2, 61, 3), np.float32)
    for number, (rows, model) in enumerate(zip(result.folds, result.models, strict=True)):
        each[number // 2][rows] = model.predict(X[rows])
    np.testing.assert_allclose(result.predictions, each.mean(0), rtol=1e-4, atol=1e-6)


def divided(y, **changes):
    settings = {"folds": 3, "repeats": 1, "stratified": None, "groups": None, "seed": 0}
    return divide(y, count=len(y), **(settings | changes))


def test_whole_numbers_are_stratified_and_others_are_not():
    y = np.repeat([0, 1], [30, 6])
    assert [int(y[rows].sum()) for rows in divided(y)] == [2, 2, 2]
    assert [len(rows) for rows in divided(y.astype(float))] == [12, 12, 12]
    assert sum(len(rows) for rows in divided(np.arange(9))) == 9  # a class for each row


def test_groups_are_on_one_side():
    groups = np.repeat(np.arange(6), 5)
    y = np.tile([0, 1], 15)
    for stratified in (True, False):
        for rows in divided(y, groups=groups, stratified=stratified):
            inside = set(groups[rows])
            assert inside.isdisjoint(groups[np.setdiff1d(np.arange(30), rows)])


def test_divisions_repeat_themselves_with_their_seed():
    y = np.arange(40) % 2
    a, b, c = divided(y, seed=1), divided(y, seed=1), divided(y, seed=2)
    assert all(map(np.array_equal, a, b))
    assert not all(map(np.array_equal, a, c))


def test_what_cannot_be_divided_is_refused():
    y = np.repeat([0, 1], [30, 2])
    with pytest.raises(DataError, match="at least 3 rows, one for each fold, got a class of 2"):
        divided(y, stratified=True)
    with pytest.raises(DataError, match="stratify by classes, whole numbers"):
        divided(y.astype(float), stratified=True)
    with pytest.raises(DataError, match="groups with one entry for each of the 32 rows, got 3"):
        divided(y, groups=[1, 2, 3])
    with pytest.raises(ArgumentError, match="as there are groups, 2, got 3; type folds=2"):
        divided(y, groups=y)
    with pytest.raises(ArgumentError, match="as there are rows, 32, got 40"):
        divided(y, folds=40, stratified=False)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="has no setting 'validation_split'"):
        models.cross_validate(build, X, Y, validation_split=0.1)
    with pytest.raises(ArgumentError, match=r"expected folds to be a number in \[2"):
        models.cross_validate(build, X, Y, folds=1)
    with pytest.raises(ArgumentError, match=r"expected build\(\) to return a compiled model"):
        models.cross_validate(lambda: None, X, Y)
    with pytest.raises(ArgumentError, match="cross_validate expected arrays, got a stream"):
        models.cross_validate(build, lambda: iter([(X, Y)]), None)
