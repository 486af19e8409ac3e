"""The digits recipe on the real data set."""

import numpy as np
import pytest
from PIL import Image

from made_digits import made_digits
from pellucid import recipes
from pellucid.datasets import digits


def test_parts_of_the_data_do_not_overlap():
    data = recipes.make("digits").data()
    assert [len(part.x) for part in data.parts().values()] == [1294, 144, 359]
    assert data.train.x.shape[1:] == (8, 8, 1)
    assert data.train.x.min() == 0
    assert data.train.x.max() == 1
    rows = [{image.tobytes() for image in part.x} for part in data.parts().values()]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_parameter_count():
    """32*9+32, twice 32*32*9+32, 512*128+128 and 128*10+10."""
    recipe = recipes.make("digits")
    assert recipe.model(recipe.data()).count_params() == 320 + 2 * 9248 + 65664 + 1290


def test_own_image(tmp_path):
    recipe = recipes.make("digits")
    scan = recipe.data().test.x[0, ..., 0]
    Image.fromarray((255 - 255 * scan).astype(np.uint8)).resize((90, 90)).save(tmp_path / "a.png")
    example = recipe.example(str(tmp_path / "a.png"))
    assert example.x.shape == (8, 8, 1)
    assert example.truth is None
    np.testing.assert_allclose(example.x[..., 0], example.picture, rtol=1e-6)


def test_a_few_steps(tmp_path, monkeypatch):
    """The recipe's own network on made data: one epoch of it, and a prediction."""
    split = made_digits(40, seed=1), made_digits(10, seed=2)
    monkeypatch.setattr(digits, "load_data", lambda: split)
    run = recipes.train(recipes.make("digits", epochs=1), tmp_path, verbose=0)
    assert np.isfinite(run.metrics["test"]["loss"])
    (answer,) = run.predict([run.recipe.sample(run.recipe.data(), 1)])
    assert answer.label in answer.probabilities


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_expected_accuracy(tmp_path, seed):
    run = recipes.train(recipes.make("digits", seed=seed), tmp_path, verbose=0)
    assert run.metrics["test"]["accuracy"] >= 0.98
