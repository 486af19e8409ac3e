"""One short run on made data, which all tests of the command line look at."""

import pytest
from typer.testing import CliRunner

from made_digits import quick_recipe
from pellucid import recipes
from pellucid.cli import app


@pytest.fixture(scope="module")
def quick():
    """The digits recipe on made data with one dense layer."""
    with quick_recipe():
        yield


@pytest.fixture(scope="module")
def runs(quick, tmp_path_factory):
    """A folder of runs with one run in it, which has learned its made digits."""
    folder = tmp_path_factory.mktemp("runs")
    recipe = recipes.make("digits", epochs=30, batch_size=16, learning_rate=0.02)
    recipes.train(recipe, folder, verbose=0)
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
