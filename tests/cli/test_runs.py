"""``pellucid runs``, ``pellucid compare`` and ``pellucid resume`` on one short run."""

import json


def only_run(runs):
    (folder,) = (path for path in runs.iterdir() if not path.is_symlink())
    return folder


def test_runs_are_listed(pellucid, runs):
    name = only_run(runs).name
    shown = pellucid("runs", "--runs", runs)
    assert shown.exit_code == 0
    for word in (name, "digits", "finished", "30/30", "accuracy"):
        assert word in shown.output
    (listed,) = json.loads(pellucid("runs", "--runs", runs, "--json").stdout)["runs"]
    assert (listed["name"], listed["state"], listed["epochs"]) == (name, "finished", 30)
    nowhere = pellucid("runs", "--runs", "nowhere")
    assert nowhere.exit_code == 1
    assert "There is no folder 'nowhere' with runs" in nowhere.output


def test_an_empty_folder_of_runs(pellucid, tmp_path):
    (tmp_path / "runs").mkdir()
    assert "There is no run in 'runs' yet" in pellucid("runs").output


def test_a_run_compared_with_itself(pellucid, runs):
    run = only_run(runs)
    shown = pellucid("compare", run, runs / "latest")
    assert shown.exit_code == 0
    assert "Settings, versions, machine, data and program are the same." in shown.output
    assert "test/accuracy" in shown.output
    found = json.loads(pellucid("compare", run, run, "--json").stdout)
    assert found["settings"] == []
    assert {entry["change"] for entry in found["measures"]} == {0.0}


def test_a_finished_run_is_not_resumed(pellucid, runs):
    refused = pellucid("resume", only_run(runs))
    assert refused.exit_code == 1
    assert "has come to its end" in " ".join(refused.output.split())
