"""Searches whose trials train at once, and the pictures of what they found."""

import numpy as np
import pytest

pytest.importorskip("optuna")

from pellucid import layers, losses, models, optimizers, regularizers, tuning
from pellucid.errors import ArgumentError, DataError, UnknownNameError
from pellucid.tuning import Choice, Float, Int

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5)).astype(np.float32)
Y = (X @ RNG.standard_normal((5, 3))).argmax(1)
HELD_OUT = X[40:], Y[40:]
SPACE = {"rate": Float(1e-3, 1.0, log=True), "l2": Float(0.0, 0.1), "seed": Int(0, 99)}


def build(rate, l2, seed, units=6):
    dense = layers.Dense(units, "relu", kernel_regularizer=regularizers.L2(l2), input_shape=(5,))
    model = models.Sequential([dense, layers.Dense(3)], seed=seed)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.SGD(rate), loss, ["accuracy"], verbose=0)
    return model


@pytest.fixture(scope="module")
def search():
    settings = {"validation_data": HELD_OUT, "epochs": 2, "monitor": "val_loss", "verbose": 0}
    return tuning.search_population(build, X, Y, SPACE, 9, population=6, **settings)


def test_each_trial_is_a_fit_of_its_own(search):
    assert len(search.trials) == 9
    best = search.best
    alone = build(**best.settings)
    history = alone.fit(X, Y, epochs=2, validation_data=HELD_OUT, verbose=0)
    assert best.curve == pytest.approx(history.history["val_loss"], rel=1e-5)
    for a, b in zip(search.best_model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert best.value == min(t.value for t in search.trials if t.state == "complete")


def test_settings_that_shape_the_network_divide_a_generation():
    space = {"rate": Float(1e-3, 1.0, log=True), "units": Choice([4, 6])}

    def network(rate, units):
        return build(rate, 0.0, 0, units)

    found = tuning.search_population(
        *(network, X, Y, space, 4), validation_data=HELD_OUT, epochs=1, verbose=0
    )
    for trial in found.trials:
        units = found.models[trial.number].layers[0].units
        assert units == trial.settings["units"]
    assert {t.settings["units"] for t in found.trials} == {4, 6}


def test_pictures_show_every_trial(search):
    trials = tuning.plot_trials(search).axes[0]
    dots = sum(len(collection.get_offsets()) for collection in trials.collections)
    assert dots == len([t for t in search.trials if t.state in ("complete", "pruned")])
    bars = tuning.plot_importance(search).axes[0].patches
    shares = search.importance()
    assert sorted(bar.get_width() for bar in bars) == pytest.approx(sorted(shares.values()))
    axes = tuning.plot_contour(search, "rate", "l2").axes[0]
    places = np.array([[np.log10(t.settings["rate"]), t.settings["l2"]] for t in search.trials])
    drawn = np.asarray(axes.collections[-1].get_offsets())
    for place in drawn:
        assert np.min(np.abs(places - place).sum(1)) < 1e-9
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rate", "l2")


def test_pictures_of_what_is_not_there_are_refused(search):
    with pytest.raises(UnknownNameError, match="did you mean 'rate'"):
        tuning.plot_contour(search, "rat")
    with pytest.raises(ArgumentError, match="two different settings, got 'rate' alone"):
        tuning.plot_contour(search, "rate", "rate")
    one = tuning.search_population(
        *(build, X, Y, SPACE, 1), validation_data=HELD_OUT, epochs=1, verbose=0
    )
    with pytest.raises(DataError, match="two complete trials"):
        tuning.plot_importance(one)


def test_what_builds_no_compiled_model_is_refused():
    def network(rate):
        return models.Sequential([layers.Dense(3, input_shape=(5,))])

    with pytest.raises(ArgumentError, match="to return a compiled model"):
        tuning.search_population(
            *(network, X, Y, {"rate": Float(0.1, 1.0)}, 2), validation_data=HELD_OUT
        )


# The range test


def test_the_range_test_is_a_sweep_of_steps_with_growing_rates():
    model = build(0.1, 0.0, 0)
    before = model.get_weights()
    found = tuning.learning_rate_range_test(
        model, X, Y, low=1e-4, high=1e3, steps=40, batch_size=20
    )
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    rates = np.array(found.learning_rates)
    np.testing.assert_allclose(rates[1:] / rates[:-1], 1e7 ** (1 / 39), rtol=1e-6)
    assert rates[0] == pytest.approx(1e-4)
    # The first loss is that of the first batch, before any step.
    order = np.random.default_rng((0, 0)).permutation(60)[:20]
    first = model.evaluate(X[order], Y[order], return_dict=True, verbose=0)["loss"]
    assert found.losses[0] == pytest.approx(first, rel=1e-5)
    mean = 0.0
    for number, (loss, smoothed) in enumerate(zip(found.losses, found.smoothed, strict=True)):
        mean = 0.9 * mean + 0.1 * loss
        assert smoothed == pytest.approx(mean / (1 - 0.9 ** (number + 1)))
    assert found.diverged_at is not None
    assert 1e-4 < found.suggestion <= found.diverged_at / 10
    assert found.suggestion == min(found.steepest, found.diverged_at / 10)
    line = found.plot().axes[0].lines[1]
    np.testing.assert_allclose(line.get_ydata(), found.smoothed)


def test_the_range_test_refuses_schedules_and_bad_bounds():
    model = models.Sequential([layers.Dense(3, input_shape=(5,))])
    schedule = optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.SGD(schedule), loss, verbose=0)
    with pytest.raises(ArgumentError, match="compile with a number as learning_rate"):
        tuning.learning_rate_range_test(model, X, Y)
    with pytest.raises(ArgumentError, match="expected high to be a number in"):
        tuning.learning_rate_range_test(model, X, Y, low=1.0, high=0.1)
    with pytest.raises(ArgumentError, match="expected steps to be a number in"):
        tuning.learning_rate_range_test(model, X, Y, steps=3)


def test_the_worse_half_stops_after_one_two_and_four_epochs():
    given = {"validation_data": HELD_OUT, "epochs": 6, "monitor": "val_loss", "verbose": 0}
    found = tuning.search_population(build, X, Y, SPACE, 8, **given)
    lengths = sorted(len(trial.curve) for trial in found.trials)
    assert lengths == [1, 1, 1, 1, 2, 2, 4, 6]
    for after in (1, 2, 4):
        going = [trial for trial in found.trials if len(trial.curve) >= after]
        stopped = [t.curve[after - 1] for t in going if len(t.curve) == after]
        assert min(stopped) >= max(t.curve[after - 1] for t in going if len(t.curve) > after)
    pruned = next(trial for trial in found.trials if len(trial.curve) == 2)
    assert pruned.state == "pruned"
    assert "worse than the median of the trials that trained with it after 2" in pruned.reason

    whole = tuning.search_population(build, X, Y, SPACE, 8, pruner="none", **given)
    assert {len(trial.curve) for trial in whole.trials} == {6}
    for one, own in zip(found.trials, whole.trials, strict=True):
        assert one.settings == own.settings
        assert one.curve == own.curve[: len(one.curve)]


def test_a_pruner_that_is_none(search):
    with pytest.raises(ArgumentError, match="'halving', 'none'"):
        tuning.search_population(build, X, Y, SPACE, 2, validation_data=HELD_OUT, pruner="median")
