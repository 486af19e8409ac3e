"""The two READMEs: their code runs, prints what they say, and is the same in both languages."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.zh-CN.md"]
PYTHON, SHELL = "python", "sh"


def blocks(name, language):
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(name):
    lines = "".join(blocks(name, SHELL)).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.strip()]


def numbers(line):
    return [float(number) for number in re.findall(r"-?\d+\.\d*", line)]


def without_comments(block):
    return re.sub(r"\s*#.*", "", block)


def test_both_languages_have_the_same_code():
    english, chinese = (list(map(without_comments, blocks(name, PYTHON))) for name in READMES)
    assert english == chinese
    assert len(english) >= 2
    assert commands(READMES[0]) == commands(READMES[1])


@pytest.mark.parametrize("name", READMES)
def test_numbers_in_comments_are_what_is_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    checked = 0
    for block in blocks(name, PYTHON):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(block, name, "exec"), names)
        promised = re.findall(r"^print\(.*\)  # (\[.*)$", block, re.MULTILINE)
        printed = [numbers(line) for line in said.getvalue().splitlines()]
        for line in promised:
            assert any(values == pytest.approx(numbers(line), abs=1e-4) for values in printed), line
        checked += len(promised)
    assert checked >= 3


@pytest.mark.parametrize("name", READMES)
def test_commands_exist(name):
    from typer.main import get_command

    from pellucid.cli import app

    group = get_command(app)
    seen = set()
    for line in commands(name):
        words = shlex.split(line)
        if words[0] == "make":
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
        elif words[0] == "pellucid":
            command, rest = group, words[1:]
            while hasattr(command, "commands"):
                command, rest = command.commands[rest[0]], rest[1:]
            with command.make_context(command.name, rest) as context:
                assert context.params
        seen.add(tuple(words[:2]))
    assert {("make", "demo"), ("make", "test"), ("pellucid", "train")} <= seen


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_links_and_paths_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    paths = re.findall(r"`((?:src|tests|examples|benchmarks|docs)/[\w./-]*)`", text)
    assert paths
    for path in [*links, *paths]:
        assert (ROOT / path).exists(), f"{name} names {path}, which does not exist"
