"""Group and instance normalization."""

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
class GroupNormalization(Layer):
    """Brings every group of channels of every sample to mean 0 and variance 1.

    The mean and the variance are those of one sample, over all positions and the channels of one
    group, so that the result does not depend on the batch, in training as in evaluation::

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Args:
        groups: how many groups the channels are cut into, a divisor of their number; -1 for as many
            as channels (instance normalization).
        axis: the axis of the channels; must be -1.
        epsilon: added to the variance, so that a constant group is not divided by zero.
        center: False leaves beta out.
        scale: False leaves gamma out.
        beta_initializer: how beta (channels,) starts.
        gamma_initializer: how gamma (channels,) starts.
        beta_regularizer: penalty on beta, added to the loss.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Input shape (batch, ..., channels); output shape the same.

    Raises:
        ShapeError: if the input has no channel axis.
        ArgumentError: if groups does not divide the channels.

    Example:
        >>> from pellucid.layers import GroupNormalization, Input
        >>> GroupNormalization(8)(Input((28, 28, 64))).shape
        (None, 28, 28, 64)

    References:
        Wu, He, Group normalization (2018), equations 1, 2 and 7.
    """

    groups: int = 32
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
        "x": "input, (batch, ..., channels)",
        "y": "output",
        "gamma": "scale of each channel, learned",
        "beta": "offset of each channel, learned",
        "mean": "mean of a group of channels over all positions of a sample",
        "variance": "variance over the same",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("group_norm",)
    parameter_count: ClassVar[str] = "(scale + center) channels"
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.groups != -1:
            check_positive_int("GroupNormalization", "groups", self.groups)
        if self.axis != -1:
            raise ArgumentError(
                "GroupNormalization expected axis to be -1, the channels, which are the last axis "
                f"here, got {self.axis!r}; leave it out, or move the axis with Permute."
            )
        check_range("GroupNormalization", "epsilon", self.epsilon, 0, open_low=True)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return gamma and beta, of shape (channels,)."""
        return _scale_and_offset(self, key, input_spec)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the normalized x."""
        groups = x.shape[-1] if self.groups == -1 else self.groups
        gamma, beta = variables.get("gamma"), variables.get("beta")
        return ops.group_norm(as_floating(x), gamma, beta, groups=groups, epsilon=self.epsilon)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.group_norm.flops(input_spec.shape)


@REGISTRY.register()
class InstanceNormalization(Layer):
    """Brings every channel of every sample to mean 0 and variance 1 over its positions.

    The contrast of each channel is taken away, sample by sample, in training as in evaluation::

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Args:
        epsilon: added to the variance, so that a constant channel is not divided by zero.
        center: False leaves beta out.
        scale: False leaves gamma out.
        beta_initializer: how beta (channels,) starts.
        gamma_initializer: how gamma (channels,) starts.
        beta_regularizer: penalty on beta, added to the loss.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Input shape (batch, positions..., channels); output shape the same.

    Raises:
        ShapeError: if the input has no positions: a channel's one number would always become 0.

    Example:
        >>> from pellucid.layers import InstanceNormalization, Input
        >>> InstanceNormalization()(Input((28, 28, 64))).shape
        (None, 28, 28, 64)

    References:
        Ulyanov, Vedaldi, Lempitsky, Instance normalization: the missing ingredient for fast
        stylization (2016), equation 4.
    """

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
        "x": "input, (batch, positions..., channels)",
        "y": "output",
        "gamma": "scale of each channel, learned",
        "beta": "offset of each channel, learned",
        "mean": "mean of a channel over the positions of a sample",
        "variance": "variance over the same",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("group_norm",)
    parameter_count: ClassVar[str] = "(scale + center) channels"
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("InstanceNormalization", "epsilon", self.epsilon, 0, open_low=True)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return gamma and beta, of shape (channels,)."""
        axes = "(batch, positions..., channels)"
        check_min_rank("InstanceNormalization", input_spec.shape, 3, axes)
        return _scale_and_offset(self, key, input_spec)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the normalized x."""
        gamma, beta = variables.get("gamma"), variables.get("beta")
        return ops.group_norm(as_floating(x), gamma, beta, groups=x.shape[-1], epsilon=self.epsilon)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.group_norm.flops(input_spec.shape)


def _scale_and_offset(
    layer: GroupNormalization | InstanceNormalization, key: Array, input_spec: Spec
) -> dict[str, Array]:
    """Return gamma and beta where the layer has them."""
    hint = "add a feature axis with x[:, None]"
    check_min_rank(type(layer).__name__, input_spec.shape, 2, "(batch, ..., channels)", hint)
    wanted = {"gamma": layer.scale, "beta": layer.center}
    return {
        name: layer.make_variable(key, name, input_spec.shape[-1:], input_spec)
        for name, there in wanted.items()
        if there
    }
