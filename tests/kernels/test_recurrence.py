"""The compiled recurrent networks against the plain loops on odd shapes, and bit-equal again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

BLOCKS = {"simple_rnn": 1, "lstm": 4, "gru": 3}
# batch, steps, units
SHAPES = [(1, 1, 1), (2, 7, 5), (5, 3, 16), (33, 4, 17), (3, 20, 40)]


def draw(name, shape, masked):
    batch, steps, units = shape
    rng = np.random.default_rng(batch + steps + units)

    def normal(*shape):
        return jnp.asarray(rng.standard_normal(shape), jnp.float32)

    p = 2 * normal(batch, steps, BLOCKS[name] * units)
    u = normal(units, BLOCKS[name] * units) / units**0.5
    biases = [normal(3 * units)] if name == "gru" else []
    states = [normal(batch, units) for _ in range(2 if name == "lstm" else 1)]
    mask = jnp.asarray(rng.random((batch, steps)) < 0.7) if masked else None
    return (p, u, *biases, *states), mask


def run(name, arrays, mask, reverse, weights=None):
    """Return the outputs and the gradients of their weighted sum."""

    def total(arrays):
        outputs = jax.tree.leaves(getattr(ops, name)(*arrays, mask, reverse=reverse))
        read = [outputs[0]] if weights is None else outputs[: len(weights)]
        factors = [jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape) for y in read]
        return sum(jnp.sum(y * f) for y, f in zip(read, factors, strict=True)), outputs

    (_, outputs), gradients = jax.value_and_grad(total, has_aux=True)(arrays)
    return [*outputs, *gradients]


@needs_kernels
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", list(BLOCKS))
def test_equals_the_plain_loop(monkeypatch, name, shape, masked, reverse):
    arrays, mask = draw(name, shape, masked)
    ours = run(name, arrays, mask, reverse)
    again = run(name, arrays, mask, reverse)
    monkeypatch.setattr(kernels.recurrence, "takes", lambda p, kept: False)
    plain = run(name, arrays, mask, reverse)
    for a, b, expected in zip(ours, again, plain, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, expected, rtol=2e-5, atol=2e-5)


@needs_kernels
def test_gradients_of_the_cells_are_taken_too(monkeypatch):
    arrays, mask = draw("lstm", (3, 6, 9), True)
    ours = run("lstm", arrays, mask, False, weights=(1, 1))
    monkeypatch.setattr(kernels.recurrence, "takes", lambda p, kept: False)
    plain = run("lstm", arrays, mask, False, weights=(1, 1))
    for a, expected in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, expected, rtol=2e-5, atol=2e-5)


@needs_kernels
@pytest.mark.parametrize("name", list(BLOCKS))
def test_which_settings_run_compiled(name):
    arrays, _ = draw(name, (2, 3, 4), False)
    op = getattr(ops, name)

    def text(**settings):
        return jax.jit(lambda *arrays: op(*arrays, **settings)).lower(*arrays).as_text()

    assert f"pellucid_{name}" in text()
    assert f"pellucid_{name}" not in text(activation="relu")


@needs_kernels
@pytest.mark.parametrize("name", list(BLOCKS))
def test_a_gradient_of_a_gradient(monkeypatch, name):
    arrays, _ = draw(name, (2, 3, 4), False)
    op = getattr(ops, name)

    def slope(p):
        def loss(p):
            return jnp.sum(jnp.sin(jax.tree.leaves(op(p, *arrays[1:]))[0]))

        return jnp.sum(jax.grad(loss)(p) ** 2)

    ours = jax.grad(slope)(arrays[0])
    monkeypatch.setattr(kernels.recurrence, "takes", lambda p, kept: False)
    np.testing.assert_allclose(ours, jax.grad(slope)(arrays[0]), rtol=1e-4, atol=1e-5)


@needs_kernels
def test_far_out_numbers_saturate_and_nan_stays():
    p = jnp.asarray([[[-1e30, -90.0, 90.0, 1e30, jnp.inf, -jnp.inf, 1e-6, jnp.nan]]])
    h = ops.simple_rnn(p, jnp.zeros((8, 8)))
    np.testing.assert_allclose(h, jnp.tanh(p), rtol=1e-6)
