"""A pole on a cart: push left or right so that it stays upright.

Task: reinforcement learning on CartPole: four numbers are seen, one of two pushes is chosen 50
    times a second, every step upright earns 1, 500 at most. A duelling network of 33,859 parameters
    values the pushes; it learns by double deep Q-learning (``pellucid.zoo.dqn``).
Data: none; eight carts are simulated inside the training step, by the equations of Gymnasium's
    CartPole-v1 (``pellucid.zoo.environments``).
Command: pellucid train cartpole_dqn
Time: about a minute on one core, other work beside it.
Expected: a mean return of 500, the most there is, over 100 episodes that were never seen, with each
    of the seeds 0 to 4 (the task counts as solved from 475).

What is kept is the network of the epoch that did best in 200 episodes of its own. Deep Q-learning
forgets: some epochs are far worse than those before them, as the learning curve shows.
Your own state: ``pellucid predict runs/latest 0.1,0,0.05,0`` takes place (m), speed (m/s), angle
(rad) and turning speed (rad/s), with commas between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pellucid import activations
from pellucid._checks import check_range
from pellucid.callbacks import EarlyStopping
from pellucid.errors import DataError
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._recipe import (
    Answer,
    Data,
    Example,
    Learning,
    Part,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo.dqn import DQN, network
from pellucid.zoo.environments import CartPole

LABELS = ("left", "right")
STEPS = 500
"""Training steps an epoch."""
VALIDATION, TEST = 200, 100
"""Episodes."""


@dataclass(frozen=True)
class CartPoleDQN(Recipe):
    """Settings and the five parts."""

    epochs: int = setting(16, "times 500 training steps, each a step of eight carts")
    batch_size: int = setting(64, "stored steps that an update draws")
    learning_rate: float = setting(2e-3, "Adam's first rate; it ends at 0")
    discount: float = setting(0.99, "what a reward is worth one step later")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Recipe 'cartpole_dqn'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'cartpole_dqn'", "discount", self.discount, 0, 1)

    def data(self) -> Data:
        """Return no rows to learn from, and 100 states to start from as examples."""
        keys = jax.random.split(jax.random.key(3), TEST)
        starts = np.asarray(jax.vmap(CartPole().reset)(keys)[1])
        return Data(Part(starts[:0], None), None, Part(starts, None), labels=LABELS)

    def model(self, data: Data) -> Any:
        """Return the duelling network."""
        return network(CartPole(), seed=self.seed)

    def objective(self, data: Data) -> Learning:
        """Return double deep Q-learning, and what tells the best epoch."""
        return Learning(
            learner=self.agent,
            steps=STEPS,
            validate=lambda agent, state: agent.evaluate(VALIDATION, seed=1, state=state),
            callbacks=[
                EarlyStopping(
                    "val_return", mode="max", patience=self.epochs, restore_best_weights=True
                )
            ],
        )

    def agent(self, model: Any) -> DQN:
        """Return the agent that thinks with this network."""
        rate = CosineDecay(self.learning_rate, decay_steps=self.epochs * STEPS * DQN.updates)
        return DQN(
            CartPole(),
            model,
            Adam(rate, global_clipnorm=10.0),
            discount=self.discount,
            batch_size=self.batch_size,
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return the mean return of 100 episodes from starts that were never seen."""
        return Report({"test": self.agent(model).evaluate(TEST, seed=2), "episodes": TEST})

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return the better push for each state; the shares are the softmax of both values."""
        values = model.predict(np.stack([example.x for example in examples]))
        answers = []
        for example, shares in zip(examples, np.asarray(activations.softmax(values)), strict=True):
            probabilities = dict(zip(LABELS, shares.astype(float).tolist(), strict=True))
            label = LABELS[int(shares.argmax())]
            answers.append(Prediction(example, label, probabilities))
        return answers

    def example(self, source: str) -> Example:
        """Return the state that four numbers with commas between them tell."""
        try:
            numbers = np.array([float(part) for part in source.split(",")], np.float32)
        except ValueError:
            numbers = np.zeros(0, np.float32)
        if numbers.shape != (4,) or not np.isfinite(numbers).all():
            raise DataError(
                "Expected place, speed, angle and turning speed as four numbers with commas "
                f'between them, such as "0.1,0,0.05,0", got {source!r}.'
            )
        return Example(source=f"state {source.strip()}", x=numbers)
