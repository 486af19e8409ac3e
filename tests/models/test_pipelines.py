"""Fitting from pipelines: read ahead, gone on with exactly, and the same as from arrays."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pellucid.callbacks import BackupAndRestore, Callback, LambdaCallback
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError
from pellucid.layers import Dense, Embedding, GlobalAveragePooling1D, Input
from pellucid.models import Sequential, load_model
from pellucid.optimizers import SGD
from pellucid.training import _resumable as resumable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int32")


def compiled(width=6):
    model = Sequential([Input((width,)), Dense(2, "softmax")])
    model.compile(
        SGD(0.1, momentum=0.5), "sparse_categorical_crossentropy", ["accuracy"], verbose=0
    )
    return model


def noisy(x, y, rng):
    return x + rng.normal(0, 0.1, x.shape), y


def pipeline(size=8):
    return Dataset.from_arrays(X, Y).pipeline().shuffle(seed=1).map(noisy, seed=2).batch(size)


def weights(model):
    return model.get_weights()


def equal(a, b):
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of three batches, so that a pass has several."""
    monkeypatch.setattr(resumable, "MOST_BATCHES", 3)


def test_a_pass_in_order_is_the_same_as_from_arrays(small_chunks):
    arrays, streamed = compiled(), compiled()
    arrays.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    streamed.fit(Dataset.from_arrays(X, Y).pipeline(), batch_size=8, epochs=3, verbose=0)
    equal(weights(arrays), weights(streamed))


def test_history_evaluation_and_prediction(small_chunks):
    model = compiled()
    data = Dataset.from_arrays(X, Y).pipeline()
    history = model.fit(
        data.shuffle(seed=1).batch(8), epochs=30, validation_data=data.batch(16), verbose=0
    )
    assert history.params["steps"] == 12
    assert history.history["accuracy"][-1] > 0.85
    whole = model.evaluate(X, Y, verbose=0, return_dict=True)
    for streamed in (data.batch(7), data):
        found = model.evaluate(streamed, verbose=0, return_dict=True)
        assert found == pytest.approx(whole, rel=1e-5)
    assert history.history["val_loss"][-1] == pytest.approx(whole["loss"], rel=1e-5)
    np.testing.assert_allclose(model.predict(data.batch(7)), model.predict(X), rtol=1e-5)
    np.testing.assert_allclose(model.predict(data), model.predict(X), rtol=1e-5)


def test_equal_seeds_give_equal_bits_however_it_is_cut_into_chunks(monkeypatch):
    found = []
    data = pipeline()
    for most in (1, 256):
        monkeypatch.setattr(resumable, "MOST_BATCHES", most)
        model = compiled()
        model.fit(data, epochs=2, verbose=0)
        found.append(weights(model))
    equal(found[0], found[1])
    other = compiled()
    other.fit(data, epochs=2, verbose=0, seed=5)
    assert not np.array_equal(weights(other)[0], found[0][0])


class StopAt(Callback):
    """Interrupts a fit after so many steps and notes where the pipeline stands."""

    every_step = True

    def __init__(self, data, steps):
        self.data, self.left, self.state = data, steps, None

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            self.state = self.data.state()
            self.record.stop("enough")


@pytest.fixture(scope="module")
def three_epochs():
    """The weights after three epochs without a stop."""
    whole = compiled()
    whole.fit(pipeline(), epochs=3, verbose=0)
    return weights(whole)


@pytest.mark.parametrize("steps", [5, 12, 17])
def test_going_on_in_the_middle_of_an_epoch_is_bit_equal(
    steps, tmp_path, small_chunks, three_epochs
):
    """Model and pipeline are saved after some steps and built anew."""
    first, data = compiled(), pipeline()
    stop = StopAt(data, steps)
    first.fit(data, epochs=3, callbacks=[stop], verbose=0)
    assert data.state() == stop.state
    first.save(tmp_path / "model")
    (tmp_path / "data.json").write_text(json.dumps(stop.state))

    second, data = load_model(tmp_path / "model"), pipeline()
    data.restore(json.loads((tmp_path / "data.json").read_text()))
    second.fit(data, epochs=3, initial_epoch=steps // 12, verbose=0)
    equal(three_epochs, weights(second))


def endless(known):
    rows = Dataset.from_arrays(X, Y).pipeline().shuffle(seed=1)
    return rows.batch(16) if known else rows.filter(lambda x, y: y >= 0).batch(16)


@pytest.fixture(scope="module")
def five_short_epochs():
    """The weights after five epochs of 4 steps, of passes of 6 steps."""
    whole = compiled()
    whole.fit(endless(known=True), steps_per_epoch=4, epochs=5, verbose=0)
    return weights(whole)


@pytest.mark.parametrize(("steps", "known"), [(3, False), (4, True), (9, True), (12, False)])
def test_going_on_where_epochs_run_over_the_end_of_a_pass(
    steps, known, small_chunks, tmp_path, five_short_epochs
):
    first, data = compiled(), endless(known)
    stop = StopAt(data, steps)
    first.fit(data, steps_per_epoch=4, epochs=5, callbacks=[stop], verbose=0)
    state = data.state()
    first.save(tmp_path / "model")
    second, data = load_model(tmp_path / "model"), endless(known)
    data.restore(state)
    left = 20 - steps
    second.fit(data, steps_per_epoch=left, epochs=1, verbose=0)
    equal(five_short_epochs, weights(second))


def test_the_state_is_that_of_the_steps_that_ran(small_chunks):
    data, model = pipeline(), compiled()
    seen = []
    model.fit(
        data,
        epochs=2,
        verbose=0,
        callbacks=[
            LambdaCallback(
                on_epoch_begin=lambda epoch, logs: seen.append(("begin", data.state()["batch"])),
                on_epoch_end=lambda epoch, logs: seen.append(("end", data.state()["batch"])),
            )
        ],
    )
    assert seen == [("begin", 0), ("end", 12), ("begin", 0), ("end", 12)]


def test_a_pipeline_can_be_looked_through_after_a_fit():
    data, model = pipeline(), compiled()
    model.fit(data, verbose=0)
    assert len(list(data)) == 12
    assert len(list(data)) == 12


def test_buckets_of_several_lengths():
    def texts():
        rng = np.random.default_rng(1)
        for _ in range(60):
            label = int(rng.integers(2))
            yield rng.integers(1 + 5 * label, 6 + 5 * label, rng.integers(2, 12)), label

    data = Dataset.from_generator(texts).shuffle(30, seed=1).bucket_by_length((4, 8, 12), 8)
    model = Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(11, 6, mask_zero=True),
            GlobalAveragePooling1D(),
            Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"], verbose=0)
    history = model.fit(data, epochs=25, verbose=0).history
    assert history["accuracy"][-1] > 0.95


def test_a_model_is_built_for_a_pipeline():
    model = Sequential([Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", verbose=0)
    data = pipeline()
    model.fit(data, verbose=0)
    again = Sequential([Dense(2, "softmax")])
    again.compile("sgd", "sparse_categorical_crossentropy", verbose=0)
    again.build((None, 6))
    again.fit(pipeline(), verbose=0)
    equal(weights(model), weights(again))


def test_errors_of_the_reading_thread_reach_the_caller():
    def broken():
        for row in range(90):
            if row == 60:
                raise OSError("The disk is gone")
            yield X[row], Y[row]

    model = compiled()
    with pytest.raises(OSError, match="The disk is gone"):
        model.fit(Dataset.from_generator(broken).batch(8), verbose=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda m: m.fit(pipeline(8), batch_size=16, verbose=0),
            ArgumentError,
            "the batch_size of the pipeline, 8, got 16; leave batch_size out",
        ),
        (
            lambda m: m.fit(pipeline(), steps_per_epoch=0, verbose=0),
            ArgumentError,
            "steps_per_epoch to be an integer",
        ),
        (
            lambda m: m.fit(Dataset.from_generator(lambda: iter(())), verbose=0),
            DataError,
            "data set is empty: it gave no batch",
        ),
        (lambda m: m.fit(pipeline(), Y, verbose=0), ArgumentError, "brings its own targets"),
        (
            lambda m: m.fit(pipeline(), validation_split=0.1, verbose=0),
            ArgumentError,
            "validation_split needs arrays",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(compiled())


def test_streams_of_functions_are_as_they_were():
    """Chunks of one shape, the short last batch padded."""
    model = compiled()
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 90, 8)]
    model.fit(lambda: iter(batches), epochs=2, verbose=0)
    arrays = compiled()
    arrays.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    equal(weights(model), weights(arrays))


def test_a_backup_goes_on_within_an_epoch(tmp_path, small_chunks, three_epochs):
    """The same lines typed again, after an interruption in the second epoch."""

    class Break(Callback):
        every_step = True

        def on_train_batch_end(self, batch, logs=None):
            if self.record.epoch == 1 and batch == 4:
                raise OSError("The lights went out")

    def fit(*more):
        model = compiled()
        backup = BackupAndRestore(tmp_path, save_freq=1, seconds=None)
        model.fit(pipeline(), epochs=3, callbacks=[backup, *more], verbose=0)
        return weights(model)

    with pytest.raises(OSError, match="The lights went out"):
        fit(Break())
    equal(three_epochs, fit())


@pytest.mark.slow
def test_gigabytes_stream_through_flat_memory(tmp_path):
    """2 GB made on the fly and 0.6 GB from a file; memory after a tenth of it, and at its most."""
    script = Path(__file__).parents[2] / "benchmarks" / "streaming.py"
    arguments = ["--gigabytes", "2", "--compared", "0.6", "--json"]
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=True
    )
    made, npy, memory = json.loads(done.stdout)
    assert made["gigabytes"] > 1.9
    assert made["megabytes_most"] < made["megabytes_early"] + 200
    assert npy["megabytes_most"] < npy["megabytes_early"] + 300
    assert memory["megabytes_most"] > npy["megabytes_most"]
