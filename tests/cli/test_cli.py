"""Every command, its two ways of printing, and its ways of failing."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import pellucid as package
from pellucid import recipes
from pellucid.recipes.digits import Digits


def own_image(path, number=1):
    """Write a test sample as a large image, dark on light."""
    scan = recipes.make("digits").data().test.x[number - 1, ..., 0]
    image = Image.fromarray((255 - 255 * scan).astype(np.uint8))
    image.resize((96, 96), Image.Resampling.BICUBIC).save(path)
    return path


# train


def test_train_tells_what_it_did(pellucid, quick, tmp_path):
    result = pellucid("train", "digits", "--epochs", "2", "--batch-size", "16")
    assert result.exit_code == 0, result.output
    run = recipes.open_run("runs/latest")
    assert re.search(r"^digits: Handwritten digits", result.stdout)
    assert "72 train, 8 validation, 30 test" in result.stdout
    assert "Epoch 2/2" in result.stdout
    accuracy = f"{run.metrics['test']['accuracy']:.4f}"
    assert re.search(rf"test +\d\.\d{{4}} +{re.escape(accuracy)}", result.stdout)
    assert "confusion_matrix.png" in result.stdout
    assert "pellucid predict runs/latest --sample 7" in result.stdout


def test_train_takes_settings(pellucid, quick):
    result = pellucid(
        *("train", "digits", "--epochs", "1", "--seed", "3", "--runs", "elsewhere"),
        *("--set", "learning_rate=0.005", "--set", "batch_size = 40"),
    )
    assert result.exit_code == 0, result.output
    recipe = recipes.open_run("elsewhere/latest").recipe
    assert recipe == recipes.make("digits", epochs=1, seed=3, learning_rate=0.005, batch_size=40)
    assert "pellucid predict elsewhere/latest" in result.stdout


def test_train_json_is_one_document(pellucid, quick):
    result = pellucid("train", "digits", "--epochs", "1", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    run = recipes.open_run(printed["run"])
    assert printed == {"run": str(run.folder), "recipe": "digits", **run.metrics}
    assert "Epoch 1/1" in result.stderr


def test_train_from_several_seeds(pellucid, quick):
    arguments = ("train", "digits", "--epochs", "1", "--seed", "3", "--no-record")
    result = pellucid(*arguments, "--seeds", "2")
    assert result.exit_code == 0, result.output
    for word in ("mean", "std", "seed 3", "seed 4", "test/accuracy", "(2 of 2)"):
        assert word in result.stdout
    printed = json.loads(pellucid(*arguments, "--seeds", "1", "--json").stdout)
    (run,) = printed["runs"]
    assert printed["seeds"] == [3]
    accuracy = recipes.open_run(run).metrics["test"]["accuracy"]
    assert printed["measures"]["test/accuracy"] == {
        "mean": accuracy,
        "std": 0.0,
        "values": [accuracy],
    }


def test_train_interrupted(pellucid, quick, monkeypatch):
    def interrupted(self, data):
        raise KeyboardInterrupt("Stopped in epoch 2 of 2.")

    monkeypatch.setattr(Digits, "objective", interrupted)
    result = pellucid("train", "digits")
    assert result.exit_code == 130
    assert result.stderr == "Stopped in epoch 2 of 2.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digit"], "There is no recipe named 'digit'; did you mean 'digits'?"),
        (["digits", "--set", "lerning_rate=1"], "did you mean 'learning_rate'?"),
        (["digits", "--set", "learning_rate"], "--set expected NAME=VALUE, got 'learning_rate'"),
        (["digits", "--set", "=3"], "--set expected NAME=VALUE, got '=3'"),
        (["digits", "--set", "epochs=many"], "'epochs' to be a whole number, got 'many'."),
        (["digits", "--epochs", "2", "--set", "epochs=3"], "'epochs' is given twice"),
        (["digits", "--epochs", "0"], "epochs to be an integer of 1 or more, got 0."),
    ],
)
def test_train_refuses(pellucid, arguments, message):
    result = pellucid("train", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1, "one sentence, no trace"


# predict


def test_predict_draws_the_digit_and_its_probabilities(pellucid, runs):
    result = pellucid("predict", runs / "latest", "--sample", "7")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"test sample 7: 6  \d+\.\d %, which is right", lines[0])
    assert "█" in result.stdout
    shares = [float(share) for share in re.findall(r"(\d+\.\d) %(?!,)", result.stdout)]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.6)
    assert max(map(len, lines)) <= 80


def test_predict_json(pellucid, runs):
    result = pellucid("predict", runs / "latest", "--sample", "7", "--sample", "8", "--json")
    printed = json.loads(result.stdout)
    assert [answer["source"] for answer in printed["predictions"]] == [
        "test sample 7",
        "test sample 8",
    ]
    for answer in printed["predictions"]:
        assert answer["truth"] == answer["label"]
        assert answer["probability"] == max(answer["probabilities"].values())
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_predict_files_and_folders(pellucid, runs, tmp_path):
    (tmp_path / "own").mkdir()
    for number, name in enumerate(("b.png", "a.JPG"), start=1):
        own_image(tmp_path / "own" / name, number)
    (tmp_path / "own" / "notes.txt").write_text("not an image")
    result = pellucid("predict", runs / "latest", tmp_path / "own", "--json")
    assert result.exit_code == 0, result.output
    sources = [answer["source"] for answer in json.loads(result.stdout)["predictions"]]
    assert sources == [str(tmp_path / "own" / "a.JPG"), str(tmp_path / "own" / "b.png")]
    one = pellucid("predict", runs / "latest", tmp_path / "own" / "b.png")
    assert "b.png: " in one.stdout


def test_predict_counts_right_answers(pellucid, runs):
    samples = [argument for n in range(1, 6) for argument in ("--sample", n)]
    assert "5 of 5 right" in pellucid("predict", runs / "latest", *samples).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/latest"], "There is no run 'runs/latest' yet"),
        (["nowhere", "--sample", "1"], "'nowhere' is no run folder (it does not exist)"),
        (["{run}"], "There is nothing to predict; name a file"),
        (["{run}", "--sample", "31"], "a number from 1 to 30"),
        (["{run}", "digit.png"], "There is no image file 'digit.png'"),
        (["{run}", "empty"], "The folder 'empty' holds no file of a kind to predict (.png"),
    ],
)
def test_predict_refuses(pellucid, runs, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    run = runs / "latest"
    result = pellucid("predict", *(a.format(run=run) for a in arguments))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1, "one sentence, no trace"


# list, doctor, and the application itself


def test_list(pellucid):
    result = pellucid("list")
    assert result.exit_code == 0
    assert re.search(r"^digits +Handwritten digits", result.stdout, re.MULTILINE)
    printed = json.loads(pellucid("list", "--json").stdout)
    assert {"name": "digits", "summary": recipes.summary("digits")} in printed["recipes"]


def test_list_one(pellucid):
    result = pellucid("list", "digits")
    assert "Expected:" in result.stdout
    assert re.search(r"^learning_rate +0\.\d+ +Adam", result.stdout, re.MULTILINE)
    printed = json.loads(pellucid("list", "digits", "--json").stdout)
    assert printed["description"] == recipes.description("digits")
    assert [entry["name"] for entry in printed["settings"]][:3] == ["epochs", "batch_size", "seed"]
    assert pellucid("list", "digit").exit_code == 1


def test_doctor(pellucid, monkeypatch, tmp_path):
    for place, name in (("own", "mnist"), ("cache/data", "imdb")):
        (tmp_path / place / name).mkdir(parents=True)
        (tmp_path / place / name / "file").touch()
    (tmp_path / "own" / "empty").mkdir()
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    found = json.loads(pellucid("doctor", "--json").stdout)
    assert found["versions"]["pellucid"] == package.__version__
    assert found["versions"]["jax"]
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["devices"]
    assert found["data"]["PELLUCID_DATA"] == str(tmp_path / "own")
    assert found["data"]["sets found"] == ["imdb", "mnist"]
    text = pellucid("doctor").stdout
    for word in ("versions", "machine", "kernels", "data", "imdb, mnist"):
        assert word in text


def test_doctor_with_a_wrong_data_folder(pellucid, monkeypatch):
    monkeypatch.setenv("PELLUCID_DATA", "/no/such/folder")
    result = pellucid("doctor")
    assert result.exit_code == 0
    assert "which is no folder" in " ".join(result.stdout.split())


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["list"], ["doctor"]])
def test_help_everywhere(pellucid, command):
    result = pellucid(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: pellucid" in result.stdout
    if command:
        assert "--json" in result.stdout


def test_version(pellucid):
    assert pellucid("--version").stdout == f"pellucid {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["train"], "Missing argument"),
        (["train", "digits", "--epoch", "3"], "--epochs"),
        (["train", "digits", "--epochs", "many"], "Invalid value for '--epochs'"),
    ],
)
def test_wrong_usage_has_exit_code_2(pellucid, arguments, message):
    result = pellucid(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_that_cannot_be_written(pellucid, quick, tmp_path):
    (tmp_path / "runs").write_text("a file in the way")
    result = pellucid("train", "digits", "--epochs", "1")
    assert result.exit_code == 1
    assert re.fullmatch(r"'runs.*' could not be written: .*choose another place\.\n", result.stderr)
