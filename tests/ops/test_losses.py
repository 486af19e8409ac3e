"""The loss operations: numbers worked by hand, conventions, large logits, bad input, PyTorch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, DTypeError, ShapeError

PAIRS = [
    ops.mean_squared_error,
    ops.mean_absolute_error,
    ops.huber,
    ops.log_cosh,
    ops.poisson,
    ops.cosine_similarity,
    ops.hinge,
    ops.squared_hinge,
    ops.categorical_hinge,
    ops.binary_crossentropy,
    ops.binary_crossentropy_from_logits,
    ops.categorical_crossentropy,
    ops.categorical_crossentropy_from_logits,
    ops.kl_divergence,
]
SPARSE = [ops.sparse_categorical_crossentropy, ops.sparse_categorical_crossentropy_from_logits]


def name_of(op):
    return op.name


LOG2 = 0.6931471805599453
# One row each: prediction, target, value, gradient of the prediction, gradient of the target.
GOLDEN = [
    (ops.mean_squared_error, {}, [1.0, 3.0], [0.0, 5.0], 2.5, [1, -2], [-1, 2]),
    (ops.mean_absolute_error, {}, [1.0, 3.0], [0.0, 5.0], 1.5, [0.5, -0.5], [-0.5, 0.5]),
    (ops.huber, {}, [0.5, 3.0], [0.0, 0.0], 1.3125, [0.25, 0.5], [-0.25, -0.5]),
    (ops.huber, {"delta": 2.0}, [0.5, 3.0], [0.0, 0.0], 2.0625, [0.25, 1.0], [-0.25, -1.0]),
    (ops.log_cosh, {}, [LOG2], [0.0], np.log(1.25), [0.6], [-0.6]),
    (ops.poisson, {}, [1.0 - 1e-7], [3.0], 1.0 - 1e-7, [-2.0], [0.0]),
    (ops.cosine_similarity, {}, [3.0, 4.0], [0.0, 2.0], -0.8, [0.096, -0.072], [-0.3, 0.0]),
    (ops.hinge, {}, [0.5, 2.0], [1.0, -1.0], 1.75, [-0.5, 0.5], [-0.25, -1.0]),
    (ops.squared_hinge, {}, [0.5, 2.0], [1.0, -1.0], 4.625, [-0.5, 3.0], [-0.25, -6.0]),
    (ops.categorical_hinge, {}, [2.0, 1.0], [0.0, 1.0], 2.0, [1, -1], [-4.0, -1.0]),
    (ops.binary_crossentropy, {}, [0.2], [1.0], np.log(5), [-5.0], [np.log(4)]),
    (ops.binary_crossentropy_from_logits, {}, [LOG2], [1.0], np.log(1.5), [-1 / 3], [-LOG2]),
    (
        ops.categorical_crossentropy,
        {},
        [0.25, 0.5],
        [0.0, 1.0],
        LOG2,
        [0.0, -2.0],
        [2 * LOG2, LOG2],
    ),
    (
        ops.categorical_crossentropy_from_logits,
        {},
        [0.0, np.log(3)],
        [1.0, 1.0],
        np.log(16 / 3),
        [-0.5, 0.5],
        [np.log(4), np.log(4 / 3)],
    ),
    (
        ops.kl_divergence,
        {},
        [0.25, 0.5],
        [0.5, 0.5],
        LOG2 / 2,
        [-2.0, -1.0],
        [LOG2 + 1, 1.0],
    ),
]


@pytest.mark.parametrize(("op", "settings", "p", "t", "y", "dp", "dt"), GOLDEN)
def test_numbers_worked_by_hand(op, settings, p, t, y, dp, dt):
    with jax.enable_x64(True):
        p, t = jnp.array([p], jnp.float64), jnp.array([t], jnp.float64)
        value, pullback = jax.vjp(partial(op, **settings), p, t)
        np.testing.assert_allclose(value, [y], rtol=1e-10, atol=1e-12)
        gradients = pullback(jnp.array([3.0], jnp.float64))
        np.testing.assert_allclose(gradients[0][0], 3 * np.array(dp), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gradients[1][0], 3 * np.array(dt), rtol=1e-10, atol=1e-12)


def test_softmax_minus_target_worked_by_hand():
    z = jnp.log(jnp.array([[1.0, 2.0, 5.0]]))
    y, pullback = jax.vjp(
        lambda z: ops.sparse_categorical_crossentropy_from_logits(z, jnp.array([1])), z
    )
    np.testing.assert_allclose(y, [np.log(4)], rtol=1e-6)
    np.testing.assert_allclose(pullback(jnp.array([1.0]))[0], [[0.125, -0.75, 0.625]], rtol=1e-6)


@pytest.mark.parametrize("op", [*PAIRS, *SPARSE], ids=name_of)
def test_one_value_per_example(op):
    p = jnp.full((5, 4, 3), 0.5)
    t = jnp.zeros((5, 4), int) if op in SPARSE else p
    assert op(p, t).shape == (5, 4)


# Conventions.


def test_mean_absolute_error_is_flat_at_zero():
    p = jnp.array([[1.0, 2.0]])
    dp = jax.grad(lambda p: ops.mean_absolute_error(p, jnp.array([[1.0, 0.0]])).sum())(p)
    np.testing.assert_array_equal(dp, [[0.0, 0.5]])


def test_hinge_is_flat_where_the_margin_is_met():
    p, t = jnp.array([[1.0, -1.0]]), jnp.array([[1.0, -1.0]])
    for op in (ops.hinge, ops.squared_hinge):
        np.testing.assert_array_equal(jax.grad(lambda p, op=op: op(p, t).sum())(p), [[0.0, 0.0]])


def test_categorical_hinge_shares_equal_maxima_and_is_flat_at_the_margin():
    t = jnp.array([[1.0, 0.0, 0.0]])
    gradient = jax.grad(lambda p: ops.categorical_hinge(p, t).sum())
    np.testing.assert_array_equal(gradient(jnp.array([[1.0, 2.0, 2.0]])), [[-1.0, 0.5, 0.5]])
    np.testing.assert_array_equal(gradient(jnp.array([[3.0, 2.0, 1.0]])), [[0.0, 0.0, 0.0]])


def test_huber_has_no_jump_at_delta():
    delta = 1.5
    p = jnp.array([[delta - 1e-4, delta, delta + 1e-4]])
    dp = jax.grad(lambda p: ops.huber(p, jnp.zeros((1, 3)), delta=delta).sum())(p)
    np.testing.assert_allclose(3 * dp, [[delta, delta, delta]], atol=2e-4)


CLIPPED = [ops.binary_crossentropy, ops.categorical_crossentropy, ops.kl_divergence]


@pytest.mark.parametrize("op", CLIPPED, ids=name_of)
def test_gradient_is_zero_outside_the_clip(op):
    p, t = jnp.array([[-0.5, 0.5, 1.5]]), jnp.array([[0.3, 0.4, 0.3]])
    dp = jax.grad(lambda p: op(p, t).sum())(p)
    assert dp[0, 0] == 0
    assert dp[0, 1] != 0
    assert dp[0, 2] == 0


def test_gradient_passes_on_the_bound_of_the_clip():
    """As in PyTorch's clamp: a probability that clipping leaves as it is still learns."""
    low = jnp.float32(1e-7)
    p, t = jnp.array([[low, 1 - low]]), jnp.array([[1.0, 1.0]])
    dp = jax.grad(lambda p: ops.categorical_crossentropy(p, t).sum())(p)
    np.testing.assert_allclose(dp, [[-1e7, -1.0]], rtol=1e-5)


def test_sparse_gradient_is_zero_outside_the_clip():
    p, k = jnp.array([[0.0, 0.5], [0.5, 1.0]]), jnp.array([0, 1])
    dp = jax.grad(lambda p: ops.sparse_categorical_crossentropy(p, k).sum())(p)
    np.testing.assert_array_equal(dp, [[0.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("op", CLIPPED, ids=name_of)
def test_certain_and_wrong_stays_finite(op, dtype):
    p, t = jnp.array([[0.0, 1.0]], dtype), jnp.array([[1.0, 0.0]], dtype)
    y = op(p, t)
    assert y.dtype == dtype
    assert np.isfinite(y.astype(jnp.float32)).all()
    assert y[0] > 5


def test_probabilities_are_not_divided_by_their_sum():
    p = jnp.array([[0.5, 0.5, 1.0]])
    y = ops.sparse_categorical_crossentropy(p, jnp.array([0]))
    np.testing.assert_allclose(y, [LOG2], rtol=1e-6)
    y = ops.categorical_crossentropy(p, jnp.array([[1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(y, [LOG2], rtol=1e-6)


@pytest.mark.parametrize("k", [-1, 3, 255])
@pytest.mark.parametrize("op", SPARSE, ids=name_of)
def test_label_outside_the_classes_gives_nan(op, k):
    y = op(jnp.full((2, 3), 0.3), jnp.array([k, 0]))
    assert np.isnan(y[0])
    assert np.isfinite(y[1])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint32"])
def test_any_integer_type_is_a_label(dtype):
    z = jnp.array([[0.0, 1.0, 2.0]])
    gradient = jax.grad(lambda z, k: ops.sparse_categorical_crossentropy_from_logits(z, k).sum())
    np.testing.assert_array_equal(
        gradient(z, jnp.array([2], dtype)), gradient(z, jnp.array([2], "int32"))
    )


@pytest.mark.parametrize(
    ("sparse", "dense"),
    [
        (ops.sparse_categorical_crossentropy, ops.categorical_crossentropy),
        (
            ops.sparse_categorical_crossentropy_from_logits,
            ops.categorical_crossentropy_from_logits,
        ),
    ],
    ids=["probabilities", "logits"],
)
def test_labels_and_one_hot_rows_agree(sparse, dense):
    rng = np.random.default_rng(2)
    p, k = jnp.asarray(rng.uniform(0.1, 0.9, (6, 4)), jnp.float32), jnp.arange(6) % 4
    dy = jnp.asarray(rng.standard_normal(6), jnp.float32)
    y, pullback = jax.vjp(lambda p: sparse(p, k), p)
    y_dense, pullback_dense = jax.vjp(lambda p: dense(p, jnp.eye(4)[k]), p)
    np.testing.assert_allclose(y, y_dense, rtol=1e-6)
    np.testing.assert_allclose(pullback(dy)[0], pullback_dense(dy)[0], rtol=1e-5, atol=1e-7)


def test_logit_gradient_sums_to_zero_for_any_target():
    rng = np.random.default_rng(4)
    z, t = jnp.asarray(rng.standard_normal((2, 5, 4)))
    dz = jax.grad(lambda z: ops.categorical_crossentropy_from_logits(z, t).sum())(z)
    np.testing.assert_allclose(dz.sum(axis=-1), 0, atol=1e-5)


# Large logits.

EXTREME = [[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [100.0, -100.0, 0.0], [-1e4, -1e4, -1e4]]


@pytest.mark.parametrize(
    "op",
    [
        ops.binary_crossentropy_from_logits,
        ops.categorical_crossentropy_from_logits,
        ops.log_cosh,
        ops.huber,
        ops.hinge,
        ops.cosine_similarity,
    ],
    ids=name_of,
)
def test_large_predictions_stay_finite_to_second_order(op):
    z = jnp.array(EXTREME)
    t = jnp.array([[0.0, 1.0, 0.0]] * 4)

    def total(z):
        return jnp.sum(op(z, t))

    assert np.isfinite(op(z, t)).all()
    assert np.isfinite(jax.grad(total)(z)).all()
    second = jax.grad(lambda z: jnp.sum(jnp.sin(jax.grad(total)(z))) + total(z))(z)
    assert np.isfinite(second).all()


def test_large_logits_with_labels_stay_finite_to_second_order():
    z, k = jnp.array(EXTREME), jnp.array([1, 0, 1, 2])

    def total(z):
        return jnp.sum(ops.sparse_categorical_crossentropy_from_logits(z, k))

    y = ops.sparse_categorical_crossentropy_from_logits(z, k)
    np.testing.assert_allclose(y, [2e4, 2e4 + LOG2, 200.0, np.log(3)], rtol=1e-6)
    dz = jax.grad(total)(z)
    np.testing.assert_allclose(dz[:2], [[1, -1, 0], [-1, 0.5, 0.5]], rtol=1e-6)
    second = jax.grad(lambda z: jnp.sum(jnp.sin(jax.grad(total)(z))) + total(z))(z)
    assert np.isfinite(second).all()


def test_small_losses_keep_their_digits():
    y = ops.binary_crossentropy_from_logits(jnp.array([[20.0]]), jnp.array([[1.0]]))
    np.testing.assert_allclose(y, [2.0611536e-9], rtol=1e-6)


def test_cosine_of_a_zero_vector_is_zero_and_harmless():
    p, t = jnp.zeros((1, 3)), jnp.array([[1.0, 2.0, 2.0]])
    y, pullback = jax.vjp(ops.cosine_similarity, p, t)
    np.testing.assert_array_equal(y, [0.0])
    dp, dt = pullback(jnp.ones(1))
    np.testing.assert_allclose(dp, -t / 3 / 1e-7, rtol=1e-5)
    np.testing.assert_array_equal(dt, jnp.zeros((1, 3)))


# Bad input.


@pytest.mark.parametrize("op", PAIRS, ids=name_of)
def test_shapes_must_be_equal(op):
    with pytest.raises(ShapeError, match=r"\(5, 1\) and \(5,\); add the missing axis with target"):
        op(jnp.ones((5, 1)), jnp.ones(5))
    with pytest.raises(ShapeError, match=r"\(5,\) and \(5, 1\); drop the extra axis with target"):
        op(jnp.ones(5), jnp.ones((5, 1)))
    with pytest.raises(ShapeError, match=r"of equal shape, got \(5, 3\) and \(1, 3\)\."):
        op(jnp.ones((5, 3)), jnp.ones((1, 3)))
    with pytest.raises(ShapeError, match=r"rank 1 or more \(\.\.\., n\), got shape \(\)"):
        op(jnp.float32(1), jnp.float32(1))


@pytest.mark.parametrize("op", PAIRS, ids=name_of)
def test_types_must_be_equal_floats(op):
    with pytest.raises(DTypeError, match=r"target of the prediction's type float32, got int32"):
        op(jnp.ones((2, 3)), jnp.ones((2, 3), "int32"))
    with pytest.raises(DTypeError, match=r"predictions of a float type, got int32"):
        op(jnp.ones((2, 3), "int32"), jnp.ones((2, 3), "int32"))


@pytest.mark.parametrize("op", SPARSE, ids=name_of)
def test_labels_must_be_integers_one_for_each_row(op):
    with pytest.raises(DTypeError, match=r"integer class labels, got an array of float32"):
        op(jnp.ones((2, 3)), jnp.ones(2))
    with pytest.raises(ShapeError, match=r"one label for each row .* \(2,\), got shape \(2, 1\)"):
        op(jnp.ones((2, 3)), jnp.ones((2, 1), "int32"))
    with pytest.raises(DTypeError, match=r"predictions of a float type, got int32"):
        op(jnp.ones((2, 3), "int32"), jnp.ones(2, "int32"))


def test_delta_must_be_positive():
    with pytest.raises(ArgumentError, match=r"huber expected delta .* \(0, inf\), got 0"):
        ops.huber(jnp.ones((2, 3)), jnp.ones((2, 3)), delta=0)


# PyTorch.


def torch_cases():
    f = pytest.importorskip("torch.nn.functional")
    each = {"reduction": "none"}

    def mean(loss, **settings):
        return lambda p, t: loss(p, t, **each, **settings).mean(-1)

    return {
        "mean_squared_error": mean(f.mse_loss),
        "mean_absolute_error": mean(f.l1_loss),
        "huber": mean(f.huber_loss),
        "poisson": mean(f.poisson_nll_loss, log_input=False, eps=1e-7),
        "cosine_similarity": lambda p, t: -f.cosine_similarity(p, t, dim=-1),
        "binary_crossentropy": mean(f.binary_cross_entropy),
        "binary_crossentropy_from_logits": mean(f.binary_cross_entropy_with_logits),
        "categorical_crossentropy_from_logits": lambda p, t: f.cross_entropy(p, t, **each),
        "kl_divergence": lambda p, t: f.kl_div(p.log(), t, **each).sum(-1),
    }


@pytest.mark.parametrize(
    "name",
    [
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "poisson",
        "cosine_similarity",
        "binary_crossentropy",
        "binary_crossentropy_from_logits",
        "categorical_crossentropy_from_logits",
        "kl_divergence",
    ],
)
def test_agrees_with_torch(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(6)
    p, t = rng.uniform(0.05, 0.95, (2, 5, 4))
    if name in ("huber", "binary_crossentropy_from_logits", "mean_squared_error"):
        p = 3 * rng.standard_normal((5, 4))
    p_torch, t_torch = (torch.tensor(a, requires_grad=True) for a in (p, t))
    theirs = torch_cases()[name](p_torch, t_torch)
    dy = rng.standard_normal(5)
    theirs.backward(torch.tensor(dy))
    with jax.enable_x64(True):
        y, pullback = jax.vjp(ops.REGISTRY[name], jnp.asarray(p), jnp.asarray(t))
        dp, dt = pullback(jnp.asarray(dy))
        np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(dp, p_torch.grad.numpy(), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(dt, t_torch.grad.numpy(), rtol=1e-9, atol=1e-10)


def test_labels_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    z, k, dy = rng.standard_normal((6, 4)), rng.integers(0, 4, 6), rng.standard_normal(6)
    z_torch = torch.tensor(z, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(z_torch, torch.tensor(k), reduction="none")
    theirs.backward(torch.tensor(dy))
    with jax.enable_x64(True):
        y, pullback = jax.vjp(
            lambda z: ops.sparse_categorical_crossentropy_from_logits(z, jnp.asarray(k)),
            jnp.asarray(z),
        )
        np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(
            pullback(jnp.asarray(dy))[0], z_torch.grad.numpy(), rtol=1e-9, atol=1e-12
        )
