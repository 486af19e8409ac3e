"""``pellucid tune``."""

import json

import pytest

pytest.importorskip("optuna")

COMMAND = ("tune", "digits", "--trials", "2", "--set", "epochs=1", "--set", "batch_size=40")


def test_tune_says_how_trials_ended_and_what_to_type_next(quick, pellucid, tmp_path):
    result = pellucid(*COMMAND, "--space", "learning_rate=log:1e-3:1e-1")
    assert result.exit_code == 0, result.output
    assert "1/2  val_accuracy 0." in result.output
    assert "2 complete." in result.output
    assert "pellucid train digits --set learning_rate=0.0" in result.output
    assert (tmp_path / "runs" / "tune-digits" / "best.json").exists()

    again = pellucid(*COMMAND, "--space", "learning_rate=log:1e-3:1e-1", "--json")
    found = json.loads(again.stdout)
    assert found["best"]["settings"].keys() == {"learning_rate"}
    assert len(found["trials"]) == 2
    assert "goes on after 2 trials" in again.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--space", "learning_rate"), "--space expected NAME=RANGE, got 'learning_rate'"),
        (("--space", "lerning_rate=0:1"), "did you mean 'learning_rate'?"),
        (("--space", "dropout=x"), "as LOW:HIGH, log:LOW:HIGH or A,B,C"),
        (("--space", "dropout=0:1.5"), "expected dropout to be a number in [0, 1)"),
        (("--space", "dropout=0:.5", "--space", "dropout=0:.6"), "'dropout' is given twice"),
        (("--set", "epochs"), "--set expected NAME=VALUE"),
    ],
)
def test_wrong_usage_is_one_sentence(quick, pellucid, options, sentence):
    result = pellucid("tune", "digits", "--trials", "1", *options)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.output
