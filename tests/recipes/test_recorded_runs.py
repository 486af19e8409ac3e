"""Recipes are recorded: their runs reopened at any step, and what is said of a NaN."""

import json

import numpy as np
import pytest

import pellucid
from inspection.recorded_runs import Keep, assert_equal_bits
from pellucid import recipes
from pellucid.callbacks import Recorder
from pellucid.datasets import digits
from pellucid.errors import NonFiniteError, RunError
from pellucid.recipes._runner import compiled

pytestmark = pytest.mark.usefixtures("quick")


def test_a_run_is_reopened_at_a_step(run):
    opened = pellucid.open(run.folder.parent / "latest")
    data = opened.recipe.data()
    keep = Keep((41,))
    settings = {"batch_size": 16, "epochs": 12, "seed": 0, "verbose": 0}
    compiled(opened.recipe, data).fit(*data.train, callbacks=[keep], **settings)
    assert_equal_bits(opened.at(41).state, keep.states[41])
    assert opened.steps.stop == 12 * 5
    logged = [line["val_loss"] for line in opened.log]
    assert opened.find("best validation") == [5 * int(np.argmin(logged)) + 4]


def test_a_run_without_a_recording(quick, tmp_path):
    made = recipes.train(recipes.make("digits", epochs=1), tmp_path, verbose=0, record=False)
    assert not (made.folder / "recording").exists()
    with pytest.raises(RunError, match="There is no recording in .*without --no-record"):
        made.at(0)


def test_changed_data_are_told(run, monkeypatch):
    (x, y), test = digits.load_data()
    monkeypatch.setattr(digits, "load_data", lambda: ((x[::-1], y), test))
    with pytest.raises(RunError, match="not those that the run was trained on.*another hash"):
        recipes.open_run(run.folder).at(3)


@pytest.mark.parametrize("record", [True, False])
def test_a_training_that_becomes_nan_says_where(tmp_path, record):
    recipe = recipes.make("digits", epochs=50, learning_rate=1e37)
    with pytest.raises(NonFiniteError, match="In step|told|tell where it began") as raised:
        recipes.train(recipe, tmp_path, verbose=0, record=record)
    (folder,) = (path for path in tmp_path.iterdir() if not path.is_symlink())
    assert not (folder / "model").exists()
    if not record:
        assert "became" in str(raised.value) or "held" in str(raised.value)
        return
    told = json.loads((folder / "nonfinite.json").read_text())
    assert str(raised.value).startswith(f"In step {told['step']}, {told['operation']}")
    assert f"pellucid replay {folder} --nan" in str(raised.value)
    again = pellucid.open(folder).recording.explain_nonfinite()
    assert (again.step, again.operation) == (told["step"], told["operation"])


def test_a_learner_is_reopened(tmp_path, monkeypatch):
    from made_digits import made_digits

    monkeypatch.setattr(digits, "load_data", lambda: (made_digits(80, 1), made_digits(30, 2)))
    run = recipes.train(recipes.make("digits_som", epochs=2, side=3), tmp_path, verbose=0)
    moment = run.at(run.steps.stop - 1)
    assert_equal_bits(moment.after, run.recording.replay.at(run.steps.stop))
    assert moment.layers()[0]["change"] > 0


def test_the_recorder_can_be_opened_from_a_run_folder(run):
    assert pellucid.open(run.folder / "recording", model=run_model(run), data=run_data(run)).steps


def run_model(run):
    return compiled(run.recipe, run.recipe.data())


def run_data(run):
    return tuple(run.recipe.data().train)


def test_recorder_is_a_public_callback():
    assert pellucid.callbacks.Recorder is Recorder
