"""The run folder: names, the newest run, whole files, and folders that are no runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from pellucid import recipes
from pellucid.errors import RunError
from pellucid.recipes._run import new_folder, plain, point_latest, replacing, write_json

SETTINGS = {"recipe": "digits", "settings": {"epochs": 3}}


def made_run(folder, settings=SETTINGS):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "settings.json", settings)
    return folder


def test_a_taken_name_gets_a_number(tmp_path):
    names = [new_folder(tmp_path / "runs", "digits-20260131-174502").name for _ in range(3)]
    assert names == [f"digits-20260131-174502{end}" for end in ("", "-2", "-3")]


def test_latest_is_a_link_that_moves(tmp_path):
    for name in ("a", "b"):
        point_latest(made_run(tmp_path / name))
        assert recipes.open_run(tmp_path / "latest").folder == tmp_path / name
    assert (tmp_path / "latest").is_symlink()


def test_latest_is_a_text_file_where_links_fail(tmp_path, monkeypatch):
    def no_links(self, target, target_is_directory=False):
        raise OSError("links are not allowed here")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    for name in ("a", "b"):
        point_latest(made_run(tmp_path / name))
        assert recipes.open_run(tmp_path / "latest").folder == tmp_path / name
    assert (tmp_path / "latest").read_text() == "b\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "latest"]


def test_a_run_is_found_by_its_name_below_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    point_latest(made_run(tmp_path / "runs" / "digits-1"))
    assert recipes.open_run("digits-1").recipe == recipes.make("digits", epochs=3)
    assert recipes.open_run("latest").folder == Path("runs/digits-1")


def test_replacing_is_all_or_nothing(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text("old")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_half()
    assert path.read_text() == "old"
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_json_is_plain_and_readable(tmp_path):
    content = {"matrix": np.eye(2, dtype=int), "loss": np.float32(0.5), "bad": float("nan"), 3: ()}
    assert plain(content) == {"matrix": [[1, 0], [0, 1]], "loss": 0.5, "bad": None, "3": []}
    write_json(tmp_path / "m.json", content)
    text = (tmp_path / "m.json").read_text()
    assert "[1, 0]" in text.replace("[ 1, 0 ]", "[1, 0]")
    assert json.loads(text) == plain(content)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"recipe": "digit", "settings": {}}, "known recipe: There is no recipe named 'digit'"),
        ({"recipe": "digits", "settings": {"epoch": 3}}, "did you mean 'epochs'"),
        ({"recipe": "digits", "settings": {"epochs": "many"}}, "expected the setting 'epochs'"),
        ({"recipe": "digits", "settings": {"epochs": 0}}, "epochs to be an integer of 1 or more"),
        ({"recipe": "digits"}, "does not hold the settings of a known recipe"),
        ([1, 2], "does not hold the settings of a known recipe"),
    ],
)
def test_settings_that_fit_no_recipe(tmp_path, settings, message):
    with pytest.raises(RunError, match=message):
        recipes.open_run(made_run(tmp_path / "run", settings))


def test_folders_that_are_no_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="There is no run 'runs/latest' yet; make one with"):
        recipes.open_run("runs/latest")
    with pytest.raises(RunError, match=r"'nothing' is no run folder \(it does not exist\)"):
        recipes.open_run("nothing")
    with pytest.raises(RunError, match=r"is no run folder \(it holds no settings.json\)"):
        recipes.open_run(tmp_path)
    folder = made_run(tmp_path / "run")
    (folder / "settings.json").write_text("{")
    with pytest.raises(RunError, match="settings.json' is damaged: it is not JSON"):
        recipes.open_run(folder)


def test_a_run_without_model_or_metrics_says_so(tmp_path):
    run = recipes.open_run(made_run(tmp_path / "run"))
    with pytest.raises(RunError, match="holds no model, .* train again with `pellucid train"):
        run.model  # noqa: B018
    with pytest.raises(RunError, match="lacks metrics.json, so it stopped before its end"):
        run.metrics  # noqa: B018
