"""A recipe trained for a few steps on made data, and everything in its run folder."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pellucid import recipes
from pellucid.callbacks import Callback
from pellucid.errors import ArgumentError
from pellucid.recipes.digits import Digits

pytestmark = pytest.mark.usefixtures("quick")


def small(**settings):
    return recipes.make("digits", **{"epochs": 2, "batch_size": 16, **settings})


def test_the_run_folder_is_complete(run):
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "confusion_matrix.png",
        "environment.json",
        "learning_curve.png",
        "log.jsonl",
        "metrics.json",
        "model",
        "recording",
        "settings.json",
    ]
    assert (run.folder.parent / "latest").resolve() == run.folder.resolve()
    for name in ("confusion_matrix.png", "learning_curve.png"):
        with Image.open(run.folder / name) as image:
            assert min(image.size) > 400


def test_measures(run):
    assert set(run.metrics["test"]) == {"loss", "accuracy"}
    matrix = np.array(run.metrics["confusion_matrix"])
    assert matrix.sum() == 30
    assert np.trace(matrix) / 30 == pytest.approx(run.metrics["test"]["accuracy"])
    assert run.metrics["epochs"] == run.recipe.epochs
    assert run.metrics["test"]["accuracy"] > 0.9, "made digits are easy"


def test_log_has_a_line_for_each_epoch(run):
    assert [line["epoch"] for line in run.log] == list(range(1, run.recipe.epochs + 1))
    for line in run.log:
        assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= set(line)
    assert run.metrics["validation"]["loss"] == pytest.approx(run.log[-1]["val_loss"], rel=1e-5)


def test_settings_and_environment_repeat_the_run(run):
    reopened = recipes.open_run(run.folder)
    assert reopened.recipe == run.recipe
    written = json.loads((run.folder / "environment.json").read_text())
    assert written["seed"] == 0
    assert {"pellucid", "python", "jax", "numpy"} <= set(written["versions"])
    assert written["data"]["test"]["x"]["shape"] == [30, 8, 8, 1]
    assert len(written["data"]["train"]["y"]["sha256"]) == 64


def test_equal_seeds_give_equal_bits_and_other_seeds_do_not(tmp_path):
    run, again, other = (recipes.train(small(seed=s), tmp_path, verbose=0) for s in (0, 0, 1))
    for a, b in zip(run.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(run.model.get_weights()[0], other.model.get_weights()[0])
    hashes = [
        json.loads((r.folder / "environment.json").read_text())["data"] for r in (run, again, other)
    ]
    assert hashes[0] == hashes[1]
    assert hashes[0]["train"] != hashes[2]["train"], "the seed draws the validation part"
    assert hashes[0]["test"] == hashes[2]["test"], "and never the test part"


def test_the_saved_model_predicts_as_measured(run):
    data = run.recipe.data()
    examples = [run.recipe.sample(data, number) for number in range(1, 31)]
    answers = recipes.open_run(run.folder).predict(examples)
    right = sum(answer.label == answer.example.truth for answer in answers)
    assert right / 30 == pytest.approx(run.metrics["test"]["accuracy"])
    for answer in answers:
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.probabilities[answer.label] == max(answer.probabilities.values())
        assert answer.example.picture.shape == (8, 8)


@pytest.mark.parametrize("number", [0, -1, 31])
def test_samples_outside_the_test_part(run, number):
    with pytest.raises(ArgumentError, match=f"a number from 1 to 30, .* got {number}"):
        run.recipe.sample(run.recipe.data(), number)


def test_verbose_says_what_is_trained_on(tmp_path, capsys):
    recipes.train(small(), tmp_path, verbose=1)
    said = capsys.readouterr().out
    assert "72 train, 8 validation, 30 test; each of shape (8, 8, 1)" in said
    assert "parameters in" in said
    assert "Epoch 2/2" in said


class Stop(Callback):
    """Interrupts the training in epoch number ``at`` (from 0), as Ctrl-C does."""

    def __init__(self, at):
        self.at = at

    def on_look(self, batch, logs):
        if self.record.epoch == self.at:
            raise KeyboardInterrupt


@pytest.fixture
def stopped_in(monkeypatch):
    objective = Digits.objective

    def stop(at):
        def stopping(self, data):
            return replace(objective(self, data), callbacks=[Stop(at)])

        monkeypatch.setattr(Digits, "objective", stopping)

    return stop


def test_an_interruption_keeps_the_last_whole_epoch(tmp_path, stopped_in):
    stopped_in(1)
    with pytest.raises(KeyboardInterrupt, match="in epoch 2 of 2; the model .* after epoch 1"):
        recipes.train(small(), tmp_path, verbose=0)
    run = recipes.open_run(tmp_path / "latest")
    assert len(run.log) == 1
    measured = run.model.evaluate(*run.recipe.data().validation, return_dict=True, verbose=0)
    assert measured["loss"] == pytest.approx(run.log[0]["val_loss"], rel=1e-5)


def test_an_interruption_in_the_first_epoch_leaves_no_model(tmp_path, stopped_in):
    stopped_in(0)
    with pytest.raises(
        KeyboardInterrupt, match="in epoch 1 of 2, before there was a model; nothing"
    ):
        recipes.train(small(), tmp_path, verbose=0)
    assert not list(tmp_path.iterdir())
