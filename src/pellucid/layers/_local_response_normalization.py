"""Local response normalization."""

from typing import ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_min_rank, check_positive_int, check_range
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class LocalResponseNormalization(Layer):
    """Damps a channel where the channels beside it are strong.

    At every position, with the sum over the ``size`` channels j nearest to i::

        y_i = x_i / (k + alpha sum_j x_j^2)^beta

    The letters and their values are those of the paper. (PyTorch divides its alpha by the size.)

    Args:
        size: n of the paper, how many channels compete, an odd number.
        alpha: weight of the neighbors' squares.
        beta: the exponent.
        k: what is there without any neighbors, above 0.

    Input shape (batch, ..., channels); output shape the same.

    Raises:
        ShapeError: if the input has no channel axis.

    Example:
        >>> from pellucid.layers import Input, LocalResponseNormalization
        >>> LocalResponseNormalization()(Input((55, 55, 96))).shape
        (None, 55, 55, 96)

    References:
        Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional neural
        networks (2012), section 3.3.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    formula: ClassVar[str] = "y_i = x_i / (k + alpha sum_j x_j^2)^beta"
    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "LocalResponseNormalization"
        check_positive_int(who, "size", self.size)
        if self.size % 2 == 0:
            raise ArgumentError(
                f"{who} expected size to be an odd number, so that both sides count alike, got "
                f"{self.size}; type size={self.size + 1}."
            )
        check_range(who, "alpha", self.alpha, 0)
        check_range(who, "k", self.k, 0, open_low=True)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the damped x."""
        who = "LocalResponseNormalization"
        check_min_rank(who, x.shape, 2, "(batch, ..., channels)", "add a channel axis")
        return ops.local_response_norm(
            as_floating(x), size=self.size, k=self.k, alpha=self.alpha, beta=self.beta
        )

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.local_response_norm.flops(input_spec.shape, size=self.size)
