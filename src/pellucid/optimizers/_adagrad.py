"""A rate for each weight from the history of its own gradients: Adagrad, RMSprop, Adadelta."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from pellucid._named import Symbols
from pellucid.optimizers._base import REGISTRY, Array, Optimizer, Slots, is_zero


@REGISTRY.register()
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

        G     = G + g^2
        delta = -lr g / sqrt(G + epsilon)

    g is the gradient, G (the slot ``G``) the sum, at first initial_accumulator_value. G only
    grows, so the steps only shrink. epsilon stands inside the root, as in Optax and Keras.

    Args:
        learning_rate: lr, above 0, or a schedule.
        initial_accumulator_value: G before the first step, 0 or more.
        epsilon: keeps the root from 0, above 0.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    formula: ClassVar[str] = "G = G + g^2; delta = -lr g / sqrt(G + epsilon)"
    symbols: ClassVar[Symbols] = {"G": "slot: sum of the squared gradients so far"}
    reference: ClassVar[str] = (
        "Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011, section 1.1."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_not_negative("initial_accumulator_value")
        self.check_positive("epsilon")

    def slots(self, w: Array) -> Slots:
        """Return G = initial_accumulator_value."""
        return {"G": jnp.full_like(w, self.initial_accumulator_value)}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and G."""
        G = slots["G"] + g**2
        delta = -lr * g / jnp.sqrt(G + self.epsilon)
        return delta, {"G": G}


@REGISTRY.register(name="rmsprop")
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradients.

        v     = rho v + (1 - rho) g^2
        centered:        a = rho a + (1 - rho) g,  d = v - a^2   (a variance); otherwise d = v
        s     = g / sqrt(d + epsilon)
        momentum = 0:    delta = -lr s
        momentum > 0:    u = momentum u + lr s,  delta = -u

    g is the gradient; v, a, u are slots, at first 0. epsilon stands inside the root and lr inside
    the momentum, as in Optax and Keras; PyTorch has sqrt(d) + epsilon and -lr u. A variance that
    rounding has made negative counts as 0.

    Args:
        learning_rate: lr, above 0, or a schedule.
        rho: the fraction of the running means that is kept, in [0, 1).
        momentum: the fraction of the last step that is kept, in [0, 1).
        epsilon: keeps the root from 0, above 0.
        centered: divide by the standard deviation of the gradients instead.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    formula: ClassVar[str] = (
        "v = rho v + (1 - rho) g^2; delta = -lr g / sqrt(v + epsilon); "
        "centered: a = rho a + (1 - rho) g, v - a^2 in place of v; "
        "momentum: u = momentum u - delta, step -u"
    )
    symbols: ClassVar[Symbols] = {
        "v": "slot: running mean of the squared gradients",
        "a": "slot: running mean of the gradients",
        "u": "slot: running step",
    }
    reference: ClassVar[str] = (
        "Hinton, Neural Networks for Machine Learning, lecture 6e, 2012; "
        "centered: Graves, Generating Sequences with Recurrent Neural Networks, 2013, eq. 38-41."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("rho", "momentum")
        self.check_positive("epsilon")

    def steps(self) -> tuple[str, ...]:
        """Return the rule with or without centering and momentum."""
        lines = ["v = rho v + (1 - rho) g^2"]
        if self.centered:
            lines += ["a = rho a + (1 - rho) g", "d = max(v - a^2, 0)"]
        root = "d" if self.centered else "v"
        step = f"-lr g / sqrt({root} + epsilon)"
        if not self.momentum:
            return *lines, f"delta = {step}"
        return *lines, f"s = {step}", "u = momentum u - s", "delta = -u"

    def slots(self, w: Array) -> Slots:
        """Return v = 0, with a = 0 and u = 0 where they are used."""
        names = ["v", *["a"] * self.centered, *["u"] * (not is_zero(self.momentum))]
        return {name: jnp.zeros_like(w) for name in names}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and v, a, u."""
        new = {"v": self.rho * slots["v"] + (1 - self.rho) * g**2}
        d = new["v"]
        if self.centered:
            new["a"] = self.rho * slots["a"] + (1 - self.rho) * g
            d = jnp.maximum(new["v"] - new["a"] ** 2, 0)
        delta = -lr * g / jnp.sqrt(d + self.epsilon)
        if not is_zero(self.momentum):
            new["u"] = self.momentum * slots["u"] - delta
            delta = -new["u"]
        return delta, new


@REGISTRY.register()
@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Steps whose size is a running root mean square of the steps before.

        v     = rho v + (1 - rho) g^2
        s     = g sqrt(u + epsilon) / sqrt(v + epsilon)
        u     = rho u + (1 - rho) s^2
        delta = -lr s

    g is the gradient; v and u are slots, at first 0: the mean squares of gradients and of steps.
    s has the unit of w, so the paper needs no rate: lr = 1 there. The default 0.001 is Keras's and
    is slow; try 1.0.

    Args:
        learning_rate: lr, above 0, or a schedule.
        rho: the fraction of the running means that is kept, in [0, 1).
        epsilon: starts the steps and keeps the root from 0, above 0.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.
    """

    rho: float = 0.95
    epsilon: float = 1e-7

    formula: ClassVar[str] = (
        "v = rho v + (1 - rho) g^2; s = g sqrt(u + epsilon) / sqrt(v + epsilon); "
        "u = rho u + (1 - rho) s^2; delta = -lr s"
    )
    symbols: ClassVar[Symbols] = {
        "v": "slot: running mean of the squared gradients",
        "u": "slot: running mean of the squared steps",
        "s": "the step before the learning rate",
    }
    reference: ClassVar[str] = (
        "Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("rho")
        self.check_positive("epsilon")

    def slots(self, w: Array) -> Slots:
        """Return v = 0 and u = 0."""
        return {"v": jnp.zeros_like(w), "u": jnp.zeros_like(w)}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and v, u."""
        v = self.rho * slots["v"] + (1 - self.rho) * g**2
        s = g * jnp.sqrt(slots["u"] + self.epsilon) / jnp.sqrt(v + self.epsilon)
        u = self.rho * slots["u"] + (1 - self.rho) * s**2
        delta = -lr * s
        return delta, {"v": v, "u": u}
