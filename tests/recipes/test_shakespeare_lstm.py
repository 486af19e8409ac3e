"""The recurrent Shakespeare on a made text, and on the real one where it is."""

import numpy as np
import pytest

from pellucid import recipes
from pellucid.datasets import tiny_shakespeare
from pellucid.errors import ArgumentError

LOAD_REAL = tiny_shakespeare.load_data
SMALL = {"windows": 60, "context": 8, "width": 8, "units": 16, "layers": 1, "length": 12}


@pytest.fixture(scope="module", autouse=True)
def made_text():
    """A text that says "ROMEO ROMEO ROMEO ..."."""
    text = tiny_shakespeare.encode("ROMEO " * 80)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_shakespeare, "load_data", lambda: (text, text[:120]))
        yield


def test_it_learns_the_text_and_goes_on_with_it(tmp_path):
    settings = {**SMALL, "windows": 400, "epochs": 6, "batch_size": 10, "temperature": 0.0}
    recipe = recipes.make("shakespeare_lstm", **settings, learning_rate=0.03)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert run.metrics["test"]["accuracy"] > 0.8
    (answer,) = run.predict([run.recipe.example("ROMEO R")])
    assert answer.text == "OMEO ROMEO R"
    assert answer.continues


def test_targets_are_the_next_characters():
    data = recipes.make("shakespeare_lstm", **SMALL).data()
    assert data.train.x.shape == (60, 8)
    np.testing.assert_array_equal(data.train.x[:, 1:], data.train.y[:, :-1])


def test_parameter_count():
    count = recipes.make("shakespeare_lstm").model(None).count_params()
    assert f"({count:,} parameters)" in recipes.description("shakespeare_lstm")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "rnn"}, "network to be one of 'lstm', 'gru', got 'rnn'"),
        ({"layers": 0}, "layers to be an integer of 1 or more, got 0"),
        ({"dropout": 1.0}, r"dropout to be a number in \[0, 1\)"),
        ({"temperature": -1.0}, "temperature to be a number in"),
    ],
)
def test_settings_outside_their_domain(settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make("shakespeare_lstm", **settings)
