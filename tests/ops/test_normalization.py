"""Normalization: hand calculations, padding rows, derivation, errors, PyTorch as an oracle."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ShapeError
from pellucid.ops import batch_norm, batch_norm_inference, layer_norm

FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes]


class TestBatchNorm:
    def test_by_hand(self):
        """By hand: 1, 3, 5, 7 have the mean 4 and the variance (9 + 1 + 1 + 9) / 4 = 5."""
        x = jnp.array([[1.0], [3.0], [5.0], [7.0]])
        y, mean, variance = batch_norm(x, jnp.array([2.0]), jnp.array([10.0]), epsilon=4.0)
        np.testing.assert_allclose(mean, [4], **FLOAT32)
        np.testing.assert_allclose(variance, [5], **FLOAT32)
        # the root is sqrt(5 + 4) = 3
        np.testing.assert_allclose(y[:, 0], 10 + 2 * np.array([-3, -1, 1, 3]) / 3, **FLOAT32)

    def test_gradient_by_hand(self):
        """By hand: h = -1, 1 and g = dy = 3, 5 leave g - mean(g) - h mean(g h) = 0, eps aside."""
        x = jnp.array([[1.0], [3.0]])

        def y_of(x, gamma, beta):
            return batch_norm(x, gamma, beta, epsilon=0.0)[0]

        one, zero = jnp.ones(1), jnp.zeros(1)
        dx, dgamma, dbeta = jax.vjp(y_of, x, one, zero)[1](jnp.array([[3.0], [5.0]]))
        np.testing.assert_allclose(dx, [[0], [0]], atol=1e-6)
        np.testing.assert_allclose(dgamma, [2], **FLOAT32)
        np.testing.assert_allclose(dbeta, [8], **FLOAT32)

    def test_the_gradient_has_no_mean_and_no_part_along_h(self):
        """What the formula says: moving or stretching all of x changes nothing behind it."""
        x, dy = draw(0, (4, 3, 3, 2), (4, 3, 3, 2))
        (y, _, _), pullback = jax.vjp(lambda x: batch_norm(x, epsilon=0.0), x)
        (dx,) = pullback((dy, jnp.zeros(2), jnp.zeros(2)))
        np.testing.assert_allclose(jnp.sum(dx, (0, 1, 2)), [0, 0], atol=1e-4)
        np.testing.assert_allclose(jnp.sum(dx * y, (0, 1, 2)), [0, 0], atol=1e-4)

    def test_rows_of_padding_change_nothing(self):
        """A short batch padded to its full size gives the numbers of the short batch alone."""
        x, gamma, beta, dy = draw(0, (3, 4, 2), (2,), (2,), (3, 4, 2))
        rubbish = jnp.full((2, 4, 2), 1e3)
        padded = jnp.concatenate([x, rubbish])
        weights = jnp.array([1.0, 1.0, 1.0, 0.0, 0.0])

        short, short_pullback = jax.vjp(batch_norm, x, gamma, beta)
        full, full_pullback = jax.vjp(
            lambda x, gamma, beta: batch_norm(x, gamma, beta, weights), padded, gamma, beta
        )
        for a, b in zip(full, short, strict=True):
            np.testing.assert_allclose(a[:3], b[:3], **FLOAT32)
        moments = (jnp.ones(2), jnp.ones(2))
        ours = full_pullback((jnp.concatenate([dy, jnp.zeros((2, 4, 2))]), *moments))
        expected = short_pullback((dy, *moments))
        np.testing.assert_allclose(ours[0][:3], expected[0], **FLOAT32)
        np.testing.assert_array_equal(ours[0][3:], jnp.zeros((2, 4, 2)))
        np.testing.assert_allclose(ours[1], expected[1], **FLOAT32)
        np.testing.assert_allclose(ours[2], expected[2], **FLOAT32)

    def test_a_batch_of_padding_alone_is_finite(self):
        y, mean, variance = batch_norm(jnp.ones((2, 3)), None, None, jnp.zeros(2))
        assert all(bool(jnp.isfinite(a).all()) for a in (y, mean, variance))

    def test_a_channel_that_never_changes_is_finite(self):
        (y, _, variance), pullback = jax.vjp(batch_norm, jnp.full((4, 2), 3.0))
        np.testing.assert_array_equal(y, jnp.zeros((4, 2)))
        np.testing.assert_array_equal(variance, [0, 0])
        (dx,) = pullback((jnp.arange(8.0).reshape(4, 2), jnp.zeros(2), jnp.zeros(2)))
        assert bool(jnp.isfinite(dx).all())

    def test_with_its_own_moments_inference_gives_the_same(self):
        x, gamma, beta = draw(0, (5, 3), (3,), (3,))
        y, mean, variance = batch_norm(x, gamma, beta)
        inferred = batch_norm_inference(x, gamma, beta, mean, variance)
        np.testing.assert_allclose(inferred, y, **FLOAT32)

    def test_bfloat16_is_kept_and_its_moments_are_float32(self):
        x = draw(0, (4, 3))[0].astype(jnp.bfloat16)
        (y, mean, variance), pullback = jax.vjp(batch_norm, x)
        assert y.dtype == pullback((y, mean, variance))[0].dtype == jnp.bfloat16
        assert mean.dtype == variance.dtype == jnp.float32

    def test_wrong_shapes(self):
        with pytest.raises(ShapeError, match=re.escape("got (2,) and (3,)")):
            batch_norm(jnp.zeros((4, 3)), jnp.ones(2))
        with pytest.raises(ShapeError, match=re.escape("row_weights and (batch,) of equal shape")):
            batch_norm(jnp.zeros((4, 3)), None, None, jnp.ones(3))
        with pytest.raises(ShapeError, match="batch_norm expected an input of rank 2 or more"):
            batch_norm(jnp.zeros(3))
        with pytest.raises(ShapeError, match=re.escape("got (4,) and (3,)")):
            batch_norm_inference(jnp.zeros((4, 3)), None, None, jnp.zeros(4), jnp.ones(3))


class TestLayerNorm:
    def test_by_hand(self):
        """By hand: 1, 3, 5, 7 have the mean 4 and the variance 5; the root of 5 + 4 is 3."""
        x = jnp.array([[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]])
        y = layer_norm(
            x, jnp.array([1.0, 1.0, 2.0, 2.0]), jnp.array([0.0, 1.0, 0.0, 1.0]), epsilon=4.0
        )
        np.testing.assert_allclose(y[0], [-1, 2 / 3, 2 / 3, 3], **FLOAT32)
        np.testing.assert_allclose(y[1], [0, 1, 0, 1], **FLOAT32)

    def test_rows_do_not_see_each_other(self):
        x, dy = draw(0, (3, 4), (3, 4))
        together = jax.vjp(layer_norm, x)[1](dy)[0]
        for i in range(3):
            alone = jax.vjp(layer_norm, x[i : i + 1])[1](dy[i : i + 1])[0]
            np.testing.assert_allclose(together[i : i + 1], alone, **FLOAT32)

    def test_wrong_shapes(self):
        with pytest.raises(ShapeError, match="layer_norm expected an input whose last axis has"):
            layer_norm(jnp.zeros((4, 3)), jnp.ones(2))


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 3), (4, 3, 2, 3)])
def test_batch_norm_equals_pytorch(shape):
    torch = pytest.importorskip("torch")
    x, gamma, beta, dy = draw(1, shape, (3,), (3,), shape)
    (y, mean, variance), pullback = jax.vjp(batch_norm, x, gamma, beta)
    ours = pullback((dy, jnp.zeros(3), jnp.zeros(3)))

    leaves = [
        torch.tensor(np.moveaxis(np.asarray(x), -1, 1), requires_grad=True),
        torch.tensor(np.asarray(gamma), requires_grad=True),
        torch.tensor(np.asarray(beta), requires_grad=True),
    ]
    theirs = torch.nn.functional.batch_norm(
        leaves[0], None, None, leaves[1], leaves[2], training=True, eps=1e-3
    )
    theirs.backward(torch.tensor(np.moveaxis(np.asarray(dy), -1, 1)))
    np.testing.assert_allclose(y, np.moveaxis(theirs.detach().numpy(), 1, -1), **FLOAT32)
    dx, dgamma, dbeta = (leaf.grad.numpy() for leaf in leaves)
    np.testing.assert_allclose(ours[0], np.moveaxis(dx, 1, -1), **FLOAT32)
    np.testing.assert_allclose(ours[1], dgamma, **FLOAT32)
    np.testing.assert_allclose(ours[2], dbeta, **FLOAT32)
    x64 = np.asarray(x, np.float64).reshape(-1, 3)
    np.testing.assert_allclose(mean, x64.mean(0), **FLOAT32)
    np.testing.assert_allclose(variance, x64.var(0), **FLOAT32)


@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 5)])
def test_layer_norm_equals_pytorch(shape):
    torch = pytest.importorskip("torch")
    arrays = draw(1, shape, (5,), (5,))
    (dy,) = draw(2, shape)
    y, pullback = jax.vjp(layer_norm, *arrays)
    leaves = [torch.tensor(np.asarray(a), requires_grad=True) for a in arrays]
    theirs = torch.nn.functional.layer_norm(leaves[0], (5,), leaves[1], leaves[2], eps=1e-3)
    theirs.backward(torch.tensor(np.asarray(dy)))
    np.testing.assert_allclose(y, theirs.detach().numpy(), **FLOAT32)
    for ours, leaf in zip(pullback(dy), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), **FLOAT32)
