"""The head of a duelling network."""

from collections.abc import Sequence
from typing import ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_list
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Dueling(Layer):
    """Values actions from the state's value and each action's advantage over the mean one.

    ::

        q_i = v + a_i - (1/n) sum_j a_j

    Input: the list [v, a] of shapes (batch, 1) and (batch, n); output (batch, n).

    Raises:
        ShapeError: if the input is no list of two such arrays.

    Example:
        >>> from pellucid.layers import Dense, Dueling, Input
        >>> h = Input((16,))
        >>> Dueling()([Dense(1)(h), Dense(3)(h)]).shape
        (None, 3)

    References:
        Wang and others, Dueling network architectures for deep reinforcement learning (2016),
        equation 9.
    """

    formula: ClassVar[str] = "q_i = v + a_i - (1/n) sum_j a_j"
    symbols: ClassVar[Symbols] = {
        "v": "value of the state, (batch, 1)",
        "a": "advantages of the actions, (batch, n)",
        "q": "values of the actions, (batch, n)",
        "n": "number of actions",
    }
    operations: ClassVar[tuple[str, ...]] = ("dueling",)

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the value of each action."""
        check_list("Dueling", x)
        if len(x) != 2:
            raise ShapeError(
                f"Dueling expected a list of two inputs, value and advantages, got {len(x)}; "
                "write Dueling()([value, advantages])."
            )
        return ops.dueling(*map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return those of the mean and the sums."""
        return ops.dueling.flops(*(spec.shape for spec in input_spec))
