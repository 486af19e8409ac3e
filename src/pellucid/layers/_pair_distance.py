"""The layer at the end of a siamese network."""

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
class PairDistance(Layer):
    """Gives the Euclidean distance of two points, d = sqrt(sum_i (a_i - b_i)^2).

    1e-12 is added under the root, so that equal points have a slope.

    Input: the list [a, b], each (batch, features); output (batch, 1).

    Raises:
        ShapeError: if the input is no list of two arrays of one shape.

    Example:
        >>> from pellucid.layers import Input, PairDistance
        >>> PairDistance()([Input((8,)), Input((8,))]).shape
        (None, 1)

    References:
        Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping (2006),
        equation 1.
    """

    formula: ClassVar[str] = "d = sqrt(sum_i (a_i - b_i)^2)"
    symbols: ClassVar[Symbols] = {
        "a": "points, (batch, features)",
        "b": "points, (batch, features)",
        "d": "distances, (batch, 1)",
    }
    operations: ClassVar[tuple[str, ...]] = ("distance",)

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the distance, with an axis of its own."""
        check_list("PairDistance", x)
        if len(x) != 2:
            raise ShapeError(
                f"PairDistance expected a list of two inputs, got {len(x)}; write "
                "PairDistance()([a, b])."
            )
        return ops.distance(*map(as_floating, x))[..., None]

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return those of the distance."""
        return ops.distance.flops(*(spec.shape for spec in input_spec))
