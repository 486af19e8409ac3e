"""Training with a step of one's own: the same loop, callbacks and checkpoints as ``fit``."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import callbacks, optimizers
from pellucid.errors import ArgumentError, DataError, ModelFileError
from pellucid.training import (
    CompiledSteps,
    StreamSource,
    TrainingState,
    load_state,
    make_train_step,
    mean_of,
    save_state,
    start_state,
    train,
)
from pellucid.training._state import Batch
from training.test_loop import objective

ROWS = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)


def wander(state, batch):
    """Two players: w follows the rows, v follows w; both with noise."""
    w, v = state.parameters["w"], state.parameters["v"]
    noise = jax.random.normal(state.step_key(), w.shape)
    real = jnp.ones(len(batch.x)) if batch.row_weights is None else batch.row_weights
    centre = jnp.sum(batch.x * real[:, None], 0) / jnp.sum(real)
    new = {"w": w + 0.1 * (centre - w) + 0.01 * noise, "v": v + 0.1 * (w - v)}
    loss = jnp.sum(jnp.square(w - v))
    return state.replace(parameters=new), {"loss": loss, "row": mean_of(centre[0], jnp.sum(real))}


STEPS = CompiledSteps(wander)


def start():
    return TrainingState.start({"w": jnp.zeros(3), "v": jnp.ones(3)}, seed=1)


def run(*used, epochs=4, **settings):
    settings = {"data": ROWS, "batch_size": 4, "callbacks": used} | settings
    return train(STEPS, start(), epochs=epochs, **settings)


def equal(a, b):
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        np.testing.assert_array_equal(one, other)


def test_equal_seeds_give_equal_bits_whatever_the_number_of_looks():
    every_step = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    state, history = run()
    again, watched = run(every_step)
    equal(state, again)
    assert history.history == watched.history
    other, _ = run(seed=1)
    assert not np.array_equal(state.parameters["w"], other.parameters["w"])
    assert int(state.step) == 4 * 3


def test_the_given_state_stays():
    before = start()
    train(STEPS, before, ROWS, batch_size=4)
    equal(before, start())


def test_measures_are_means_over_steps_or_over_what_is_counted():
    seen = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    _, history = run(watch, epochs=2)
    assert [set(logs) for logs in seen] == [{"loss", "row"}] * 2
    np.testing.assert_allclose(history.history["row"], ROWS[:, 0].mean(), rtol=1e-4)


def test_fit_is_one_of_the_steps():
    """The step of ``Model.fit``, through this door, is the step of the loop's own tests."""
    optimizer = optimizers.SGD(0.1)
    state = start_state({"w": jnp.zeros(3)}, {}, optimizer, seed=0)
    state, history = train(
        make_train_step(objective, optimizer), state, ROWS, batch_size=4, shuffle=False
    )
    w = np.zeros(3)
    for first in (0, 4, 8):
        w -= 0.1 * 2 * (w - ROWS[first : first + 4].mean(0))
    np.testing.assert_allclose(state.parameters["w"], w, rtol=1e-5)
    assert list(history.history) == ["loss"]


def test_early_stopping_restores_the_best():
    kept = []
    grab = callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: kept.append(grab.record.parameters)
    )

    class Feign(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["score"] = [1.0, 5.0, 4.0, 3.0, 2.0][epoch]

    stop = callbacks.EarlyStopping("score", mode="max", patience=2, restore_best_weights=True)
    state, history = run(Feign(), grab, stop, epochs=5)
    assert history.epoch == [0, 1, 2, 3]
    equal(state.parameters, kept[1])


def test_what_was_never_counted_is_nan_and_improves_on_nothing():
    def step(state, batch):
        count = (state.step == 3).astype(jnp.float32)
        return state, {"return": mean_of(7.0, count)}

    stop = callbacks.EarlyStopping("return", mode="max", patience=3)
    _, history = train(step, start(), steps=1, epochs=6, callbacks=[stop])
    assert np.isnan(history.history["return"][:3]).all()
    assert history.epoch == [0, 1, 2], "three epochs without a number are enough"
    stop = callbacks.EarlyStopping("return", mode="max", patience=5)
    _, history = train(step, start(), steps=1, epochs=6, callbacks=[stop])
    assert history.history["return"][3] == 7
    assert stop.best == 7


def test_a_nan_stops():
    def step(state, batch):
        w = state.parameters["w"] * jnp.where(state.step == 5, jnp.nan, 1)
        return state.replace(parameters=state.parameters | {"w": w}), {"player_loss": jnp.sum(w)}

    state, history = train(step, start(), steps=4, epochs=9, callbacks=[callbacks.TerminateOnNaN()])
    assert history.epoch == [0, 1]
    assert int(state.step) < 9


def test_a_measure_of_nothing_is_no_reason_to_stop_if_told_so():
    def step(state, batch):
        w = state.parameters["w"] * jnp.where(state.step == 5, jnp.nan, 1)
        return state.replace(parameters=state.parameters | {"w": w}), {"player_loss": jnp.nan}

    watch = callbacks.TerminateOnNaN()
    _, history = train(step, start(), steps=4, epochs=9, callbacks=[watch])
    assert history.epoch == [0]
    assert "player loss" in watch.reason
    watch = callbacks.TerminateOnNaN(losses=False)
    _, history = train(step, start(), steps=4, epochs=9, callbacks=[watch])
    assert history.epoch == [0, 1]
    assert "parameters/w" in watch.reason


def test_a_checkpoint_goes_on_to_the_same_bits(tmp_path):
    path = str(tmp_path / "states" / "{epoch}")
    whole, history = run(callbacks.ModelCheckpoint(path))
    half = load_state(tmp_path / "states" / "2", start())
    assert int(half.step) == 6
    rest, later = train(STEPS, half, ROWS, batch_size=4, epochs=4, initial_epoch=2)
    equal(rest, whole)
    assert later.history["loss"] == history.history["loss"][2:]


def test_states_that_do_not_fit(tmp_path):
    save_state(start(), tmp_path / "state")
    other = TrainingState.start({"w": jnp.zeros(4), "u": jnp.ones(3)})
    with pytest.raises(
        ModelFileError, match=r"parameters\['u'\] is missing.*'v'\] is not in the m"
    ):
        load_state(tmp_path / "state", other)
    with pytest.raises(ModelFileError, match=r"'w'\] has shape \(3,\) of float32, expected \(4,\)"):
        load_state(tmp_path / "state", other)
    with pytest.raises(ModelFileError, match="There is no file .*absent"):
        load_state(tmp_path / "absent", other)


def test_validation_and_pairs_and_streams():
    def step(state, batch):
        return state, {"gap": jnp.mean(batch.y - batch.x[:, 0])}

    def validate(state):
        return {"size": jnp.sum(state.parameters["v"])}

    _, history = train(step, start(), (ROWS, ROWS[:, 0] + 2), batch_size=5, validate=validate)
    np.testing.assert_allclose(history.history["gap"], [2], rtol=1e-5)
    assert history.history["val_size"] == [3]
    stream = StreamSource(lambda: iter([Batch(ROWS[:2], ROWS[:2, 0])] * 3))
    state, _ = train(step, start(), stream)
    assert int(state.step) == 3


def test_the_rate_of_every_player_can_be_read_and_set():
    optimizer = optimizers.SGD(0.5)
    both = {name: optimizer.init({"w": jnp.zeros(1)}) for name in ("a", "b")}
    rates = []

    class Halve(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(self.record.learning_rate)
            self.record.learning_rate = rates[-1] / 2

    def step(state, batch):
        return state, {"b": state.optimizer_state["b"]["learning_rate"]}

    state = TrainingState.start({}, optimizer_state=both)
    _, history = train(step, state, steps=1, epochs=3, callbacks=[Halve()])
    assert rates == [0.5, 0.25, 0.125]
    assert history.history["b"] == rates


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: jnp.zeros(4),
            r"state\.parameters\['w'\] as it came, float32 of shape \(3,\), b",
        ),
        (lambda w: w.astype(int), r"but gave int32 of shape \(3,\); keep names, shapes and types"),
        (lambda w: None, r"state\.parameters\['w'\] as it came, .* but gave nothing"),
    ],
    ids=["shape", "type", "absent"],
)
def test_a_step_that_changes_the_form_of_the_state(change, message):
    def step(state, batch):
        w = change(state.parameters["w"])
        return state.replace(parameters=state.parameters | {"w": w}), {}

    with pytest.raises(ArgumentError, match=message):
        train(step, start(), steps=1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"data": None}, ArgumentError, "train expected data, or steps an epoch .* type steps=100"),
        ({"steps": 3}, ArgumentError, "expected data or steps an epoch, got both; leave steps out"),
        ({"data": None, "steps": 0}, ArgumentError, "steps to be an integer of 1 or more, got 0"),
        ({"batch_size": 0}, ArgumentError, "batch_size to be an integer of 1 or more, got 0"),
        ({"epochs": 0}, ArgumentError, "epochs to be an integer of 1 or more, got 0"),
        ({"data": (ROWS, ROWS[:4])}, DataError, "as many rows in every array .* got 10, 4"),
        ({"data": ROWS[:0]}, DataError, "and one at least, got 0"),
    ],
    ids=["nothing", "both", "no steps", "no batch", "no epochs", "uneven", "empty"],
)
def test_arguments_that_do_not_fit(settings, error, message):
    with pytest.raises(error, match=message):
        run(**settings)


def test_an_optimizer_that_cannot_be_hashed_starts_all_the_same():
    class Own:
        __hash__ = None

        def init(self, parameters):
            return {"seen": jnp.sum(parameters["w"])}

    state = start_state({"w": jnp.ones(3)}, {}, Own(), 0)
    assert float(state.optimizer_state["seen"]) == 3.0
