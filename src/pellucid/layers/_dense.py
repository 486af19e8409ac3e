"""The fully connected layer."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._checks import check_min_rank, check_positive_int
from pellucid._named import Symbols
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Dense(Layer):
    """A layer of neurons: every unit weighs every input, y = f(x W + b).

    For one sample, z_j = sum_i x_i W_ij + b_j and y_j = f(z_j). Inputs of higher rank are taken row
    by row: the last axis is weighed, all others are kept.

    Args:
        units: number of neurons, 1 or more.
        activation: f, by name or as a function; None for the identity.
        use_bias: False leaves b out.
        kernel_initializer: how W (in_features, units) starts.
        bias_initializer: how b (units,) starts.
        kernel_regularizer: penalty on W, added to the loss.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to W after each update.
        bias_constraint: applied to b after each update.

    Input shape (batch, ..., in_features); output shape (batch, ..., units).

    Raises:
        ShapeError: if the last axis of the input changes after the layer was built.

    Example:
        >>> from pellucid.layers import Dense, Input
        >>> Dense(10, activation="softmax")(Input((784,))).shape
        (None, 10)

    References:
        Rumelhart, Hinton, Williams, Learning representations by back-propagating errors (1986).
    """

    units: int
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    formula: ClassVar[str] = "y = f(x W + b)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, ..., features)",
        "W": "kernel, (features, units)",
        "b": "bias, (units,)",
        "f": "activation",
        "y": "output, (batch, ..., units)",
        "features": "numbers on the last axis of the input",
    }
    operations: ClassVar[tuple[str, ...]] = ("dense",)
    parameter_count: ClassVar[str] = "features units + use_bias units"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("Dense", "units", self.units)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``kernel`` (in_features, units) and ``bias`` (units,)."""
        hint = "add Flatten() before it, or a feature axis with x[:, None]"
        check_min_rank("Dense", input_spec.shape, 2, "(batch, ..., in_features)", hint)
        features = input_spec.shape[-1]
        made = {"kernel": self.make_variable(key, "kernel", (features, self.units), input_spec)}
        if self.use_bias:
            made["bias"] = self.make_variable(key, "bias", (self.units,), input_spec)
        return made

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(x W + b)."""
        z = ops.dense(as_floating(x), variables["kernel"], variables.get("bias"))
        z = context.record("pre_activation", z)
        return activations.get(self.activation)(z)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the matrix product and the bias."""
        w = (input_spec.shape[-1], self.units)
        return ops.dense.flops(input_spec.shape, w, (self.units,) if self.use_bias else None)
