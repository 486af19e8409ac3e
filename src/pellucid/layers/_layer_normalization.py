"""Layer normalization."""

from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_min_rank, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class LayerNormalization(Layer):
    """Brings the features of every row to mean 0 and variance 1, then scales and shifts them.

    For each row by itself, so that the batch plays no part::

        mean = sum_j x_j / features
        variance = sum_j (x_j - mean)^2 / features
        y_j = gamma_j (x_j - mean) / sqrt(variance + epsilon) + beta_j

    Args:
        axis: the axis that is normalized; must be -1, the features.
        epsilon: added to the variance, so that a constant row is not divided by zero.
        center: False leaves beta out.
        scale: False leaves gamma out.
        beta_initializer: how beta (features,) starts.
        gamma_initializer: how gamma (features,) starts.
        beta_regularizer: penalty on beta, added to the loss.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Input shape (batch, ..., features); output shape the same.

    Raises:
        ShapeError: if the input has no feature axis, or another number of features than before.

    Example:
        >>> from pellucid.layers import Input, LayerNormalization
        >>> LayerNormalization()(Input((10, 64))).shape
        (None, 10, 64)

    References:
        Ba, Kiros, Hinton, Layer normalization (2016), equations 3 and 4.
    """

    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None

    formula: ClassVar[str] = "y = gamma (x - mean) / sqrt(variance + epsilon) + beta"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, ..., features)",
        "y": "output",
        "gamma": "scale of each feature, learned",
        "beta": "offset of each feature, learned",
        "mean": "mean of a row over its features",
        "variance": "variance of a row over its features",
        "features": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("layer_norm",)
    parameter_count: ClassVar[str] = "(scale + center) features"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis != -1:
            raise ArgumentError(
                "LayerNormalization expected axis to be -1, the features, which are the last axis "
                f"here, got {self.axis!r}; leave it out, or move the axis with Permute."
            )
        check_range("LayerNormalization", "epsilon", self.epsilon, 0, open_low=True)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return gamma and beta, of shape (features,)."""
        hint = "add a feature axis with x[:, None]"
        check_min_rank("LayerNormalization", input_spec.shape, 2, "(batch, ..., features)", hint)
        features = (input_spec.shape[-1],)
        made = {}
        if self.scale:
            made["gamma"] = self.make_variable(key, "gamma", features, input_spec)
        if self.center:
            made["beta"] = self.make_variable(key, "beta", features, input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the normalized x."""
        return ops.layer_norm(
            as_floating(x), variables.get("gamma"), variables.get("beta"), epsilon=self.epsilon
        )

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        features = input_spec.shape[-1:]
        gamma = features if self.scale else None
        beta = features if self.center else None
        return ops.layer_norm.flops(input_spec.shape, gamma, beta)
