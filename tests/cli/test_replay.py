"""``pellucid replay``: a step, a question, a NaN, and what it says to wrong use."""

import json

import pytest

from pellucid import recipes


def test_a_step(pellucid, runs):
    result = pellucid("replay", runs / "latest", "--step", "7")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Step 7 of 0 to 149, epoch 2, 16 rows")
    assert any(line.startswith("loss  ") for line in lines)
    (row,) = (line.split() for line in lines if line.startswith("dense/kernel"))
    assert len(row) == 5


def test_a_step_as_json(pellucid, runs):
    result = pellucid("replay", runs / "latest", "--step", "7", "--json")
    told = json.loads(result.stdout)
    moment = recipes.open_run(runs / "latest").at(7)
    assert told["measures"] == moment.measures
    assert told["rows"] == moment.rows.tolist()
    assert told["layers"][0].keys() == {
        *("parameter", "shape", "norm", "gradient", "change", "ratio")
    }
    assert told["differences"] == []


def test_a_question(pellucid, runs):
    result = pellucid("replay", runs / "latest", "--find", "best validation", "--json")
    expected = recipes.open_run(runs / "latest").find("best validation")
    assert json.loads(result.stdout)["steps"] == expected
    text = pellucid("replay", runs / "latest", "--find", "best validation").stdout
    assert text.strip() == f"best validation: {expected[0]}"


def test_where_a_nan_came_from(pellucid, runs, tmp_path):
    result = pellucid("replay", runs / "latest", "--nan")
    assert result.stdout.strip() == "All numbers of the run are finite."
    trained = pellucid("train", "digits", "--set", "learning_rate=1e37", "--runs", "nan")
    assert trained.exit_code == 1
    assert "In step" in trained.output
    (folder,) = (tmp_path / "nan").glob("digits-*")
    text = pellucid("replay", folder, "--nan")
    assert text.exit_code == 0, text.output
    assert "where      " in text.stdout
    told = json.loads(pellucid("replay", folder, "--nan", "--json").stdout)["nonfinite"]
    assert told == json.loads((folder / "nonfinite.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "one of --step 812, --find 'loss spiked' and --nan"),
        (("--step", "1", "--nan"), "give one of them"),
        (("--step", "150"), "The run has steps 0 to 149, got 150; choose one of them."),
        (("--find", "loss spike"), "did you mean 'loss spiked'?"),
    ],
)
def test_wrong_use(pellucid, runs, arguments, sentence):
    result = pellucid("replay", runs / "latest", *arguments)
    assert result.exit_code == 1
    assert sentence in " ".join(result.output.split())


def test_a_run_without_a_recording(pellucid, quick):
    trained = pellucid("train", "digits", "--epochs", "1", "--no-record")
    assert trained.exit_code == 0, trained.output
    result = pellucid("replay", "runs/latest", "--step", "1")
    assert result.exit_code == 1
    assert "There is no recording in" in result.output
