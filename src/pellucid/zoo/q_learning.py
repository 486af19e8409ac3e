"""Q-learning: a table of what each action in each state is worth, learned from steps taken.

The worth of action a in state s is what it earns now, and what the best action earns from there on,
less by the discount g for every step of waiting (Bellman's equation)::

    Q(s, a) = E[ r + g max_b Q(s', b) ]

and nothing after the end of an episode. Each step taken moves one entry of the table towards one
sample of the right side, by the learning rate::

    y = r + g (1 - end) max_b Q(s', b)
    Q(s, a) <- Q(s, a) + learning_rate (y - Q(s, a))

If every pair (s, a) is met again and again and the rate falls slowly enough, Q becomes the worth
under the best policy, whatever policy took the steps. Here it takes the best known action with
probability 1 - exploration, else any action.

Paper: C. Watkins, P. Dayan, Q-learning, Machine Learning 8 (1992), equation 1.

The table of the 4 x 4 frozen lake has 16 x 4 = 64 entries::

    agent = QLearning(FrozenLake())
    state, history = train(agent.step, agent.start(seed=0), steps=2000, epochs=10)
    agent.evaluate(state, episodes=1000)["return"]
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import MismatchError
from pellucid.training import Batch, TrainingState, mean_of
from pellucid.zoo.environments import Discrete, Environment, play, step_or_restart

Array = jax.Array


@dataclass(frozen=True)
class QLearning:
    """Q-learning with a table, in several copies of the environment at once.

    Args:
        environment: one whose observations and actions are both discrete.
        learning_rate: the first one, in (0, 1]; it falls as visits^-0.6 of the pair.
        discount: g, in [0, 1].
        exploration: probability of an action by chance, in [0, 1].
        environments: how many copies take a step each in one training step.

    Raises:
        MismatchError: if the environment's observations or actions are not discrete.
    """

    environment: Environment
    learning_rate: float = 1.0
    discount: float = 0.99
    exploration: float = 0.3
    environments: int = 4

    def __post_init__(self) -> None:
        check_range("QLearning", "learning_rate", self.learning_rate, 0, 1, open_low=True)
        check_range("QLearning", "discount", self.discount, 0, 1)
        check_range("QLearning", "exploration", self.exploration, 0, 1)
        check_positive_int("QLearning", "environments", self.environments)
        for what in ("observation", "action"):
            space = getattr(self.environment, f"{what}_space")
            if not isinstance(space, Discrete):
                raise MismatchError(
                    f"QLearning takes an environment with a discrete {what} space, got "
                    f"{space!r} of {type(self.environment).__name__}; use DQN for observations of "
                    "real numbers."
                )

    def start(self, seed: int = 0) -> TrainingState:
        """Return a table of zeros, and the environments at the start of an episode."""
        shape = (self.environment.observation_space.n, self.environment.action_space.n)
        keys = jax.random.split(jax.random.key(seed), self.environments)
        state, observation = jax.vmap(self.environment.reset)(keys)
        kept = {
            "visits": jnp.zeros(shape),
            "environment": state,
            "observation": observation,
            "earned": jnp.zeros(self.environments),
        }
        return TrainingState.start({"q": jnp.zeros(shape)}, kept, seed=seed)

    def act(self, state: TrainingState, observation: Array) -> Array:
        """Return the best known action for each observation (n,)."""
        return jnp.argmax(state.parameters["q"][observation], axis=-1)

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Take one step in every environment, and learn from each in turn."""
        n = self.environments
        explore_key, action_key, *keys = jax.random.split(state.step_key(), n + 2)
        kept, s = state.layer_state, state.layer_state["observation"]
        by_chance = jax.random.randint(action_key, (n,), 0, self.environment.action_space.n)
        explore = jax.random.uniform(explore_key, (n,)) < self.exploration
        a = jnp.where(explore, by_chance, self.act(state, s))
        came, environment, observation = jax.vmap(
            lambda *given: step_or_restart(self.environment, *given)
        )(kept["environment"], a, jnp.stack(keys))

        q, visits, error = state.parameters["q"], kept["visits"], jnp.zeros(())
        for i in range(n):
            here = (s[i], a[i])
            visits = visits.at[here].add(1)
            rate = self.learning_rate / visits[here] ** 0.6
            y = came.reward[i] + self.discount * (1 - came.terminated[i]) * jnp.max(
                q[came.observation[i]]
            )
            error += jnp.abs(y - q[here]) / n
            q = q.at[here].add(rate * (y - q[here]))

        over = came.terminated | came.truncated
        earned = kept["earned"] + came.reward
        measures = {
            "error": error,
            "return": mean_of(
                jnp.sum(earned * over) / jnp.maximum(jnp.sum(over), 1), jnp.sum(over)
            ),
        }
        kept = {
            "visits": visits,
            "environment": environment,
            "observation": observation,
            "earned": jnp.where(over, 0.0, earned),
        }
        return state.replace(parameters={"q": q}, layer_state=kept), measures

    def evaluate(
        self, state: TrainingState, episodes: int = 100, seed: int = 0
    ) -> dict[str, float]:
        """Return the mean return and length of episodes with the best known actions.

        Args:
            state: what is known.
            episodes: how many, side by side.
            seed: makes their chances.
        """
        return play(self.environment, lambda s: self.act(state, s), episodes, seed)
