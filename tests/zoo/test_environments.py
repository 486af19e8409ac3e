"""Environments: their equations, their ends, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError
from pellucid.zoo.environments import Box, CartPole, Discrete, FrozenLake, play, step_or_restart

KEY = jax.random.key(0)


def by_the_paper(state, action):
    """The appendix of Barto, Sutton and Anderson, without friction, as a program of its own."""
    x, x_dot, theta, theta_dot = state
    force = 10.0 if action == 1 else -10.0
    sin, cos = np.sin(theta), np.cos(theta)
    inner = (-force - 0.1 * 0.5 * theta_dot**2 * sin) / (1.0 + 0.1)
    theta_acc = (9.8 * sin + cos * inner) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / (1.0 + 0.1)))
    x_acc = (force + 0.1 * 0.5 * (theta_dot**2 * sin - theta_acc * cos)) / (1.0 + 0.1)
    rates = np.array([x_dot, x_acc, theta_dot, theta_acc])
    return np.asarray(state) + 0.02 * rates


@pytest.mark.parametrize("action", [0, 1])
def test_cart_pole_moves_as_in_the_paper(action):
    numbers = np.array([0.3, -0.8, 0.12, 1.1], np.float32)
    state = (jnp.asarray(numbers), jnp.int32(0))
    for _ in range(3):
        came = CartPole().step(state, jnp.int32(action), KEY)
        expected = by_the_paper(np.asarray(state[0], float), action)
        np.testing.assert_allclose(came.observation, expected, rtol=2e-5, atol=1e-6)
        assert came.reward == 1
        state = came.state


def test_cart_pole_is_gymnasium_s():
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make("CartPole-v1").unwrapped
    rng = np.random.default_rng(0)
    step = jax.jit(CartPole().step)
    for _ in range(20):
        numbers = rng.uniform(-1, 1, 4) * [2.5, 2, 0.25, 2]
        theirs.reset()
        theirs.state, action = tuple(numbers), int(rng.integers(2))
        observation, _, over, _, _ = theirs.step(action)
        came = step((jnp.asarray(numbers, jnp.float32), jnp.int32(0)), action, KEY)
        np.testing.assert_allclose(came.observation, observation, rtol=2e-5, atol=2e-6)
        assert bool(came.terminated) == over


@pytest.mark.parametrize(
    ("numbers", "time", "terminated", "truncated"),
    [
        ([0, 0, 0, 0], 0, False, False),
        ([2.39, 2, 0, 0], 0, True, False),
        ([-2.39, -2, 0, 0], 0, True, False),
        ([0, 0, 0.209, 2], 0, True, False),
        ([0, 0, -0.209, -2], 0, True, False),
        ([0, 0, 0, 0], 499, False, True),
        ([2.39, 2, 0, 0], 499, True, False),
    ],
)
def test_ends_of_an_episode(numbers, time, terminated, truncated):
    came = CartPole().step((jnp.array(numbers, jnp.float32), jnp.int32(time)), jnp.int32(1), KEY)
    assert (bool(came.terminated), bool(came.truncated)) == (terminated, truncated)


def test_a_new_episode_starts_where_one_ended():
    lake = FrozenLake(slippery=False)
    for square, action, restarts in ((14, 2, True), (13, 2, False), (4, 2, True)):
        came, (now, time), seen = step_or_restart(
            lake, (jnp.int32(square), jnp.int32(7)), action, KEY
        )
        assert bool(came.terminated) is restarts
        assert (int(now), int(time)) == ((0, 0) if restarts else (square + 1, 8))
        assert int(seen) == int(now)
    assert came.reward == 0
    assert lake.step((jnp.int32(14), jnp.int32(0)), jnp.int32(2), KEY).reward == 1


def test_moves_over_the_lake():
    """Left, down, right, up from the corners; nobody leaves the map."""
    moves = FrozenLake().moves()
    assert moves[0].tolist() == [0, 4, 1, 0]
    assert moves[15].tolist() == [14, 15, 15, 11]
    assert moves[6].tolist() == [5, 10, 7, 2]


def test_ice_is_slippery_to_three_sides():
    step = jax.jit(jax.vmap(lambda key: FrozenLake().step((jnp.int32(6), jnp.int32(0)), 1, key)[1]))
    squares, counts = np.unique(step(jax.random.split(KEY, 3000)), return_counts=True)
    assert squares.tolist() == [5, 7, 10]
    assert (np.abs(counts - 1000) < 120).all()


def test_play_counts_whole_episodes():
    lake = FrozenLake(rows=("SFG",), slippery=False, max_steps=5)
    right = play(lake, lambda seen: jnp.full(seen.shape, 2), episodes=3)
    assert right == {"return": 1.0, "length": 2.0}
    left = play(lake, lambda seen: jnp.zeros(seen.shape, jnp.int32), episodes=3)
    assert left == {"return": 0.0, "length": 5.0}


def test_spaces():
    assert CartPole().observation_space == Box((4,))
    assert (FrozenLake().observation_space, FrozenLake().action_space) == (
        Discrete(16),
        Discrete(4),
    )


@pytest.mark.parametrize("rows", [("SF", "G"), ("FG",), ("SF",), ("SXG",), ("SSG",)])
def test_maps_that_are_none(rows):
    with pytest.raises(ArgumentError, match="FrozenLake expected rows of equal length .* one S"):
        FrozenLake(rows)


def test_spaces_that_are_none():
    with pytest.raises(ArgumentError, match="Discrete expected n to be an integer of 1 or more"):
        Discrete(0)
