"""The callbacks, on a model so small that every number can be foreseen."""

import csv
import json

import numpy as np
import pytest

from pellucid import Sequential, callbacks, losses, models, optimizers
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.layers import Dense

X = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
Y = 3 * X


def fit(epochs, *used, optimizer=None, **settings):
    model = Sequential([Dense(1)])
    model.compile(optimizer or optimizers.SGD(0.1), losses.MeanSquaredError(), verbose=0)
    settings = {"validation_data": (X, Y), "verbose": 0} | settings
    history = model.fit(X, Y, epochs=epochs, callbacks=list(used), **settings)
    return model, history


class Feign(callbacks.Callback):
    """Puts foreseen values into the logs, in front of the callback under test."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def test_early_stopping_waits_for_its_patience():
    stop = callbacks.EarlyStopping(patience=2)
    _, history = fit(9, Feign([5, 4, 4.5, 4.2, 3, 2, 1, 0, 0]), stop)
    assert history.epoch == [0, 1, 2, 3]


def test_early_stopping_restores_the_best_weights():
    kept = []
    grab = callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: kept.append(grab.model.get_weights())
    )
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model, _ = fit(9, Feign([5, 4, 4.5, 4.2, 0, 0, 0, 0, 0]), grab, stop)
    for ours, best in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(ours, best)
    assert not np.array_equal(kept[3][0], kept[1][0])


def test_early_stopping_maximizes_an_accuracy():
    stop = callbacks.EarlyStopping("val_accuracy", patience=1)
    _, history = fit(5, Feign([0.1, 0.3, 0.2, 0.9, 0.9], "val_accuracy"), stop)
    assert history.epoch == [0, 1, 2]


def test_early_stopping_counts_only_improvements_beyond_min_delta():
    stop = callbacks.EarlyStopping(min_delta=0.5, patience=1)
    _, history = fit(5, Feign([5, 4, 3.8, 1, 0]), stop)
    assert history.epoch == [0, 1, 2]


def test_a_measure_that_is_absent_is_named():
    with pytest.raises(UnknownNameError, match="named 'val_acc'; did you mean 'val_loss'"):
        fit(2, callbacks.EarlyStopping("val_acc"))


def test_reduce_on_plateau_lowers_the_rate():
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1)
    _, history = fit(8, Feign([5, 4, 4, 4, 4, 4, 4, 4]), reduce)
    expected = [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert history.history["learning_rate"] == pytest.approx(expected, rel=1e-6)


def test_the_scheduler_sets_the_rate_that_is_used():
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: 0.0 if epoch else rate)
    kept = []
    grab = callbacks.LambdaCallback(
        on_epoch_end=lambda e, logs: kept.append(grab.model.get_weights()[0])
    )
    _, history = fit(3, schedule, grab)
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.0, 0.0])
    np.testing.assert_array_equal(kept[0], kept[2])


def test_a_schedule_in_the_optimizer_cannot_be_overruled():
    rate = optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(ArgumentError, match="follows"):
        fit(1, callbacks.LearningRateScheduler(lambda e, r: 1.0), optimizer=optimizers.SGD(rate))


def test_checkpoints_of_the_best_epochs(tmp_path):
    save = callbacks.ModelCheckpoint(tmp_path / "best-{epoch}", save_best_only=True)
    fit(4, Feign([5, 6, 3, 4]), save)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best-1", "best-3"]
    model = models.load_model(tmp_path / "best-3")
    assert model.predict(X).shape == (32, 1)


def test_checkpoints_of_the_weights_alone(tmp_path):
    save = callbacks.ModelCheckpoint(tmp_path / "last", save_weights_only=True)
    model, _ = fit(2, save)
    other = Sequential([Dense(1)], seed=9)
    other.build((None, 1))
    other.load_weights(tmp_path / "last.weights.safetensors")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_the_csv_log_has_a_line_an_epoch(tmp_path):
    path = tmp_path / "log.csv"
    _, history = fit(3, callbacks.CSVLogger(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["loss"]) for row in rows] == history.history["loss"]
    fit(2, callbacks.CSVLogger(path, append=True))
    assert len(path.read_text().splitlines()) == 6


def test_terminate_on_nan_stops_and_says_where():
    nan = callbacks.TerminateOnNaN()
    model, history = fit(5, nan, optimizer=optimizers.SGD(1e30), validation_data=None)
    assert len(history.epoch) < 5
    assert "The loss became" in nan.record.stopped
    assert "clipnorm=1.0" in nan.record.stopped


def test_lambda_callbacks_are_called_at_their_moments():
    seen = []
    fit(
        2,
        callbacks.LambdaCallback(
            on_train_begin=lambda logs: seen.append("begin"),
            on_epoch_begin=lambda epoch, logs: seen.append(f"epoch {epoch}"),
            on_train_batch_end=lambda batch, logs: seen.append(batch),
            on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)),
            on_train_end=lambda logs: seen.append("end"),
        ),
        batch_size=16,
    )
    logs = ["loss", "val_loss"]
    assert seen == ["begin", "epoch 0", 0, 1, logs, "epoch 1", 0, 1, logs, "end"]


def test_a_users_own_callback_stops_through_the_record():
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.record.stop("enough")

    _, history = fit(9, Enough())
    assert history.epoch == [0, 1]


def test_keras_s_way_of_stopping_works_too():
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    _, history = fit(9, Enough())
    assert history.epoch == [0, 1]


def test_the_model_in_a_callback_has_the_weights_of_the_moment():
    seen = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.evaluate(X, Y, verbose=0))
            assert seen[-1] == pytest.approx(logs["val_loss"])

    fit(3, Look())
    assert seen[2] < seen[0]


def test_weights_set_in_a_callback_are_trained_on():
    class Reset(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([np.full((1, 1), 3.0), np.zeros(1)])

    model, history = fit(2, Reset(), optimizer=optimizers.SGD(1e-3))
    assert history.history["loss"][1] == pytest.approx(0, abs=1e-10)


def test_the_history_is_ready_for_json():
    _, history = fit(2)
    assert json.loads(json.dumps(history.history)) == history.history
    assert history.params == {"epochs": 2, "steps": 1, "batch_size": 32}
