"""Regularizers: values and derivatives by hand, names, bad arguments."""

import doctest
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import regularizers
from pellucid._named import to_config
from pellucid.errors import ArgumentError, DTypeError, UnknownNameError
from pellucid.regularizers import L1, L1L2, L2, REGISTRY, Regularizer

W = jnp.array([[1.0, -2.0], [0.0, 0.5]])

# (regularizer, its value at W, its gradient at W): sum |w| is 3.5, sum w^2 is 5.25
ROWS = [
    (L1(0.1), 0.35, [[0.1, -0.1], [0.0, 0.1]]),
    (L2(0.1), 0.525, [[0.2, -0.4], [0.0, 0.1]]),
    (L1L2(0.1, 0.2), 0.35 + 1.05, [[0.5, -0.9], [0.0, 0.3]]),
    (L1L2(l2=0.1), 0.525, [[0.2, -0.4], [0.0, 0.1]]),
]
each = pytest.mark.parametrize(
    ("regularizer", "value", "gradient"), ROWS, ids=lambda v: str(v)[:20]
)


def test_every_regularizer_has_a_row():
    assert {type(row[0]) for row in ROWS} == set(REGISTRY.entries.values())


@each
def test_value_and_gradient_by_hand(regularizer, value, gradient):
    """The gradient of |w| at 0 is 0."""
    assert float(regularizer(W)) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(jax.grad(regularizer)(W), gradient, rtol=1e-6)


@each
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float64])
def test_scalar_of_the_type_of_the_weights(regularizer, value, gradient, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        penalty = regularizer(W.astype(dtype))
        assert (penalty.shape, penalty.dtype) == ((), dtype)


@each
def test_names_and_configurations(regularizer, value, gradient):
    assert regularizers.get(json.loads(json.dumps(to_config(regularizer)))) == regularizer
    assert regularizers.get(regularizer) is regularizer
    assert regularizer.formula.startswith("R(w) = ")
    assert regularizer.gradient.startswith("dR/dw_i = ")
    assert regularizer.reference.endswith(".")


@pytest.mark.parametrize(
    ("identifier", "regularizer"),
    [
        ("l1", L1(0.01)),
        ("L2", L2(0.01)),
        ("l1_l2", L1L2(0.01, 0.01)),
        ("L1L2", L1L2(0.01, 0.01)),
        (regularizers.l1(), L1(0.01)),
        (regularizers.l2(0.1), L2(0.1)),
        (regularizers.l1_l2(l2=0.1), L1L2(0.01, 0.1)),
        (None, None),
    ],
)
def test_kerass_names(identifier, regularizer):
    assert regularizers.get(identifier) == regularizer


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L1(-1), ArgumentError, r"L1 expected l1 to be a number in \[0, inf\), got -1"),
        (lambda: L2("x"), ArgumentError, "L2 expected l2 to be a number"),
        (lambda: L1L2(l2=-1), ArgumentError, "L1L2 expected l2"),
        (lambda: regularizers.get("l3"), UnknownNameError, "no regularizer named 'l3'; did you"),
        (lambda: regularizers.get(0.01), DTypeError, "Expected regularizer .* got 0.01"),
        (lambda: Regularizer()(W), NotImplementedError, "must define __call__"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_examples_in_the_docstrings():
    result = doctest.testmod(regularizers)
    assert result.attempted > 0
    assert result.failed == 0
