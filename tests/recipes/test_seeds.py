"""One recipe from several seeds: each run is that of its seed, and the figures are their spread."""

import numpy as np
import pytest

from pellucid import recipes
from pellucid.errors import ArgumentError

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def spread(quick, tmp_path_factory):
    recipe = recipes.make("digits", epochs=1, batch_size=16, seed=4)
    return recipes.train_seeds(recipe, 3, tmp_path_factory.mktemp("runs"), verbose=0, record=False)


def test_a_run_for_each_seed(spread, tmp_path):
    assert spread.seeds == [4, 5, 6]
    assert len({run.folder for run in spread.runs}) == 3
    alone = recipes.train(spread.runs[1].recipe, tmp_path, verbose=0, record=False)
    assert alone.metrics["test"] == spread.runs[1].metrics["test"]


def test_mean_and_standard_deviation(spread):
    losses = [run.metrics["test"]["loss"] for run in spread.runs]
    assert spread.values["test/loss"] == losses
    assert len(set(losses)) == 3
    assert spread.mean["test/loss"] == pytest.approx(np.mean(losses))
    assert spread.std["test/loss"] == pytest.approx(np.std(losses, ddof=1))
    assert "confusion_matrix" not in spread.values
    written = spread.to_json()
    assert written["measures"]["test/loss"]["values"] == losses
    assert written["runs"] == [str(run.folder) for run in spread.runs]


def test_one_seed_has_no_spread(tmp_path):
    recipe = recipes.make("digits", epochs=1, batch_size=16)
    spread = recipes.train_seeds(recipe, 1, tmp_path, verbose=0, record=False)
    assert set(spread.std.values()) == {0.0}


@pytest.mark.parametrize(("first", "seeds"), [(0, 0), (0, -1), (0, 1.5), (2**32 - 2, 3)])
def test_seeds_that_there_are_not(tmp_path, first, seeds):
    with pytest.raises(ArgumentError):
        recipes.train_seeds(recipes.make("digits", seed=first), seeds, tmp_path, verbose=0)
    assert not list(tmp_path.iterdir())
