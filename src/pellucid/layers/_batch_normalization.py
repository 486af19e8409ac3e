"""Batch normalization."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_last_axis, check_min_rank, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class BatchNormalization(Layer):
    """Brings every channel to mean 0 and variance 1 over the batch, then scales and shifts it.

    While the network learns, with the mean and the variance of each channel over the batch and all
    positions (the variance divides by their number, as in Keras)::

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta
        moving_mean     <- momentum moving_mean     + (1 - momentum) mean
        moving_variance <- momentum moving_variance + (1 - momentum) variance

    When it is evaluated, or when the layer is not trainable, the moving averages stand in for mean
    and variance and stay as they are. Rows that only fill up a short last batch do not count.

    Args:
        axis: the axis of the channels; must be -1.
        momentum: the fraction of the moving averages that is kept in each step, from 0 to 1.
            (PyTorch's momentum is the fraction replaced: its 0.1 is 0.9 here.)
        epsilon: added to the variance, so that a constant channel is not divided by zero.
        center: False leaves beta out.
        scale: False leaves gamma out.
        beta_initializer: how beta (channels,) starts.
        gamma_initializer: how gamma (channels,) starts.
        moving_mean_initializer: how the moving mean (channels,) starts.
        moving_variance_initializer: how the moving variance (channels,) starts.
        beta_regularizer: penalty on beta, added to the loss.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Input shape (batch, ..., channels); output shape the same. The moving averages are float32 at
    least, whatever the type of the input.

    Raises:
        ShapeError: if the input has no channel axis, or another number of channels than before.

    Example:
        >>> from pellucid.layers import BatchNormalization, Input
        >>> BatchNormalization(momentum=0.9)(Input((28, 28, 6))).shape
        (None, 28, 28, 6)

    References:
        Ioffe, Szegedy, Batch normalization (2015), algorithms 1 and 2.
    """

    axis: int = -1
    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    moving_mean_initializer: Any = "zeros"
    moving_variance_initializer: Any = "ones"
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
        "mean": "mean of a channel over the batch and positions; in evaluation its moving average",
        "variance": "variance of a channel over the same; in evaluation its moving average",
        "channels": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("batch_norm", "batch_norm_inference")
    parameter_count: ClassVar[str] = "(scale + center) channels"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis != -1:
            raise ArgumentError(
                "BatchNormalization expected axis to be -1, the channels, which are the last axis "
                f"here, got {self.axis!r}; leave it out, or move the axis with Permute."
            )
        check_range("BatchNormalization", "momentum", self.momentum, 0, 1)
        check_range("BatchNormalization", "epsilon", self.epsilon, 0, open_low=True)

    def init(self, key: Array, input_spec: Spec) -> Variables:
        """Return gamma and beta, and the moving averages as state, all of shape (channels,)."""
        hint = "add a feature axis with x[:, None]"
        check_min_rank("BatchNormalization", input_spec.shape, 2, "(batch, ..., channels)", hint)
        channels = (input_spec.shape[-1],)
        wide = jax.ShapeDtypeStruct((), jnp.promote_types(input_spec.dtype, "float32"))
        parameters = {}
        if self.scale:
            parameters["gamma"] = self.make_variable(key, "gamma", channels, input_spec)
        if self.center:
            parameters["beta"] = self.make_variable(key, "beta", channels, input_spec)
        state = {
            name: self.make_variable(key, name, channels, wide)
            for name in ("moving_mean", "moving_variance")
        }
        return Variables(parameters, state)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the normalized x; while learning, hand back the new moving averages."""
        x = as_floating(x)
        gamma, beta = variables.get("gamma"), variables.get("beta")
        old_mean, old_variance = variables["moving_mean"], variables["moving_variance"]
        hint = "the layer was built for so many channels; make another for other inputs"
        check_last_axis("BatchNormalization", x.shape, old_mean.shape[0], hint)
        if not (context.training and self.trainable):
            return ops.batch_norm_inference(
                x, gamma, beta, old_mean, old_variance, epsilon=self.epsilon
            )
        y, mean, variance = ops.batch_norm(
            x, gamma, beta, context.row_weights, epsilon=self.epsilon
        )
        mean, variance = jax.lax.stop_gradient((mean, variance))
        kept = self.momentum
        context.update_state(
            moving_mean=kept * old_mean + (1 - kept) * mean,
            moving_variance=kept * old_variance + (1 - kept) * variance,
        )
        return y

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of evaluation, with the moving averages."""
        channels = input_spec.shape[-1:]
        gamma = channels if self.scale else None
        beta = channels if self.center else None
        return ops.batch_norm_inference.flops(input_spec.shape, gamma, beta, channels, channels)
