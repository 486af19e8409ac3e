"""Activations as layers of their own."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._checks import check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


@REGISTRY.register()
class Activation(Layer):
    """Applies an activation function to every entry, y = f(x).

    Each entry moves its own output alone, so dx = dy f'(x).

    Args:
        activation: f, by name or as a function of an array.

    Input shape any; output shape the same.

    Example:
        >>> from pellucid.layers import Activation, Input
        >>> Activation("tanh")(Input((28, 28, 6))).shape
        (None, 28, 28, 6)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.3.
    """

    activation: Any

    formula: ClassVar[str] = "y = f(x)"
    gradient: ClassVar[str] = "dx = dy f'(x)"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output", "f": "the activation"}
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(x)."""
        return activations.get(self.activation)(as_floating(x))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the function; 0 for a function of one's own, which says nothing."""
        operation = activations.operation(activations.get(self.activation))
        return 0 if operation is None else operation.flops(input_spec.shape)


@REGISTRY.register()
class ReLU(Layer):
    """Rectified linear unit, with a ceiling and a slope on the negative side if wanted.

    ::

        y = x             for 0 < x < max_value
        y = max_value     for x >= max_value
        y = negative_slope x    for x <= 0

    Args:
        max_value: the ceiling, greater than 0; None for none.
        negative_slope: the slope for negative x, 0 or more.

    Input shape any; output shape the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.layers import Context, ReLU, Variables
        >>> ReLU(max_value=6.0).apply(Variables(), jnp.array([-1.0, 2.0, 9.0]), Context())
        Array([0., 2., 6.], dtype=float32)

    References:
        Nair, Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """

    max_value: float | None = None
    negative_slope: float = 0.0

    formula: ClassVar[str] = "y = min(max(x, 0), max_value) + negative_slope min(x, 0)"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = (
        "relu",
        "relu6",
        "leaky_relu",
        "scale_shift",
        "add",
    )
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_value is not None:
            check_range("ReLU", "max_value", self.max_value, 0, open_low=True)
        check_range("ReLU", "negative_slope", self.negative_slope, 0)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the rectified x."""
        x = as_floating(x)
        slope, ceiling = self.negative_slope, self.max_value
        if ceiling is None:
            return ops.leaky_relu(x, negative_slope=slope) if slope else ops.relu(x)
        # relu6 is the operation that has a ceiling: min(x, c) = c/6 min(6 x/c, 6).
        y = ops.scale_shift(ops.relu6(ops.scale_shift(x, scale=6 / ceiling)), scale=ceiling / 6)
        if slope:
            below = ops.relu(ops.scale_shift(x, scale=-1.0))  # -min(x, 0)
            y = ops.add(y, ops.scale_shift(below, scale=-slope))
        return y

    def output_activation(self) -> str:
        """Return ``"relu"``."""
        return "relu"

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return a comparison for each bound, and two more operations for the slope."""
        per_entry = 1 + (self.max_value is not None) + 2 * (self.negative_slope != 0)
        return per_entry * output_spec.size


@REGISTRY.register()
class LeakyReLU(Layer):
    """Rectified linear unit that leaks: y = x for x > 0, else negative_slope x.

    Args:
        negative_slope: the slope for negative x, 0 or more. (As in Keras the layer's default is
            0.3, that of the activation ``"leaky_relu"`` 0.2.)

    Input shape any; output shape the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.layers import Context, LeakyReLU, Variables
        >>> LeakyReLU(0.5).apply(Variables(), jnp.array([-1.0, 2.0]), Context())
        Array([-0.5,  2. ], dtype=float32)

    References:
        Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic models (2013).
    """

    negative_slope: float = 0.3

    formula: ClassVar[str] = "y = x where x > 0, else negative_slope x"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("leaky_relu",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("LeakyReLU", "negative_slope", self.negative_slope, 0)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the leaky rectified x."""
        return ops.leaky_relu(as_floating(x), negative_slope=self.negative_slope)

    def output_activation(self) -> str:
        """Return ``"leaky_relu"``."""
        return "leaky_relu"

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.leaky_relu.flops(input_spec.shape, negative_slope=self.negative_slope)


@REGISTRY.register()
class PReLU(Layer):
    """Rectified linear unit whose slope on the negative side is learned.

    y = max(x, 0) + alpha min(x, 0), with an alpha for every feature of a sample.

    Args:
        alpha_initializer: how alpha starts.
        alpha_regularizer: penalty on alpha, added to the loss.
        alpha_constraint: applied to alpha after each update.
        shared_axes: axes along which one alpha serves all, counted from 1, the first after the
            batch: ``(1, 2)`` learns one alpha for each channel of an image.

    Input shape (batch, ...), all other sizes fixed; output shape the same.

    Raises:
        ArgumentError: if the input has no such shared axis.
        ShapeError: if the sample's shape changes after the layer was built.

    Example:
        >>> from pellucid.layers import Input, PReLU
        >>> PReLU(shared_axes=(1, 2))(Input((28, 28, 6))).shape
        (None, 28, 28, 6)

    References:
        He, Zhang, Ren, Sun, Delving deep into rectifiers (2015), equation 1.
    """

    alpha_initializer: Any = "zeros"
    alpha_regularizer: Any = None
    alpha_constraint: Any = None
    shared_axes: tuple[int, ...] | None = None

    formula: ClassVar[str] = "y = max(x, 0) + alpha min(x, 0)"
    symbols: ClassVar[Symbols] = {
        "x": "input",
        "y": "output",
        "alpha": "slopes of the negative side, learned, one for each entry of a sample",
        "entries": "numbers of a sample",
        "shared": "product of the sizes of shared_axes",
    }
    operations: ClassVar[tuple[str, ...]] = ("relu", "scale_shift", "multiply", "add")
    parameter_count: ClassVar[str] = "entries / shared"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in self.shared_axes or ():
            check_positive_int("PReLU", "every axis in shared_axes", axis)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``alpha``, of the shape of a sample, with size 1 for the shared axes."""
        shape = list(input_spec.shape)
        for axis in self.shared_axes or ():
            if axis >= len(shape):
                raise ArgumentError(
                    f"PReLU expected shared_axes from 1 to {len(shape) - 1} for an input of shape "
                    f"{input_spec.shape}, got {axis}."
                )
            shape[axis] = 1
        return {"alpha": self.make_variable(key, "alpha", tuple(shape[1:]), input_spec)}

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return max(x, 0) + alpha min(x, 0)."""
        alpha, shared = variables["alpha"], self.shared_axes or ()
        sizes = [1 if axis in shared else n for axis, n in enumerate(x.shape)][1:]
        if sizes != list(alpha.shape):
            raise ShapeError(
                f"PReLU expected samples of shape {alpha.shape}, in which shared axes count as 1, "
                f"got an input of shape {x.shape}; feed what the layer was built with."
            )
        x = as_floating(x)
        below = ops.scale_shift(ops.relu(ops.scale_shift(x, scale=-1.0)), scale=-1.0)  # min(x, 0)
        return ops.add(ops.relu(x), ops.multiply(alpha[None], below))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return two comparisons, a product and a sum for each entry."""
        return 4 * output_spec.size


@REGISTRY.register()
class ELU(Layer):
    """Exponential linear unit: y = x for x > 0, else alpha (e^x - 1).

    Args:
        alpha: the output tends to -alpha for large negative x; 0 or more.

    Input shape any; output shape the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.layers import Context, ELU, Variables
        >>> ELU().apply(Variables(), jnp.array([0.0, 2.0]), Context())
        Array([0., 2.], dtype=float32)

    References:
        Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by exponential
        linear units (2016), equation 15.
    """

    alpha: float = 1.0

    formula: ClassVar[str] = "y = x where x > 0, else alpha (e^x - 1)"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("elu",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("ELU", "alpha", self.alpha, 0)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the exponential linear units of x."""
        return ops.elu(as_floating(x), alpha=self.alpha)

    def output_activation(self) -> str:
        """Return ``"elu"``."""
        return "elu"

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.elu.flops(input_spec.shape, alpha=self.alpha)


@REGISTRY.register()
class Softmax(Layer):
    """Turns scores into probabilities, y_i = e^(x_i) / sum_j e^(x_j).

    Args:
        axis: the axis along which they sum to 1; -1, the classes, by default. 0, the batch, is not
            allowed.

    Input shape (batch, ..., classes); output shape the same.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.layers import Context, Softmax, Variables
        >>> Softmax().apply(Variables(), jnp.zeros((1, 4)), Context())
        Array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)

    References:
        Bridle, Probabilistic interpretation of feedforward classification network outputs (1990).
    """

    axis: int = -1

    formula: ClassVar[str] = "y_i = e^(x_i) / sum_j e^(x_j)"
    symbols: ClassVar[Symbols] = {
        "x": "scores; the sum runs over the classes",
        "y": "probabilities",
    }
    operations: ClassVar[tuple[str, ...]] = ("softmax",)
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis == 0:
            raise ArgumentError(
                "Softmax expected axis to be an axis of the sample, got 0, which is the batch; "
                "type Softmax(axis=-1)."
            )

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return one position where the channels compete; None along another axis."""
        last = self.axis in (-1, len(output_spec.shape) - 1)
        return (Window(),) * max(len(output_spec.shape) - 2, 0) if last else None

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the probabilities."""
        if not 0 < (self.axis + x.ndim if self.axis < 0 else self.axis) < x.ndim:
            raise ShapeError(
                f"Softmax expected an input that has an axis {self.axis} beside the batch, got "
                f"shape {x.shape}; add the axis of the classes, or choose another axis."
            )
        return ops.softmax(as_floating(x), axis=self.axis)

    def output_activation(self) -> str:
        """Return ``"softmax"``."""
        return "softmax"

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.softmax.flops(input_spec.shape, axis=self.axis)
