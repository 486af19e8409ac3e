"""Q-learning against exact values; deep Q-learning piece by piece, and as a whole."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import callbacks, models
from pellucid.errors import ArgumentError, MismatchError
from pellucid.layers import Dense, Input
from pellucid.optimizers import SGD
from pellucid.training import train
from pellucid.zoo.dqn import DQN, network
from pellucid.zoo.environments import Box, CartPole, Discrete, FrozenLake
from pellucid.zoo.q_learning import QLearning


def exact_values(lake, discount):
    """The fixed point of Bellman's equation, by iterating it on the lake's own moves."""
    moves, squares = lake.moves(), lake.squares
    sides = (-1, 0, 1) if lake.slippery else (0,)
    q = np.zeros(moves.shape)
    for _ in range(500):
        worth = np.where(np.isin(squares, ["H", "G"]), 0.0, q.max(1))
        arrive = (squares == "G") + discount * worth
        q = np.mean([arrive[moves[:, (np.arange(4) + s) % 4]] for s in sides], axis=0)
    return np.where(np.isin(squares, ["H", "G"])[:, None], 0.0, q)


@pytest.mark.parametrize(("slippery", "near"), [(False, 0.001), (True, 0.02)])
def test_the_table_approaches_the_exact_values(slippery, near):
    """Whatever takes the steps: here all actions are by chance."""
    lake = FrozenLake(slippery=slippery)
    agent = QLearning(lake, discount=0.8, exploration=1.0)
    state, _ = train(agent.step, agent.start(seed=0), steps=20_000)
    often = np.asarray(state.layer_state["visits"]) > 150
    assert often.sum() > 30
    q = np.asarray(state.parameters["q"])
    assert np.abs(q - exact_values(lake, 0.8))[often].mean() < near
    if not slippery:
        assert agent.evaluate(state, 10)["return"] == 1


def test_one_step_of_the_table_by_hand():
    """From S to the right onto ice: Q <- Q + (0 + g max Q(s') - Q), with the rate 1 at first."""
    agent = QLearning(FrozenLake(slippery=False), exploration=0.0, environments=1, discount=0.5)
    start = agent.start()
    q = jnp.zeros((16, 4)).at[0, 2].set(0.4).at[1, 3].set(0.6)
    state, measures = jax.jit(agent.step)(start.replace(parameters={"q": q}), None)
    assert state.parameters["q"][0, 2] == pytest.approx(0.3)
    assert measures["error"] == pytest.approx(0.1)
    assert int(state.layer_state["observation"][0]) == 1


TINY = {"environments": 2, "updates": 1, "batch_size": 8, "replay_size": 64, "warm_up": 4}


def tiny(**settings):
    return DQN(CartPole(), network(CartPole(), units=8), **TINY | settings)


def linear(values):
    """A network that multiplies the one number it sees by ``values``."""
    x = Input((1,))
    model = models.Model(x, Dense(len(values), use_bias=False)(x))
    return model, {"dense": {"kernel": jnp.array([values])}}


@dataclass(frozen=True)
class Line:
    """Nothing but spaces: one number is seen, two things can be done."""

    observation_space: object = Box((1,))
    action_space: object = Discrete(2)
    max_steps: int = 5


@pytest.mark.parametrize(
    ("double", "y"), [(True, [1 + 0.5 * 20, 1.0]), (False, [1 + 0.5 * 30, 1.0])]
)
def test_targets_by_hand(double, y):
    """w prefers action 0, which w' values at 20; the best of w' is 30. After the end: r alone."""
    model, w = linear([2.0, 1.0])
    _, target = linear([20.0, 30.0])
    agent = DQN(Line(), model, discount=0.5, double=double)
    drawn = {"next": jnp.ones((2, 1)), "reward": jnp.ones(2), "end": jnp.array([0.0, 1.0])}
    np.testing.assert_allclose(agent.targets(w, target, drawn), y)


def test_the_loss_is_blind_to_the_target():
    """Only Q(s, a; w) is moved: dL/dW = 2 (q_a - y) s for the action taken, 0 for the other."""
    model, w = linear([2.0, 1.0])
    agent = DQN(Line(), model, discount=0.5)
    drawn = {
        "observation": jnp.array([[3.0]]),
        "action": jnp.array([1]),
        "next": jnp.ones((1, 1)),
        "reward": jnp.ones(1),
        "end": jnp.zeros(1),
    }
    value, slope = jax.value_and_grad(agent.loss)(w, w, drawn)
    y = 1 + 0.5 * 2
    assert value == (3 - y) ** 2
    np.testing.assert_allclose(slope["dense"]["kernel"], [[0, 2 * (3 - y) * 3]])


def test_memory_keeps_the_newest_steps():
    agent = tiny(replay_size=6)
    state, act = agent.start(), jax.jit(agent.act_and_store)
    seen = []
    for _ in range(4):
        seen.append(np.asarray(state.layer_state["observation"]))
        state, _ = act(state, state.step_key())
        state = state.replace(step=state.step + 1)
    kept = np.asarray(state.layer_state["replay"]["observation"])
    np.testing.assert_array_equal(kept, np.concatenate([seen[3], seen[1], seen[2]]))


def test_exploration_falls_on_a_line():
    agent = tiny(exploration=0.1, exploration_steps=100)
    steps = jnp.array([0, 50, 100, 1000])
    np.testing.assert_allclose(agent.exploration_at(steps), [1, 0.55, 0.1, 0.1], rtol=1e-6)


def test_the_target_network_follows_and_nothing_learns_before_the_warm_up():
    agent = tiny(optimizer=SGD(0.1), target_rate=0.25, warm_up=1)
    start, step = agent.start(), jax.jit(agent.step)
    waited, measures = step(start, None)
    assert measures["loss"]["count"] == 0
    jax.tree.map(np.testing.assert_array_equal, waited.parameters, start.parameters)
    learned, _ = step(waited.replace(step=jnp.int32(1)), None)
    expected = jax.tree.map(lambda a, b: a + 0.25 * (b - a), start.parameters, learned.parameters)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
        learned.layer_state["target"],
        expected,
    )


def test_training_is_bit_equal_however_often_the_host_looks():
    agent = tiny()
    every = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    runs = [
        train(agent.step, agent.start(seed=3), steps=30, callbacks=used) for used in ([], [every])
    ]
    for a, b in zip(*(jax.tree.leaves(state.parameters) for state, _ in runs), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {"loss", "return"} == set(runs[0][1].history)
    agent.keep(runs[0][0])
    assert agent.evaluate(4, seed=1) == agent.evaluate(4, seed=1, state=runs[1][0])


@dataclass(frozen=True)
class Pushing(CartPole):
    """A cart that is pushed as strongly as one likes."""

    @property
    def action_space(self):
        return Box((1,), -1.0, 1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DQN(Pushing(), None), r"DQN takes an .* discrete actions, got Box\(shape=\(1,\)"),
        (lambda: DQN(FrozenLake(), None), r"a Box, got Discrete\(n=16\) of FrozenLake; use QLearn"),
        (lambda: network(FrozenLake()), "network takes an environment whose observations are arr"),
        (lambda: QLearning(CartPole()), r"discrete observation space, got Box.* CartPole; use DQN"),
        (lambda: QLearning(replace_actions()), "with a discrete action space, got Box"),
        (
            lambda: DQN(CartPole(), linear([1.0, 1.0])[0]),
            r"a network from \(4,\) to \(2,\), .* got one from \(1,\) to \(2,\); use network\(env",
        ),
        (lambda: tiny(replay_size=7), r"a multiple of environments=2, got 7; use 4 \* 2"),
    ],
    ids=["actions", "states", "network of states", "table", "table actions", "network", "memory"],
)
def test_environments_that_the_agent_does_not_take(make, message):
    with pytest.raises(MismatchError, match=message):
        make()


def replace_actions():
    @dataclass(frozen=True)
    class Sliding(FrozenLake):
        @property
        def action_space(self):
            return Box((1,))

    return Sliding()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"discount": 1.5}, r"DQN expected discount to be a number in \[0, 1\], got 1.5"),
        ({"environments": 0}, "environments to be an integer of 1 or more, got 0"),
        ({"target_rate": 0.0}, r"target_rate to be a number in \(0, 1\], got 0.0"),
        ({"exploration": -1.0}, r"exploration to be a number in \[0, 1\], got -1.0"),
        ({"warm_up": -1}, "warm_up to be a number in"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ArgumentError, match=message):
        tiny(**settings)
    if "discount" in settings:
        with pytest.raises(ArgumentError, match="QLearning expected discount"):
            replace(QLearning(FrozenLake()), **settings)


@pytest.mark.slow
def test_cart_pole_is_solved():
    agent = DQN(CartPole(), network(CartPole()))
    stop = callbacks.EarlyStopping("val_return", patience=16, mode="max", restore_best_weights=True)
    state, _ = train(
        agent.step,
        agent.start(seed=0),
        steps=500,
        epochs=16,
        validate=lambda state: agent.evaluate(200, seed=1, state=state),
        callbacks=[stop],
    )
    assert agent.evaluate(100, seed=2, state=state)["return"] >= 475
