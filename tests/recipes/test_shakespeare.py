"""The Shakespeare recipe on made text, and on the real one."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pellucid import recipes
from pellucid.cli import app
from pellucid.datasets import tiny_shakespeare
from pellucid.errors import ArgumentError, DataError

SMALL = {"epochs": 1, "windows": 24, "context": 8, "width": 8, "blocks": 1, "heads": 2, "length": 9}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one epoch on two lines again and again."""
    text = tiny_shakespeare.encode("To be, or not to be: that is the question.\n" * 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_shakespeare, "load_data", lambda: (text[:400], text[400:]))
        folder = tmp_path_factory.mktemp("runs")
        yield recipes.train(recipes.make("shakespeare", **SMALL), folder, verbose=0)


def test_windows(run):
    data = run.recipe.data()
    assert data.train.x.shape == data.train.y.shape == (24, 8)
    np.testing.assert_array_equal(data.train.x[:, 1:], data.train.y[:, :-1])
    # Validation and test cut what is left in half; no character is in two of their windows.
    assert [part.rows for part in data.parts().values()] == [24, 7, 7]
    text = tiny_shakespeare.load_data()[1]
    np.testing.assert_array_equal(data.validation.x.reshape(-1), text[:56])
    np.testing.assert_array_equal(data.validation.y.reshape(-1), text[1:57])


def test_report_has_losses_and_a_text(run):
    assert {"loss", "accuracy"} <= set(run.metrics["test"]) & set(run.metrics["validation"])
    assert len(run.metrics["sample"]) == 9
    assert run.metrics["sample"] == run.recipe._continued(run.model, "\n")


def test_a_beginning_of_one_s_own(run, tmp_path):
    (tmp_path / "own.txt").write_text("To be")
    examples = [run.recipe.example(source) for source in ("To be", str(tmp_path / "own.txt"))]
    first, second = run.predict(examples)
    assert first.text == second.text
    assert (first.given, len(first.text), first.is_right) == ("To be", 9, None)


def test_a_sample_of_the_test_part_is_a_beginning(run):
    (answer,) = run.predict([run.recipe.sample(run.recipe.data(), 1)])
    assert answer.given == tiny_shakespeare.decode(run.recipe.data().test.x[0])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("absent.txt", "There is no text file 'absent.txt'"),
        ("Henry 5", "got '5'; leave it out"),
        ("", "'' holds no text"),
    ],
)
def test_beginnings_that_are_refused(run, source, message):
    with pytest.raises(DataError, match=message):
        run.recipe.example(source)


def test_a_file_that_is_no_text(run, tmp_path):
    (tmp_path / "own.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="own.txt' cannot be read as text"):
        run.recipe.example(str(tmp_path / "own.txt"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": 0}, "context to be an integer of 1 or more"),
        ({"temperature": -1.0}, r"temperature to be a number in \[0"),
        ({"learning_rate": 0.0}, r"learning_rate to be a number in \(0"),
    ],
)
def test_settings_outside_their_domain(settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make("shakespeare", **settings)


def test_command_line(run, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    command = ["predict", str(run.folder), "To be"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    text = run.predict([run.recipe.example("To be")])[0].text
    assert f"To be{text.partition(chr(10))[0]}".strip() in shown.stdout
    printed = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert printed["predictions"] == [
        {"source": "To be", "given": "To be", "text": text, "truth": None}
    ]


@pytest.mark.slow
def test_expected_loss(tmp_path):
    run = recipes.train(recipes.make("shakespeare"), tmp_path, verbose=0)
    tenth = (run.metrics["validation"]["loss"] + run.metrics["test"]["loss"]) / 2
    assert tenth <= 1.88
