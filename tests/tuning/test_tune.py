"""Searches over a recipe: repeatable, going on, pruned; lost trials are tried again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from made_digits import quick_recipe
from pellucid import recipes, tuning
from pellucid.errors import ArgumentError, RunError, UnknownNameError
from pellucid.tuning import Choice, Float, Int
from pellucid.tuning._study import ATTEMPTS, Question, Study
from tuning.processes import one_that_is_killed

SPACE = {"learning_rate": Float(1e-4, 1e-1, log=True), "label_smoothing": Float(0.0, 0.3)}
SETTINGS = {"epochs": 3, "batch_size": 16}


@pytest.fixture(scope="module")
def quick():
    with quick_recipe():
        yield recipes.make("digits", **SETTINGS)


@pytest.fixture(scope="module")
def search(quick, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return tuning.tune(quick, SPACE, 4, runs=runs, verbose=0, monitor="val_loss")


def test_the_best_trial_has_the_least_loss_and_lies_in_the_space(search):
    assert len(search.trials) == 4
    values = [trial.value for trial in search.trials if trial.state == "complete"]
    assert search.best.value == min(values)
    assert [trial.value for trial in search.complete] == sorted(values)
    for trial in search.trials:
        assert 1e-4 <= trial.settings["learning_rate"] <= 1e-1
        assert 0 <= trial.settings["label_smoothing"] <= 0.3
        assert len(trial.curve) == 3
        assert trial.value == trial.curve[-1]


def test_a_trial_is_the_recipe_trained_with_its_settings(search, quick, tmp_path):
    settings = {**SETTINGS, **search.best.settings}
    run = recipes.train(recipes.make("digits", **settings), tmp_path, verbose=0, record=False)
    assert [line["val_loss"] for line in run.log] == pytest.approx(search.best.curve, rel=1e-6)


def test_the_folder_holds_question_journal_table_best_and_pictures(search):
    names = {path.name for path in search.folder.iterdir()}
    assert search.folder.name == "tune-digits"
    assert {"search.json", "journal.jsonl", "trials.csv", "best.json", "history.png"} <= names
    assert {"importance.png", "contour.png"} <= names
    best = json.loads((search.folder / "best.json").read_text())
    assert best["settings"]["learning_rate"] == search.best.settings["learning_rate"]
    assert best["settings"]["epochs"] == 3
    rows = (search.folder / "trials.csv").read_text().splitlines()
    assert rows[0] == "number,learning_rate,label_smoothing,val_loss,state,epochs"
    assert len(rows) == 5
    assert sum(search.importance().values()) == pytest.approx(1)


def test_a_search_repeats_itself_and_one_that_was_broken_off_goes_on(search, quick, tmp_path):
    settings = {"runs": tmp_path, "verbose": 0, "monitor": "val_loss"}
    tuning.tune(quick, SPACE, 2, **settings)
    said = []
    again = tuning.tune(quick, SPACE, 4, **(settings | {"verbose": 1}), tell=said.append)
    assert [trial.settings for trial in again.trials] == [t.settings for t in search.trials]
    assert [trial.curve for trial in again.trials] == [t.curve for t in search.trials]
    assert said[0] == "The search goes on after 2 trials."
    assert said[1].startswith("3/4  val_loss ")


def test_another_search_in_the_same_folder_is_refused(search, quick):
    other = {"learning_rate": Float(1e-3, 1e-1, log=True)}
    with pytest.raises(ArgumentError, match="holds a search with another space"):
        tuning.tune(quick, other, 4, runs=search.folder.parent, verbose=0, monitor="val_loss")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"space": {"lerning_rate": Float(0.1, 1.0)}}, UnknownNameError, "learning_rate"),
        ({"space": {"dropout": Float(0.1, 1.5)}}, ArgumentError, "dropout"),
        ({"space": {"epochs": Choice(["a", "b"])}}, ArgumentError, "whole number"),
        ({"pruner": "mean"}, ArgumentError, "pruner to be one of 'median', 'none'"),
        ({"trials": 0}, ArgumentError, "trials to be an integer of 1 or more"),
        ({"monitor": "val_acuracy"}, UnknownNameError, "val_accuracy"),
    ],
)
def test_wrong_arguments_are_refused(quick, tmp_path, changes, error, message):
    settings = {"space": SPACE, "trials": 1} | changes
    with pytest.raises(error, match=message):
        tuning.tune(quick, runs=tmp_path, verbose=0, **settings)


# Studies without training


def question(**changes):
    return Question({"x": Float(-1.0, 1.0), "n": Int(1, 4)}, "val_loss", False, **changes)


def test_trials_are_drawn_from_the_seed_and_what_is_known(tmp_path):
    drawn = []
    for folder, breaks in ((tmp_path / "a", ()), (tmp_path / "b", (3, 12)), (None, ())):
        study, settings = Study.begin(question(), folder) if folder else Study(question()), []
        while len(settings) < 15:
            if len(settings) in breaks:
                study.close()
                study = Study.open(folder)
            trial, own = study.take(15)
            settings.append(own)
            study.study.tell(trial, (own["x"] - 0.3) ** 2)
        assert study.take(15) is None
        drawn.append(settings)
    assert drawn[0] == drawn[1] == drawn[2]
    assert len({own["x"] for own in drawn[0]}) == 15
    other = Study(question(seed=1)).take(1)[1]
    assert other != drawn[0][0]


def test_a_lost_trial_is_failed_and_tried_again_with_its_settings(tmp_path):
    study = Study.begin(question(), tmp_path)
    _, lost = study.take(2)
    study.close()  # as when the process is killed
    other = Study.open(tmp_path)
    again, settings = other.take(2)
    assert settings == lost
    assert again.user_attrs["retry_of"] == 0
    assert other.study.trials[0].state.name == "FAIL"
    other.study.tell(again, 1.0)
    second, _ = other.take(2)
    other.study.tell(second, 2.0)
    assert other.take(2) is None
    assert [t.state for t in tuning.Search(other).trials] == ["complete", "complete"]


def test_a_trial_that_is_lost_again_and_again_is_given_up(tmp_path):
    for _ in range(ATTEMPTS):
        study = Study.begin(question(), tmp_path)
        assert study.take(1) is not None
        study.close()
    last = Study.open(tmp_path)
    assert last.take(1) is None
    found = tuning.Search(last)
    assert [t.state for t in found.trials] == ["failed"]
    with pytest.raises(RunError, match="No trial of the search is complete"):
        _ = found.best


def test_a_process_that_lives_keeps_its_trial(tmp_path):
    one, other = Study.begin(question(), tmp_path), Study.open(tmp_path)
    one.take(2)
    assert other.fail_lost() == 0
    assert other.take(2) is not None
    assert other.take(2) is None


def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path):
    study = Study.begin(question(), tmp_path)
    path = tmp_path / "journal.jsonl"
    with open(path, "ab") as file:
        file.write(b'{"op_code":4,"worker')
    assert len(study.study.trials) == 0
    other = Study.open(tmp_path)
    trial, own = other.take(1)
    other.study.tell(trial, 0.5)
    assert study.study.best_params == own
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_the_trial_of_a_killed_process_is_free(tmp_path):
    study = Study.begin(question(), tmp_path)
    with one_that_is_killed(tmp_path):
        assert study.fail_lost() == 0
    assert study.fail_lost() == 1


def test_processes_append_whole_lines_side_by_side(tmp_path):
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from pellucid.tuning._study import Study\n"
        "folder = Path(sys.argv[1]); study = Study.open(folder)\n"
        "(folder / f'{os.getpid()}.ready').touch()\n"
        "while len(list(folder.glob('*.ready'))) < 3: time.sleep(0.02)\n"
        "while (taken := study.take(30)) is not None:\n"
        "    study.study.tell(taken[0], taken[1]['x'] ** 2)\n"
    )
    study = Study.begin(question(), tmp_path)
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    states = [trial.state.name for trial in study.study.trials]
    assert states == ["COMPLETE"] * 30
    assert len({trial.user_attrs["worker"] for trial in study.study.trials}) > 1


def test_what_diverges_is_told_as_the_worst(quick, tmp_path):
    space = {"learning_rate": Choice([1e38, 0.01])}
    found = tuning.tune(quick, space, 4, runs=tmp_path, verbose=0, monitor="val_loss")
    by_rate = {trial.settings["learning_rate"]: trial for trial in found.trials}
    assert found.best.settings == {"learning_rate": 0.01}
    assert by_rate[1e38].state == "diverged"
    assert "became" in by_rate[1e38].reason or "held NaN" in by_rate[1e38].reason


def test_trials_behind_the_median_are_stopped():
    study = Study(question())
    for number in range(8):
        trial, _ = study.take(8)
        for epoch in range(1, 6):
            trial.report(1.0 if number < 7 else 2.0, epoch)
        if number < 7:
            study.study.tell(trial, 1.0)
    assert trial.should_prune()


@pytest.mark.slow
def test_a_search_with_workers_survives_the_kill_of_one(tmp_path):
    """Two processes train the digits recipe; one is killed in the midst of a trial."""
    recipe = recipes.make("digits", epochs=1)
    killed = []

    def kill(sentence):
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            command = place.read_bytes().split(b"\0") if place.exists() else []
            if not killed and str(tmp_path / "tune-digits").encode() in command:
                killed.append(int(place.parent.name))
                os.kill(killed[0], signal.SIGKILL)

    found = tuning.tune(
        recipe,
        {"learning_rate": Float(1e-4, 1e-2, log=True)},
        6,
        workers=2,
        runs=tmp_path,
        tell=kill,
    )
    assert killed
    assert any("retry_of" in trial.user_attrs for trial in found.study.trials)
    assert len(found.trials) == 6
    assert all(trial.state in ("complete", "pruned") for trial in found.trials)
