"""``pellucid diagnose``: a run folder in, verdicts out."""

import json


def test_run_is_diagnosed_in_words(pellucid, runs):
    result = pellucid("diagnose", runs / "latest")
    assert result.exit_code == 0, result.output
    assert "Diagnosis of 'sequential'" in result.stdout
    assert "looked for" in result.stdout


def test_chinese_json(pellucid, runs):
    result = pellucid("diagnose", runs / "latest", "--json", "--language", "zh")
    assert result.exit_code == 0, result.output
    read = json.loads(result.stdout)
    assert read["language"] == "zh"
    assert read["run"] == str(runs / "latest")
    assert set(read["looked_for"]) | set(read["not_looked_for"]) >= {"overfitting", "dead_units"}


def test_wrong_usage(pellucid):
    assert pellucid("diagnose", "--language", "fr").exit_code == 2
    result = pellucid("diagnose")
    assert result.exit_code == 1
    assert "There is no run 'runs/latest' yet" in result.stderr
