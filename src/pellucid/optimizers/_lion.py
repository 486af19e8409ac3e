"""Lion: steps of one size, in the direction of a sign."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from pellucid._named import Symbols
from pellucid.optimizers._base import REGISTRY, Array, Optimizer, Slots


@REGISTRY.register()
@dataclass(frozen=True)
class Lion(Optimizer):
    """The sign of a momentum: every weight moves by exactly lr, or not at all.

        delta = -lr sign(beta_1 m + (1 - beta_1) g)
        m     = beta_2 m + (1 - beta_2) g

    g is the gradient; m is a slot, at first 0. The steps are larger than Adam's, so the paper
    takes lr 3 to 10 times smaller and weight_decay as many times larger. The same as Optax and
    Keras.

    Args:
        learning_rate: lr, above 0, or a schedule.
        beta_1: the weight of m against g in the step, in [0, 1).
        beta_2: the fraction of m that is kept, in [0, 1).
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99

    formula: ClassVar[str] = (
        "delta = -lr sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g"
    )
    symbols: ClassVar[Symbols] = {"m": "slot: running mean of the gradients"}
    reference: ClassVar[str] = (
        "Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("beta_1", "beta_2")

    def slots(self, w: Array) -> Slots:
        """Return m = 0."""
        return {"m": jnp.zeros_like(w)}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and m."""
        delta = -lr * jnp.sign(self.beta_1 * slots["m"] + (1 - self.beta_1) * g)
        m = self.beta_2 * slots["m"] + (1 - self.beta_2) * g
        return delta, {"m": m}
