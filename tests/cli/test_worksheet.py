"""``pellucid worksheet``: the 2-2-1 network in every form and both languages."""

import json

import pytest


@pytest.mark.parametrize(
    ("language", "heading"), [("en", "One training step, by hand"), ("zh", "手算一步训练")]
)
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "json"])
def test_forms(pellucid, form, language, heading):
    result = pellucid("worksheet", "--format", form, "--language", language)
    assert result.exit_code == 0, result.output
    assert heading in result.stdout
    assert "-0.00113003748" in result.stdout.replace("−", "-")  # in double precision
    if form == "json":
        assert json.loads(result.stdout)["language"] == language


def test_output_file(pellucid, tmp_path):
    result = pellucid("worksheet", "--format", "html", "-o", tmp_path / "step.html")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert (tmp_path / "step.html").read_text("utf-8").startswith("<!doctype html>")


def test_wrong_usage(pellucid):
    assert pellucid("worksheet", "--format", "pdf").exit_code == 2
    assert pellucid("worksheet", "-o", "absent/step.txt").exit_code == 1
