"""Ten steps of every optimizer, and of clipping and decay, equal those of Optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pellucid.optimizers import (
    SGD,
    Adam,
    AdamW,
    Lion,
    Nadam,
    apply_updates,
    as_optimizer,
    learning_rate_of,
    with_learning_rate,
)
from pellucid.optimizers.schedules import CosineDecay

from .cases import CASES

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def network():
    """A small tanh network's parameters and loss, in JAX's default floating type."""
    keys = jax.random.split(jax.random.key(3), 4)
    x = jax.random.normal(keys[0], (8, 5), dtype=float)
    y = jax.random.normal(keys[1], (8, 2), dtype=float)
    params = {
        "hidden": {
            "kernel": jax.random.normal(keys[2], (5, 4), dtype=float),
            "bias": jnp.zeros(4, dtype=float),
        },
        "out": {"kernel": jax.random.normal(keys[3], (4, 2), dtype=float)},
    }

    def loss(w):
        hidden = jnp.tanh(x @ w["hidden"]["kernel"] + w["hidden"]["bias"])
        return jnp.mean(jnp.square(hidden @ w["out"]["kernel"] - y))

    return params, loss


def trail(optimizer, params, loss):
    """Return the parameters after each of ten steps, stacked."""

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), None, length=10)[1]


def assert_equal_steps(ours, theirs, rtol):
    params, loss = network()
    a, b = jax.jit(lambda w: (trail(ours, w, loss), trail(theirs, w, loss)))(params)
    assert np.any(np.abs(a["hidden"]["kernel"][-1] - params["hidden"]["kernel"]) > 1e-6)
    for one, other in zip(*map(jax.tree.leaves, (a, b)), strict=True):
        assert np.all(np.isfinite(other))
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)


@each_case
def test_ten_steps_at_a_normal_rate_in_float32(case):
    assert_equal_steps(case.ours(0.01), case.theirs(0.01), rtol=2e-5)


@each_case
def test_ten_steps_at_an_absurd_rate_in_float64(case):
    with jax.enable_x64(True):
        assert_equal_steps(case.ours(1e4), case.theirs(1e4), rtol=1e-9)


@pytest.mark.parametrize("case", [CASES[1], CASES[7]], ids=lambda case: case.name)
def test_ten_steps_along_a_schedule(case):
    schedule = CosineDecay(0.05, decay_steps=8)
    with jax.enable_x64(True):
        assert_equal_steps(case.ours(schedule), case.theirs(schedule), rtol=1e-9)


def clip_each(bound):
    """Clip each array by its own norm, written out for Optax."""

    def clip(g):
        norm = jnp.sqrt(jnp.sum(g**2))
        return jnp.where(norm > bound, g * bound / norm, g)

    return optax.stateless(lambda grads, _: jax.tree.map(clip, grads))


@pytest.mark.parametrize("case", [CASES[1], CASES[7]], ids=lambda case: case.name)
@pytest.mark.parametrize("bound", [0.05, 1e6], ids=["tight", "loose"])
@pytest.mark.parametrize(
    ("argument", "transformation"),
    [
        ("clipnorm", clip_each),
        ("clipvalue", optax.clip),
        ("global_clipnorm", optax.clip_by_global_norm),
    ],
)
def test_clipping(case, argument, transformation, bound):
    ours = case.ours(0.1, **{argument: bound})
    theirs = optax.chain(transformation(bound), case.theirs(0.1))
    with jax.enable_x64(True):
        assert_equal_steps(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (AdamW(0.1, weight_decay=0.2), optax.adamw(0.1, eps=1e-7, weight_decay=0.2)),
        (Adam(0.1, weight_decay=0.2), optax.adamw(0.1, eps=1e-7, weight_decay=0.2)),
        (Nadam(0.1, weight_decay=0.2), optax.nadamw(0.1, eps=1e-7, weight_decay=0.2)),
        (Lion(0.1, weight_decay=0.2), optax.lion(0.1, weight_decay=0.2)),
        (
            SGD(0.1, momentum=0.9, weight_decay=0.2, global_clipnorm=0.1),
            optax.chain(
                optax.clip_by_global_norm(0.1),
                optax.trace(0.9),
                optax.add_decayed_weights(0.2),
                optax.scale_by_learning_rate(0.1),
            ),
        ),
    ],
    ids=["adamw", "adam", "nadam", "lion", "sgd"],
)
def test_weight_decay(ours, theirs):
    with jax.enable_x64(True):
        assert_equal_steps(ours, theirs, rtol=1e-9)


def test_ours_go_into_optax():
    chained = optax.chain(optax.clip(0.1), Adam(0.1))
    assert_equal_steps(chained, Adam(0.1, clipvalue=0.1), rtol=1e-6)


def test_optax_goes_where_ours_go():
    theirs = optax.adam(0.1)
    assert as_optimizer(theirs) is theirs


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(0.1),
        optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
        optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)),
    ],
    ids=["ours", "injected", "chained"],
)
def test_learning_rate_in_the_state(optimizer):
    params = {"w": jnp.ones(3)}
    state = optimizer.init(params)
    assert float(learning_rate_of(state)) == pytest.approx(0.1)
    changed = with_learning_rate(state, 0.05)
    assert float(learning_rate_of(changed)) == pytest.approx(0.05)
    assert float(learning_rate_of(state)) == pytest.approx(0.1)
    assert jax.tree.structure(changed) == jax.tree.structure(state)
    full, _ = optimizer.update(params, state, params)
    half, _ = optimizer.update(params, changed, params)
    np.testing.assert_allclose(half["w"], full["w"] / 2, rtol=1e-6)
