"""Tiny Shakespeare: the split, the characters, damaged files, the real file."""

import re

import numpy as np
import pytest

from pellucid import datasets
from pellucid.data import tiny_shakespeare
from pellucid.errors import DataError, DatasetError

LINES = "First Citizen:\nBefore we proceed any further, hear me speak.\n\n" * 4


def write(folder, text=LINES):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input.txt").write_text(text)


def test_the_first_nine_tenths_train(data, capsys):
    write(data / "tiny-shakespeare")
    train, test = tiny_shakespeare.load_data()
    assert (len(train), len(test)) == (int(0.9 * len(LINES)), len(LINES) - int(0.9 * len(LINES)))
    assert train.dtype == test.dtype == np.uint8
    assert tiny_shakespeare.decode(np.concatenate([train, test])) == LINES
    assert tiny_shakespeare.load_text() == LINES
    assert "a part of the set: 223 of 1,003,854 training and 25 of" in capsys.readouterr().err


def test_characters_are_in_order_and_there_and_back_again():
    characters = tiny_shakespeare.characters
    assert len(characters) == 65
    assert "".join(sorted(characters)) == characters
    numbers = tiny_shakespeare.encode(characters)
    np.testing.assert_array_equal(numbers, np.arange(65))
    assert tiny_shakespeare.decode(numbers) == characters
    assert tiny_shakespeare.encode("").shape == (0,)


def test_other_characters_are_refused():
    with pytest.raises(DataError, match=re.escape("and line breaks, got '5'; leave it out")):
        tiny_shakespeare.encode("Henry 5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("To be", "and has 5 characters;"),
        (LINES + "{", "and has 249 characters, '{' among them"),
        (LINES + "é", "it is no plain text"),
    ],
)
def test_damaged_files(data, text, message):
    write(data / "tiny-shakespeare", text)
    with pytest.raises(DatasetError, match=f"input.txt is damaged: .*{message}"):
        tiny_shakespeare.load_data()


def test_public_name():
    assert datasets.tiny_shakespeare is tiny_shakespeare


@pytest.mark.parametrize("real", ["tiny-shakespeare"], indirect=True)
def test_real_file(real, capsys):
    train, test = tiny_shakespeare.load_data()
    assert (len(train), len(test)) == (1_003_854, 111_540)
    assert tiny_shakespeare.decode(train[:14]) == "First Citizen:"
    assert len(np.unique(train)) == 65
    assert capsys.readouterr().err.startswith("tiny_shakespeare: 1,003,854 training and 111,540")
