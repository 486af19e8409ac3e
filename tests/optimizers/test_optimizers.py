"""Hand-computed steps, bad arguments and bad input of the optimizers."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pellucid import optimizers
from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Nadam,
    RMSprop,
    as_optimizer,
    learning_rate_of,
    with_learning_rate,
)
from pellucid.optimizers.schedules import ConstantSchedule, ExponentialDecay

# (optimizer, steps for the gradients 1 and 3 at w = 2); each worked out by hand from the formula.
BY_HAND = [
    (SGD(0.5), [-0.5, -1.5]),
    (SGD(0.5, momentum=0.5), [-0.5, -0.5 * (0.5 + 3)]),
    (SGD(0.5, momentum=0.5, nesterov=True), [-0.5 * 1.5, -0.5 * (3 + 0.5 * 3.5)]),
    (SGD(0.5, weight_decay=0.25), [-0.5 - 0.25, -1.5 - 0.25]),
    (SGD(0.5, clipvalue=2.0), [-0.5, -1.0]),
    (SGD(0.5, clipnorm=2.0), [-0.5, -1.0]),
    (SGD(0.5, global_clipnorm=2.0), [-0.5, -1.0]),
    (Adagrad(0.5, initial_accumulator_value=3.0), [-0.5 / 2, -0.5 * 3 / 13**0.5]),
    (RMSprop(0.5, rho=0.75), [-0.5 / 0.5, -0.5 * 3 / (0.1875 + 2.25) ** 0.5]),
    (RMSprop(0.5, rho=0.75, momentum=0.5), [-1.0, -0.5 - 1.5 / 2.4375**0.5]),
    (
        RMSprop(0.5, rho=0.75, centered=True),
        [-0.5 / 0.1875**0.5, -1.5 / (2.4375 - 0.878906250) ** 0.5],
    ),
    (Adadelta(1.0, rho=0.75, epsilon=1.0), [-1 / 1.25**0.5, -3 * 1.2**0.5 / 3.4375**0.5]),
    (Adam(0.5, beta_1=0.5, beta_2=0.75), [-0.5, -0.5 * (1.75 / 0.75) / (2.4375 / 0.4375) ** 0.5]),
    (Lion(0.5, beta_1=0.5, beta_2=0.5), [-0.5, -0.5]),
    (Nadam(0.5, beta_1=0.5, beta_2=0.75), [-0.5 * (0.25 / 0.75 + 0.5 / 0.5), None]),
]


@pytest.mark.parametrize(("optimizer", "expected"), BY_HAND, ids=lambda value: str(value)[:60])
def test_steps_by_hand(optimizer, expected):
    w = jnp.array([2.0])
    state, steps = optimizer.init(w), []
    for g in (1.0, 3.0):
        delta, state = optimizer.update(jnp.array([g]), state, w)
        steps.append(float(delta[0]))
    for step, wanted in zip(steps, expected, strict=True):
        assert wanted is None or step == pytest.approx(wanted, rel=1e-5)


def test_lion_moves_by_lr_or_not_at_all():
    g = jnp.array([-3.0, 0.0, 1e-6])
    delta, _ = Lion(0.25).update(g, Lion(0.25).init(g), g)
    np.testing.assert_array_equal(delta, [0.25, 0.0, -0.25])


def test_global_clipping_keeps_the_direction_and_each_array_clipping_does_not():
    grads = {"a": jnp.array([3.0]), "b": jnp.array([4.0])}
    together, _ = SGD(1.0, global_clipnorm=1.0).update(grads, SGD(1.0).init(grads), grads)
    apart, _ = SGD(1.0, clipnorm=1.0).update(grads, SGD(1.0).init(grads), grads)
    np.testing.assert_allclose([together["a"][0], together["b"][0]], [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_allclose([apart["a"][0], apart["b"][0]], [-1.0, -1.0], rtol=1e-6)


def test_gradients_below_the_bound_pass_unchanged_and_zero_is_no_trouble():
    g = {"w": jnp.array([0.1, 0.7]), "z": jnp.zeros(2)}
    for bound in ("clipnorm", "clipvalue", "global_clipnorm"):
        optimizer = SGD(1.0, **{bound: 5.0})
        updates, _ = optimizer.update(g, optimizer.init(g), g)
        np.testing.assert_array_equal(updates["w"], -g["w"])
        np.testing.assert_array_equal(updates["z"], [0.0, 0.0])


def test_a_gradient_that_is_no_number_is_not_hidden():
    g = jnp.array([jnp.nan, 1.0])
    for optimizer in (SGD(1.0, global_clipnorm=1.0), SGD(1.0, clipnorm=1.0), Adam(), Lion()):
        updates, _ = optimizer.update(g, optimizer.init(g), jnp.ones(2))
        assert np.isnan(updates[0])


def test_centered_rmsprop_survives_a_variance_that_rounding_made_negative():
    optimizer = RMSprop(0.1, rho=0.95, centered=True)
    g = jnp.linspace(0.5e6, 1e6, 1000)
    state = optimizer.init(g)
    negative = False
    for _ in range(300):
        updates, state = optimizer.update(g, state, g)
        negative |= bool(np.any(state["slots"]["v"] < state["slots"]["a"] ** 2 - 1))
        assert np.all(np.isfinite(updates))
    assert negative


def test_float64_keeps_its_digits():
    with jax.enable_x64(True):
        w = jnp.array([0.7])
        updates, _ = SGD(0.1).update(jnp.array([0.3]), SGD(0.1).init(w), w)
        assert float(updates[0]) == pytest.approx(-0.03, rel=1e-15)


def test_arguments_in_kerass_order():
    assert SGD(0.1, 0.9, True) == SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    assert Adam(0.1, 0.8, 0.9, 1e-6, True).amsgrad is True
    assert RMSprop(0.1, 0.8, 0.7, 1e-6, True).centered is True
    assert AdamW().weight_decay == 0.004
    assert AdamW(0.1, beta_1=0.8).beta_1 == 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(0), r"Adam expected learning_rate to be a number in \(0, inf\), got 0"),
        (lambda: Adam(-0.1), r"learning_rate to be a number in \(0, inf\), got -0.1"),
        (lambda: Adam(float("nan")), "learning_rate to be a number .* got nan"),
        (lambda: Adam(float("inf")), "learning_rate to be a number .* got inf"),
        (lambda: Adam([0.1]), r"learning_rate to be a number .* got \[0.1\]"),
        (lambda: Adam(beta_1=1.0), r"Adam expected beta_1 to be a number in \[0, 1\), got 1.0"),
        (lambda: Adam(beta_2=-0.1), r"Adam expected beta_2 to be a number in \[0, 1\)"),
        (lambda: AdamW(epsilon=0.0), r"AdamW expected epsilon to be a number in \(0, inf\)"),
        (lambda: AdamW(weight_decay=-1.0), r"AdamW expected weight_decay .* \[0, inf\), got -1.0"),
        (lambda: Nadam(beta_1=2), "Nadam expected beta_1"),
        (lambda: Nadam(epsilon=-1), "Nadam expected epsilon"),
        (lambda: Lion(beta_2=1), "Lion expected beta_2"),
        (lambda: SGD(momentum=1.0), r"SGD expected momentum to be a number in \[0, 1\)"),
        (lambda: SGD(clipnorm=0.0), r"SGD expected clipnorm to be a number in \(0, inf\)"),
        (lambda: SGD(clipvalue=-1), "SGD expected clipvalue"),
        (lambda: SGD(global_clipnorm="1"), "SGD expected global_clipnorm to be a number"),
        (lambda: SGD(clipnorm=1, clipvalue=1), "got clipnorm and clipvalue; keep one of them"),
        (lambda: Adagrad(initial_accumulator_value=-1), "expected initial_accumulator_value"),
        (lambda: Adagrad(epsilon=0), "Adagrad expected epsilon"),
        (lambda: Adadelta(rho=1.5), "Adadelta expected rho"),
        (lambda: Adadelta(epsilon=0), "Adadelta expected epsilon"),
        (lambda: RMSprop(rho=-1), "RMSprop expected rho"),
        (lambda: RMSprop(momentum=1), "RMSprop expected momentum"),
        (lambda: RMSprop(epsilon=0), "RMSprop expected epsilon"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        ("adm", UnknownNameError, "no optimizer named 'adm'; did you mean 'adam'"),
        ("RMSPorp", UnknownNameError, "did you mean 'rmsprop'"),
        (3, DTypeError, "Expected optimizer to be an object, a name such as 'adadelta'.* got 3"),
        (None, DTypeError, "got None"),
        (optax.adam, DTypeError, "Expected optimizer to be an object"),
        (dict, DTypeError, "got <class 'dict'>"),
        ({"name": "Adam"}, ArgumentError, "configuration of optimizer"),
        (
            {"name": "Adam", "config": {"beta1": 0.9}},
            UnknownNameError,
            "no argument of Adam named 'beta1'; did you mean 'beta_1'",
        ),
        (
            {"name": "Adam", "config": {"amsgrad": "yes"}},
            DTypeError,
            "Adam expected amsgrad of type bool, got 'yes'",
        ),
        ({"name": "Adam", "config": {"beta_1": 1}}, ArgumentError, "expected beta_1"),
        (
            {"name": "Adam", "config": {"learning_rate": {"name": "Adam", "config": {}}}},
            UnknownNameError,
            "no learning-rate schedule named 'Adam'",
        ),
    ],
)
def test_bad_identifiers(identifier, error, message):
    with pytest.raises(error, match=message):
        as_optimizer(identifier)


def test_bad_trees():
    w = {"dense": {"kernel": jnp.ones((2, 3))}}
    adam = Adam()
    state = adam.init(w)
    with pytest.raises(ArgumentError, match=r"trees of one structure.*call update\(grads, state"):
        adam.update(w["dense"], state, w)
    with pytest.raises(ShapeError, match=r"gradient\['dense'\]\['kernel'\].*\(3, 2\) and \(2, 3\)"):
        adam.update({"dense": {"kernel": jnp.ones((3, 2))}}, state, w)
    with pytest.raises(DTypeError, match=r"floating-point parameters, got one of type int32"):
        adam.init({"ids": jnp.arange(3)})


def test_bad_learning_rates_in_a_state():
    w = jnp.ones(2)
    hidden = optax.adam(0.1).init(w)
    with pytest.raises(ArgumentError, match="does not hold its learning rate; use one of"):
        learning_rate_of(hidden)
    with pytest.raises(ArgumentError, match="does not hold its learning rate"):
        with_learning_rate(hidden, 0.1)
    state = Adam().init(w)
    with pytest.raises(ArgumentError, match=r"value to be a number in \[0, inf\), got -1"):
        with_learning_rate(state, -1)
    with pytest.raises(ArgumentError, match=r"value to be a number in \[0, inf\), got '0.1'"):
        with_learning_rate(state, "0.1")
    scheduled = Adam(ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(ArgumentError, match="of Adam follows ExponentialDecay.*cannot be set"):
        with_learning_rate(scheduled.init(w), 0.1, scheduled)


def test_schedule_by_configuration_and_any_callable():
    config = {"name": "ConstantSchedule", "config": {"learning_rate": 0.1}}
    assert SGD(config).learning_rate == ConstantSchedule(0.1)
    w = jnp.ones(1)
    own = SGD(lambda step: 1.0 / (step + 1))
    state = own.init(w)
    _, state = own.update(w, state, w)
    updates, state = own.update(w, state, w)
    assert float(updates[0]) == -0.5
    assert not state["learning_rate"].aval.weak_type


@pytest.mark.parametrize(
    "module",
    [
        "pellucid.optimizers",
        "pellucid.optimizers._adam",
        "pellucid.optimizers._sgd",
        "pellucid.optimizers.schedules._base",
        "pellucid.optimizers.schedules._decay",
        "pellucid.optimizers.schedules._warmup",
    ],
)
def test_examples_in_the_docstrings(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_is_there_and_documented():
    for name in optimizers.__all__:
        assert getattr(optimizers, name).__doc__
