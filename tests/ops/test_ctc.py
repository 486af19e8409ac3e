"""CTC by hand, beside PyTorch, and where no path exists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.ctc_cases import paths_of
from pellucid import ops
from pellucid.errors import DTypeError, ShapeError


def test_paths_by_hand():
    """The label a of two steps: a a, a -, - a. Twice the same label needs a blank between."""
    assert paths_of([1], 2, 3).tolist() == [[0, 1], [1, 0], [1, 1]]
    assert paths_of([1, 1], 3, 2).tolist() == [[1, 0, 1]]


def test_by_hand():
    """Probabilities 1/2 each: three of four paths; the gradient is softmax minus the shares.

    At step 1 two of the three paths read the label, so its share is 2/3: 1/2 - 2/3 = -1/6.
    """
    z, labels = jnp.zeros((1, 2, 2)), jnp.array([[1]])
    value, slope = jax.value_and_grad(lambda z: ops.ctc(z, labels)[0])(z)
    np.testing.assert_allclose(value, -np.log(3 / 4), rtol=1e-6)
    np.testing.assert_allclose(slope[0], [[1 / 6, -1 / 6]] * 2, rtol=1e-5)


def test_labels_without_a_path_are_infinitely_far_and_pull_nowhere():
    labels = jnp.array([[1, 1], [1, 2]])
    z = jnp.zeros((2, 2, 3))
    y, pullback = jax.vjp(lambda z: ops.ctc(z, labels), z)
    assert y[0] == jnp.inf
    assert jnp.isfinite(y[1])
    (dz,) = pullback(jnp.ones(2))
    np.testing.assert_array_equal(dz[0], 0)
    assert jnp.any(dz[1] != 0)


def test_steps_past_a_row_s_length_do_not_count():
    rng = np.random.default_rng(0)
    z = jnp.asarray(rng.standard_normal((1, 6, 4)), jnp.float32)
    labels, count = jnp.array([[2, 1, 3]]), jnp.array([2])
    run = jax.vjp(lambda z: ops.ctc(z, labels, jnp.array([4]), count), z)
    short = jax.vjp(lambda z: ops.ctc(z, labels[:, :2]), z[:, :4])
    np.testing.assert_allclose(run[0], short[0], rtol=1e-6)
    dz, dz_short = run[1](jnp.ones(1))[0], short[1](jnp.ones(1))[0]
    np.testing.assert_allclose(dz[:, :4], dz_short, atol=1e-6)
    np.testing.assert_array_equal(dz[:, 4:], 0)


def test_long_sequences_stay_finite():
    z = jnp.asarray(np.random.default_rng(0).normal(0, 5, (2, 300, 20)), jnp.float32)
    labels = jnp.asarray(np.random.default_rng(1).integers(1, 20, (2, 60)))
    value, slope = jax.jit(jax.value_and_grad(lambda z: ops.ctc(z, labels).sum()))(z)
    assert jnp.isfinite(value)
    assert jnp.isfinite(slope).all()
    np.testing.assert_allclose(slope.sum(-1), 0, atol=1e-4)


def test_it_is_pytorch_s():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z = rng.standard_normal((4, 12, 6)).astype(np.float32)
    labels = rng.integers(1, 6, (4, 5))
    steps, count = np.array([12, 11, 9, 12]), np.array([5, 3, 4, 0])
    leaf = torch.tensor(z, requires_grad=True)
    theirs = torch.nn.functional.ctc_loss(
        torch.log_softmax(leaf, -1).transpose(0, 1),
        torch.tensor(labels),
        torch.tensor(steps),
        torch.tensor(count),
        reduction="none",
    )
    dy = rng.standard_normal(4).astype(np.float32)
    theirs.backward(torch.tensor(dy))
    y, pullback = jax.vjp(
        lambda z: ops.ctc(z, jnp.asarray(labels), jnp.asarray(steps), jnp.asarray(count)), z
    )
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(pullback(dy)[0], leaf.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_errors():
    z = jnp.zeros((2, 3, 4))
    with pytest.raises(
        ShapeError, match=r"ctc expected an input of rank 3 \(rows, time, classes\)"
    ):
        ops.ctc(z[0], jnp.ones((2, 1), int))
    with pytest.raises(ShapeError, match="rows of logits and rows of labels of equal shape"):
        ops.ctc(z, jnp.ones((3, 1), int))
    with pytest.raises(
        ShapeError, match=r"rows of logits and steps of equal shape, got \(2,\) and"
    ):
        ops.ctc(z, jnp.ones((2, 1), int), jnp.ones(3, int))
    with pytest.raises(DTypeError, match="ctc expected integer labels, got an array of float32"):
        ops.ctc(z, jnp.ones((2, 1)))
