"""Texts as numbers of words, characters or byte pairs, with the vocabulary in the description."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid.data._preprocessing import PREPROCESSING, Preprocessing
from pellucid.data._sequences import pad_sequences
from pellucid.errors import ArgumentError, DataError, DTypeError, NotReadyError

PADDING, UNKNOWN = "", "[UNK]"
STANDARDS = ("lower_and_strip_punctuation", "lower", "none")
SPLITS = ("whitespace", "character", "chinese", "byte_pair")

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CHINESE = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")


@PREPROCESSING.register()
class TextVectorization(Preprocessing):
    """Texts as rows of numbers: 0 is padding, 1 an unknown word, and then the vocabulary.

    ``fit`` counts the words of training texts and keeps the most frequent ones; of equally frequent
    ones those that come first in the order of the alphabet.

    Args:
        max_tokens: size of the vocabulary with padding and unknown word; None keeps all.
        standardize: ``"lower_and_strip_punctuation"`` (Keras's), ``"lower"``, or ``"none"``.
        split: what a word is: ``"whitespace"`` (what stands between spaces), ``"character"``,
            ``"chinese"`` (each Chinese character, and other words between spaces), or
            ``"byte_pair"`` (pieces learned from the texts, made of bytes, so that nothing is
            unknown; needs ``pellucid[text]``).
        output_sequence_length: the length that texts are cut or filled to; None takes the longest
            of those given.
        vocabulary: the words in the order of their numbers; ``fit`` finds them.
        merges: for ``"byte_pair"``, the pairs that are joined, in order; ``fit`` finds them.

    Example::

        >>> words = TextVectorization(output_sequence_length=4).fit(["the cat", "The dog!"])
        >>> words.vocabulary, words.transform(["the mouse"]).tolist()
        (('', '[UNK]', 'the', 'cat', 'dog'), [[2, 1, 0, 0]])
    """

    max_tokens: int | None = None
    standardize: str = "lower_and_strip_punctuation"
    split: str = "whitespace"
    output_sequence_length: int | None = None
    vocabulary: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        who = "TextVectorization"
        check_one_of(who, "standardize", self.standardize, STANDARDS)
        check_one_of(who, "split", self.split, SPLITS)
        for name in ("max_tokens", "output_sequence_length"):
            if getattr(self, name) is not None:
                check_positive_int(who, name, getattr(self, name))
        if self.split == "byte_pair" and self.max_tokens is not None and self.max_tokens < 258:
            raise ArgumentError(
                f"{who} expected max_tokens of at least 258 with split='byte_pair' (padding, "
                f"unknown, and one for each byte), got {self.max_tokens}."
            )
        if self.vocabulary and self.vocabulary[:2] != (PADDING, UNKNOWN):
            raise ArgumentError(
                f"{who} expected a vocabulary that begins with '' (padding) and '[UNK]', got "
                f"{self.vocabulary[:2]!r}; leave it out and call fit(texts)."
            )
        if len(set(self.vocabulary)) < len(self.vocabulary):
            twice = next(w for w, n in Counter(self.vocabulary).items() if n > 1)
            raise ArgumentError(f"{who} expected each word once, got {twice!r} twice.")

    def fit(self, data: Any) -> Self:
        """Return this with the vocabulary of texts.

        Args:
            data: strings, or a pipeline of texts, which is read once.

        Raises:
            DataError: if there is no word in them.
            NotReadyError: for ``"byte_pair"`` without the package tokenizers.
        """
        if self.split == "byte_pair":
            vocabulary, merges = _trained_pairs(map(self._standard, _texts(data)), self.max_tokens)
            return replace(self, vocabulary=vocabulary, merges=merges)
        counts = Counter(word for text in _texts(data) for word in self.words(text))
        if not counts:
            raise DataError("TextVectorization expected at least one word in the texts, got none.")
        kept = sorted(counts, key=lambda word: (-counts[word], word))
        kept = [word for word in kept if word != UNKNOWN]
        if self.max_tokens is not None:
            kept = kept[: max(0, self.max_tokens - 2)]
        return replace(self, vocabulary=(PADDING, UNKNOWN, *kept), merges=())

    def words(self, text: str) -> list[str]:
        """Return the words of one text, as ``split`` says."""
        text = self._standard(text)
        if self.split == "character":
            return list(text)
        if self.split == "chinese":
            return _CHINESE.findall(text)
        if self.split == "byte_pair":
            return list(self._tokenizer().encode(text).tokens)
        return text.split()

    def transform(self, data: Any) -> np.ndarray:
        """Return int32 ``(texts, steps)``, padded with 0 at the end."""
        rows = self.numbers(data)
        length = self.output_sequence_length or max(1, *map(len, rows))
        return pad_sequences(rows, maxlen=length, padding="post", truncating="post")

    def numbers(self, data: Any) -> list[list[int]]:
        """Return the numbers of the words of each text, neither cut nor filled."""
        self._ready(self.vocabulary)
        texts = list(_texts(data))
        if not texts:
            raise DataError("TextVectorization expected at least one text, got none.")
        numbers = {word: number for number, word in enumerate(self.vocabulary)}
        if self.split == "byte_pair":
            pieces = self._tokenizer().encode_batch([self._standard(text) for text in texts])
            return [[numbers[token] for token in piece.tokens] for piece in pieces]
        return [[numbers.get(word, 1) for word in self.words(text)] for text in texts]

    def inverse_transform(self, rows: Any) -> list[str]:
        """Return the texts of rows of numbers, without padding."""
        self._ready(self.vocabulary)
        words = [[self.vocabulary[int(n)] for n in row if int(n) != 0] for row in rows]
        if self.split == "byte_pair":
            return list(map(self._tokenizer().decoder.decode, words))
        if self.split in ("character", "chinese"):
            return ["".join(row) for row in words]
        return [" ".join(row) for row in words]

    def _standard(self, text: str) -> str:
        if self.standardize == "none":
            return text
        text = text.lower()
        if self.standardize == "lower":
            return text
        return text.translate({ord(c): None for c in set(text) if _is_punctuation(c)})

    def _tokenizer(self) -> Any:
        numbers = {word: number for number, word in enumerate(self.vocabulary)}
        return _byte_pairs(vocab=numbers, merges=[tuple(m) for m in self.merges])


def _trained_pairs(
    texts: Iterable[str], size: int | None
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return vocabulary and merges of byte pairs learned from texts."""
    import json

    made, tokenizers = _byte_pairs(), _tokenizers()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size or 8192,
        special_tokens=[PADDING, UNKNOWN],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    model = json.loads(made.to_str())["model"]
    words = sorted(model["vocab"], key=model["vocab"].__getitem__)
    pairs = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
    return tuple(words), tuple((first, second) for first, second in pairs)


def _byte_pairs(**learned: Any) -> Any:
    """Return a tokenizer of bytes that are joined in pairs."""
    tokenizers = _tokenizers()
    made = tokenizers.Tokenizer(tokenizers.models.BPE(**learned))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return made


def _tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise NotReadyError(
            "split='byte_pair' needs the package tokenizers, which is not installed; type "
            'pip install "pellucid[text]".'
        ) from error
    return tokenizers


def _texts(data: Any) -> Iterator[str]:
    """Yield the strings of a list, an array or a pipeline."""
    if isinstance(data, str):
        raise DTypeError(
            "TextVectorization expected a list of texts, got one string; write [text]."
        )
    if hasattr(data, "rows"):
        for block in data.rows():
            yield from _texts(block.x)
        return
    values: Any = data.ravel() if isinstance(data, np.ndarray) else data
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise DTypeError(
                f"TextVectorization expected texts, got {type(value).__name__} in row {row}."
            )
        yield value


def _is_punctuation(character: str) -> bool:
    """Tell a mark (ASCII's, and Unicode's punctuation, Chinese too) from a letter."""
    if character.isascii():
        return not character.isalnum() and not character.isspace() and character.isprintable()
    return unicodedata.category(character).startswith("P")
