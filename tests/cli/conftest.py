"""One short run on made data, which all tests of the command line look at."""

import pytest
from typer.testing import CliRunner

from made_digits import made_digits
from pellucid import recipes
from pellucid.cli import app
from pellucid.datasets import digits


@pytest.fixture(scope="session")
def few_digits():
    """The digits recipe learns from 80 made images and is tested on 30."""
    split = made_digits(80, seed=1), made_digits(30, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load_data", lambda: split)
        yield


@pytest.fixture(scope="session")
def runs(few_digits, tmp_path_factory):
    """A folder of runs with one run in it."""
    folder = tmp_path_factory.mktemp("runs")
    recipes.train(recipes.make("digits", epochs=6, batch_size=16), folder, verbose=0)
    return folder


@pytest.fixture
def pellucid(monkeypatch, tmp_path):
    """Call the command line in an empty folder and return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")

    def call(*arguments):
        return CliRunner().invoke(
            app, [str(argument) for argument in arguments], prog_name="pellucid"
        )

    return call
