"""Dropout: which quantity the rate is, the mean that is kept, the draw of the mask, errors."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError
from pellucid.ops import dropout, dropout_mask

KEY = jax.random.key(0)


def test_by_hand():
    """By hand: at rate 0.75 what stays is multiplied by 1 / 0.25 = 4, and so is its gradient."""
    x, mask = jnp.array([1.0, 2.0, 3.0]), jnp.array([True, False, True])
    y, pullback = jax.vjp(lambda x: dropout(x, mask, rate=0.75), x)
    np.testing.assert_array_equal(y, [4, 0, 12])
    np.testing.assert_array_equal(pullback(jnp.array([1.0, 1.0, -2.0]))[0], [4, 0, -8])


def test_a_dropped_unit_is_zero_even_where_it_was_not_finite():
    y = dropout(jnp.array([jnp.nan, jnp.inf]), jnp.array([False, False]), rate=0.5)
    np.testing.assert_array_equal(y, [0, 0])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_the_fraction_dropped(rate):
    """Of 40,000 draws the share kept lies within 5 standard deviations of 1 - rate."""
    mask = dropout_mask(KEY, (200, 200), rate=rate)
    assert mask.dtype == bool
    five = 5 * np.sqrt(rate * (1 - rate) / 40_000)
    assert abs(float(mask.mean()) - (1 - rate)) < five
    y = dropout(jnp.ones((200, 200)), mask, rate=rate)
    assert abs(float(y.mean()) - 1) < five / (1 - rate)


def test_rate_zero_changes_nothing():
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(dropout(x, dropout_mask(KEY, (2, 3), rate=0.0), rate=0.0), x)


def test_the_same_key_gives_the_same_mask():
    first, again = (dropout_mask(KEY, (50,), rate=0.5) for _ in range(2))
    other = dropout_mask(jax.random.key(1), (50,), rate=0.5)
    np.testing.assert_array_equal(first, again)
    assert not bool(jnp.array_equal(first, other))


def test_noise_shape_drops_whole_channels():
    mask = dropout_mask(KEY, (2, 5, 30), rate=0.5, noise_shape=(2, 1, 30))
    assert mask.shape == (2, 5, 30)
    np.testing.assert_array_equal(mask, jnp.broadcast_to(mask[:, :1], mask.shape))
    assert 0 < int(mask[:, 0].sum()) < 60


def test_bfloat16_is_kept():
    x = jnp.ones((2, 3), jnp.bfloat16)
    y, pullback = jax.vjp(lambda x: dropout(x, jnp.ones((2, 3), bool), rate=0.5), x)
    assert y.dtype == pullback(y)[0].dtype == jnp.bfloat16


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, "0.5"])
def test_wrong_rate(rate):
    expected = re.escape(f"rate to be a number in [0, 1), got {rate!r}.")
    with pytest.raises(ArgumentError, match="dropout expected " + expected):
        dropout(jnp.ones(3), jnp.ones(3, bool), rate=rate)
    with pytest.raises(ArgumentError, match="dropout_mask expected " + expected):
        dropout_mask(KEY, (3,), rate=rate)


def test_wrong_mask():
    with pytest.raises(ShapeError, match=re.escape("x and mask of equal shape, got (3,) and (4,)")):
        dropout(jnp.ones(3), jnp.ones(4, bool), rate=0.5)
