"""DQN: a network that values actions, trained from a memory of steps taken.

Where states are too many for a table, a network Q(s, a; w) gives the worth of all actions of a
state at once. Its targets are those of Q-learning; three devices keep it from chasing its own tail:

- **replay**: steps taken are stored, and each update draws a batch of them, so that what it learns
  from is not one episode in a row;
- **target network**: the worth of what comes next is read from w', an average of past w::

      w' <- w' + tau (w - w')

- **double**: the best next action is chosen by w and valued by w', because the largest of noisy
  numbers is too large on the mean::

      y = r + g (1 - end) Q(s', argmax_b Q(s', b; w); w')            (double)
      y = r + g (1 - end) max_b Q(s', b; w')                         (plain)

The loss of a drawn step is (Q(s, a; w) - y)^2, where y counts as a constant. (The paper of 2015
cuts the slope of that square off at 1. With rewards of 1 and values up to 100, as here, the few
steps that end an episode then weigh too little: on the pole the square learns faster.) With
probability e an action is any action, else the best known; e falls on a straight line from 1.

Papers: V. Mnih and others, Human-level control through deep reinforcement learning, Nature 518
(2015); H. van Hasselt and others, Deep reinforcement learning with double Q-learning (2016),
equation 4; Z. Wang and others, Dueling network architectures (2016), equation 9.

``network(CartPole())`` is the duelling network, 4 inputs and 2 actions, 33,859 parameters::

    observation                       (4,)
    Dense 128, ReLU                   (128,)      4 * 128 + 128 = 640
    Dense 128, ReLU                   (128,)      128 * 128 + 128 = 16,512
    value: Dense 64, ReLU; 1          (1,)        128 * 64 + 64 + 64 + 1 = 8,321
    advantages: Dense 64, ReLU; 2     (2,)        128 * 64 + 64 + 2 * 64 + 2 = 8,386
    q = v + a - mean a                (2,)

::

    agent = DQN(CartPole(), network(CartPole()))
    state, history = train(agent.step, agent.start(seed=0), steps=1000, epochs=8)
    agent.keep(state)
    agent.evaluate(episodes=100)["return"]
"""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid._tree import tree_map
from pellucid.errors import MismatchError
from pellucid.layers import Dense, Dueling, Input, Variables
from pellucid.models import Model
from pellucid.optimizers import Adam, apply_updates, as_optimizer
from pellucid.training import Batch, TrainingState, mean_of
from pellucid.zoo.environments import Box, Discrete, Environment, play, step_or_restart

Array = jax.Array
Tree = Any


def network(environment: Environment, units: int = 128, dueling: bool = True, seed: int = 0) -> Any:
    """Return a network that values the actions of an environment.

    Args:
        environment: one whose observations are vectors and whose actions are discrete.
        units: width of the two hidden layers.
        dueling: False gives the values one dense layer instead of two heads.
        seed: makes the initial weights.
    """
    _check_spaces("network", environment)
    actions = environment.action_space.n
    x = Input(environment.observation_space.shape)
    h = Dense(units, activation="relu", kernel_initializer="he_uniform")(x)
    h = Dense(units, activation="relu", kernel_initializer="he_uniform")(h)
    if not dueling:
        return Model(x, Dense(actions)(h), name="dqn", seed=seed)
    value = Dense(1)(Dense(units // 2, activation="relu")(h))
    advantages = Dense(actions)(Dense(units // 2, activation="relu")(h))
    return Model(x, Dueling()([value, advantages]), name="dueling_dqn", seed=seed)


@dataclass(frozen=True)
class DQN:
    """An agent that learns by deep Q-learning, in several copies of its environment at once.

    One training step takes one step in every copy, stores it, and updates the network
    ``updates`` times.

    Args:
        environment: one whose observations are real numbers and whose actions are discrete.
        network: from observations to the value of each action.
        optimizer: makes the updates.
        discount: g, in [0, 1].
        double: False takes the plain target.
        environments: how many copies take a step each.
        updates: updates of the network in one training step.
        batch_size: stored steps that an update draws.
        replay_size: steps that are stored, the newest ones; a multiple of ``environments``.
        warm_up: training steps before the first update.
        exploration_steps: training steps in which e falls from 1 to ``exploration``.
        exploration: e in the end.
        target_rate: tau, in (0, 1].

    Raises:
        MismatchError: if the environment's spaces, or the network, are of another kind.
    """

    environment: Environment
    network: Any
    optimizer: Any = field(default_factory=lambda: Adam(1e-3, global_clipnorm=10.0))
    discount: float = 0.99
    double: bool = True
    environments: int = 8
    updates: int = 4
    batch_size: int = 64
    replay_size: int = 96_000
    warm_up: int = 125
    exploration_steps: int = 1_000
    exploration: float = 0.05
    target_rate: float = 0.01

    def __post_init__(self) -> None:
        _check_spaces("DQN", self.environment)
        for name in ("environments", "updates", "batch_size", "replay_size", "exploration_steps"):
            check_positive_int("DQN", name, getattr(self, name))
        check_range("DQN", "discount", self.discount, 0, 1)
        check_range("DQN", "exploration", self.exploration, 0, 1)
        check_range("DQN", "target_rate", self.target_rate, 0, 1, open_low=True)
        check_range("DQN", "warm_up", self.warm_up, 0)
        if self.replay_size % self.environments:
            raise MismatchError(
                f"DQN expected replay_size to be a multiple of environments={self.environments}, "
                f"got {self.replay_size}; use {self.replay_size // self.environments + 1} * "
                f"{self.environments}."
            )
        seen, actions = self.environment.observation_space, self.environment.action_space
        (given,), (made,) = (
            [symbol.shape[1:] for symbol in symbols]
            for symbols in (self.network.graph.input_symbols, self.network.graph.output_symbols)
        )
        if (given, made) != (seen.shape, (actions.n,)):
            raise MismatchError(
                f"DQN expected a network from {seen.shape} to {(actions.n,)}, as "
                f"{type(self.environment).__name__} has observations and actions, got one from "
                f"{given} to {made}; use network(environment)."
            )

    # What is learned

    def values(self, parameters: Tree, observation: Array) -> Array:
        """Return Q(s, a; w) for each observation (n, ...), shape (n, actions)."""
        kept = self.network.variables.state
        return self.network.apply(Variables(parameters, kept), observation).outputs

    def targets(self, parameters: Tree, target: Tree, drawn: dict[str, Array]) -> Array:
        """Return y for stored steps, shape (n,)."""
        after = self.values(target, drawn["next"])
        chosen = self.values(parameters, drawn["next"]) if self.double else after
        best = jnp.take_along_axis(after, jnp.argmax(chosen, -1)[:, None], -1)[:, 0]
        return drawn["reward"] + self.discount * (1 - drawn["end"]) * best

    def loss(self, parameters: Tree, target: Tree, drawn: dict[str, Array]) -> Array:
        """Return the mean over stored steps of (Q(s, a; w) - y)^2."""
        y = jax.lax.stop_gradient(self.targets(parameters, target, drawn))
        q = self.values(parameters, drawn["observation"])
        q_a = jnp.take_along_axis(q, drawn["action"][:, None], -1)
        return jnp.mean(ops.mean_squared_error(q_a, y[:, None]))

    # The training step

    def start(self, seed: int = 0) -> TrainingState:
        """Return the state before the first step: an empty memory, episodes at their start."""
        keys = jax.random.split(jax.random.key(seed), self.environments)
        state, observation = jax.vmap(self.environment.reset)(keys)
        n, seen = self.replay_size, observation.shape[1:]
        parameters = self.network.variables.parameters
        kept = {
            "target": parameters,
            "environment": state,
            "observation": observation,
            "earned": jnp.zeros(self.environments),
            "replay": {
                "observation": jnp.zeros((n, *seen)),
                "action": jnp.zeros(n, jnp.int32),
                "reward": jnp.zeros(n),
                "next": jnp.zeros((n, *seen)),
                "end": jnp.zeros(n),
            },
        }
        optimizer_state = as_optimizer(self.optimizer).init(parameters)
        return TrainingState.start(parameters, kept, optimizer_state, seed)

    def exploration_at(self, step: Array) -> Array:
        """Return e, the probability of an action by chance."""
        share = jnp.minimum(step / self.exploration_steps, 1)
        return 1 + share * (self.exploration - 1)

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Take one step in every environment, store it, and update the network."""
        act_key, draw_key = jax.random.split(state.step_key())
        state, measures = self.act_and_store(state, act_key)
        stored = jnp.minimum((state.step + 1) * self.environments, self.replay_size)

        def update(carry: Any, key: Array) -> Any:
            parameters, target, optimizer_state = carry
            rows = jax.random.randint(key, (self.batch_size,), 0, stored)
            drawn = tree_map(lambda array: array[rows], state.layer_state["replay"])
            loss, gradients = jax.value_and_grad(self.loss)(parameters, target, drawn)
            updates, optimizer_state = as_optimizer(self.optimizer).update(
                gradients, optimizer_state, parameters
            )
            parameters = apply_updates(parameters, updates)
            target = tree_map(lambda a, b: a + self.target_rate * (b - a), target, parameters)
            return (parameters, target, optimizer_state), loss

        carry = (state.parameters, state.layer_state["target"], state.optimizer_state)
        learns = state.step >= self.warm_up
        carry, losses = jax.lax.cond(
            learns,
            lambda: jax.lax.scan(update, carry, jax.random.split(draw_key, self.updates)),
            lambda: (carry, jnp.zeros(self.updates)),
        )
        parameters, target, optimizer_state = carry
        measures["loss"] = mean_of(jnp.mean(losses), learns)
        kept = state.layer_state | {"target": target}
        return state.replace(
            parameters=parameters, layer_state=kept, optimizer_state=optimizer_state
        ), measures

    def act_and_store(
        self, state: TrainingState, key: Array
    ) -> tuple[TrainingState, dict[str, Any]]:
        """Take one step in every environment and store it over the oldest ones."""
        n, kept = self.environments, state.layer_state
        explore_key, action_key, *keys = jax.random.split(key, n + 2)
        s = kept["observation"]
        by_chance = jax.random.randint(action_key, (n,), 0, self.environment.action_space.n)
        explore = jax.random.uniform(explore_key, (n,)) < self.exploration_at(state.step)
        best = jnp.argmax(self.values(state.parameters, s), axis=-1)
        a = jnp.where(explore, by_chance, best).astype(jnp.int32)
        came, environment, observation = jax.vmap(
            lambda *given: step_or_restart(self.environment, *given)
        )(kept["environment"], a, jnp.stack(keys))

        new = {
            "observation": s,
            "action": a,
            "reward": came.reward,
            "next": came.observation,
            "end": came.terminated.astype(jnp.float32),
        }
        place = state.step * n % self.replay_size
        replay = tree_map(
            lambda old, rows: jax.lax.dynamic_update_slice_in_dim(old, rows, place, 0),
            kept["replay"],
            new,
        )
        over = came.terminated | came.truncated
        earned = kept["earned"] + came.reward
        returns = jnp.sum(earned * over) / jnp.maximum(jnp.sum(over), 1)
        kept = kept | {
            "environment": environment,
            "observation": observation,
            "earned": jnp.where(over, 0.0, earned),
            "replay": replay,
        }
        return state.replace(layer_state=kept), {"return": mean_of(returns, jnp.sum(over))}

    # What has been learned

    def evaluate(
        self, episodes: int = 100, seed: int = 0, state: TrainingState | None = None
    ) -> dict[str, float]:
        """Return the mean return and length of episodes with the best known actions.

        Args:
            episodes: how many, side by side.
            seed: makes their starts.
            state: what is known; by default what the network holds.
        """
        parameters = self.network.variables.parameters if state is None else state.parameters

        def act(observation: Array) -> Array:
            return jnp.argmax(self.values(parameters, observation), axis=-1)

        return play(self.environment, act, episodes, seed)

    def keep(self, state: TrainingState) -> None:
        """Put what was learned into the network."""
        self.network.variables = Variables(state.parameters, self.network.variables.state)


def _check_spaces(who: str, environment: Environment) -> None:
    name = type(environment).__name__
    if not isinstance(environment.observation_space, Box):
        raise MismatchError(
            f"{who} takes an environment whose observations are arrays of real numbers, a Box, got "
            f"{environment.observation_space!r} of {name}; use QLearning for numbered states."
        )
    if not isinstance(environment.action_space, Discrete):
        raise MismatchError(
            f"{who} takes an environment with discrete actions, got {environment.action_space!r} "
            f"of {name}; cut the actions into a few choices first."
        )
