"""Layers that disturb their input while the network learns: Dropout and GaussianNoise."""

from typing import ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_range
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Dropout(Layer):
    """Sets a random part of its input to zero while the network learns.

    Each entry is kept with probability 1 - rate, m = 1, or dropped, m = 0; what is kept is enlarged
    so that the mean stays the same::

        y = m x / (1 - rate)

    When the network is evaluated y = x.

    Args:
        rate: the fraction that is dropped, in [0, 1).

    Input shape any; output shape the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import Dropout, Input
        >>> Dropout(0.5)(Input((128,))).shape
        (None, 128)

    References:
        Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout (2014), section 4; scaled
        while learning, as in section 10.
    """

    rate: float

    formula: ClassVar[str] = "y = m x / (1 - rate)"
    symbols: ClassVar[Symbols] = {
        "x": "input",
        "y": "output",
        "m": "mask: 1 with probability 1 - rate, else 0; drawn for every entry",
    }
    operations: ClassVar[tuple[str, ...]] = ("dropout",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Dropout", "rate", self.rate, 0, 1, open_high=True)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with a part of it dropped."""
        x = as_floating(x)
        if not context.training or self.rate == 0:
            return x
        mask = ops.dropout_mask(context.make_key(), x.shape, rate=self.rate)
        return ops.dropout(x, mask, rate=self.rate)


@REGISTRY.register()
class GaussianNoise(Layer):
    """Adds normal noise to its input while the network learns.

    y = x + stddev e with e ~ N(0, 1), drawn anew for every entry and step; when the network is
    evaluated y = x. (Added to the input of a linear model it has the effect of an L2 penalty.)

    Args:
        stddev: standard deviation of the noise, 0 or more.

    Input shape any; output shape the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import GaussianNoise, Input
        >>> GaussianNoise(0.1)(Input((28, 28, 1))).shape
        (None, 28, 28, 1)

    References:
        Bishop, Training with noise is equivalent to Tikhonov regularization (1995).
    """

    stddev: float

    formula: ClassVar[str] = "y = x + stddev e, e ~ N(0, 1)"
    symbols: ClassVar[Symbols] = {
        "x": "input",
        "y": "output",
        "e": "noise, drawn for every entry",
        "N": "normal distribution: mean, variance",
    }
    operations: ClassVar[tuple[str, ...]] = ("add",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("GaussianNoise", "stddev", self.stddev, 0)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with noise added."""
        x = as_floating(x)
        if not context.training or self.stddev == 0:
            return x
        noise = self.stddev * jax.random.normal(context.make_key(), x.shape, x.dtype)
        return ops.add(x, noise)
