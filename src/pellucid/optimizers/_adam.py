"""Adam and what grew out of it: AdamW, AMSGrad (an argument of both) and Nadam."""

from dataclasses import dataclass, field
from typing import ClassVar

import jax.numpy as jnp

from pellucid import kernels
from pellucid._named import Symbols
from pellucid.optimizers._base import REGISTRY, Array, Optimizer, Slots


@REGISTRY.register()
@dataclass(frozen=True)
class Adam(Optimizer):
    """Momentum divided by a running root mean square of the gradients, both bias-corrected.

        m     = beta_1 m + (1 - beta_1) g
        v     = beta_2 v + (1 - beta_2) g^2
        m_hat = m / (1 - beta_1^t)
        v_hat = v / (1 - beta_2^t)
        delta = -lr m_hat / (sqrt(v_hat) + epsilon)

    g is the gradient, t the number of the step (1, 2, ...); m and v are slots, at first 0. With
    amsgrad, the largest v_hat so far (the slot ``v_max``) stands in place of v_hat.

    This is algorithm 1 of the paper, as in Optax and PyTorch. Keras uses the paper's shortcut in
    which epsilon is added to sqrt(v) instead: its epsilon weighs more in the first steps.

    Args:
        learning_rate: lr, above 0, or a schedule.
        beta_1: the fraction of the mean gradient that is kept, in [0, 1).
        beta_2: the fraction of the mean squared gradient that is kept, in [0, 1).
        epsilon: keeps the divisor from 0, above 0.
        amsgrad: never let the divisor shrink.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.

    The first step is lr in size, whatever the gradient:

    >>> import jax.numpy as jnp
    >>> w, g = jnp.array([1.0, 2.0]), jnp.array([1e-3, -1e3])
    >>> adam = Adam(0.5)
    >>> [round(float(d), 3) for d in adam.update(g, adam.init(w), w)[0]]
    [-0.5, 0.5]
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False

    formula: ClassVar[str] = (
        "m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g^2; "
        "m_hat = m / (1 - beta_1^t); v_hat = v / (1 - beta_2^t); "
        "delta = -lr m_hat / (sqrt(v_hat) + epsilon); "
        "amsgrad: v_max = max(v_max, v_hat) in place of v_hat"
    )
    symbols: ClassVar[Symbols] = {
        "m": "slot: running mean of the gradients",
        "v": "slot: running mean of the squared gradients",
        "m_hat": "m without its bias to 0",
        "v_hat": "v without its bias to 0",
        "v_max": "slot: largest v_hat so far",
    }
    reference: ClassVar[str] = (
        "Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1; "
        "amsgrad: Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("beta_1", "beta_2")
        self.check_positive("epsilon")

    def steps(self) -> tuple[str, ...]:
        """Return the rule, with the largest v_hat for amsgrad."""
        m, v, m_hat, v_hat, *_ = (part.strip() for part in self.formula.split(";"))
        largest = ["v_max = max(v_max, v_hat)"] * self.amsgrad
        root = "v_max" if self.amsgrad else "v_hat"
        return m, v, m_hat, v_hat, *largest, f"delta = -lr m_hat / (sqrt({root}) + epsilon)"

    def slots(self, w: Array) -> Slots:
        """Return m = 0 and v = 0, with v_max = 0 for amsgrad."""
        names = ["m", "v", *["v_max"] * self.amsgrad]
        return {name: jnp.zeros_like(w) for name in names}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and m, v, v_max."""
        m = self.beta_1 * slots["m"] + (1 - self.beta_1) * g
        v = self.beta_2 * slots["v"] + (1 - self.beta_2) * g**2
        new = {"m": m, "v": v}
        m_hat = m / (1 - self.beta_1**t)
        v_hat = v / (1 - self.beta_2**t)
        if self.amsgrad:
            v_hat = new["v_max"] = jnp.maximum(slots["v_max"], v_hat)
        delta = -lr * m_hat / (jnp.sqrt(v_hat) + self.epsilon)
        return delta, new

    def move(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return w + delta and m, v, v_max; in one pass over memory where a kernel takes them."""
        settings = (self.beta_1, self.beta_2, self.epsilon, self.weight_decay)
        traced = any(isinstance(setting, Array) for setting in settings)
        if self.amsgrad or traced or not kernels.adam.takes(w):
            return super().move(g, w, slots, lr, t)
        rates = jnp.stack([lr, 1 / (1 - self.beta_1**t), 1 / (1 - self.beta_2**t)])
        w, m, v = kernels.adam.step(
            *(g, w, slots["m"], slots["v"], rates),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay or 0.0,
        )
        return w, {"m": m, "v": v}


@REGISTRY.register(name="adamw")
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: the weights also shrink on their own.

        delta = -lr m_hat / (sqrt(v_hat) + epsilon) - lr weight_decay w

    with m_hat and v_hat as in ``Adam``. An L2 penalty in the loss would pass through the division
    by sqrt(v_hat) and decay weights with large gradients least; this decays all alike. The decay
    is multiplied by the learning rate, as in Optax, Keras and PyTorch.

    Args:
        learning_rate: lr, above 0, or a schedule.
        beta_1: the fraction of the mean gradient that is kept, in [0, 1).
        beta_2: the fraction of the mean squared gradient that is kept, in [0, 1).
        epsilon: keeps the divisor from 0, above 0.
        amsgrad: never let the divisor shrink.
        weight_decay: the strength of the decay, 0 or more.
        clipnorm: see ``Optimizer``, like clipvalue and global_clipnorm.
    """

    weight_decay: float | None = field(default=0.004, kw_only=True)

    formula: ClassVar[str] = (
        "m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g^2; "
        "m_hat = m / (1 - beta_1^t); v_hat = v / (1 - beta_2^t); "
        "delta = -lr m_hat / (sqrt(v_hat) + epsilon) - lr weight_decay w"
    )
    symbols: ClassVar[Symbols] = {
        "m": "slot: running mean of the gradients",
        "v": "slot: running mean of the squared gradients",
        "m_hat": "m without its bias to 0",
        "v_hat": "v without its bias to 0",
        "weight_decay": "decoupled decay, 0 or more",
    }
    reference: ClassVar[str] = (
        "Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2."
    )


@REGISTRY.register()
@dataclass(frozen=True)
class Nadam(Optimizer):
    """Adam with Nesterov's look ahead: the step uses the momentum that the next step would have.

        m     = beta_1 m + (1 - beta_1) g
        v     = beta_2 v + (1 - beta_2) g^2
        m_hat = beta_1 m / (1 - beta_1^(t+1)) + (1 - beta_1) g / (1 - beta_1^t)
        v_hat = v / (1 - beta_2^t)
        delta = -lr m_hat / (sqrt(v_hat) + epsilon)

    g is the gradient, t the number of the step (1, 2, ...); m and v are slots, at first 0.

    beta_1 is constant, as in Optax. Keras and PyTorch warm it up by a schedule of the paper
    (beta_1 (1 - 0.5 * 0.96^t)), so their first steps differ.

    Args:
        learning_rate: lr, above 0, or a schedule.
        beta_1: the fraction of the mean gradient that is kept, in [0, 1).
        beta_2: the fraction of the mean squared gradient that is kept, in [0, 1).
        epsilon: keeps the divisor from 0, above 0.
        weight_decay: see ``Optimizer``, like clipnorm, clipvalue and global_clipnorm.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    formula: ClassVar[str] = (
        "m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g^2; "
        "m_hat = beta_1 m / (1 - beta_1^(t+1)) + (1 - beta_1) g / (1 - beta_1^t); "
        "v_hat = v / (1 - beta_2^t); delta = -lr m_hat / (sqrt(v_hat) + epsilon)"
    )
    symbols: ClassVar[Symbols] = {
        "m": "slot: running mean of the gradients",
        "v": "slot: running mean of the squared gradients",
        "m_hat": "m one step ahead, without its bias to 0",
        "v_hat": "v without its bias to 0",
    }
    reference: ClassVar[str] = (
        "Dozat, Incorporating Nesterov Momentum into Adam, 2016, algorithm 2."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_fraction("beta_1", "beta_2")
        self.check_positive("epsilon")

    def slots(self, w: Array) -> Slots:
        """Return m = 0 and v = 0."""
        return {"m": jnp.zeros_like(w), "v": jnp.zeros_like(w)}

    def rule(self, g: Array, w: Array, slots: Slots, lr: Array, t: Array) -> tuple[Array, Slots]:
        """Return delta and m, v."""
        beta_1, beta_2 = self.beta_1, self.beta_2
        m = beta_1 * slots["m"] + (1 - beta_1) * g
        v = beta_2 * slots["v"] + (1 - beta_2) * g**2
        m_hat = beta_1 * m / (1 - beta_1 ** (t + 1)) + (1 - beta_1) * g / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        delta = -lr * m_hat / (jnp.sqrt(v_hat) + self.epsilon)
        return delta, {"m": m, "v": v}
