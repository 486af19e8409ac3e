"""Tiny Shakespeare: 40,000 lines of his plays in one text, for models of language by character.

- Records: 1,115,394 characters, 65 different ones; the first 90 % train, the last 10 % test.
- Source: A. Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015), with
  the repository https://github.com/karpathy/char-rnn.
- Licence: the text is in the public domain; the repository is under MIT.
- Files: ``input.txt``, in ``<PELLUCID_DATA>/tiny-shakespeare`` or downloaded (1 MB).
"""

import numpy as np

from pellucid.data._cache import RemoteFile, announce, damaged, obtain
from pellucid.errors import DataError

__all__ = ["characters", "decode", "encode", "load_data", "load_text"]

characters = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The 65 characters of the text; the number of one is its place here."""

_TEXT = RemoteFile(
    "input.txt",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
    size=1_115_394,
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
_WHOLE = (1_003_854, 111_540)
_NUMBER_OF = {character: number for number, character in enumerate(characters)}


def load_data() -> tuple[np.ndarray, np.ndarray]:
    """Return the text as character numbers: the first 90 % to train on, the last 10 % to test.

    Returns:
        Two arrays of uint8, shapes ``(1003854,)`` and ``(111540,)``, places in ``characters``.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if the file is damaged.

    Example::

        train, test = pellucid.datasets.tiny_shakespeare.load_data()
        print(pellucid.datasets.tiny_shakespeare.decode(train[:100]))
    """
    numbers = encode(load_text())
    train, test = np.split(numbers, [int(0.9 * len(numbers))])
    return train, test


def load_text() -> str:
    """Return the whole text as it stands in the file.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if the file is damaged.
    """
    path = obtain("tiny-shakespeare", _TEXT)
    try:
        text = path.read_text("ascii")
    except (OSError, ValueError) as error:
        raise damaged(path, f"it is no plain text ({error})") from error
    strange = sorted(set(text) - set(characters))
    if len(text) < 100 or strange:
        found = f"{len(text):,} characters" + (f", {strange[0]!r} among them" if strange else "")
        raise damaged(
            path, f"it should hold 1,115,394 characters, 65 different ones, and has {found}"
        )
    train = int(0.9 * len(text))
    announce("tiny_shakespeare", "characters", (train, len(text) - train), _WHOLE, path.parent)
    return text


def encode(text: str) -> np.ndarray:
    """Return a text as character numbers, uint8 of shape ``(len(text),)``.

    Raises:
        DataError: if the text has a character that is not in ``characters``.
    """
    unknown = sorted(set(text) - set(characters))
    if unknown:
        raise DataError(
            f"tiny_shakespeare.encode expected the characters {characters[1:]!r} and line breaks, "
            f"got {unknown[0]!r}; leave it out or replace it."
        )
    return np.array([_NUMBER_OF[character] for character in text], np.uint8)


def decode(numbers: np.ndarray) -> str:
    """Return character numbers as text."""
    return "".join(characters[number] for number in numbers)
