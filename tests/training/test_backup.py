"""A fit that is stopped and started again ends with the bits of one that was not."""

import json
import signal

import jax.numpy as jnp
import numpy as np
import pytest

from faulty_disk import FAULTS, FaultyDisk
from inspection.recorded_runs import assert_equal_bits
from pellucid import Sequential, _files, callbacks, losses, models, optimizers
from pellucid._files import Lock
from pellucid._tree import tree_copy
from pellucid.errors import ArgumentError, DTypeError, RunError
from pellucid.layers import BatchNormalization, Dense, Dropout, GaussianNoise
from pellucid.training import TrainingState, checkpoints, differences, read_recording, train

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
STEPS = 8  # an epoch: 30 rows in batches of 4, the last one short


def network(units=6, seed=0):
    parts = [
        GaussianNoise(0.1, input_shape=(4,)),
        Dense(units, activation="relu"),
        BatchNormalization(),
        Dropout(0.3),
        Dense(2),
    ]
    model = Sequential(parts, seed=seed)
    rate = optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(rate), loss, ["accuracy"], verbose=0)
    return model


class StopAt(callbacks.Callback):
    """Presses Ctrl-C at the look after a step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.record.live.step) == self.step:
            signal.raise_signal(signal.SIGINT)


def backup(folder, **settings):
    return callbacks.BackupAndRestore(
        folder, **{"save_freq": 1, "tell": lambda sentence: None, **settings}
    )


class Fresh:
    """A model that is compiled once for all tests, and stands before its training in each."""

    def __init__(self, make):
        self.make = make
        self.model = None

    def __call__(self):
        if self.model is None:
            self.model = self.make()
            self.start = self.model.variables
        self.model.variables = tree_copy(self.start)
        self.model._trained = None
        return self.model


FRESH = Fresh(network)


def fit(*used, model=None, x=X, y=Y, **settings):
    model = model or FRESH()
    settings = {"epochs": 3, "batch_size": 4, "verbose": 0, "seed": 5, **settings}
    history = model.fit(x, y, callbacks=list(used), validation_data=(X[:9], Y[:9]), **settings)
    return model._trained, history


def stopped(step, *used, **settings):
    """Fit until Ctrl-C after a step."""
    with pytest.raises(KeyboardInterrupt):
        fit(*used, StopAt(step), **settings)


@pytest.fixture(scope="module")
def whole():
    """A fit that nobody stopped."""
    return fit()


def same(made, whole):
    assert_equal_bits(made[0], whole[0])
    assert made[1].history == whole[1].history
    assert made[1].epoch == whole[1].epoch


@pytest.mark.parametrize("step", [1, STEPS - 1, STEPS, STEPS + 3, 3 * STEPS])
def test_a_fit_goes_on_from_any_step(tmp_path, whole, step):
    stopped(step, backup(tmp_path, delete_checkpoint=False))
    (newest,) = checkpoints(tmp_path)[-1:]
    assert int(newest.name[11:20]) == step
    made = fit(backup(tmp_path))
    same(made, whole)
    assert list(tmp_path.iterdir()) == []


def test_it_says_where_it_goes_on(tmp_path, whole, capsys):
    stopped(STEPS + 2, backup(tmp_path, save_freq="epoch"))
    fit(backup(tmp_path, tell=print), epochs=2)
    assert capsys.readouterr().out == "Goes on in epoch 2, at step 10.\n"


def test_stopped_twice_and_with_progress_shown(tmp_path, whole, capsys):
    stopped(3, backup(tmp_path))
    stopped(13, backup(tmp_path), verbose=1)
    same(fit(backup(tmp_path), verbose=1), whole)
    assert "Epoch 3/3" in capsys.readouterr().out


def test_more_epochs_go_on_from_the_last(tmp_path, whole):
    fit(backup(tmp_path, delete_checkpoint=False), epochs=1)
    same(fit(backup(tmp_path)), whole)


def test_what_callbacks_keep(tmp_path):
    """Patience, best values, best weights, lowered rates, a CSV file and saved models go on."""

    def used(folder):
        return [
            callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
            callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.5),
            callbacks.ModelCheckpoint(folder / "best", "val_accuracy", save_best_only=True),
            callbacks.CSVLogger(folder / "epochs.csv"),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            callbacks.TerminateOnNaN(),
        ]

    def descending():
        made = network()
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(optimizers.SGD(0.3), loss, ["accuracy"], verbose=0)
        return made

    model = Fresh(descending)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ended = fit(*used(tmp_path / "a"), model=model(), epochs=8)
    for step in (5, 2 * STEPS, 3 * STEPS + 1):
        stopped(step, *used(tmp_path / "b"), backup(tmp_path / "c"), model=model(), epochs=8)
    made = fit(*used(tmp_path / "b"), backup(tmp_path / "c"), model=model(), epochs=8)
    same(made, ended)
    texts = [(tmp_path / name / "epochs.csv").read_text() for name in ("a", "b")]
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 1 + len(ended[1].epoch)
    for a, b in zip(
        models.load_model(tmp_path / "a" / "best").get_weights(),
        models.load_model(tmp_path / "b" / "best").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_recording_goes_on(tmp_path):
    import pellucid

    def used(name):
        return callbacks.Recorder(tmp_path / name, share=1.0)

    fit(used("a"), epochs=2)
    stopped(11, used("b"), backup(tmp_path / "c"), epochs=2)
    fit(used("b"), backup(tmp_path / "c"), epochs=2)
    first, second = (read_recording(tmp_path / name) for name in ("a", "b"))
    assert first.steps == second.steps == range(2 * STEPS)
    kinds = ("epoch", "epoch_end", "end")
    assert first.of_kind(*kinds) == second.of_kind(*kinds)
    for name in ("a", "b"):
        opened = pellucid.open(tmp_path / name, model=FRESH(), data=(X, Y))
        state = opened.replay.at(13)
        if name == "a":
            expected = state
    assert_equal_bits(state, expected)


def test_a_stream_is_read_again_up_to_the_place(tmp_path):
    def stream():
        batches = [(X[first : first + 5], Y[first : first + 5]) for first in range(0, 30, 5)]

        def give():
            return iter(batches)

        return give

    def run(*used):
        return fit(*used, x=stream(), y=None, batch_size=None, epochs=2)

    ended = run()
    with pytest.raises(KeyboardInterrupt):
        run(backup(tmp_path), StopAt(9))
    same(run(backup(tmp_path)), ended)


def test_a_step_of_ones_own(tmp_path):
    def wander(state, batch):
        w = state.parameters["w"]
        mean = jnp.mean(batch.x, axis=0)
        return state.replace(parameters={"w": w + 0.1 * (mean - w)}), {"size": jnp.sum(w * w)}

    def run(*used):
        start = TrainingState.start({"w": jnp.zeros(4)}, seed=1)
        return train(wander, start, X, epochs=3, batch_size=7, callbacks=used)

    ended = run()
    with pytest.raises(KeyboardInterrupt):
        run(StopAt(8), backup(tmp_path))
    state, history = run(backup(tmp_path))
    assert_equal_bits(state, ended[0])
    assert history.history == ended[1].history


# What is kept


def test_the_last_ones_and_the_best_stay(tmp_path):
    class Feign(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["score"] = [3.0, 1.0, 2.0, 4.0, 5.0][epoch]

    keep = backup(tmp_path, save_freq="epoch", monitor="score", delete_checkpoint=False)
    fit(Feign(), keep, epochs=5)
    assert [int(path.name[11:20]) // STEPS for path in checkpoints(tmp_path)] == [2, 4, 5]


def test_checkpoints_by_the_clock(tmp_path):
    fit(backup(tmp_path, seconds=1000, delete_checkpoint=False), epochs=2)
    assert checkpoints(tmp_path) == []
    stopped(5, backup(tmp_path, seconds=1000))
    assert len(checkpoints(tmp_path)) == 1


def test_a_damaged_checkpoint_is_told_and_the_one_before_taken(tmp_path, whole, capsys):
    stopped(12, backup(tmp_path))
    before, newest = checkpoints(tmp_path)
    data = bytearray(newest.read_bytes())
    data[-3] ^= 1
    newest.write_bytes(data)
    same(fit(backup(tmp_path, tell=print)), whole)
    said = capsys.readouterr().out
    assert "check sum" in said
    assert "The checkpoint before it is taken." in said
    assert f"at step {int(before.name[11:20])}." in said


@pytest.mark.parametrize("fault", FAULTS)
def test_a_full_disk_does_not_end_the_fit(tmp_path, whole, monkeypatch, fault):
    """Every call of the disk fails once; the fit ends as it should, and checkpoints are whole."""
    said = []
    disk = FaultyDisk()
    monkeypatch.setattr(_files, "DISK", disk)

    class Break(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            disk.at, disk.fault = disk.calls + 2 + 3 * epoch, fault

    same(fit(Break(), backup(tmp_path, delete_checkpoint=False, tell=said.append)), whole)
    assert any("could not be written" in sentence for sentence in said) or fault == "short"
    assert all("The training goes on" in sentence for sentence in said)
    monkeypatch.undo()
    assert len(checkpoints(tmp_path)) == 2
    same(fit(backup(tmp_path)), whole)


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 5}, "batch_size was 4 and is 5"),
        ({"seed": 6}, "seed was 5 and is 6"),
        ({"shuffle": False}, "shuffle was True and is False"),
        ({"x": X + 1}, "data/x/sha256 was '.* and is"),
        ({"sample_weight": np.ones(30)}, "data/x/sample_weight was None and is"),
        ({"model": network(units=7)}, "units was 6 and is 7"),
    ],
    ids=["batch_size", "seed", "shuffle", "data", "weights", "model"],
)
def test_another_fit_is_refused_and_told_what_changed(tmp_path, change, message):
    stopped(3, backup(tmp_path))
    with pytest.raises(RunError, match=f"belong to another fit: .*{message}.*force=True"):
        fit(backup(tmp_path), **change)


def test_force_goes_on_all_the_same(tmp_path):
    stopped(3, backup(tmp_path))
    _, history = fit(backup(tmp_path, force=True), seed=6)
    assert history.epoch == [0, 1, 2]


def test_other_callbacks_are_refused(tmp_path):
    stopped(3, backup(tmp_path), callbacks.EarlyStopping(patience=2))
    with pytest.raises(RunError, match="callbacks EarlyStopping, and this one has none that keep"):
        fit(backup(tmp_path))


def test_two_fits_in_one_folder(tmp_path):
    with Lock(tmp_path), pytest.raises(RunError, match="Another process .* trains in"):
        fit(backup(tmp_path))
    fit(backup(tmp_path), epochs=1)


def test_what_a_callback_keeps_must_be_plain(tmp_path):
    class Odd(callbacks.Callback):
        def get_state(self):
            return {"what": object()}

    with pytest.raises(DTypeError, match="got object in callbacks/Odd-1/what; let get_state"):
        fit(Odd(), backup(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"save_freq": "batch"}, "save_freq to be 'epoch' or a number of steps of 1 or more"),
        ({"save_freq": 0}, "got 0"),
        ({"save_freq": True}, "got True"),
        ({"keep": 0}, "keep to be an integer of 1 or more"),
        ({"mode": "best"}, "mode to be one of"),
        ({"seconds": -1}, "seconds to be a number in"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.BackupAndRestore("backup", **settings)


def test_differences_in_words():
    then = {"a": {"b": 1, "c": [1, 2]}, "d": "x" * 100}
    now = {"a": {"b": 2, "c": [1, 3]}, "e": None}
    assert differences(then, now) == [
        "a/b was 1 and is 2",
        "a/c/1 was 2 and is 3",
        f"d was '{'x' * 56}... and is None",
    ]
    assert differences(then, json.loads(json.dumps(then))) == []
