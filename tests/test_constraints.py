"""Constraints: values by hand, norms after them, names, bad arguments."""

import doctest
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import constraints
from pellucid._named import to_config
from pellucid.constraints import REGISTRY, Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from pellucid.errors import ArgumentError, DTypeError, UnknownNameError

W = jnp.array([[3.0, 0.3, 0.0], [-4.0, 0.4, 0.0]])
"""Columns of norm 5, 0.5 and 0."""

ROWS = [
    (NonNeg(), [[3.0, 0.3, 0.0], [0.0, 0.4, 0.0]]),
    (MaxNorm(), [[1.2, 0.3, 0.0], [-1.6, 0.4, 0.0]]),
    (MaxNorm(2.5, axis=(0, 1)), 2.5 * np.asarray(W) / 25.25**0.5),
    (UnitNorm(), [[0.6, 0.6, 0.0], [-0.8, 0.8, 0.0]]),
    (UnitNorm(axis=1), np.asarray(W) / np.array([[9.09**0.5], [16.16**0.5]])),
    (MinMaxNorm(1.0, 2.0), [[1.2, 0.6, 0.0], [-1.6, 0.8, 0.0]]),
    (MinMaxNorm(1.0, 2.0, rate=0.5), [[2.1, 0.45, 0.0], [-2.8, 0.6, 0.0]]),
]
each = pytest.mark.parametrize(("constraint", "expected"), ROWS, ids=lambda v: type(v).__name__)


def test_every_constraint_has_a_row():
    assert {type(row[0]) for row in ROWS} == set(REGISTRY.entries.values())


@each
def test_values_by_hand(constraint, expected):
    np.testing.assert_allclose(constraint(W), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(constraint)(W), expected, rtol=1e-6)


@each
def test_what_fulfils_it_is_left_as_it_is(constraint, expected):
    """Twice is the same as once, unless it goes only part of the way."""
    once = constraint(W)
    if getattr(constraint, "rate", 1.0) == 1.0:
        np.testing.assert_allclose(constraint(once), once, rtol=1e-6)


def test_short_vectors_are_left_exactly():
    np.testing.assert_array_equal(MaxNorm(5.1)(W), W)


@each
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float64])
def test_type_and_shape_are_kept(constraint, expected, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        w = constraint(W.astype(dtype))
        assert (w.shape, w.dtype) == (W.shape, dtype)


@each
def test_names_and_configurations(constraint, expected):
    assert constraints.get(json.loads(json.dumps(to_config(constraint)))) == constraint
    assert constraints.get(constraint) is constraint
    assert constraints.get(type(constraint).__name__) == type(constraint)()
    assert "max" in constraint.formula or "||" in constraint.formula
    assert constraint.reference.endswith(".")


@pytest.mark.parametrize(
    ("identifier", "constraint"),
    [
        ("max_norm", MaxNorm(2.0, 0)),
        ("non_neg", NonNeg()),
        ("unit_norm", UnitNorm()),
        ("min_max_norm", MinMaxNorm()),
        (constraints.max_norm(3), MaxNorm(3)),
        (MaxNorm(axis=[0, 1]), MaxNorm(axis=(0, 1))),
        (None, None),
    ],
)
def test_kerass_names(identifier, constraint):
    assert constraints.get(identifier) == constraint


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MaxNorm(0), ArgumentError, r"MaxNorm expected max_value to be a number in \(0"),
        (lambda: MinMaxNorm(max_value=-1), ArgumentError, "MinMaxNorm expected max_value"),
        (lambda: MinMaxNorm(3.0, 2.0), ArgumentError, "MinMaxNorm expected min_value"),
        (lambda: MinMaxNorm(rate=0), ArgumentError, "MinMaxNorm expected rate"),
        (lambda: UnitNorm(axis="0"), ArgumentError, "UnitNorm expected axis .* got '0'"),
        (lambda: MaxNorm(axis=()), ArgumentError, r"MaxNorm expected axis .* got \(\)"),
        (
            lambda: UnitNorm(axis=2)(W),
            ArgumentError,
            r"UnitNorm has axis=2, got weights .*\(2, 3\)",
        ),
        (lambda: constraints.get("maxnrm"), UnknownNameError, "did you mean 'max_norm'"),
        (lambda: constraints.get(2), DTypeError, "Expected constraint .* got 2"),
        (lambda: Constraint()(W), NotImplementedError, "must define __call__"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_examples_in_the_docstrings():
    result = doctest.testmod(constraints)
    assert result.attempted > 0
    assert result.failed == 0
