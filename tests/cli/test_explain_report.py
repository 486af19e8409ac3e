"""``pellucid explain`` and ``pellucid report``: what they print and write, and refuse."""

import json

import pytest
from PIL import Image

ONE = ("--sample", "7")


def test_explain_in_words_and_as_a_picture(pellucid, runs):
    result = pellucid("explain", runs / "latest", *ONE)
    assert result.exit_code == 0, result.output
    assert "test sample 7\nThe network says 6 (" in result.stdout
    assert "Half of what speaks for 6 lies in" in result.stdout
    assert "of 64 pixels." in result.stdout
    assert "Without the 6 strongest pixels the probability of 6 falls from" in result.stdout
    assert "sum of the values = S(x) - S(baseline)" in result.stdout
    with Image.open("explanation.png") as drawn:
        assert drawn.size[0] > 500


def test_explain_as_json_for_another_class(pellucid, runs):
    result = pellucid("explain", runs / "latest", *ONE, "--label", "3", "--json", "-o", "x.png")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["explained"] == "3"
    assert found["prediction"]["label"] == "6"
    assert found["identity_error"] < 0.01
    assert [len(found["values"]), len(found["values"][0])] == [8, 8]
    assert found["picture"] == "x.png"


def test_explain_in_chinese(pellucid, runs):
    result = pellucid("explain", runs / "latest", *ONE, "--language", "zh")
    assert result.exit_code == 0, result.output
    assert "测试样本 7\n网络判断为 6（" in result.stdout
    assert "个像素" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sample", "99"], "a number from 1 to 30, the size of the test part, got 99"),
        ([], "Expected one input to explain: a test sample with --sample 7"),
        (["a.png", *ONE], "Expected one input to explain"),
        ([*ONE, "--label", "seven"], "no class named 'seven'"),
        ([*ONE, "--method", "occlusions"], "did you mean 'occlusion'"),
    ],
)
def test_explain_refuses(pellucid, runs, arguments, sentence):
    result = pellucid("explain", runs / "latest", *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr


def test_report_writes_a_page(pellucid, runs):
    result = pellucid("report", runs / "latest", "--quick", "--language", "zh", "-o", "page.html")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Written: page.html\n"
    with open("page.html", encoding="utf-8") as file:
        assert '<html lang="zh-CN">' in file.read()


def test_report_as_json(pellucid, runs):
    result = pellucid("report", runs / "latest", "--quick", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["page"].endswith("report.html")
    assert printed["bytes"] > 10_000


@pytest.mark.parametrize("command", ["report", "explain"])
def test_no_run(pellucid, command):
    result = pellucid(command, "runs/latest", *(ONE if command == "explain" else ()))
    assert result.exit_code == 1
    assert "There is no run 'runs/latest' yet; make one with" in result.stderr
