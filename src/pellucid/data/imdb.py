"""IMDB: film reviews as lists of word numbers, for or against, as Keras indexed them.

- Records: 25,000 training and 25,000 test reviews, half of them positive.
- Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL (2011),
  https://ai.stanford.edu/~amaas/data/sentiment/; indexed by the Keras project.
- Licence: none stated; the authors ask to cite the paper. The reviews are by users of IMDB.
- Files: ``imdb.npz`` (or a part of it, ``imdb-keras-subset.npz``) and ``imdb_word_index.json``, in
  ``<PELLUCID_DATA>/imdb`` or downloaded (17 and 2 MB).

In the file a word is its rank by frequency, from 1. ``imdb.npz`` keeps the reviews as a pickle;
they are read without running it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.data._cache import RemoteFile, announce, damaged, named_file, obtain
from pellucid.data._npz import Content, integers, read_npz
from pellucid.errors import ArgumentError, DatasetError

__all__ = ["get_word_index", "load_data"]

_HOME = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_REVIEWS = RemoteFile(
    "imdb.npz",
    (f"{_HOME}imdb.npz",),
    size=17_464_789,
    sha256="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
)
_WORDS = RemoteFile(
    "imdb_word_index.json",
    (f"{_HOME}imdb_word_index.json",),
    size=1_641_221,
    sha256="027313fe9a320280f3bf0fac5baf58c4a683cf39a7ed9c3d3d3912bde4284cf6",
    md5="bfafd718b763782e994055a2d397834f",
)

Split = tuple[np.ndarray, np.ndarray]
Reviews = list[list[int]]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Split, Split]:
    """Return the reviews as ``(x_train, y_train), (x_test, y_test)``.

    The training and then the test reviews are shuffled by one generator; a word of rank ``r``
    becomes the number ``r + index_from``; ``start_char`` is put in front; reviews that are then not
    shorter than ``maxlen`` are left out; numbers below ``skip_top`` or not below ``num_words``
    become ``oov_char``. The results are Keras's, number for number.

    Args:
        path: a path to a file in this layout, or a bare name that is looked for in the set's
            folders.
        num_words: all numbers in the result are below it; ``None`` puts it at the largest number,
            which alone then becomes ``oov_char``.
        skip_top: numbers below it become ``oov_char``; ``start_char`` too, if it is below.
        maxlen: reviews of this length or longer are left out; ``None`` keeps all.
        seed: of the shuffles.
        start_char: put in front of each review; ``None`` for nothing. 0 is left for padding.
        oov_char: stands for words out of the vocabulary; ``None`` leaves them out.
        index_from: added to each rank.

    Returns:
        x: object array of shape ``(n,)`` of lists of integers; 25,000 each in the whole set.
        y: integers of shape ``(n,)``, 1 for a positive review, else 0.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if the file is damaged.
        ArgumentError: if no review is shorter than ``maxlen``.

    Example::

        (x_train, y_train), _ = pellucid.datasets.imdb.load_data(num_words=10000)
        x_train = pellucid.preprocessing.sequence.pad_sequences(x_train, maxlen=256)
    """
    for name, value in (("num_words", num_words), ("maxlen", maxlen)):
        if value is not None:
            check_positive_int("imdb.load_data", name, value)
    found = _find(path, _REVIEWS, "imdb-keras-subset.npz")
    content = read_npz(found, ("x_train", "y_train", "x_test", "y_test"))
    train, test = _split(found, content, "train"), _split(found, content, "test")
    counts = (len(train[0]), len(test[0]))
    announce("imdb", "reviews", counts, (25_000, 25_000), found.parent)

    random = np.random.RandomState(seed)
    front = [] if start_char is None else [start_char]
    splits = []
    for reviews, labels in (train, test):
        order = np.arange(len(reviews))
        random.shuffle(order)
        reviews = [front + [rank + index_from for rank in reviews[row]] for row in order]
        labels = labels[order]
        if maxlen is not None:
            short = [row for row, review in enumerate(reviews) if len(review) < maxlen]
            reviews, labels = [reviews[row] for row in short], labels[short]
            if not reviews:
                raise ArgumentError(
                    f"imdb.load_data expected some reviews shorter than maxlen={maxlen}, and there "
                    "are none; take a larger maxlen, or None."
                )
        splits.append((reviews, labels))

    end = num_words
    if end is None:
        end = max(max(review, default=0) for reviews, _ in splits for review in reviews)
    (x_train, y_train), (x_test, y_test) = splits
    x_train, x_test = (
        [_in_vocabulary(review, skip_top, end, oov_char) for review in reviews]
        for reviews in (x_train, x_test)
    )
    return (_ragged(x_train), y_train), (_ragged(x_test), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return each word's rank by frequency in the set, from 1; 88,584 words.

    With ``load_data``'s default arguments the number of a word in a review is its rank + 3.

    Args:
        path: a path to the file, or a bare name that is looked for in the set's folders.

    Raises:
        DatasetError: if the file is neither here nor to be downloaded, or if it is damaged.

    Example::

        word_of = {rank + 3: word for word, rank in imdb.get_word_index().items()}
        text = " ".join(word_of.get(number, "?") for number in x_train[0])
    """
    found = _find(path, _WORDS)
    try:
        index = json.loads(found.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(found, f"it is no JSON text ({error})") from error
    if not isinstance(index, dict) or not all(type(rank) is int for rank in index.values()):
        raise damaged(found, "it should hold a rank for each word")
    return index


def _find(path: str, file: RemoteFile, *other_names: str) -> Path:
    """Return the file that was named, or the published one."""
    if path == file.name:
        return obtain("imdb", file, *other_names)
    found = named_file("imdb", path)
    if found is None:
        raise DatasetError(
            f"imdb: there is no file {path!r} in the set's folders; leave the argument path out "
            "to load the published file."
        )
    return found


def _split(path: Path, content: Content, part: str) -> tuple[Reviews, np.ndarray]:
    """Return the reviews and labels of one part, in the order of the file."""
    reviews, labels = content[f"x_{part}"], integers(path, content, f"y_{part}")
    if not isinstance(reviews, list):
        raise damaged(path, f"its array x_{part} should hold lists of integers")
    if not reviews or labels.shape != (len(reviews),):
        raise damaged(
            path, f"it has {len(reviews):,} {part} reviews and labels of shape {labels.shape}"
        )
    return reviews, labels


def _in_vocabulary(review: list[int], low: int, high: int, oov_char: int | None) -> list[int]:
    """Replace what is not in low <= number < high, or leave it out."""
    if oov_char is None:
        return [number for number in review if low <= number < high]
    return [number if low <= number < high else oov_char for number in review]


def _ragged(reviews: Sequence[list[int]]) -> np.ndarray:
    """Return an object array of the lists themselves, also where all are of one length."""
    array = np.empty(len(reviews), object)
    for row, review in enumerate(reviews):
        array[row] = review
    return array
