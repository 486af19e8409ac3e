"""The worked programs, short: a few hundred samples, one or two passes.

Where a data set is absent, made data of its form stands in. The whole programs with their expected
results are run by ``pytest -m slow`` where the data is.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

from pellucid.data._cache import find
from pellucid.datasets import imdb, mnist
from pellucid.models import load_model

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def program(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]


def made_images(count, seed):
    """Return images (count, 28, 28) of ten patterns with noise, and their classes."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(0).integers(0, 256, (10, 28, 28))
    y = np.arange(count) % 10
    x = np.clip(patterns[y] + rng.integers(-40, 41, (count, 28, 28)), 0, 255)
    return x.astype(np.uint8), y.astype(np.uint8)


def made_reviews(count, seed):
    """Return lists of word numbers and 1 for those that hold word 10 more often than word 11."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = np.empty(count, object)
    for row in range(count):
        words = rng.choice([10, 11, 12, 13], 40, p=[0.4, 0.1, 0.25, 0.25])
        swap = {10: 11, 11: 10} if y[row] == 0 else {}
        x[row] = [1] + [swap.get(word, word) for word in words.tolist()]
    return x, y


@pytest.fixture
def data(monkeypatch, tmp_path):
    """Put made data in the place of sets that are not on this machine."""
    monkeypatch.chdir(tmp_path)
    if find("mnist", "train-images-idx3-ubyte.gz") is None:
        images = made_images(400, seed=1), made_images(100, seed=2)
        monkeypatch.setattr(mnist, "load_data", lambda: images)
    if find("imdb", "imdb.npz", "imdb-keras-subset.npz") is None:
        reviews = made_reviews(400, seed=1), made_reviews(100, seed=2)
        monkeypatch.setattr(imdb, "load_data", lambda num_words: reviews)
        monkeypatch.setattr(imdb, "get_word_index", lambda: {"good": 7, "bad": 8})


def test_every_program_is_tested():
    assert PROGRAMS == [
        "01_mnist_mlp",
        "02_imdb_reviews",
        "03_mnist_one_hot",
        "04_digits_sklearn",
    ]


@pytest.mark.usefixtures("data")
class TestShort:
    def test_mnist_mlp(self, capsys):
        assert program("01_mnist_mlp")(epochs=2, limit=400) > 0.5
        said = capsys.readouterr().out
        assert "101,770" in said
        assert "bit for bit: True" in said
        assert load_model("mnist_mlp").count_params() == 784 * 128 + 128 + 128 * 10 + 10

    def test_imdb_reviews(self, capsys):
        assert 0 <= program("02_imdb_reviews")(epochs=1, limit=300) <= 1
        said = capsys.readouterr().out
        assert said.startswith("<start> ")
        assert "160,289" in said
        assert "bit for bit: True" in said

    def test_mnist_one_hot(self, capsys):
        assert program("03_mnist_one_hot")(epochs=3, limit=400) > 0.5
        assert "CategoricalAccuracy" in capsys.readouterr().out

    def test_digits_sklearn(self, capsys):
        assert program("04_digits_sklearn")(epochs=60, limit=600) > 0.85
        assert "precision" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "needs", "least"),
    [
        ("01_mnist_mlp", ("mnist", "train-images-idx3-ubyte.gz"), 0.975),
        ("02_imdb_reviews", ("imdb", "imdb.npz", "imdb-keras-subset.npz"), 0.865),
        ("03_mnist_one_hot", ("mnist", "train-images-idx3-ubyte.gz"), 0.975),
        ("04_digits_sklearn", None, 0.965),
    ],
)
def test_whole_program(name, needs, least, tmp_path, monkeypatch):
    if needs and find(*needs) is None:
        pytest.skip(f"the data set {needs[0]} is not on this machine")
    monkeypatch.chdir(tmp_path)
    assert program(name)() >= least
