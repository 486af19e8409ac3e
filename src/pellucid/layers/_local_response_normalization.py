"""Local response normalization."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_min_rank, check_positive_int, check_range
from pellucid._named import Symbols
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
    symbols: ClassVar[Symbols] = {"x": "input, (batch, ..., channels)", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("local_response_norm",)
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

    def unit_steps(
        self, seen: Mapping[str, Array], index: tuple[int, ...]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return s_i = k + alpha sum_j x_j^2 and y_i = x_i s_i^(-beta) of one channel."""
        row, i, reach = seen["input"][index[:-1]], index[-1], self.size // 2
        near = range(max(0, i - reach), min(len(row), i + reach + 1))
        squares = " + ".join(f"x_{j + 1}^2" for j in near)
        numbers = {f"x_{j + 1}": row[j] for j in near}
        return [
            (f"s = k + alpha ({squares})", {**numbers, "k": self.k, "alpha": self.alpha}),
            (f"y = x_{i + 1} / s^beta", {f"x_{i + 1}": row[i], "beta": self.beta}),
        ]

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.local_response_norm.flops(input_spec.shape, size=self.size)
