"""The copy-and-reverse recipe: its lines and tokens, a short run, and the whole one."""

import re

import numpy as np
import pytest

from pellucid import recipes
from pellucid.errors import DataError
from pellucid.recipes.copy_reverse import answer_to, as_line, as_number, as_source, part_of


@pytest.mark.parametrize("line", ["copy 2025", "reverse 0123456789"])
def test_lines_and_tokens_there_and_back_again(line):
    tokens = as_source(line)
    assert tokens.shape == (11,)
    assert as_line(tokens) == line


def test_what_is_read_and_written():
    """Digits are tokens 3 to 12; 1 starts, 2 ends, 0 fills up; copy is 13 and reverse is 14."""
    (source, so_far), target = part_of(["reverse 2025"])
    np.testing.assert_array_equal(source, [[14, 5, 3, 5, 8, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(so_far, [[1, 8, 5, 3, 5, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(target, [[8, 5, 3, 5, 2, 0, 0, 0, 0, 0, 0]])
    assert answer_to("reverse", "2025") == as_number(target[0]) == "5202"


@pytest.mark.parametrize("line", ["copy", "copy 123", "turn 2025", "copy 12345678901", "copy 20 5"])
def test_other_lines_are_refused(line):
    message = f"a number of 4 to 10 digits, such as 'reverse 271828', got {line!r}"
    with pytest.raises(DataError, match=re.escape(message)):
        recipes.make("copy_reverse").example(line)


def test_no_number_is_in_two_parts():
    data = recipes.make("copy_reverse", numbers=200).data()
    numbers = [{tuple(row[1:]) for row in part.x[0].tolist()} for part in data.parts().values()]
    assert [len(part) for part in numbers] == [160, 20, 20]
    assert not numbers[0] & numbers[1] | numbers[0] & numbers[2] | numbers[1] & numbers[2]
    assert {row[0] for row in data.train.x[0].tolist()} == {13, 14}


def test_a_short_run(tmp_path):
    settings = {
        "epochs": 1,
        "batch_size": 16,
        "numbers": 60,
        "width": 8,
        "hidden": 8,
        "blocks": 1,
        "heads": 1,
    }
    run = recipes.train(recipes.make("copy_reverse", **settings), tmp_path, verbose=0)
    assert 0 <= run.metrics["test"]["whole_numbers"] <= 1
    assert (run.folder / "attention.png").stat().st_size > 1000
    examples = [run.recipe.sample(run.recipe.data(), 1), run.recipe.example("reverse 271828")]
    first, second = run.predict(examples)
    assert first.given.split()[0] in ("copy", "reverse")
    assert second.example.truth == "828172"
    assert second.is_right == (second.text == "828172")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_every_number_is_right(tmp_path, seed):
    run = recipes.train(recipes.make("copy_reverse", seed=seed), tmp_path, verbose=0)
    assert run.metrics["test"]["whole_numbers"] == 1
