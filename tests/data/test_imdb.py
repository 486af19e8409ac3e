"""IMDB: every argument against Keras's rule written out, damaged files, the real part."""

import json

import numpy as np
import pytest

from pellucid.data import imdb
from pellucid.errors import ArgumentError, DatasetError

from .files import ragged

WORDS = 40


def made(count, seed):
    random = np.random.default_rng(seed)
    reviews = [random.integers(1, WORDS, random.integers(1, 12)).tolist() for _ in range(count)]
    return ragged(reviews), random.integers(0, 2, count)


@pytest.fixture
def reviews(data):
    (x_train, y_train), (x_test, y_test) = made(9, 0), made(5, 1)
    (data / "imdb").mkdir()
    np.savez_compressed(
        data / "imdb" / "imdb.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test
    )
    return (x_train, y_train), (x_test, y_test)


def expected_splits(
    splits,
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """The rule step by step: shuffle, start and shift, drop the long, bound the vocabulary."""
    random = np.random.RandomState(seed)
    shuffled = []
    for x, y in splits:
        order = np.arange(len(x))
        random.shuffle(order)
        pairs = []
        for row in order:
            review = [rank + index_from for rank in x[row]]
            if start_char is not None:
                review.insert(0, start_char)
            if maxlen is None or len(review) < maxlen:
                pairs.append((review, int(y[row])))
        shuffled.append(pairs)
    if num_words is None:
        num_words = max(number for pairs in shuffled for review, _ in pairs for number in review)
    for pairs in shuffled:
        for review, _ in pairs:
            for place in reversed(range(len(review))):
                if not skip_top <= review[place] < num_words:
                    review[place : place + 1] = [] if oov_char is None else [oov_char]
    return shuffled


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_words": 20},
        {"num_words": 20, "skip_top": 6},
        {"num_words": 20, "oov_char": None},
        {"skip_top": 10, "oov_char": None, "seed": 7},
        {"maxlen": 8},
        {"start_char": None},
        {"start_char": None, "index_from": 0},
        {"start_char": 9, "oov_char": 0, "index_from": 12, "seed": 0},
    ],
    ids=str,
)
def test_arguments(reviews, arguments):
    splits = imdb.load_data(**arguments)
    for (x, y), pairs in zip(splits, expected_splits(reviews, **arguments), strict=True):
        assert x.dtype == object
        assert x.tolist() == [review for review, _ in pairs]
        assert y.tolist() == [label for _, label in pairs]
        assert all(type(number) is int for review in x for number in review)


def test_reviews_of_one_length_stay_lists(data, capsys):
    x, y = ragged([[1, 2], [3, 4]]), np.array([0, 1])
    (data / "imdb").mkdir()
    np.savez(data / "imdb" / "imdb-keras-subset.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (x_train, _), _ = imdb.load_data()
    assert x_train.shape == (2,)
    assert all(type(review) is list for review in x_train)
    assert capsys.readouterr().err == (
        "imdb: a part of the set: 2 of 25,000 training and 2 of 25,000 test reviews in "
        f"{data / 'imdb'}\n"
    )


def test_the_path_may_lead_anywhere(reviews, data, tmp_path):
    moved = (data / "imdb" / "imdb.npz").rename(tmp_path / "mine.npz")
    (x_train, _), _ = imdb.load_data(str(moved))
    assert len(x_train) == 9
    with pytest.raises(DatasetError, match=r"imdb: there is no file 'mine\.npz'"):
        imdb.load_data("mine.npz")


def test_no_review_is_short_enough(reviews):
    with pytest.raises(ArgumentError, match=r"expected some reviews shorter than maxlen=1, and"):
        imdb.load_data(maxlen=1)


@pytest.mark.parametrize("name", ["num_words", "maxlen"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "many"])
def test_counts_are_positive(reviews, name, value):
    with pytest.raises(ArgumentError, match=f"{name} to be an integer of 1 or more, got {value!r}"):
        imdb.load_data(**{name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": np.zeros(8, int)}, r"9 train reviews and labels of shape \(8,\)"),
        ({"y_test": np.zeros(5)}, "y_test should hold integers and holds float64"),
        ({"x_test": np.zeros((5, 3), int)}, "x_test should hold lists of integers"),
        ({"x_train": ragged([]), "y_train": np.zeros(0, int)}, r"0 train reviews"),
    ],
)
def test_damaged_files(reviews, data, change, message):
    (x_train, y_train), (x_test, y_test) = reviews
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    np.savez(data / "imdb" / "imdb.npz", **(arrays | change))
    with pytest.raises(DatasetError, match=rf"imdb\.npz is damaged: .*{message}"):
        imdb.load_data()


def test_word_index(data):
    (data / "imdb").mkdir()
    path = data / "imdb" / "imdb_word_index.json"
    path.write_text(json.dumps({"the": 1, "naïve": 2}), "utf-8")
    assert imdb.get_word_index() == {"the": 1, "naïve": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"the": 1', "is no JSON text"),
        (b"\xff\xfe", "is no JSON text"),
        (b"[" * 100_000, "is no JSON text"),
        (b'["the"]', "should hold a rank for each word"),
        (b'{"the": "first"}', "should hold a rank for each word"),
    ],
)
def test_damaged_word_index(data, content, message):
    (data / "imdb").mkdir()
    (data / "imdb" / "imdb_word_index.json").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        imdb.get_word_index()


@pytest.mark.parametrize("real", ["imdb"], indirect=True)
def test_real_files(real):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=10_000)
    assert len(x_train) == len(y_train)
    assert len(x_test) == len(y_test)
    for x in (x_train, x_test):
        assert all(review[0] == 1 for review in x)
        assert max(max(review) for review in x) == 9_999
        assert min(min(review) for review in x) == 1
    assert set(y_train.tolist()) == set(y_test.tolist()) == {0, 1}


@pytest.mark.parametrize("real", ["imdb"], indirect=True)
def test_real_reviews_can_be_read(real):
    (x_train, _), _ = imdb.load_data()
    index = imdb.get_word_index()
    assert len(index) == 88_584
    assert [index[word] for word in ("the", "and", "a")] == [1, 2, 3]
    word_of = {rank + 3: word for word, rank in index.items()}
    words = [word_of[number] for number in x_train[0] if number > 3]
    assert {"the", "and", "a"} <= set(words)
