"""Every operation in the registry, proven in float64.

For each case: (a) the hand-written backward pass against JAX's autodiff of a plain reference,
(b) against central differences along a random direction, with a random cotangent, (c) second
order: the gradient of a random function of the gradient, against autodiff and differences.
Forward-mode derivatives do not exist for these operations; everything is checked in reverse mode.
"""

import importlib
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ops
from pellucid.ops import REGISTRY

TABLE = {}
for module in pkgutil.iter_modules(ops.__path__):
    if module.name.endswith("_cases"):
        TABLE.update(importlib.import_module(f"ops.{module.name}").CASES)

ROWS = [
    pytest.param(name, case, id=f"{name}-{case.label or index}")
    for name, cases in sorted(TABLE.items())
    for index, case in enumerate(cases)
]

# One table of tolerances for the whole suite: (relative, absolute), in float64.
AUTODIFF = (1e-9, 1e-10)
DIFFERENCES = (2e-6, 1e-7)
STEP = 1e-5


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def is_float(array):
    return array is not None and jnp.issubdtype(jnp.result_type(array), jnp.floating)


def split(case, seed=0):
    """Return the float arguments, a function that puts them back, and a generator."""
    rng = np.random.default_rng(seed)
    arrays = [None if a is None else jnp.asarray(a) for a in case.arrays(rng)]
    places = [i for i, a in enumerate(arrays) if is_float(a)]

    def fill(floats):
        full = list(arrays)
        for i, value in zip(places, floats, strict=True):
            full[i] = value
        return full

    return [arrays[i] for i in places], fill, rng


def random_like(tree, rng):
    return jax.tree.map(
        lambda a: (
            jnp.asarray(rng.standard_normal(a.shape))
            if jnp.issubdtype(a.dtype, jnp.floating)
            else np.zeros(a.shape, jax.dtypes.float0)
        ),
        tree,
    )


def inner(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum(jnp.sum(x * y) for x, y in pairs if jnp.issubdtype(x.dtype, jnp.floating))


def close(actual, expected, tolerance, what):
    rtol, atol = tolerance
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, float(jnp.max(jnp.abs(e)))) if e.size else 1.0
        np.testing.assert_allclose(a, e, rtol=rtol, atol=atol * scale, err_msg=what)


def test_every_operation_has_test_inputs():
    assert set(TABLE) == set(REGISTRY)


def test_every_operation_is_described():
    for op in REGISTRY.values():
        for text in (op.formula, op.gradient, op.reference, op.forward.__doc__):
            assert text, f"{op.name} lacks a description"
        assert op.backward.__doc__, f"{op.name} lacks a docstring on its backward pass"


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_flops_are_counted(name, case):
    arrays = case.arrays(np.random.default_rng(0))
    shapes = [None if a is None else np.shape(a) for a in arrays]
    assert isinstance(REGISTRY[name].flops(*shapes, **case.settings), int)


def value_and_gradients(function):
    """Return the compiled function (values, dy) -> (output, gradients of the values)."""

    def both(values, dy):
        y, pullback = jax.vjp(function, *values)
        return y, pullback(dy)

    return jax.jit(both)


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_first_order(name, case):
    op = REGISTRY[name]
    floats, fill, rng = split(case)

    def by_hand(*values):
        return op(*fill(values), **case.settings)

    def plain(*values):
        if case.reference is not None:
            return case.reference(*fill(values), **case.settings)
        return op.forward(*fill(values), **case.settings)[0]

    by_hand = jax.jit(by_hand)
    y = by_hand(*floats)
    dy = random_like(y, rng)
    _, gradients = value_and_gradients(by_hand)(floats, dy)
    y_plain, gradients_plain = value_and_gradients(plain)(floats, dy)
    close(y, y_plain, AUTODIFF, "forward")
    for value, gradient in zip(floats, gradients, strict=True):
        assert gradient.shape == value.shape
        assert gradient.dtype == value.dtype
    close(gradients, gradients_plain, AUTODIFF, "against autodiff")

    direction = random_like(tuple(floats), rng)
    ahead = by_hand(*(v + STEP * d for v, d in zip(floats, direction, strict=True)))
    behind = by_hand(*(v - STEP * d for v, d in zip(floats, direction, strict=True)))
    slope = (inner(dy, ahead) - inner(dy, behind)) / (2 * STEP)
    close(inner(gradients, direction), slope, DIFFERENCES, "against central differences")


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_second_order(name, case):
    op = REGISTRY[name]
    floats, fill, rng = split(case)
    dy = random_like(jax.eval_shape(lambda *v: op(*fill(v), **case.settings), *floats), rng)
    weights = random_like(tuple(floats), rng)

    def gradient_of(function):
        def scalar(*values):
            return inner(dy, jax.tree.map(jnp.sin, function(*values)))

        def weighed(*values):
            return inner(weights, jax.grad(scalar, argnums=tuple(range(len(values))))(*values))

        return weighed

    by_hand = gradient_of(lambda *v: op(*fill(v), **case.settings))
    plain = gradient_of(
        lambda *v: (
            case.reference(*fill(v), **case.settings)
            if case.reference is not None
            else op.forward(*fill(v), **case.settings)[0]
        )
    )
    everything = tuple(range(len(floats)))
    by_hand = jax.jit(by_hand)
    second = jax.jit(jax.grad(by_hand, argnums=everything))(*floats)
    second_plain = jax.jit(jax.grad(plain, argnums=everything))(*floats)
    close(second, second_plain, AUTODIFF, "second, autodiff")

    direction = random_like(tuple(floats), rng)
    ahead = by_hand(*(v + STEP * d for v, d in zip(floats, direction, strict=True)))
    behind = by_hand(*(v - STEP * d for v, d in zip(floats, direction, strict=True)))
    slope = (ahead - behind) / (2 * STEP)
    close(inner(second, direction), slope, DIFFERENCES, "second, central differences")


def test_the_prover_finds_a_wrong_gradient():
    """Plant 2.001 where 2 belongs and see each check refuse it."""
    from pellucid.ops._registry import Op, elementwise_flops

    wrong = Op(
        "wrong_square",
        lambda x: (x * x, x),
        lambda x, dy: (2.001 * x * dy,),
        "y = x^2",
        "dx = 2 x dy",
        "planted",
        elementwise_flops(1),
    )
    case = next(iter(TABLE["dense"]))
    floats, _, rng = split(case)
    x = floats[0]
    y, pullback = jax.vjp(wrong, x)
    dy = random_like(y, rng)
    with pytest.raises(AssertionError, match="against autodiff"):
        close(pullback(dy)[0], 2 * x * dy, AUTODIFF, "against autodiff")
    direction = random_like(x, rng)
    slope = inner(dy, (x + STEP * direction) ** 2 - (x - STEP * direction) ** 2) / (2 * STEP)
    with pytest.raises(AssertionError, match="differences"):
        close(inner(pullback(dy)[0], direction), slope, DIFFERENCES, "differences")
