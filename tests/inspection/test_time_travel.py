"""Any step of a recorded training, reopened: the same bits, and what it says to bad input."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pellucid
from inspection.recorded_runs import (
    Keep,
    assert_equal_bits,
    changing_rate,
    network,
    often,
    pictures,
)
from pellucid import Sequential, losses, optimizers
from pellucid.callbacks import Callback, EarlyStopping, LambdaCallback, Recorder
from pellucid.errors import ArgumentError, RunError, UnknownNameError
from pellucid.inspection._queries import far_steps
from pellucid.layers import Dense
from pellucid.training import TrainingState, train

DATA = pictures()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run of 60 steps with a changed rate, reopened, and states that a second run captured."""
    folder = tmp_path_factory.mktemp("recorded")
    settings = {"epochs": 12, "batch_size": 12, "verbose": 0, "seed": 4}
    network().fit(*DATA, callbacks=[often(folder), changing_rate(5, 0.5)], **settings)
    keep = Keep((0, 7, 24, 25, 41, 59))
    network().fit(*DATA, callbacks=[keep, changing_rate(5, 0.5)], **settings)
    return pellucid.open(folder, model=network(seed=9), data=DATA), keep.states


def test_the_run_knows_its_steps(recorded):
    run, _ = recorded
    assert run.steps == range(60)
    assert run.differences == []
    assert run.looks[-1]["step"] == 60


@pytest.mark.parametrize("step", [0, 7, 24, 25, 41, 59])
def test_a_step_is_reopened_bit_equal(recorded, step):
    run, states = recorded
    assert_equal_bits(run.at(step).state, states[step])


@pytest.mark.slow
def test_fifty_steps_of_two_thousand_are_bit_equal(tmp_path):
    steps = sorted(np.random.default_rng(0).choice(2000, 50, replace=False).tolist())
    settings = {"epochs": 400, "batch_size": 12, "verbose": 0, "seed": 1}
    recorder = Recorder(tmp_path, megabytes=0.3, share=1.0)
    network().fit(*DATA, callbacks=[recorder], **settings)
    files = list(tmp_path.glob("0*.safetensors"))
    assert 2 <= len(files) < 100
    assert sum(path.stat().st_size for path in files) <= 300_000
    keep = Keep(steps)
    network().fit(*DATA, callbacks=[keep], **settings)
    run = pellucid.open(tmp_path, model=network(), data=DATA)
    assert run.steps == range(2000)
    for step in steps:
        assert_equal_bits(run.at(step).state, keep.states[step])


def test_the_batch_is_the_very_one(recorded):
    run, _ = recorded
    moment = run.at(23)
    assert moment.epoch == 4
    np.testing.assert_array_equal(moment.x, DATA[0][moment.rows])
    np.testing.assert_array_equal(moment.y, DATA[1][moment.rows])
    epoch = np.concatenate([run.at(step).rows for step in range(20, 25)])
    assert sorted(epoch) == list(range(50))
    assert len(run.at(24).rows) == 2
    assert len(run.at(24).batch.x) == 12


def test_what_the_weights_did_next(recorded):
    run, _ = recorded
    moment = run.at(30)
    after = moment.next()
    assert after.step == 31
    assert_equal_bits(moment.after, after.state)
    change = moment.changes["dense"]["kernel"]
    expected = (
        after.state.parameters["dense"]["kernel"] - moment.state.parameters["dense"]["kernel"]
    )
    np.testing.assert_array_equal(change, expected)


@pytest.mark.parametrize("step", [24, 30])
def test_the_trace_is_that_of_the_step(recorded, step):
    """Dropout, augmentation and batch statistics are the step's own, padding included."""
    run, _ = recorded
    moment = run.at(step)
    trace = moment.trace()
    assert float(trace.loss) == pytest.approx(moment.measures["loss"], rel=1e-5)
    for layer in ("conv2d", "dense"):
        moved = moment.changes[layer]["kernel"]
        np.testing.assert_allclose(trace[layer].updates["kernel"], moved, rtol=1e-3, atol=1e-6)
    other = run.at(step - 1).trace()
    assert not np.array_equal(trace["dropout"].output == 0, other["dropout"].output == 0)


def test_the_table_of_layers(recorded):
    run, _ = recorded
    moment = run.at(30)
    rows = {row["parameter"]: row for row in moment.layers()}
    kernel = moment.state.parameters["dense"]["kernel"]
    assert rows["dense/kernel"]["norm"] == pytest.approx(float(jnp.linalg.norm(kernel)), rel=1e-5)
    assert rows["dense/kernel"]["gradient"] > 0
    told = moment.to_json()
    assert told["measures"].keys() == {"loss", "accuracy"}
    assert len(told["rows"]) == 12


def test_weights_that_a_callback_put_in_place_are_seen(tmp_path):
    class Halve(Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                self.record.replace(jax.tree.map(lambda w: w / 2, self.record.parameters))

    settings = {"epochs": 6, "batch_size": 25, "verbose": 0}
    stop = EarlyStopping("loss", patience=9, restore_best_weights=True)
    network().fit(*DATA, callbacks=[Recorder(tmp_path, share=0), Halve(), stop], **settings)
    keep = Keep((5, 6, 9))
    network().fit(*DATA, callbacks=[keep, Halve()], **settings)
    run = pellucid.open(tmp_path, model=network(), data=DATA)
    assert len(list(tmp_path.glob("0*.safetensors"))) == 2
    for step, state in keep.states.items():
        assert_equal_bits(run.at(step).state, state)
    (
        tmp_path / next(e["file"] for e in run.replay.files.entries if e.get("why") == "weights")
    ).unlink()
    assert run.at(5).step == 5
    with pytest.raises(RunError, match="Step 9 cannot be reached.*megabytes=1000"):
        run.at(9)


def test_weights_of_rows_and_split_are_remembered(tmp_path):
    x, y = DATA
    settings = {"epochs": 2, "batch_size": 20, "verbose": 0, "validation_split": 0.2}
    weights = {"class_weight": {0: 1.0, 1: 3.0}, "sample_weight": np.linspace(0, 1, 50)}
    network().fit(x, y, callbacks=[Recorder(tmp_path)], **settings, **weights)
    keep = Keep((3,))
    network().fit(x, y, callbacks=[keep], **settings, **weights)
    run = pellucid.open(tmp_path, model=network(), data=DATA)
    assert_equal_bits(run.at(3).state, keep.states[3])
    assert run.find("best validation")[0] in (1, 3)
    expected = np.where(y == 1, 3.0, 1.0) * np.linspace(0, 1, 50)
    moment = run.at(2)
    np.testing.assert_allclose(moment.batch.sample_weight, expected[moment.rows], rtol=1e-6)


def test_a_training_with_a_step_of_its_own(tmp_path):
    def step(state, batch):
        noise = jax.random.normal(state.step_key(), ())
        w = state.parameters["w"] + 0.1 * jnp.mean(batch.x) * noise
        return state.replace(parameters={"w": w}), {"size": jnp.abs(w)}

    start = TrainingState.start({"w": jnp.zeros(())}, seed=2)
    x = np.arange(12, dtype=np.float32)
    settings = {"epochs": 4, "batch_size": 4}
    train(step, start, x, callbacks=[Recorder(tmp_path)], **settings)
    keep = Keep((5,))
    train(step, start, x, callbacks=[keep], **settings)
    run = pellucid.open(tmp_path, step=step, state=start, data=x)
    assert_equal_bits(run.at(5).state, keep.states[5])
    assert run.at(5).layers()[0]["gradient"] is None
    with pytest.raises(ArgumentError, match="A trace needs a model that was trained by fit"):
        run.at(5).trace()


def test_a_step_that_makes_its_own_data(tmp_path):
    def step(state, batch):
        w = state.parameters["w"] + jax.random.normal(state.step_key(), ())
        return state.replace(parameters={"w": w}), {"size": jnp.abs(w)}

    start = TrainingState.start({"w": jnp.zeros(())})
    end, _ = train(step, start, steps=5, epochs=2, callbacks=[Recorder(tmp_path)])
    run = pellucid.open(tmp_path, step=step, state=start)
    assert_equal_bits(run.at(9).after, end)


# Questions


def test_the_largest_update_and_the_best_validation(tmp_path):
    x = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile(optimizers.SGD(0.1), losses.MeanSquaredError(), verbose=0)
    calls = [Recorder(tmp_path), changing_rate(3, 4.0)]
    settings = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(x, 3 * x, epochs=6, callbacks=calls, validation_data=(x, 3 * x), **settings)
    run = pellucid.open(tmp_path, model=model, data=(x, 3 * x))
    moved = [
        float(jnp.sqrt(sum(jnp.sum(c**2) for c in jax.tree.leaves(run.at(step).changes))))
        for step in run.steps
    ]
    assert run.find("largest update") == [int(np.argmax(moved))]
    assert run.find("largest update", between=(8, 12)) == [8 + int(np.argmax(moved[8:]))]
    assert run.find("best validation") == [11]
    assert run.find("first nan") == []


def test_a_spike_and_a_jump_are_told_apart(tmp_path):
    """Row 40 of an unshuffled epoch is far off in one run; in the other the weights are lost."""
    x = np.ones((64, 1), np.float32)
    y = np.linspace(0.9, 1.1, 64, dtype=np.float32)[:, None]
    y[40] = 60.0

    def made(rate):
        model = Sequential([Dense(1, input_shape=(1,), kernel_initializer="ones")])
        model.compile(optimizers.SGD(rate), losses.MeanSquaredError(), verbose=0)
        return model

    settings = {"batch_size": 1, "epochs": 1, "shuffle": False, "verbose": 0}
    spiked = tmp_path / "spiked"
    made(1e-6).fit(x, y, callbacks=[Recorder(spiked)], **settings)
    run = pellucid.open(spiked, model=made(1e-6), data=(x, y))
    assert run.find("loss spiked") == [40]
    assert run.find("loss jumped") == []
    assert run.find("loss spiked", between=(41, 64)) == []

    jumped = tmp_path / "jumped"
    made(0.3).fit(x, y, callbacks=[Recorder(jumped)], **settings)
    run = pellucid.open(jumped, model=made(0.3), data=(x, y))
    assert 40 in run.find("loss jumped") + run.find("loss spiked")


def test_far_steps_of_series():
    noise = np.random.default_rng(0).normal(1, 0.05, 200)
    assert far_steps(noise, stays=False) == far_steps(noise, stays=True) == []
    spike = noise.copy()
    spike[[80, 150]] = 5
    assert far_steps(spike, stays=False) == [80, 150]
    assert far_steps(spike, stays=True) == []
    jump = noise + 2 * (np.arange(200) >= 120)
    assert far_steps(jump, stays=True) == [120]
    jump[130:] = np.nan
    assert far_steps(jump, stays=True)[0] == 120


# Bad input


def test_a_question_that_is_not_known(recorded):
    with pytest.raises(
        UnknownNameError, match="question to a run named 'loss spike'; did you mean"
    ):
        recorded[0].find("loss spike")


def test_steps_outside_of_the_run(recorded):
    run, _ = recorded
    for step in (-1, 60, "7"):
        with pytest.raises(ArgumentError, match="has steps 0 to 59, got .*choose one of them"):
            run.at(step)
    with pytest.raises(ArgumentError, match="Step 59 is the last one.*moment.after"):
        run.at(59).next()
    with pytest.raises(ArgumentError, match="between to be two steps from 0 to 60"):
        run.find("first nan", between=(10, 5))


def test_changed_data_are_told_before_any_number(recorded):
    folder = recorded[0].replay.files.folder
    x, y = DATA
    other = x.copy()
    other[17, 0, 0, 0] += 1e-3
    with pytest.raises(
        RunError, match="not those .* trained on: the numbers of x have another hash"
    ):
        pellucid.open(folder, model=network(), data=(other, y))
    with pytest.raises(RunError, match=r"x was float32 of shape \(50, 6, 6, 1\) and is .*\(40, "):
        pellucid.open(folder, model=network(), data=(x[:40], y[:40]))


def test_another_model_is_told(recorded):
    folder = recorded[0].replay.files.folder
    with pytest.raises(RunError, match="optimizer, loss or metrics differ.*beta_1.*0.9 then, 0.5"):
        pellucid.open(folder, model=network(optimizers.Adam(0.01, beta_1=0.5)), data=DATA)
    model = Sequential([Dense(2, input_shape=(6, 6, 1))])
    model.compile("adam", "mse", verbose=0)
    with pytest.raises(RunError, match="its layers differ"):
        pellucid.open(folder, model=model, data=(DATA[0], DATA[0][..., [0, 0]]))


def test_what_is_no_recording(recorded, tmp_path):
    with pytest.raises(RunError, match="There is no recording in .*callbacks.Recorder"):
        pellucid.open(tmp_path, model=network(), data=DATA)
    folder = recorded[0].replay.files.folder
    with pytest.raises(ArgumentError, match="holds a recording but not what was trained; type"):
        pellucid.open(folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "recording.json").write_text("{")
    with pytest.raises(RunError, match="is damaged; train again"):
        pellucid.open(copy, model=network(), data=DATA)


def test_a_kill_leaves_a_recording_that_can_be_read(recorded, tmp_path):
    folder = recorded[0].replay.files.folder
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    lines = (copy / "log.jsonl").read_text().splitlines(keepends=True)
    (at,) = (n for n, line in enumerate(lines) if '"epoch", "step": 40' in line)
    (copy / "log.jsonl").write_text("".join(lines[: at + 1]) + lines[at + 1][:9])
    run = pellucid.open(copy, model=network(), data=DATA)
    assert run.steps == range(40)
    assert_equal_bits(run.at(7).state, recorded[1][7])
    text = (copy / "recording.json").read_text()
    start = text.index('"data": {')
    end = text.index('"model"')
    (copy / "recording.json").write_text(text[:start] + '"data": null,\n' + text[end:])
    with pytest.raises(RunError, match="killed before the hashes of its data were written"):
        pellucid.open(copy, model=network(), data=DATA)


def test_a_stream_is_refused_by_the_recorder(tmp_path):
    def batches():
        for start in range(0, 50, 10):
            yield DATA[0][start : start + 10], DATA[1][start : start + 10]

    with pytest.raises(ArgumentError, match="Recorder expected data in arrays, got a stream"):
        network().fit(batches, epochs=1, verbose=0, callbacks=[Recorder(tmp_path)])


@pytest.mark.parametrize(("name", "value"), [("megabytes", 0), ("share", 1.5), ("share", -0.1)])
def test_settings_of_the_recorder(tmp_path, name, value):
    with pytest.raises(ArgumentError, match=f"Recorder expected {name} to be a number in"):
        Recorder(tmp_path, **{name: value})


def test_an_earlier_recording_is_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    for epochs in (6, 2):
        network().fit(*DATA, epochs=epochs, batch_size=25, verbose=0, callbacks=[often(tmp_path)])
    run = pellucid.open(tmp_path, model=network(), data=DATA)
    assert run.steps == range(4)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert not list(tmp_path.glob(".*"))


def test_the_recorder_leaves_the_bits_alone(tmp_path):
    settings = {"epochs": 3, "batch_size": 25, "verbose": 0}
    seen = LambdaCallback()
    alone, beside = network(), network()
    alone.fit(*DATA, callbacks=[seen], **settings)
    beside.fit(*DATA, callbacks=[often(tmp_path)], **settings)
    for a, b in zip(alone.get_weights(), beside.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
