"""Search spaces: what they take, and how they are typed and written down."""

import pytest

from pellucid.errors import ArgumentError, DTypeError
from pellucid.tuning import Choice, Float, Int
from pellucid.tuning._space import around, checked, from_json, parse, to_json

ALL = {
    "learning_rate": Float(1e-4, 1e-1, log=True),
    "units": Int(16, 256, log=True),
    "depth": Int(1, 9, step=2),
    "network": Choice(["lenet5", "mlp", None, True]),
}


def test_a_space_is_written_down_as_plain_json_and_read_again():
    written = to_json(ALL)
    assert written["learning_rate"] == {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True}
    assert from_json(written) == ALL


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("log:1e-4:1e-1", float, Float(1e-4, 1e-1, log=True)),
        ("0:0.5", float, Float(0.0, 0.5)),
        ("16:64", int, Int(16, 64)),
        ("log:16:64", int, Int(16, 64, log=True)),
        ("16, 32,64", int, Choice([16, 32, 64])),
        ("lenet5,mlp", str, Choice(["lenet5", "mlp"])),
        ("true,false", bool, Choice([True, False])),
    ],
)
def test_what_a_person_types(text, kind, expected):
    assert parse("x", text, kind) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("abc", float),
        ("1:2:3", float),
        ("log:1", float),
        ("a:b", float),
        ("lenet5", str),
        ("1:2", str),
        ("maybe,true", bool),
        ("1.5:2", int),
    ],
)
def test_what_cannot_be_read_is_refused(text, kind):
    with pytest.raises(ArgumentError, match="'rate' as LOW:HIGH, log:LOW:HIGH or A,B,C"):
        parse("rate", text, kind)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Float(1.0, 1.0), ArgumentError, "Float expected high to be a number in"),
        (lambda: Float(0.0, 1.0, log=True), ArgumentError, "Float expected low to be a number in"),
        (lambda: Int(1, 2.5), DTypeError, "high to be a whole number, got 2.5; use Float"),
        (lambda: Int(0, 5, log=True), ArgumentError, "Int expected low"),
        (lambda: Int(1, 9, log=True, step=2), ArgumentError, "a step of 1 with log=True"),
        (lambda: Choice([1]), ArgumentError, "two values or more"),
        (lambda: Choice([1, object()]), DTypeError, "choose by name"),
        (lambda: checked({}), ArgumentError, "a space of one setting or more"),
        (lambda: checked({"a": [1, 2]}), DTypeError, r"type Choice\(\[...\]\) for a list"),
    ],
)
def test_ranges_that_are_none_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_space_around_known_settings():
    settings = {"learning_rate": 1e-3, "dropout": 0.5, "epochs": 3, "l2": 0.0, "network": "mlp"}
    assert around(settings, list(settings)) == {
        "learning_rate": Float(1e-4, 1e-2, log=True),
        "dropout": Float(0.0, 0.6),
    }
