"""The sentiment recipe on made reviews, and on the real ones where they are."""

import numpy as np
import pytest

from pellucid import recipes
from pellucid.datasets import imdb
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes.sentiment import NETWORKS

LOAD_REAL = imdb.load_data
GOOD, BAD = 10, 11
SMALL = {"words": 20, "steps": 12, "width": 4, "units": 4}
INDEX = {"good": GOOD - 3, "bad": BAD - 3, "the": 1, "don't": 4, "seldom": 900}


def made_reviews(count, seed):
    """Return reviews of different lengths; the positive ones hold word 10, the others word 11."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    reviews = np.empty(count, object)
    for row, label in enumerate(labels):
        words = rng.integers(12, 20, rng.integers(3, 12)).tolist()
        words[rng.integers(len(words))] = GOOD if label else BAD
        reviews[row] = [1, *words]
    return reviews, labels


@pytest.fixture(scope="module", autouse=True)
def small_set():
    split = made_reviews(200, seed=1), made_reviews(60, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imdb, "load_data", lambda num_words: split)
        patch.setattr(imdb, "get_word_index", lambda: INDEX)
        yield


@pytest.fixture(scope="module")
def run(small_set, tmp_path_factory):
    settings = {**SMALL, "epochs": 12, "batch_size": 20, "learning_rate": 0.03, "dropout": 0.0}
    recipe = recipes.make("sentiment", **settings)
    return recipes.train(recipe, tmp_path_factory.mktemp("runs"), verbose=0)


def test_it_learns_the_words_that_count(run):
    assert run.metrics["test"]["accuracy"] == 1.0
    np.testing.assert_array_equal(run.metrics["confusion_matrix"], [[30, 0], [0, 30]])


def test_own_reviews(run, tmp_path):
    (tmp_path / "review.txt").write_text("The film is BAD, bad!\n")
    sources = ["good, good... the good", str(tmp_path / "review.txt")]
    answers = run.predict([run.recipe.example(source) for source in sources])
    assert [answer.label for answer in answers] == ["positive", "negative"]
    for answer in answers:
        assert sum(answer.probabilities.values()) == pytest.approx(1)
    (answer,) = run.predict([run.recipe.sample(run.recipe.data(), 2)])
    assert (answer.example.truth, answer.label) == ("positive", "positive")


def test_words_become_the_numbers_of_the_data_set():
    example = recipes.make("sentiment", **SMALL).example('"Don\'t" -- seldom the\tBAD?')
    np.testing.assert_array_equal(example.x, [*[0] * 7, 1, 7, 2, 4, 11])


def test_a_review_without_known_words_is_refused():
    with pytest.raises(DataError, match="none of the 20 words .* give it a review in English"):
        recipes.make("sentiment", **SMALL).example("aaa seldom")


def test_parts_of_the_data():
    data = recipes.make("sentiment", **SMALL).data()
    assert [part.rows for part in data.parts().values()] == [180, 20, 60]
    rows = [{review.tobytes() for review in part.x} for part in data.parts().values()]
    assert not rows[0] & rows[1]
    assert data.train.x.shape == (180, 12)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_can_be_chosen(network):
    recipe = recipes.make("sentiment", **SMALL, network=network)
    model = recipe.model(None)
    assert model.name == network
    assert model.graph.output_symbols[0].shape == (None, 1)


def test_parameter_count():
    """10,000 vectors of 32, two LSTM of 32 units, 64 weights and a bias."""
    count = recipes.make("sentiment").model(None).count_params()
    assert count == 10_000 * 32 + 2 * 4 * (2 * 32 * 32 + 32) + 64 + 1
    assert f"({count:,} parameters)" in recipes.description("sentiment")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "lstmm"}, "network to be one of 'mean_two_way_lstm', .*, got 'lstmm'"),
        ({"steps": 0}, "steps to be an integer of 1 or more, got 0"),
        ({"dropout": 1.0}, r"dropout to be a number in \[0, 1\)"),
        ({"learning_rate": 0.0}, "learning_rate to be a number in"),
        ({"validation": 1.0}, "validation to be a number in"),
    ],
)
def test_settings_outside_their_domain(settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make("sentiment", **settings)


@pytest.mark.slow
def test_expected_accuracy(tmp_path, monkeypatch):
    monkeypatch.setattr(imdb, "load_data", LOAD_REAL)
    run = recipes.train(recipes.make("sentiment"), tmp_path, verbose=0)
    assert run.metrics["test"]["accuracy"] >= 0.85
