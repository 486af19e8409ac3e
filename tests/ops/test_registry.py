"""How an operation is called, and what is differentiated when it is differentiated twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.ops import dense
from pellucid.ops._registry import Op, register


def shifted_square(save=None):
    """Return (x + b)^2, whose hand-written gradient is planted wrong: 3 (x + b) dy, not 2."""

    def forward(x, b=None, *, power=2):
        y = (x if b is None else x + b) ** power
        return y, (x, b)

    def backward(saved, dy, **_):
        x, b = saved
        dx = 3 * (x if b is None else x + b) * dy
        return dx, None if b is None else dx

    return Op("shifted_square", forward, backward, "y", "dx", "planted", lambda *_: 0, save=save)


def test_an_array_left_out_is_none():
    op, x = shifted_square(), jnp.array(2.0)
    assert op(x) == op(x, None) == 4
    assert jax.grad(op)(x) == jax.grad(lambda x: op(x, None))(x) == 6


def test_an_array_may_be_given_by_name():
    x, w, b = jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.arange(4.0)
    np.testing.assert_array_equal(dense(x, w, b=b), dense(x, w, b))
    np.testing.assert_array_equal(jax.grad(lambda b: dense(x, w, b=b).sum())(b), [2, 2, 2, 2])


def test_unknown_settings_and_missing_arrays():
    with pytest.raises(TypeError, match="unexpected keyword argument 'powr'"):
        shifted_square()(jnp.ones(2), powr=3)
    with pytest.raises(TypeError, match="missing a required argument: 'w'"):
        dense(jnp.ones((2, 3)))


def test_without_save_the_second_derivative_goes_through_the_body():
    """x + y with both by hand: the saved x gives 3 * 1, and y' = 2 x comes from JAX."""
    op = shifted_square()

    def value_and_slope(x):
        y, pullback = jax.vjp(op, x)
        return y + pullback(jnp.array(1.0))[0]

    assert jax.grad(value_and_slope)(jnp.array(5.0)) == 2 * 5 + 3


def test_with_save_the_second_derivative_never_goes_through_the_body():
    """The same with ``save``: y' = 3 x, the gradient by hand, at every order."""
    op = shifted_square(save=lambda y, x, b, **_: (x, b))

    def value_and_slope(x):
        y, pullback = jax.vjp(op, x)
        return y + pullback(jnp.array(1.0))[0]

    assert jax.grad(value_and_slope)(jnp.array(5.0)) == 3 * 5 + 3


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="The operation 'dense' is registered twice"):
        register(
            "dense",
            dense.forward,
            dense.backward,
            formula="y",
            gradient="dx",
            reference="none",
            flops=dense.flops,
        )
