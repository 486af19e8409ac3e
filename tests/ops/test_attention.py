"""Attention and rotary: hand calculations, masks, rows without a key, errors, PyTorch."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.ops import (
    additive_scores,
    attention_scores,
    attention_values,
    attention_weights,
    rotary,
    scaled_dot_product_attention,
)

f = scaled_dot_product_attention
W = jnp.array([2.0, 5.0])
FLOAT32 = {"rtol": 1e-5, "atol": 1e-6}


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.standard_normal(shape), "float32") for shape in shapes]


def test_by_hand():
    """Scores 0 and ln 3: the weights are 1/4 and 3/4; c = 1/sqrt(4) halves 2 ln 3."""
    q = jnp.array([[1.0, 0, 0, 0]])
    k = jnp.array([[0.0, 1, 0, 0], [2 * np.log(3.0), 5, 0, 0]])
    v = jnp.array([[4.0, 0.0], [8.0, 4.0]])
    np.testing.assert_allclose(attention_scores(q, k), [[0, np.log(3)]], rtol=1e-6)
    a = attention_weights(attention_scores(q, k))
    np.testing.assert_allclose(a, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(attention_values(a, v), [[7, 3]], rtol=1e-6)
    np.testing.assert_allclose(scaled_dot_product_attention(q, k, v), [[7, 3]], rtol=1e-6)


def test_weights_backward_by_hand():
    """a = (1/4, 3/4), da = (4, 0): sum da a = 1, ds = (1/4 (4 - 1), 3/4 (0 - 1))."""
    s = jnp.array([[0.0, np.log(3.0)]])
    _, pullback = jax.vjp(attention_weights, s)
    np.testing.assert_allclose(pullback(jnp.array([[4.0, 0.0]]))[0], [[0.75, -0.75]], rtol=1e-6)


def test_causal_looks_back_alone():
    a = attention_weights(jnp.zeros((3, 3)), causal=True)
    np.testing.assert_allclose(a, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


NOTHING = {
    "boolean": jnp.array([[False, False, False], [True, False, True]]),
    "additive": jnp.array([[-jnp.inf, -jnp.inf, -jnp.inf], [0.0, -jnp.inf, 0.0]]),
}


@pytest.mark.parametrize("mask", NOTHING.values(), ids=NOTHING)
def test_a_query_without_keys_reads_zeros_and_gives_no_gradient(mask):
    q, k, v, dy = draw(0, (2, 4), (3, 4), (3, 5), (2, 5))
    y, pullback = jax.vjp(lambda *x: scaled_dot_product_attention(*x, mask), q, k, v)
    np.testing.assert_array_equal(y[0], np.zeros(5))
    gradients = pullback(dy)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    np.testing.assert_array_equal(gradients[0][0], np.zeros(4))
    # The key that nobody may read gets nothing either.
    np.testing.assert_array_equal(gradients[1][1], np.zeros(4))
    np.testing.assert_array_equal(gradients[2][1], np.zeros(5))
    second = jax.grad(lambda q: jnp.sum(jax.vjp(lambda q: f(q, k, v, mask), q)[1](dy)[0] ** 2))(q)
    assert np.isfinite(second).all()


def test_masks_of_both_kinds_agree():
    s, dy = draw(1, (2, 3, 4), (2, 3, 4))
    mask = jnp.asarray(np.random.default_rng(0).random((1, 3, 4)) < 0.5)
    added = jnp.where(mask, 0.0, -jnp.inf)
    first, back = jax.vjp(lambda s: attention_weights(s, mask), s)
    second, back_too = jax.vjp(lambda s: attention_weights(s, added), s)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(back(dy)[0], back_too(dy)[0])


def test_large_scores_do_not_overflow():
    a = attention_weights(jnp.array([[1e30, 1e30, -1e30]]))
    np.testing.assert_array_equal(a, [[0.5, 0.5, 0]])


def test_the_three_steps_are_the_one_operation():
    q, k, v, dy = draw(2, (2, 2, 5, 4), (2, 2, 5, 4), (2, 2, 5, 3), (2, 2, 5, 3))

    def steps(q, k, v):
        return attention_values(attention_weights(attention_scores(q, k), causal=True), v)

    y, pullback = jax.vjp(steps, q, k, v)
    one, pullback_one = jax.vjp(lambda *x: f(*x, causal=True), q, k, v)
    np.testing.assert_allclose(y, one, **FLOAT32)
    for a, b in zip(pullback(dy), pullback_one(dy), strict=True):
        np.testing.assert_allclose(a, b, **FLOAT32)


def test_additive_by_hand():
    """tanh(0) = 0 and tanh(ln 3) = (9 - 1) / (9 + 1) = 0.8."""
    third = np.log(3.0)
    s = additive_scores(jnp.array([[third, 0.0]]), jnp.array([[0.0, 0.0], [-third, third]]), W)
    np.testing.assert_allclose(s, [[2 * 0.8, 5 * 0.8]], rtol=1e-6)


def test_rotary_by_hand():
    """Width 4, wavelength 10^4: the pairs turn by 1 and by 1/100 in a step."""
    x = jnp.array([[1.0, 0.0, 0.0, 1.0]] * 2)
    y = rotary(x)
    np.testing.assert_array_equal(y[0], x[0])
    expected = [np.cos(1), np.sin(1), -np.sin(0.01), np.cos(0.01)]
    np.testing.assert_allclose(y[1], expected, rtol=1e-6)


def test_rotary_scores_depend_on_the_distance_alone():
    q, k = draw(3, (6, 8), (6, 8))
    here = attention_scores(rotary(q), rotary(k))
    there = attention_scores(rotary(q, jnp.arange(6) + 40), rotary(k, jnp.arange(6) + 40))
    np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", [f, attention_scores])
def test_bfloat16_is_kept(op):
    arrays = [a.astype("bfloat16") for a in draw(4, (2, 3, 4), (2, 3, 4), (2, 3, 4))]
    y, pullback = jax.vjp(op, *arrays[: 3 if op is f else 2])
    assert y.dtype == jnp.bfloat16
    assert {gradient.dtype for gradient in pullback(y)} == {y.dtype}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: f(jnp.ones((2, 4)), jnp.ones((3, 5)), jnp.ones((3, 4))),
            ShapeError,
            "last axis has size 4, got shape (3, 5); queries and keys need one width",
        ),
        (
            lambda: f(jnp.ones((2, 4)), jnp.ones((3, 4)), jnp.ones((2, 4))),
            ShapeError,
            "expected values for 3 keys, got 2 in shape (2, 4)",
        ),
        (
            lambda: f(jnp.ones((2, 3, 4)), jnp.ones((1, 3, 4)), jnp.ones((1, 3, 4))),
            ShapeError,
            "the leading axes of q and those of k of equal shape, got (2,) and (1,)",
        ),
        (
            lambda: attention_weights(jnp.ones((2, 4, 3, 5)), jnp.ones((2, 5), bool)),
            ShapeError,
            "got (2, 5); a mask (batch, key steps) of padding becomes mask[:, None, None, :].",
        ),
        (
            lambda: attention_weights(jnp.ones((3, 5)), jnp.ones((3, 5), "int32")),
            DTypeError,
            "got int32; type mask.astype(bool)",
        ),
        (
            lambda: additive_scores(jnp.ones((2, 4)), jnp.ones((3, 4)), jnp.ones(3)),
            ShapeError,
            "w and (width,) of equal shape, got (3,) and (4,)",
        ),
        (lambda: rotary(jnp.ones((2, 3))), ArgumentError, "width to be a multiple of pairs=2"),
        (
            lambda: rotary(jnp.ones((2, 4)), jnp.ones(2)),
            DTypeError,
            "positions that are whole numbers, got float32",
        ),
        (
            lambda: rotary(jnp.ones((2, 4)), jnp.arange(3)),
            ShapeError,
            "stretches to (2,), one for each step, got (3,)",
        ),
    ],
    ids=["width", "values", "batch", "mask", "mask type", "w", "odd", "positions", "steps"],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize("kind", ["none", "causal", "boolean", "additive"])
def test_equals_pytorch(kind):
    torch = pytest.importorskip("torch")
    q, k, v, dy = draw(5, (2, 2, 4, 3), (2, 2, 5, 3), (2, 2, 5, 6), (2, 2, 4, 6))
    mask = {
        "boolean": np.random.default_rng(0).random((2, 1, 4, 5)) < 0.7,
        "additive": np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32),
    }.get(kind)
    if kind == "boolean":
        mask[..., 0] = True  # PyTorch gives NaN for a row without a key
    ours_mask = None if mask is None else jnp.asarray(mask)
    y, pullback = jax.vjp(lambda *x: f(*x, ours_mask, causal=kind == "causal"), q, k, v)
    leaves = [torch.tensor(np.asarray(x), requires_grad=True) for x in (q, k, v)]
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *leaves,
        attn_mask=None if mask is None else torch.tensor(mask),
        is_causal=kind == "causal",
    )
    theirs.backward(torch.tensor(np.asarray(dy)))
    np.testing.assert_allclose(y, theirs.detach().numpy(), **FLOAT32)
    for ours, leaf in zip(pullback(dy), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-4, atol=1e-5)
