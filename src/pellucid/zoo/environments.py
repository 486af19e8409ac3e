"""Environments to act in, as pure functions of arrays, so that they run inside the compiled step.

An environment is a frozen description with two methods and two spaces::

    reset(key)               -> (state, observation)
    step(state, action, key) -> Transition(state, observation, reward, terminated, truncated)

A state is a tree of arrays; many environments at once are ``jax.vmap`` of the two. An episode ends
by itself (``terminated``: the pole fell) or because its time is over (``truncated``); only the
first means that nothing more could have been earned. Names and numbers are those of Gymnasium.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_positive_int
from pellucid.errors import ArgumentError

Array = jax.Array
Tree = Any


@dataclass(frozen=True)
class Discrete:
    """The whole numbers from 0 to n - 1.

    Args:
        n: how many there are, 1 or more.
    """

    n: int

    def __post_init__(self) -> None:
        check_positive_int("Discrete", "n", self.n)


@dataclass(frozen=True)
class Box:
    """Arrays of real numbers.

    Args:
        shape: their shape.
        low: least value of every entry.
        high: greatest value of every entry.
    """

    shape: tuple[int, ...]
    low: float = -np.inf
    high: float = np.inf


class Transition(NamedTuple):
    """What one action led to: the new state, what is seen of it, and what it earned."""

    state: Tree
    observation: Array
    reward: Array
    terminated: Array
    truncated: Array


class Environment(Protocol):
    """What an agent acts in."""

    @property
    def observation_space(self) -> Any:
        """What is seen, a ``Discrete`` or a ``Box``."""
        ...

    @property
    def action_space(self) -> Any:
        """What can be done, likewise."""
        ...

    @property
    def max_steps(self) -> int:
        """Steps after which an episode is cut off."""
        ...

    def reset(self, key: Array) -> tuple[Tree, Array]:
        """Return the state at the start of an episode, and what is seen of it."""
        ...

    def step(self, state: Tree, action: Array, key: Array) -> Transition:
        """Return what the action leads to."""
        ...


def step_or_restart(
    environment: Environment, state: Tree, action: Array, key: Array
) -> tuple[Transition, Tree, Array]:
    """Take a step; where the episode ended, go on from the start of a new one.

    Returns:
        The transition as it was, the state to go on from, and what is seen there.
    """
    step_key, reset_key = jax.random.split(key)
    came = environment.step(state, action, step_key)
    over = came.terminated | came.truncated
    fresh = environment.reset(reset_key)
    state, observation = jax.tree.map(
        lambda new, old: jnp.where(over, new, old), fresh, (came.state, came.observation)
    )
    return came, state, observation


def play(
    environment: Environment, act: Callable[[Array], Array], episodes: int, seed: int = 0
) -> dict[str, float]:
    """Return the mean ``return`` and ``length`` of whole episodes, all played side by side.

    Args:
        environment: where to play.
        act: the actions (episodes,) for the observations (episodes, ...).
        episodes: how many, 1 or more.
        seed: makes their starts and their chances.
    """
    check_positive_int("play", "episodes", episodes)

    def one_step(carry: Any, key: Array) -> tuple[Any, None]:
        state, observation, alive, earned, length = carry
        keys = jax.random.split(key, episodes)
        came = jax.vmap(environment.step)(state, act(observation), keys)
        earned, length = earned + alive * came.reward, length + alive
        alive = alive * ~(came.terminated | came.truncated)
        return (came.state, came.observation, alive, earned, length), None

    @jax.jit
    def run(key: Array) -> tuple[Array, Array]:
        reset_key, steps_key = jax.random.split(key)
        start = jax.vmap(environment.reset)(jax.random.split(reset_key, episodes))
        ones, zeros = jnp.ones(episodes), jnp.zeros(episodes)
        carry = (*start, ones, zeros, zeros)
        keys = jax.random.split(steps_key, environment.max_steps)
        *_, earned, length = jax.lax.scan(one_step, carry, keys)[0]
        return jnp.mean(earned), jnp.mean(length)

    earned, length = run(jax.random.key(seed))
    return {"return": float(earned), "length": float(length)}


# A pole on a cart


@dataclass(frozen=True)
class CartPole:
    """A pole hinged on a cart that is pushed to the left or right; every step upright earns 1.

    With x the cart's place, q the pole's angle (0 is upright), F = -10 or 10 newton, M = 1.1 kg the
    mass of cart and pole, m = 0.1 kg the pole's, l = 0.5 m half its length, g = 9.8 m/s^2::

        u    = (F + m l q'^2 sin q) / M
        q''  = (g sin q - u cos q) / (l (4/3 - m cos^2 q / M))
        x''  = u - m l q'' cos q / M

    and each of x, x', q, q' takes an Euler step of 0.02 s, with the rates of before the step. The
    episode ends when \\|x\\| > 2.4 m or \\|q\\| > 12 degrees, and is cut off after ``max_steps``.

    Observation: (x, x', q, q'). Actions: 0 pushes to the left, 1 to the right.

    Args:
        max_steps: the length of an episode at most.

    References:
        Barto, Sutton, Anderson, Neuronlike adaptive elements that can solve difficult learning
        control problems, IEEE Transactions on Systems, Man, and Cybernetics 13 (1983), appendix;
        numbers as in Gymnasium's CartPole-v1.
    """

    max_steps: int = 500

    gravity, mass, pole_mass, half_length, force, seconds = 9.8, 1.1, 0.1, 0.5, 10.0, 0.02
    widest, steepest = 2.4, 12 * np.pi / 180

    @property
    def observation_space(self) -> Box:
        """Place, speed, angle and turning speed."""
        return Box((4,))

    @property
    def action_space(self) -> Discrete:
        """Left or right."""
        return Discrete(2)

    def reset(self, key: Array) -> tuple[Tree, Array]:
        """Return all four numbers drawn from [-0.05, 0.05]."""
        observation = jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05)
        return (observation, jnp.zeros((), jnp.int32)), observation

    def step(self, state: Tree, action: Array, key: Array) -> Transition:
        """Push the cart; nothing here is random."""
        numbers, time = state
        x, dx, q, dq = numbers
        push = jnp.where(action == 1, self.force, -self.force)
        m_l = self.pole_mass * self.half_length
        u = (push + m_l * jnp.square(dq) * jnp.sin(q)) / self.mass
        inertia = 4 / 3 - self.pole_mass * jnp.square(jnp.cos(q)) / self.mass
        ddq = (self.gravity * jnp.sin(q) - u * jnp.cos(q)) / (self.half_length * inertia)
        ddx = u - m_l * ddq * jnp.cos(q) / self.mass
        numbers = numbers + self.seconds * jnp.stack([dx, ddx, dq, ddq])
        time = time + 1
        fallen = (jnp.abs(numbers[0]) > self.widest) | (jnp.abs(numbers[2]) > self.steepest)
        return Transition(
            (numbers, time), numbers, jnp.ones(()), fallen, (time >= self.max_steps) & ~fallen
        )


# A grid of squares


@dataclass(frozen=True)
class FrozenLake:
    """A walk over the ice from the start S to the goal G, around the holes H; the goal earns 1.

    On slippery ice the step goes where it should with probability 1/3, and to each side of that
    with 1/3. Off the edge nobody goes. A hole or the goal ends the episode.

    Observation: the number of the square, row by row. Actions: 0 left, 1 down, 2 right, 3 up.

    Args:
        rows: the squares, row by row: one S, one G or more, F for ice and H for a hole.
        slippery: False lets every step go where it should.
        max_steps: the length of an episode at most.

    Raises:
        ArgumentError: if the rows are not equally long or hold something else.

    References:
        The map is that of Gymnasium's FrozenLake-v1; a grid world as in Sutton, Barto,
        Reinforcement Learning (2018), section 4.1.
    """

    rows: tuple[str, ...] = ("SFFF", "FHFH", "FFFH", "HFFG")
    slippery: bool = True
    max_steps: int = 100
    squares: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        squares = "".join(self.rows)
        if (
            len({len(row) for row in self.rows}) != 1
            or set(squares) - set("SFHG")
            or squares.count("S") != 1
            or "G" not in squares
        ):
            raise ArgumentError(
                "FrozenLake expected rows of equal length made of S, F, H and G, with one S and a "
                f"G at least, got {self.rows!r}."
            )
        object.__setattr__(self, "squares", np.array(list(squares)))

    @property
    def observation_space(self) -> Discrete:
        """The squares."""
        return Discrete(len(self.squares))

    @property
    def action_space(self) -> Discrete:
        """The four directions."""
        return Discrete(4)

    def moves(self) -> np.ndarray:
        """Return the square that each direction leads to, shape (squares, 4)."""
        height, width = len(self.rows), len(self.rows[0])
        row, column = np.divmod(np.arange(height * width), width)
        left, right = np.maximum(column - 1, 0), np.minimum(column + 1, width - 1)
        up, down = np.maximum(row - 1, 0), np.minimum(row + 1, height - 1)
        to = (row * width + left, down * width + column, row * width + right, up * width + column)
        return np.stack(to, axis=1).astype(np.int32)

    def reset(self, key: Array) -> tuple[Tree, Array]:
        """Return the square S."""
        square = jnp.asarray(np.argmax(self.squares == "S"), jnp.int32)
        return (square, jnp.zeros((), jnp.int32)), square

    def step(self, state: Tree, action: Array, key: Array) -> Transition:
        """Take a step, or slip."""
        square, time = state
        if self.slippery:
            action = (action + jax.random.randint(key, (), -1, 2)) % 4
        square = jnp.asarray(self.moves())[square, action]
        time = time + 1
        goal = jnp.asarray(self.squares == "G")[square]
        over = goal | jnp.asarray(self.squares == "H")[square]
        return Transition(
            (square, time), square, goal.astype(jnp.float32), over, (time >= self.max_steps) & ~over
        )
