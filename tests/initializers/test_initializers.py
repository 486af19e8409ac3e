"""Every initializer: spread, limits, determinism, types, names, bad arguments."""

import doctest
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import initializers
from pellucid._named import to_config
from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    compute_fans,
)
from pellucid.initializers._base import REGISTRY

NARROWING = 0.8796256610342398
"""Standard deviation of a standard normal number that lies in [-2, 2]; checked below."""

DENSE, KERNEL = (500, 300), (5, 5, 64, 96)
FANS = {DENSE: (500, 300), KERNEL: (1600, 2400)}

# (initializer, its mean, its standard deviation and its greatest distance from the mean, as
# functions of fan_in and fan_out)
RANDOM = [
    (RandomNormal(0.5, 0.2), 0.5, lambda i, o: 0.2, None),
    (RandomUniform(-0.1, 0.3), 0.1, lambda i, o: 0.4 / 12**0.5, lambda i, o: 0.2),
    (TruncatedNormal(0.5, 0.2), 0.5, lambda i, o: 0.2 * NARROWING, lambda i, o: 0.4),
    (VarianceScaling(), 0, lambda i, o: (1 / i) ** 0.5, lambda i, o: 2 / i**0.5 / NARROWING),
    (
        VarianceScaling(3.0, "fan_out", "uniform"),
        0,
        lambda i, o: (3 / o) ** 0.5,
        lambda i, o: (9 / o) ** 0.5,
    ),
    (
        VarianceScaling(2.0, "fan_avg", "untruncated_normal"),
        0,
        lambda i, o: (4 / (i + o)) ** 0.5,
        None,
    ),
    (GlorotUniform(), 0, lambda i, o: (2 / (i + o)) ** 0.5, lambda i, o: (6 / (i + o)) ** 0.5),
    (
        GlorotNormal(),
        0,
        lambda i, o: (2 / (i + o)) ** 0.5,
        lambda i, o: 2 * (2 / (i + o)) ** 0.5 / NARROWING,
    ),
    (HeUniform(), 0, lambda i, o: (2 / i) ** 0.5, lambda i, o: (6 / i) ** 0.5),
    (HeNormal(), 0, lambda i, o: (2 / i) ** 0.5, lambda i, o: 2 * (2 / i) ** 0.5 / NARROWING),
    (LecunUniform(), 0, lambda i, o: (1 / i) ** 0.5, lambda i, o: (3 / i) ** 0.5),
    (LecunNormal(), 0, lambda i, o: (1 / i) ** 0.5, lambda i, o: 2 * (1 / i) ** 0.5 / NARROWING),
]
FIXED = [Zeros(), Ones(), Constant(0.25), Identity(2.0), Orthogonal(2.0)]
ALL = [row[0] for row in RANDOM] + FIXED


def key(seed=0):
    return jax.random.key(seed)


def name(value):
    return type(value).__name__ if isinstance(value, Initializer) else None


each = pytest.mark.parametrize("initializer", ALL, ids=name)


def test_every_initializer_has_a_row():
    assert {type(initializer) for initializer in ALL} == set(REGISTRY.entries.values())


@pytest.mark.parametrize("shape", FANS, ids=["dense", "convolution"])
@pytest.mark.parametrize(("initializer", "mean", "stddev", "limit"), RANDOM, ids=name)
def test_mean_spread_and_limits(initializer, mean, stddev, limit, shape):
    """All within 5 standard errors: stddev / sqrt(n) of a mean, stddev / sqrt(2 n) of a stddev."""
    w = np.asarray(initializer(key(7), shape), np.float64)
    sigma, n = stddev(*FANS[shape]), w.size
    assert abs(w.mean() - mean) < 5 * sigma / n**0.5
    assert abs(w.std() - sigma) < 5 * sigma / (2 * n) ** 0.5
    distance = np.abs(w - mean).max()
    if limit is None:
        assert distance > 3.5 * sigma
    else:
        assert 0.99 * limit(*FANS[shape]) < distance <= limit(*FANS[shape]) * (1 + 1e-6)


def test_cutting_at_two_standard_deviations_narrows_by_this():
    """Its variance is 1 - 2 a phi(a) / (2 Phi(a) - 1) at a = 2."""
    phi = math.exp(-2) / math.sqrt(2 * math.pi)
    inside = math.erf(2 / math.sqrt(2))
    assert math.sqrt(1 - 4 * phi / inside) == pytest.approx(NARROWING, rel=1e-12)


@pytest.mark.parametrize(
    ("special", "general"),
    [
        (GlorotUniform(), VarianceScaling(1.0, "fan_avg", "uniform")),
        (GlorotNormal(), VarianceScaling(1.0, "fan_avg", "truncated_normal")),
        (HeUniform(), VarianceScaling(2.0, "fan_in", "uniform")),
        (HeNormal(), VarianceScaling(2.0, "fan_in", "truncated_normal")),
        (LecunUniform(), VarianceScaling(1.0, "fan_in", "uniform")),
        (LecunNormal(), VarianceScaling(1.0, "fan_in", "truncated_normal")),
    ],
    ids=name,
)
def test_special_cases_of_variance_scaling(special, general):
    np.testing.assert_allclose(special(key(), KERNEL), general(key(), KERNEL), rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8), (9, 4), (4, 9), (3, 3, 2, 5), (2, 30), (1, 1)])
def test_orthogonal(shape):
    w = np.asarray(Orthogonal(2.0)(key(), shape)).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    """Each entry of a 3 x 3 one has mean 0 and variance 1 / 3; QR alone would fix signs."""
    draws = jax.vmap(lambda k: Orthogonal()(k, (3, 3)))(jax.random.split(key(1), 4000))
    np.testing.assert_allclose(np.mean(draws, axis=0), 0, atol=5 / math.sqrt(3 * 4000))
    np.testing.assert_allclose(np.var(draws, axis=0), 1 / 3, atol=0.03)


def test_fixed_values():
    np.testing.assert_array_equal(Zeros()(key(), (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(Ones()(key(), (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(Constant(0.25)(key(), (2,)), [0.25, 0.25])
    table = ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    np.testing.assert_array_equal(Constant(table)(key(), (2, 3)), table)
    with pytest.raises(ShapeError, match=r"Constant expected value and the weights of equal"):
        Constant(table)(key(), (3, 2))
    np.testing.assert_array_equal(Identity(2.0)(key(), (2, 3)), [[2, 0, 0], [0, 2, 0]])


@each
def test_the_key_decides(initializer):
    a, b, c = (initializer(key(seed), (6, 5)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    drawn = type(initializer) not in (Zeros, Ones, Constant, Identity)
    assert drawn == bool(np.any(np.asarray(a) != np.asarray(c)))


@each
def test_compiled_equals_eager(initializer):
    compiled = jax.jit(lambda k: initializer(k, (6, 5)))(key())
    np.testing.assert_allclose(compiled, initializer(key(), (6, 5)), rtol=1e-5, atol=1e-7)


@each
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64])
def test_types_and_shapes(initializer, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        w = jax.eval_shape(lambda k: initializer(k, [6, 5], dtype), key())
        assert (w.shape, w.dtype, w.weak_type) == ((6, 5), dtype, False)


@each
def test_names_and_configurations(initializer):
    config = json.loads(json.dumps(to_config(initializer)))
    assert initializers.get(config) == initializer
    assert initializers.get(initializer) is initializer
    assert initializers.get(type(initializer).__name__) == type(initializer)()
    assert "w" in initializer.formula
    assert initializer.reference.endswith(".")


@pytest.mark.parametrize(
    ("spelling", "initializer"),
    [
        ("glorot_uniform", GlorotUniform()),
        ("he_normal", HeNormal()),
        ("lecun_uniform", LecunUniform()),
        ("zeros", Zeros()),
        ("zero", Zeros()),
        ("one", Ones()),
        ("normal", RandomNormal()),
        ("uniform", RandomUniform()),
        ("truncated_normal", TruncatedNormal()),
        ("variance_scaling", VarianceScaling()),
    ],
)
def test_kerass_names(spelling, initializer):
    assert initializers.get(spelling) == initializer


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 4), (3, 4)), ((5, 3, 4), (15, 20)), (KERNEL, (1600, 2400))],
)
def test_compute_fans(shape, fans):
    assert compute_fans(shape) == fans


@each
def test_empty_arrays_are_no_trouble(initializer):
    assert initializer(key(), (0, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomNormal(stddev=-1), ArgumentError, "RandomNormal expected stddev"),
        (lambda: RandomNormal(mean="0"), ArgumentError, "RandomNormal expected mean"),
        (lambda: TruncatedNormal(stddev=-1), ArgumentError, "TruncatedNormal expected stddev"),
        (lambda: TruncatedNormal(mean=math.inf), ArgumentError, "TruncatedNormal expected mean"),
        (lambda: RandomUniform(1.0, 0.0), ArgumentError, "got 1.0 and 0.0; swap them"),
        (lambda: RandomUniform(math.nan), ArgumentError, "RandomUniform expected minval"),
        (lambda: Constant("1"), ArgumentError, "Constant expected value"),
        (lambda: VarianceScaling(0), ArgumentError, "VarianceScaling expected scale"),
        (lambda: VarianceScaling(mode="fan"), ArgumentError, "one of 'fan_in', 'fan_out'"),
        (lambda: VarianceScaling(distribution="n"), ArgumentError, "one of 'truncated_normal'"),
        (lambda: Orthogonal("1"), ArgumentError, "Orthogonal expected gain"),
        (lambda: Identity(math.inf), ArgumentError, "Identity expected gain"),
        (lambda: Orthogonal()(key(), (3,)), ShapeError, r"Orthogonal .* rank 2 or more .*\(3,\)"),
        (lambda: Identity()(key(), (3, 3, 3)), ShapeError, r"Identity .* rank 2 \(inputs, outputs"),
        (lambda: Zeros()(0, (3,)), DTypeError, r"random key, got 0; write jax.random.key\(0\)"),
        (lambda: Ones()(key(), (3,), int), DTypeError, "Ones expected a floating-point dtype, got"),
        (lambda: initializers.get("glorot"), UnknownNameError, "did you mean 'glorot_"),
        (lambda: initializers.get(0), DTypeError, "Expected initializer to be an object"),
        (lambda: Initializer()(key(), (3,)), NotImplementedError, "must define sample"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_examples_in_the_docstrings():
    for module in (initializers, initializers._base):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0
