"""Formulas in plain text: read, shown, filled with numbers, computed."""

import math

import numpy as np
import pytest

from pellucid.errors import ArgumentError
from pellucid.inspection._formula import parse

VALUES = {"x": 0.5, "y": -2.0, "m": 0.25, "beta_1": 0.9, "t": 3.0}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x + y x", 0.5 - 2.0 * 0.5),
        ("-x y / t m", -0.5 * -2.0 / 3 * 0.25),
        ("1 / (1 + e^-x)", 1 / (1 + math.exp(-0.5))),
        ("m / (1 - beta_1^t)", 0.25 / (1 - 0.9**3)),
        ("sqrt(x) + max(x, y, 2)", math.sqrt(0.5) + 2),
        ("log x / t", math.log(0.5) / 3),
        ("|x - 2 t|", 5.5),
        ("x where x > 0, else y x", 0.5),
        ("x where x < y, else y x", -1.0),
        ("x where 0 < x < 1, else 7", 0.5),
        ("x where 0 < t < 1, else 7", 7.0),
        ("sign(y) + sigmoid(x)", -1 + 1 / (1 + math.exp(-0.5))),
    ],
)
def test_value(line, expected):
    formula = parse(line)
    assert formula.value(VALUES) == pytest.approx(expected, rel=1e-12)
    # What is shown, with symbols or with numbers, says the same.
    assert parse(formula.text()).value(VALUES) == pytest.approx(expected, rel=1e-12)
    assert parse(formula.filled(VALUES).text()).value({}) == pytest.approx(expected, rel=1e-12)


def test_sums_are_written_out():
    softmax = parse("y_i = e^(x_i) / sum_j e^(x_j)").spread({"j": [1, 2, 3]}, {"i": 2})
    assert softmax.text() == "y_2 = e^x_2 / (e^x_1 + e^x_2 + e^x_3)"
    values = {"x_1": 0.0, "x_2": math.log(2), "x_3": 0.0}
    assert softmax.value(values) == pytest.approx(0.5, rel=1e-12)


def test_equal_indices_count_one():
    formula = parse("dz_j = q_j - [j = k]")
    assert formula.spread({}, {"j": 2, "k": 2}).value({"q_2": 0.25}) == -0.75
    assert formula.spread({}, {"j": 1, "k": 2}).value({"q_1": 0.25}) == 0.25


def test_arithmetic_is_that_of_the_values():
    """float32 numbers are rounded as the run rounds them, not as Python's floats."""
    values = {"beta_2": 0.999, "t": np.float32(3)}
    expected = 1 - np.float32(0.999) ** np.float32(3)
    assert parse("1 - beta_2^t").value(values) == float(expected)
    assert parse("1 - beta_2^t").value(values) != 1 - 0.999**3


@pytest.mark.parametrize("line", ["x +", "x )", "(x", "x ; y", "x where y", "a = [i = k"])
def test_what_is_no_formula_is_refused(line):
    with pytest.raises(ArgumentError, match=r"formula|Expected"):
        parse(line)


def test_missing_value():
    with pytest.raises(ArgumentError, match="needs a value for 'q'"):
        parse("x + q").value(VALUES)
