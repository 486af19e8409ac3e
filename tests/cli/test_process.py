"""The real entry point, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

import pellucid


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pellucid.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "80", **environment},
    )


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"pellucid {pellucid.__version__}\n",
        "",
    )


def test_errors_are_one_sentence():
    done = run("train", "digit")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "There is no recipe named 'digit'; did you mean 'digits'?\n"


def test_wrong_usage():
    done = run("trian")
    assert done.returncode == 2
    assert "Did you mean 'train'?" in done.stderr


def test_json_alone_on_standard_output():
    done = run("list", "--json")
    assert done.returncode == 0
    names = [entry["name"] for entry in json.loads(done.stdout)["recipes"]]
    assert "digits" in names
    assert names == sorted(names)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["--version"]])
def test_what_needs_no_jax_does_not_wait_for_it(arguments):
    code = (
        f"import sys; sys.argv = ['pellucid', *{arguments}]\n"
        "from pellucid.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('jax' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr == "False\n"


def test_plain_characters_where_there_is_no_unicode():
    done = run("list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\ndigits " in done.stdout
    assert done.stdout.isascii()
