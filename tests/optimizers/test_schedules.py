"""Every schedule against Optax or against values worked out by hand."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pellucid._named import to_config
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.optimizers import schedules
from pellucid.optimizers.schedules import (
    ConstantSchedule,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    LinearWarmup,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from pellucid.optimizers.schedules._base import REGISTRY

STEPS = range(45)


def restarts(t):
    """Warm restarts as a loop: periods of 5, 10, 20 steps, each starting at half of the last."""
    start, length, factor = 0, 5, 1.0
    while t >= start + length:
        start, length, factor = start + length, length * 2, factor * 0.5
    wave = factor * (1 + math.cos(math.pi * (t - start) / length)) / 2
    return 0.1 * (0.9 * wave + 0.1)


CASES = [
    (ConstantSchedule(0.1), lambda t: 0.1),
    (
        PiecewiseConstantDecay([10, 20.5], [0.1, 0.01, 0.001]),
        lambda t: 0.1 if t <= 10 else 0.01 if t <= 20.5 else 0.001,
    ),
    (ExponentialDecay(0.1, 7, 0.5), optax.exponential_decay(0.1, 7, 0.5)),
    (
        ExponentialDecay(0.1, 7, 0.5, staircase=True),
        optax.exponential_decay(0.1, 7, 0.5, staircase=True),
    ),
    (InverseTimeDecay(0.1, 7, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 7)),
    (InverseTimeDecay(0.1, 7, 0.5, staircase=True), lambda t: 0.1 / (1 + 0.5 * (t // 7))),
    (PolynomialDecay(0.1, 20), optax.polynomial_schedule(0.1, 1e-4, 1, 20)),
    (PolynomialDecay(0.1, 20, 0.01, power=2.0), optax.polynomial_schedule(0.1, 0.01, 2, 20)),
    (
        PolynomialDecay(0.1, 20, 0.0, cycle=True),
        lambda t: 0.1 * (1 - t / (20 * max(1, math.ceil(t / 20)))),
    ),
    (CosineDecay(0.1, 20), optax.cosine_decay_schedule(0.1, 20)),
    (CosineDecay(0.1, 20, alpha=0.1), optax.cosine_decay_schedule(0.1, 20, alpha=0.1)),
    (
        CosineDecay(0.01, 20, warmup_target=0.1, warmup_steps=8),
        optax.warmup_cosine_decay_schedule(0.01, 0.1, 8, 28),
    ),
    (CosineDecayRestarts(0.1, 5, m_mul=0.5, alpha=0.1), restarts),
    (
        CosineDecayRestarts(0.1, 5, t_mul=1.0),
        lambda t: 0.1 * (1 + math.cos(math.pi * (t % 5) / 5)) / 2,
    ),
    (
        LinearWarmup(0.1, 8, initial_learning_rate=0.02),
        optax.warmup_constant_schedule(0.02, 0.1, 8),
    ),
    (
        LinearWarmup(ExponentialDecay(0.1, 7, 0.5), 8),
        optax.warmup_exponential_decay_schedule(0.0, 0.1, 8, 7, 0.5),
    ),
    (OneCycle(0.1, 40), optax.linear_onecycle_schedule(40, 0.1)),
    (
        OneCycle(0.1, 40, 0.5, 0.75, div_factor=10.0, final_div_factor=100.0),
        optax.linear_onecycle_schedule(40, 0.1, 0.5, 0.75, 10.0, 100.0),
    ),
]
each_case = pytest.mark.parametrize(("ours", "expected"), CASES, ids=lambda v: type(v).__name__)


def test_every_schedule_has_a_row():
    assert {type(ours) for ours, _ in CASES} == set(REGISTRY.entries.values())


@each_case
def test_values(ours, expected):
    rates = [float(ours(t)) for t in STEPS]
    np.testing.assert_allclose(rates, [float(expected(t)) for t in STEPS], rtol=2e-5, atol=1e-9)


@each_case
def test_compiled_on_the_device_with_one_type(ours, expected):
    del expected
    steps = jnp.arange(len(STEPS), dtype=jnp.int32)
    rates = jax.jit(jax.vmap(ours))(steps)
    assert rates.dtype == jnp.float32
    np.testing.assert_allclose(rates, [float(ours(t)) for t in STEPS], rtol=1e-5, atol=1e-9)
    with jax.enable_x64(True):
        assert ours(jnp.int32(3)).dtype == jnp.float64


@each_case
def test_configuration_round_trip(ours, expected):
    del expected
    assert schedules.get(json.loads(json.dumps(to_config(ours)))) == ours
    assert schedules.get(ours) is ours


@pytest.mark.parametrize("entry", REGISTRY.entries.values())
def test_tells_its_formula_and_source(entry):
    assert entry.__dict__["formula"].startswith("lr(t) = ")
    assert entry.__dict__["reference"].endswith(".")


@pytest.mark.parametrize("first", [1, 3, 7, 10, 100, 1563])
@pytest.mark.parametrize("t_mul", [1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0])
def test_restarts_start_again_at_the_top(first, t_mul):
    """At the start of each period the rate is the highest, just before it the lowest."""
    schedule = CosineDecayRestarts(1.0, first, t_mul=t_mul)
    lengths = first * t_mul ** np.arange(8)
    starts = np.concatenate([[0.0], np.cumsum(lengths[:-1])])
    np.testing.assert_allclose(jax.vmap(schedule)(starts), 1.0, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(schedule)(starts + 0.5 * lengths), 0.5, atol=1e-3)
    np.testing.assert_allclose(jax.vmap(schedule)(starts + 0.999 * lengths), 0.0, atol=1e-4)


def test_a_schedule_of_ones_own_needs_one_method():
    with pytest.raises(NotImplementedError, match=r"must define rate\(self, t\)"):
        LearningRateSchedule()(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConstantSchedule(0), "ConstantSchedule expected learning_rate"),
        (lambda: PiecewiseConstantDecay([1], [0.1]), "got 1 boundaries and 1 values"),
        (lambda: PiecewiseConstantDecay([], [0.1]), "one value more than boundaries"),
        (lambda: PiecewiseConstantDecay([2, 1], [1.0, 1.0, 1.0]), r"got \(2, 1\); sort them"),
        (lambda: PiecewiseConstantDecay([-1], [1.0, 1.0]), "each of boundaries"),
        (lambda: PiecewiseConstantDecay([1], [1.0, -1.0]), "each of values"),
        (lambda: PiecewiseConstantDecay(1, [1.0, 1.0]), "boundaries to be a list of numbers"),
        (lambda: ExponentialDecay(0.1, 0, 0.5), "ExponentialDecay expected decay_steps"),
        (lambda: ExponentialDecay(0.1, 1, 0), "ExponentialDecay expected decay_rate"),
        (lambda: ExponentialDecay(0, 1, 1), "ExponentialDecay expected initial_learning_rate"),
        (lambda: InverseTimeDecay(0.1, 1, -1), "InverseTimeDecay expected decay_rate"),
        (lambda: InverseTimeDecay(0.1, -1, 1), "InverseTimeDecay expected decay_steps"),
        (lambda: PolynomialDecay(0.1, 1, -1), "PolynomialDecay expected end_learning_rate"),
        (lambda: PolynomialDecay(0.1, 1, power=0), "PolynomialDecay expected power"),
        (lambda: CosineDecay(0.1, 0), "CosineDecay expected decay_steps"),
        (lambda: CosineDecay(0.0, 1), "CosineDecay expected initial_learning_rate"),
        (lambda: CosineDecay(0.1, 1, alpha=2), "CosineDecay expected alpha"),
        (lambda: CosineDecay(0.1, 1, warmup_steps=5), "without a rate to warm up to; add warmup"),
        (lambda: CosineDecay(0.1, 1, warmup_target=1.0), "warmup_steps to be an integer of 1"),
        (lambda: CosineDecayRestarts(0.1, 1, t_mul=0.5), "CosineDecayRestarts expected t_mul"),
        (lambda: CosineDecayRestarts(0.1, 1, m_mul=0), "CosineDecayRestarts expected m_mul"),
        (lambda: CosineDecayRestarts(0.1, 1, alpha=-1), "CosineDecayRestarts expected alpha"),
        (lambda: LinearWarmup(0.1, 0), "LinearWarmup expected warmup_steps"),
        (lambda: LinearWarmup(-0.1, 1), "LinearWarmup expected schedule"),
        (lambda: LinearWarmup(0.1, 1, -1), "LinearWarmup expected initial_learning_rate"),
        (lambda: OneCycle(0, 10), "OneCycle expected max_learning_rate"),
        (lambda: OneCycle(0.1, 1.5), "OneCycle expected total_steps"),
        (lambda: OneCycle(0.1, 10, pct_start=0), "OneCycle expected pct_start"),
        (lambda: OneCycle(0.1, 10, pct_final=1), "OneCycle expected pct_final"),
        (lambda: OneCycle(0.1, 10, 0.5, 0.4), "pct_final above pct_start=0.5, got 0.4"),
        (lambda: OneCycle(0.1, 10, div_factor=0.5), "OneCycle expected div_factor"),
        (lambda: OneCycle(0.1, 10, final_div_factor=0), "OneCycle expected final_div_factor"),
        (lambda: schedules.get("cosine_decay"), "no default for initial_learning_rate, decay"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="did you mean 'cosine_decay'"):
        schedules.get("CosinDecay")
