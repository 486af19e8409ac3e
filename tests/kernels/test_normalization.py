"""Compiled batch normalization against the formula in float64 on odd shapes, bit-equal again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

EPSILON = 1e-3
SHAPES = [
    (1, 1),
    (2, 3),
    (5000, 1),
    (64, 16, 16, 3),
    (16, 16, 16, 16),  # shared between threads
    (33, 9, 17),
    (3, 50, 65),
    (7, 40, 100),
    (40, 1024),
    (9, 4099),
]
# the weights of samples: none, arbitrary ones, a short last batch, nothing but padding
WEIGHTS = {
    "all": lambda n, rng: None,
    "arbitrary": lambda n, rng: 1 + rng.random(n),
    "padded": lambda n, rng: np.arange(n) < n * 2 // 3 + 1,
    "nothing": lambda n, rng: np.zeros(n),
}


def draw(shape, weights, *, mean=1.0, vectors=True):
    rng = np.random.default_rng(len(shape) + shape[0])
    x = jnp.asarray(mean + 3 * rng.standard_normal(shape), jnp.float32)
    gamma, beta, dmean, dvariance = jnp.asarray(rng.standard_normal((4, shape[-1])), jnp.float32)
    counts = WEIGHTS[weights](shape[0], rng)
    counts = None if counts is None else jnp.asarray(counts, jnp.float32)
    dys = (jnp.asarray(rng.standard_normal(shape), jnp.float32), dmean, dvariance)
    gamma, beta = (gamma, beta) if vectors else (None, None)
    return x, gamma, beta, counts, dys


def formula(x, gamma, beta, counts, dys):
    """Outputs and gradients in float64, by the plain body and by JAX's autodiff."""
    with jax.enable_x64(True):
        wide = [None if a is None else jnp.asarray(a, jnp.float64) for a in (x, gamma, beta)]
        given = [i for i, a in enumerate(wide) if a is not None]

        def compute(*arrays):
            full = list(wide)
            for i, a in zip(given, arrays, strict=True):
                full[i] = a
            weights = None if counts is None else counts.astype(jnp.float64)
            return ops.batch_norm.forward(*full, weights, epsilon=EPSILON)[0]

        outputs, pull = jax.vjp(compute, *(wide[i] for i in given))
        return outputs, pull(tuple(jnp.asarray(d, jnp.float64) for d in dys))


def native(x, gamma, beta, counts, dys):
    settings = {"epsilon": EPSILON}
    outputs = kernels.normalization.batch_norm(x, gamma, beta, counts, **settings)
    gradients = kernels.normalization.batch_norm_gradient(
        x, gamma, counts, *outputs[1:], *dys, **settings
    )
    return outputs, gradients if gamma is not None else gradients[:1]


def close(ours, expected, tolerance=3e-6, scale=1.0):
    for a, e in zip(ours, expected, strict=True):
        atol = tolerance * float(np.max(np.abs(e), initial=scale))
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=atol)


@needs_kernels
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_formula_in_float64(shape, weights):
    case = draw(shape, weights)
    ours, again = native(*case), native(*case)
    jax.tree.map(np.testing.assert_array_equal, ours, again)
    outputs, gradients = formula(*case)
    close(ours[0], outputs)
    # The terms of dx may cancel: its rounding is that of the first one, gamma dy / sqrt(v + eps).
    first = np.asarray(case[1] * case[-1][0]) / np.sqrt(np.asarray(outputs[2]) + EPSILON)
    close(ours[1][:1], gradients[:1], scale=float(np.max(np.abs(first))))
    close(ours[1][1:], gradients[1:])


@needs_kernels
def test_without_scale_and_offset():
    case = draw((40, 7, 30), "all", vectors=False)
    for part, expected in zip(native(*case), formula(*case), strict=True):
        close(part, expected)


@needs_kernels
def test_a_mean_far_from_zero_costs_no_digits_of_the_variance():
    case = draw((50, 20, 24), "padded", mean=3000.0)
    (_, mean, variance), _ = formula(*case)
    (_, ours_mean, ours_variance), _ = native(*case)
    np.testing.assert_allclose(ours_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(ours_variance, variance, rtol=1e-5)


@needs_kernels
def test_nan_stays_in_its_channel():
    x, gamma, beta, counts, dys = draw((40, 20, 10), "all")
    (y, mean, variance), _ = native(x.at[3, 4, 5].set(jnp.nan), gamma, beta, counts, dys)
    for a in (y.reshape(-1, 10)[0], mean, variance):
        np.testing.assert_array_equal(jnp.isnan(a), np.arange(10) == 5)


@needs_kernels
def test_the_operation_uses_the_kernels_and_maps_the_plain_body():
    x, gamma, beta, _, _ = draw((3, 40, 7, 20), "all")

    def loss(x, gamma, beta):
        y, mean, variance = ops.batch_norm(x, gamma, beta)
        return jnp.sum(jnp.sin(y)) + jnp.sum(mean * variance)

    def gradients(x):
        return jax.grad(loss, (0, 1, 2))(x, gamma, beta)

    text = jax.jit(gradients).lower(x).as_text()
    assert text.count("@pellucid_batch_norm(") == 1
    assert text.count("@pellucid_batch_norm_gradient(") == 1
    mapped = jax.jit(jax.vmap(gradients))
    assert "@pellucid_batch_norm" not in mapped.lower(x).as_text()
    each = [gradients(one) for one in x]
    for i, dx_dgamma_dbeta in enumerate(each):
        close(dx_dgamma_dbeta, [a[i] for a in mapped(x)])


@needs_kernels
def test_gradients_of_gradients_equal_those_of_the_plain_body():
    x, gamma, beta, counts, _ = draw((40, 7, 20), "padded")

    def penalty(x, gamma, beta):
        def value(x):
            return jnp.sum(jnp.sin(ops.batch_norm(x, gamma, beta, counts.astype(x.dtype))[0]))

        return jnp.sum(jnp.square(jax.grad(value)(x)))

    ours = jax.jit(jax.grad(penalty, (0, 1, 2)))(x, gamma, beta)
    with jax.enable_x64(True):
        wide = [jnp.asarray(a, jnp.float64) for a in (x, gamma, beta)]
        plain = jax.jit(jax.grad(penalty, (0, 1, 2)))(*wide)
    close(ours, plain, 1e-5)
