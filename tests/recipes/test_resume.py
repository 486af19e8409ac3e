"""Runs that stopped go on, and end as if they had not; runs listed, and two of them compared."""

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from pellucid import recipes
from pellucid._files import Lock
from pellucid.callbacks import Callback
from pellucid.errors import RunError
from pellucid.recipes import _code, _runner
from pellucid.recipes._code import code_state
from pellucid.recipes.digits import Digits

pytestmark = pytest.mark.usefixtures("quick")
SETTINGS = {"epochs": 3, "batch_size": 16}


class Stop(Callback):
    """Presses Ctrl-C at the end of an epoch."""

    def __init__(self, after):
        self.after = after

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.after:
            signal.raise_signal(signal.SIGINT)


def train(folder, stop_after=None, **settings):
    recipe = recipes.make("digits", **SETTINGS, **settings)
    if stop_after is None:
        return recipes.train(recipe, folder, verbose=0)
    objective = Digits.objective
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Digits,
            "objective",
            lambda self, data: replace(objective(self, data), callbacks=[Stop(stop_after)]),
        )
        with pytest.raises(KeyboardInterrupt, match="Go on with `pellucid resume "):
            recipes.train(recipe, folder, verbose=0)
    (place,) = (path for path in folder.iterdir() if not path.is_symlink())
    return place


@pytest.fixture(scope="module")
def whole(quick, tmp_path_factory):
    """A run that nobody stopped."""
    return train(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def a_stopped_run(quick, tmp_path_factory):
    """A run that was stopped after two epochs of three."""
    return train(tmp_path_factory.mktemp("stopped"), stop_after=2)


@pytest.fixture
def stopped(a_stopped_run, tmp_path):
    """A copy of it."""
    return shutil.copytree(a_stopped_run, tmp_path / "runs" / a_stopped_run.name)


def lines_of(run):
    return [{name: v for name, v in line.items() if name != "seconds"} for line in run.log]


def test_a_resumed_run_ends_as_the_whole_one(stopped, whole):
    assert (stopped / "checkpoints").is_dir()
    said = []
    run = recipes.resume(stopped, verbose=0, tell=said.append)
    for a, b in zip(run.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert lines_of(run) == lines_of(whole)
    assert run.metrics["test"] == whole.metrics["test"]
    assert sorted(p.name for p in stopped.iterdir()) == sorted(
        p.name for p in whole.folder.iterdir()
    )
    assert run.steps == whole.steps
    with pytest.raises(RunError, match="has come to its end; look at it with `pellucid report"):
        recipes.resume(stopped)


def test_a_run_without_a_checkpoint_begins_again(stopped, whole):
    """As after a kill in its first seconds, in the middle of a line of the log."""
    shutil.rmtree(stopped / "checkpoints")
    shutil.rmtree(stopped / "recording")
    (stopped / "log.jsonl").write_text('{"epoch": 1, "lo')
    run = recipes.resume(stopped, verbose=0)
    assert lines_of(run) == lines_of(whole)


def test_changes_are_listed_and_refused_without_force(stopped):
    environment = json.loads((stopped / "environment.json").read_text())
    environment["versions"]["jax"] = "0.1"
    environment["data"]["train"]["x"]["sha256"] = "0" * 64
    (stopped / "environment.json").write_text(json.dumps(environment))
    with pytest.raises(RunError, match="this has changed") as raised:
        recipes.resume(stopped, {"epochs": "4"})
    for part in (
        "epochs was 3 and is 4",
        "versions/jax was '0.1' and is",
        "data/train/x/sha256 was '000",
        "--force (force=True)",
    ):
        assert part in str(raised.value)
    run = recipes.resume(stopped, {"epochs": "4"}, force=True, verbose=0)
    assert [line["epoch"] for line in run.log] == [1, 2, 3, 4]
    assert recipes.open_run(stopped).recipe.epochs == 4
    (again,) = json.loads((stopped / "environment.json").read_text())["resumed"]
    assert "epochs was 3 and is 4" in again["changed"]


def test_one_process_at_a_time(stopped):
    with Lock(stopped):
        with pytest.raises(RunError, match="Another process .* trains in"):
            recipes.resume(stopped)
        (listed,) = recipes.list_runs(stopped.parent)
        assert listed.state == "running"


# The list


def test_runs_are_listed(stopped, whole):
    shutil.copytree(whole.folder, stopped.parent / "whole")
    (stopped.parent / "notes").mkdir()
    (stopped.parent / "file.txt").write_text("no run")
    listed = {run.name: run for run in recipes.list_runs(stopped.parent)}
    assert set(listed) == {stopped.name, "whole"}
    assert listed["whole"].state == "finished"
    assert listed["whole"].measures == whole.metrics["test"]
    assert (listed[stopped.name].state, listed[stopped.name].epochs) == ("stopped", 2)
    assert listed[stopped.name].measures["val_loss"] == whole.log[1]["val_loss"]
    assert listed["whole"].to_json()["of_epochs"] == 3
    with pytest.raises(RunError, match="There is no folder .* with runs; make one with"):
        recipes.list_runs(stopped / "nowhere")


def test_two_runs_are_compared(stopped, whole):
    found = recipes.compare(whole.folder, stopped)
    assert found["settings"] == found["versions"] == found["data"] == found["code"] == []
    again = json.loads((stopped / "settings.json").read_text())
    again["settings"]["seed"] = 1
    (stopped / "settings.json").write_text(json.dumps(again))
    (stopped / "metrics.json").write_text('{"test": {"loss": 1.5, "accuracy": 0.25}}')
    found = recipes.compare(whole.folder, stopped)
    assert found["settings"] == [{"name": "seed", "a": 0, "b": 1}]
    loss = whole.metrics["test"]["loss"]
    entry = {"name": "test/loss", "a": loss, "b": 1.5, "change": 1.5 - loss}
    assert entry in found["measures"]
    assert {"name": "epochs", "a": 3.0, "b": None, "change": None} in found["measures"]


# The program


def test_the_commit_of_the_program(whole, monkeypatch):
    state = code_state()
    written = json.loads((whole.folder / "environment.json").read_text())["code"]
    assert (state is None) == (written is None)
    if state is not None:
        assert len(state["commit"]) == 40
        assert isinstance(state["dirty"], bool)
    monkeypatch.setattr(_code.shutil, "which", lambda name: None)
    assert code_state() is None


def test_checkpoints_are_made_by_the_clock():
    assert _runner.SECONDS_BETWEEN_CHECKPOINTS >= 5
