"""Populations: each member ends as a training of its own would."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import callbacks, layers, losses, models, optimizers, regularizers
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.models._population import Population
from pellucid.training import TrainingState, mean_of, train, train_population

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6)).astype(np.float32)
Y = (X @ RNG.standard_normal((6, 3))).argmax(1)
HELD_OUT = X[:20] + 0.1, Y[:20]
BOTH = pytest.mark.parametrize("side_by_side", [False, True], ids=["in turn", "side by side"])
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


def build(rate=0.1, l2=1e-3, dropout=0.3, momentum=0.9, decay=1e-3, seed=0):
    model = models.Sequential(
        [
            layers.Dense(8, "relu", kernel_regularizer=regularizers.L2(l2), input_shape=(6,)),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(3),
        ],
        seed=seed,
    )
    optimizer = optimizers.SGD(rate, momentum=momentum, weight_decay=decay)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, ["accuracy"], verbose=0)
    return model


MEMBERS = [
    {"seed": 3},
    {"rate": 0.02, "l2": 0.0, "dropout": 0.0, "momentum": 0.0, "decay": 0.0},
    {"rate": 0.2, "l2": 0.1, "dropout": 0.7, "momentum": 0.5, "decay": 0.1, "seed": 1},
]


def same(member, alone, **tolerance):
    weights = alone if isinstance(alone, list) else alone.get_weights()
    for a, b in zip(member.get_weights(), weights, strict=True):
        np.testing.assert_allclose(a, b, **(tolerance or CLOSE))


def same_history(a, b):
    assert a.history.keys() == b.history.keys()
    for name, values in a.history.items():
        np.testing.assert_allclose(values, b.history[name], rtol=1e-4, err_msg=name)


@cache
def fitted_alone(number):
    """Member ``number`` fitted by itself, and the weights it has after one epoch more."""
    alone = build(**MEMBERS[number])
    history = alone.fit(X, Y, batch_size=16, epochs=3, validation_data=HELD_OUT, verbose=0)
    weights = alone.get_weights()
    alone.fit(X, Y, batch_size=16, epochs=1, verbose=0)
    return history, weights, alone.get_weights()


@BOTH
def test_members_end_as_fits_of_their_own(side_by_side):
    together = [build(**settings) for settings in MEMBERS]
    histories = models.fit_population(
        *(together, X, Y),
        batch_size=16,
        epochs=3,
        validation_data=HELD_OUT,
        side_by_side=side_by_side,
    )
    for number, (model, history) in enumerate(zip(together, histories, strict=True)):
        expected, weights, _ = fitted_alone(number)
        same_history(history, expected)
        same(model, weights)


def test_a_member_goes_on_alone_with_its_own_optimizer():
    together = [build(**settings) for settings in MEMBERS[:2]]
    models.fit_population(together, X, Y, batch_size=16, epochs=3)
    for number, model in enumerate(together):
        model.fit(X, Y, batch_size=16, epochs=1, verbose=0)
        same(model, fitted_alone(number)[2])


def test_members_have_rows_and_seeds_of_their_own():
    rows = [np.arange(0, 32), np.arange(5, 50)]
    tested = [np.arange(32, 50), np.arange(5)]
    together = [build() for _ in rows]
    histories = models.fit_population(
        together,
        *(X, Y),
        rows=rows,
        validation_rows=tested,
        seeds=[5, 6],
        batch_size=16,
        epochs=2,
    )
    for model, history, own, held_out, seed in zip(
        together, histories, rows, tested, (5, 6), strict=True
    ):
        alone = build()
        expected = alone.fit(
            *(X[own], Y[own]),
            seed=seed,
            batch_size=16,
            epochs=2,
            validation_data=(X[held_out], Y[held_out]),
            verbose=0,
        )
        same_history(history, expected)
        same(model, alone)


@pytest.mark.parametrize("side_by_side", [False, True], ids=["in turn", "side by side"])
def test_convolutions_and_adam_with_a_decay_of_each_member(side_by_side):
    x = RNG.standard_normal((24, 8, 8, 1)).astype(np.float32)
    y = np.arange(24) % 3

    def network(rate, decay):
        model = models.Sequential(
            [
                layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(128, "relu"),
                layers.Dense(3),
            ]
        )
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.AdamW(rate, weight_decay=decay), loss, verbose=0)
        return model

    settings = [(1e-3, 0.1), (3e-3, 0.01)]
    together = [network(*own) for own in settings]
    models.fit_population(together, x, y, batch_size=8, epochs=2, side_by_side=side_by_side)
    for model, own in zip(together, settings, strict=True):
        alone = network(*own)
        alone.fit(x, y, batch_size=8, epochs=2, verbose=0)
        same(model, alone, rtol=2e-3, atol=2e-5)


STOPPED = [{"rate": 0.1}, {"rate": 1.0, "l2": 0.0}]


def stopping(member):
    # No epoch improves on the first by so much: the second one stops the member.
    own = callbacks.EarlyStopping("val_loss", min_delta=10.0, restore_best_weights=True)
    slow = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    return [own, slow] if member else [slow]


@cache
def stopped_alone(number):
    alone = build(**STOPPED[number])
    settings = {"epochs": 4, "batch_size": 25, "validation_data": HELD_OUT, "verbose": 0}
    return alone.fit(X, Y, callbacks=stopping(number), **settings), alone.get_weights()


@BOTH
def test_a_member_that_is_stopped_stands_still(side_by_side):
    together = [build(**own) for own in STOPPED]
    histories = models.fit_population(
        *(together, X, Y),
        epochs=4,
        batch_size=25,
        validation_data=HELD_OUT,
        callbacks=stopping,
        side_by_side=side_by_side,
    )
    assert [len(history.epoch) for history in histories] == [4, 2]
    for number, (model, history) in enumerate(zip(together, histories, strict=True)):
        expected, weights = stopped_alone(number)
        same_history(history, expected)
        same(model, weights)


def test_a_member_that_diverges_is_stopped_within_a_look_and_the_others_go_on():
    watched = [callbacks.TerminateOnNaN() for _ in range(2)]
    together = [build(rate=0.05, l2=0.0), build(rate=1e30, l2=0.0)]
    histories = models.fit_population(
        together, X, Y, epochs=4, callbacks=lambda member: [watched[member]]
    )
    assert [len(history.epoch) for history in histories] == [4, 1]
    assert watched[0].reason is None
    assert "became" in watched[1].reason or "held NaN" in watched[1].reason


def test_a_callback_for_every_step_sees_every_step_of_its_member():
    seen = []
    watch = callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(("begin", batch)),
        on_train_batch_end=lambda batch, logs: seen.append(("end", batch)),
    )
    together = [build(), build(rate=0.01)]
    models.fit_population(
        *(together, X, Y),
        rows=[np.arange(50), np.arange(20)],
        batch_size=10,
        callbacks=lambda member: [watch] if member else [],
    )
    assert seen == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]


def test_a_member_that_is_stopped_before_an_epoch_takes_no_step_of_it():
    def stop(epoch, logs):
        if epoch == 1:
            last.record.stop("enough")

    last = callbacks.LambdaCallback(on_epoch_begin=stop)
    together = [build(), build(rate=0.01)]
    histories = models.fit_population(
        together, X, Y, epochs=3, callbacks=lambda member: [last] if member else []
    )
    alone = build(rate=0.01)
    alone.fit(X, Y, epochs=1, verbose=0)
    same(together[1], alone)
    assert [len(history.history["loss"]) for history in histories] == [3, 1]


def test_numbers_in_which_members_differ_are_found_by_their_place():
    population = Population([build(**settings) for settings in MEMBERS], X, Y)
    assert set(population.numbers) == {
        "layers/dense/kernel_regularizer/l2",
        "layers/dropout/rate",
        "optimizer/learning_rate",
        "optimizer/momentum",
        "optimizer/weight_decay",
    }
    np.testing.assert_allclose(population.numbers["layers/dropout/rate"], [0.3, 0.0, 0.7])


def test_schedules_that_differ_in_numbers():
    def network(rate):
        model = models.Sequential([layers.Dense(3, input_shape=(6,))])
        schedule = optimizers.schedules.ExponentialDecay(rate, decay_steps=2, decay_rate=0.5)
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.SGD(schedule), loss, verbose=0)
        return model

    together = [network(0.1), network(0.4)]
    models.fit_population(together, X, Y, epochs=2)
    for model, rate in zip(together, (0.1, 0.4), strict=True):
        alone = network(rate)
        alone.fit(X, Y, epochs=2, verbose=0)
        same(model, alone)


def test_predictions_of_members_are_those_of_their_models():
    together = [build(), build(seed=1)]
    population = Population(together, X, Y)
    population.fit(epochs=1)
    rows = [np.arange(3, 40), np.array([7, 1])]
    for model, outputs, own in zip(together, population.predict(rows), rows, strict=True):
        np.testing.assert_allclose(outputs, model.predict(X[own]), **CLOSE)
    for model, scores, own in zip(together, population.evaluate(rows), rows, strict=True):
        expected = model.evaluate(X[own], Y[own], return_dict=True, verbose=0)
        assert scores == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: layers.Dense(9), "dense/units is 8 in one and 9 in another"),
        (lambda: layers.Dense(8, "tanh"), "dense/activation is relu in one and tanh in another"),
    ],
    ids=["units", "activation"],
)
def test_members_that_differ_in_more_than_numbers_are_refused(change, message):
    def network(layer):
        model = models.Sequential([layers.Input((6,)), layer, layers.Dense(3)])
        model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), verbose=0)
        return model

    with pytest.raises(ArgumentError, match=message):
        models.fit_population([network(layers.Dense(8, "relu")), network(change())], X, Y)


def test_a_number_that_decides_what_is_computed_is_refused():
    def network(smoothing):
        model = models.Sequential([layers.Dense(3, input_shape=(6,))])
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        model.compile("sgd", loss, verbose=0)
        return model

    with pytest.raises(ArgumentError, match="label_smoothing"):
        models.fit_population([network(0.1), network(0.2)], X, Y)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="at least one model, got none"):
        models.fit_population([], X, Y)
    model = build()
    with pytest.raises(ArgumentError, match="a model of its own, got one of them twice"):
        models.fit_population([model, model], X, Y)
    two = [build(), build()]
    with pytest.raises(ArgumentError, match="rows with one entry for each of its 2 members, got 1"):
        models.fit_population(two, X, Y, rows=[np.arange(3)])
    with pytest.raises(ArgumentError, match=r"rows\[1\] to be numbers of rows from 0 to 49"):
        models.fit_population(two, X, Y, rows=[np.arange(3), np.arange(60)])
    with pytest.raises(ArgumentError, match="learns from arrays, got a stream"):
        models.fit_population(two, lambda: iter([(X, Y)]))
    watch = callbacks.EarlyStopping("val_acc")
    with pytest.raises(UnknownNameError, match="val_acc"):
        models.fit_population(two, X, Y, callbacks=lambda _: [watch])
    backup = callbacks.BackupAndRestore("backup")
    with pytest.raises(ArgumentError, match="BackupAndRestore follows one fit"):
        models.fit_population(two, X, Y, callbacks=lambda _: [backup])


# Steps of one's own


def make_walk(numbers):
    def walk(state, batch):
        w = state.parameters["w"]
        real = jnp.ones(len(batch.x)) if batch.row_weights is None else batch.row_weights
        centre = jnp.sum(batch.x * real[:, None], 0) / jnp.sum(real)
        noise = jax.random.normal(state.step_key(), w.shape)
        new = w + numbers["pull"] * (centre - w) + 0.01 * noise
        return state.replace(parameters={"w": new}), {"row": mean_of(centre[0], jnp.sum(real))}

    return walk


@BOTH
def test_steps_of_ones_own(side_by_side):
    pulls = [0.1, 0.5, 0.9]
    starts = [TrainingState.start({"w": jnp.zeros(6)}, seed=n) for n in range(3)]
    states, histories = train_population(
        *(make_walk, starts, X),
        numbers={"pull": pulls},
        epochs=2,
        batch_size=16,
        seeds=[4, 5, 6],
        side_by_side=side_by_side,
    )
    for number, pull in enumerate(pulls):
        step = make_walk({"pull": jnp.float32(pull)})
        alone, history = train(step, starts[number], X, epochs=2, batch_size=16, seed=4 + number)
        np.testing.assert_allclose(states[number].parameters["w"], alone.parameters["w"], **CLOSE)
        assert histories[number].history["row"] == pytest.approx(history.history["row"], rel=1e-5)
        assert int(states[number].step) == int(alone.step) == 8


def test_train_population_refuses_other_counts():
    start = TrainingState.start({"w": jnp.zeros(6)})
    with pytest.raises(
        ArgumentError, match="numbers with one entry for each of its 1 members, got 2"
    ):
        train_population(make_walk, [start], X, numbers={"pull": [0.1, 0.2]})
    with pytest.raises(ArgumentError, match=r"rows\[0\] to be numbers of rows from 0 to 49"):
        train_population(make_walk, [start], X, rows=[[0, 50]])
    with pytest.raises(ArgumentError, match="at least one state, got none"):
        train_population(make_walk, [], X)
