"""Gradient descent: plain, with momentum, with Nesterov's momentum."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from pellucid._named import Symbols
from pellucid.optimizers._base import REGISTRY, Array, Optimizer, Rate, Slots, is_zero


@REGISTRY.register(name="sgd")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: a step against the gradient.

    On all examples at once it is batch gradient descent, on one batch after another stochastic
    gradient descent.

        momentum = 0:              delta = -lr g
        momentum > 0:              v = momentum v + g,   delta = -lr v
        momentum > 0, nesterov:    v = momentum v + g,   delta = -lr (g + momentum v)

    g is the gradient, v (the slot ``v``, at first 0) the velocity.

    This is the form of Optax and PyTorch, in which the velocity is a sum of gradients. Keras keeps
    -lr inside the velocity (v = momentum v - lr g, delta = v); the steps are the same as long as
    the learning rate is constant, and after a change of rate only this form follows it at once.

    Args:
        learning_rate: lr, above 0, or a schedule.
        momentum: the fraction of the velocity that is kept, in [0, 1).
        nesterov: look ahead: use the gradient as if the velocity's step were made already.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.

    >>> SGD(0.1, momentum=0.9, nesterov=True).nesterov
    True
    """

    learning_rate: Rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    formula: ClassVar[str] = (
        "v = momentum v + g; delta = -lr v; with nesterov: delta = -lr (g + momentum v)"
    )
    symbols: ClassVar[Symbols] = {"v": "slot: running sum of the gradients; g without momentum"}
    reference: ClassVar[str] = (
        "Sutskever et al., On the Importance of Initialization and Momentum in Deep Learning, "
        "2013, eq. 1-4."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("momentum")

    def steps(self) -> tuple[str, ...]:
        """Return the rule with or without momentum."""
        if not self.momentum:
            return ("delta = -lr g",)
        ahead = "(g + momentum v)" if self.nesterov else "v"
        return "v = momentum v + g", f"delta = -lr {ahead}"

    def slots(self, w: Array) -> Slots:
        """Return v = 0, or nothing without momentum."""
        return {} if is_zero(self.momentum) else {"v": jnp.zeros_like(w)}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and v."""
        if is_zero(self.momentum):
            return -lr * g, {}
        v = self.momentum * slots["v"] + g
        delta = -lr * (g + self.momentum * v) if self.nesterov else -lr * v
        return delta, {"v": v}
