"""What holds for every recipe, and how settings become typed."""

import dataclasses
import inspect
import re

import pytest

from pellucid import recipes
from pellucid.errors import ArgumentError, UnknownNameError

PARTS = ["data", "model", "objective", "report", "predict"]


@pytest.mark.parametrize("name", recipes.names())
class TestEveryRecipe:
    def test_five_parts_in_order(self, name):
        written = list(vars(recipes.find(name)))
        assert [part for part in written if part in PARTS] == PARTS

    def test_settings_have_help_and_domain(self, name):
        kind = recipes.find(name)
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        for entry in recipes.settings_of(kind).values():
            assert entry.metadata["help"]
            assert type(entry.default) in (int, float, bool, str)

    def test_docstring_says_what_to_expect(self, name):
        text = recipes.description(name)
        assert text == inspect.getdoc(inspect.getmodule(recipes.find(name)))
        assert len(recipes.summary(name)) <= 72
        for word in ("Task:", "Data:", "Command:", "Time:", "Expected:"):
            assert f"\n{word}" in text
        expected = text.split("\nExpected:")[1].split("\n\n\n")[0]
        assert re.search(r"\d", expected), "a figure is missing"
        assert not re.search(r"Time: [A-Z]+$|to be measured", text, re.MULTILINE)


def test_names_and_unknown_names():
    assert "digits" in recipes.names()
    for ask in (recipes.find, recipes.description, recipes.make):
        with pytest.raises(UnknownNameError, match="named 'digit'; did you mean 'digits'"):
            ask("digit")


def test_settings_are_read_from_text():
    recipe = recipes.make("digits", epochs="5", learning_rate="1e-3", dropout=0)
    assert (recipe.epochs, recipe.learning_rate, recipe.dropout) == (5, 0.001, 0.0)
    assert recipe == recipes.make("digits", epochs=5, learning_rate=0.001, dropout=0.0)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lerning_rate": 1}, UnknownNameError, "setting of recipe 'digits' .* 'learning_rate'"),
        ({"epochs": "five"}, ArgumentError, "'epochs' to be a whole number, got 'five'"),
        ({"epochs": 2.5}, ArgumentError, "'epochs' to be a whole number, got 2.5"),
        ({"epochs": True}, ArgumentError, "'epochs' to be a whole number, got True"),
        ({"learning_rate": "fast"}, ArgumentError, "'learning_rate' to be a number, got 'fast'"),
        ({"epochs": 0}, ArgumentError, "epochs to be an integer of 1 or more, got 0"),
        ({"seed": -1}, ArgumentError, r"seed to be a number in \[0, 4294967296\), got -1"),
        ({"dropout": 1.0}, ArgumentError, r"dropout to be a number in \[0, 1\), got 1.0"),
        ({"learning_rate": 0}, ArgumentError, r"learning_rate to be a number in \(0, inf\)"),
        ({"learning_rate": "nan"}, ArgumentError, "learning_rate to be a number in"),
    ],
)
def test_settings_that_do_not_fit(settings, error, message):
    with pytest.raises(error, match=message):
        recipes.make("digits", **settings)


def test_words_for_true_and_false():
    @dataclasses.dataclass(frozen=True)
    class Switch(recipes.Recipe):
        on: bool = recipes.setting(False, "a switch")

    Switch.__abstractmethods__ = frozenset()
    from pellucid.recipes._recipe import build

    for text, value in (("true", True), ("No", False), ("1", True)):
        assert build("switch", Switch, {"on": text}).on is value
    with pytest.raises(ArgumentError, match="'on' to be true or false, got 'maybe'"):
        build("switch", Switch, {"on": "maybe"})
