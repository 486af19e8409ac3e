"""What holds for every optimizer, over the table of all of them."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import optimizers
from pellucid._named import to_config
from pellucid.optimizers import Adam, Optimizer, apply_updates, with_learning_rate
from pellucid.optimizers._base import REGISTRY
from pellucid.optimizers.schedules import CosineDecay, ExponentialDecay, LinearWarmup

from .cases import CASES

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def tree(dtype=jnp.float32, seed=0):
    keys = jax.random.split(jax.random.key(seed), 3)
    return {
        "dense": {
            "kernel": jax.random.normal(keys[0], (4, 3), dtype),
            "bias": jax.random.normal(keys[1], (3,), dtype),
        },
        "flatten": {},
        "scale": jax.random.normal(keys[2], (), dtype),
    }


def kinds(anything):
    """Return structure, shapes, types and weakness of a tree: what a loop's carry must keep."""
    leaves, structure = jax.tree.flatten(anything)
    return structure, [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in leaves]


def minimize(optimizer, loss, x, steps):
    def body(carry, _):
        w, state = carry
        updates, state = optimizer.update(jax.grad(loss)(w), state, w)
        return (apply_updates(w, updates), state), None

    w = {"x": jnp.asarray(x)}
    run = jax.jit(lambda w: jax.lax.scan(body, (w, optimizer.init(w)), None, length=steps)[0][0])
    return run(w)["x"]


def test_every_optimizer_has_a_row():
    covered = {type(case.ours(0.1)) for case in CASES}
    assert covered == set(REGISTRY.entries.values())


@each_case
def test_converges_on_a_parabola(case):
    target = jnp.array([1.0, -2.0, 3.0])
    x = minimize(
        case.ours(case.parabola_rate),
        lambda w: jnp.sum(jnp.square(w["x"] - target)),
        [0.0, 0.0, 0.0],
        2000,
    )
    np.testing.assert_allclose(x, target, atol=5e-3)


@each_case
def test_converges_on_rosenbrock(case):
    def rosenbrock(w):
        x, y = w["x"]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    x = minimize(case.ours(case.rosenbrock_rate), rosenbrock, [-1.0, 1.0], 20_000)
    np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-2)


@each_case
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64])
def test_types_and_structure_are_kept(case, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        params, grads = tree(dtype), tree(dtype, seed=1)
        optimizer = case.ours(0.1)
        state = jax.eval_shape(optimizer.init, params)
        updates, after = jax.eval_shape(optimizer.update, grads, state, params)
        assert kinds(updates) == kinds(params)
        assert kinds(after) == kinds(state)
        assert kinds(jax.eval_shape(apply_updates, params, updates)) == kinds(params)
        assert state["step"].dtype == jnp.int32
        wide = jnp.promote_types(dtype, jnp.float32)
        assert state["learning_rate"].dtype == wide
        assert {leaf.dtype for leaf in jax.tree.leaves(after["slots"])} <= {wide}
        for slot in after["slots"].values():
            assert jax.tree.structure(slot) == jax.tree.structure(params)


@each_case
def test_runs_in_loops_and_compiled_equals_eager(case):
    optimizer, params, grads = case.ours(0.1), tree(), tree(seed=1)
    state = optimizer.init(params)
    eager_updates, eager_state = optimizer.update(grads, state, params)
    updates, _ = jax.jit(optimizer.update)(grads, state, params)
    for a, b in zip(jax.tree.leaves(updates), jax.tree.leaves(eager_updates), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)

    _, looped = jax.lax.while_loop(
        lambda carry: carry[1]["step"] < 1,
        lambda carry: optimizer.update(grads, carry[1], params),
        (params, state),
    )
    assert kinds(looped) == kinds(eager_state)


@each_case
def test_second_step_and_new_rate_do_not_compile_again(case):
    optimizer, params = case.ours(0.1), tree()
    traces = []

    @jax.jit
    def step(grads, state, params):
        traces.append(None)
        updates, state = optimizer.update(grads, state, params)
        return apply_updates(params, updates), state

    state = optimizer.init(params)
    params, state = step(tree(seed=1), state, params)
    params, state = step(tree(seed=2), state, params)
    params, state = step(tree(seed=3), with_learning_rate(state, 0.01), params)
    assert len(traces) == 1
    assert int(state["step"]) == 3
    assert float(state["learning_rate"]) == pytest.approx(0.01)


@each_case
@pytest.mark.parametrize("params", [{}, {"dense": {}}], ids=["empty", "empty subtree"])
def test_no_parameters(case, params):
    optimizer = case.ours(0.1, global_clipnorm=1.0)
    state = optimizer.init(params)
    updates, after = optimizer.update(params, state, params)
    assert updates == params
    assert kinds(after) == kinds(state)


@each_case
def test_weight_decay_shrinks_the_weights_and_nothing_else(case):
    params, grads = tree(), tree(seed=1)
    plain = case.ours(0.1, weight_decay=0.0)
    decaying = case.ours(0.1, weight_decay=0.25)
    steps, state = plain.update(grads, plain.init(params), params)
    decayed, decayed_state = decaying.update(grads, decaying.init(params), params)
    for w, a, b in zip(*map(jax.tree.leaves, (params, steps, decayed)), strict=True):
        np.testing.assert_allclose(b, a - 0.1 * 0.25 * w, rtol=1e-5, atol=1e-7)
    for a, b in zip(*map(jax.tree.leaves, (state, decayed_state)), strict=True):
        np.testing.assert_array_equal(a, b)


@each_case
def test_state_holds_the_rate_of_the_schedule(case):
    schedule = ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)
    optimizer, params = case.ours(schedule, weight_decay=0.0), tree()
    constant = case.ours(0.5, weight_decay=0.0)
    state, fixed = optimizer.init(params), constant.init(params)
    assert float(state["learning_rate"]) == 0.5
    for rate in (0.5, 0.25, 0.125):
        updates, state = optimizer.update(tree(seed=1), state, params)
        fixed = with_learning_rate(fixed, rate)
        expected, fixed = constant.update(tree(seed=1), fixed, params)
        assert float(state["learning_rate"]) == rate
        for a, b in zip(*map(jax.tree.leaves, (updates, expected)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


@each_case
@pytest.mark.parametrize("rate", [0.25, LinearWarmup(CosineDecay(0.1, 50), 5)], ids=["0.25", "s"])
def test_configuration_round_trip(case, rate):
    optimizer = case.ours(rate, weight_decay=0.01, clipnorm=2.0)
    config = json.loads(json.dumps(to_config(optimizer)))
    assert optimizers.get(config) == optimizer
    assert hash(optimizers.get(config)) == hash(optimizer)


@pytest.mark.parametrize(("name", "entry"), REGISTRY.entries.items())
def test_by_name(name, entry):
    for spelling in (name, name.upper(), entry.__name__):
        assert optimizers.get(spelling) == entry()
    assert optimizers.get(entry) == entry()
    instance = entry(0.5)
    assert optimizers.get(instance) is instance


@pytest.mark.parametrize("entry", REGISTRY.entries.values())
def test_tells_its_formula_and_source(entry):
    assert "delta" in entry.__dict__["formula"]
    assert "20" in entry.__dict__["reference"]
    slots = entry().slots(jnp.zeros(()))
    assert all(f"{name} = " in entry.formula for name in slots)


def test_wide_arithmetic_for_narrow_parameters():
    """In bfloat16 the second moment would stand still: 0.001 g^2 is below its resolution."""
    params = {"w": jnp.ones((), jnp.bfloat16)}
    optimizer = Adam()
    state = optimizer.init(params)
    for _ in range(20):
        _, state = optimizer.update(params, state, params)
    assert float(state["slots"]["v"]["w"]) == pytest.approx(1 - 0.999**20, rel=1e-4)


def test_an_optimizer_of_ones_own_needs_two_methods():
    with pytest.raises(NotImplementedError, match=r"Optimizer must define slots\(self, w\)"):
        Optimizer().init({})
