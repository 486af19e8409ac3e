"""A recipe that trains in a moment, and one run of it that all tests of a file look at."""

import pytest

from made_digits import quick_recipe
from pellucid import recipes

LEARNS = {"epochs": 12, "batch_size": 16, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def quick():
    """The digits recipe on made data with one dense layer."""
    with quick_recipe():
        yield


@pytest.fixture(scope="module")
def run(quick, tmp_path_factory):
    """A finished run, below a folder ``runs``."""
    folder = tmp_path_factory.mktemp("runs")
    return recipes.train(recipes.make("digits", **LEARNS), folder, verbose=0)
