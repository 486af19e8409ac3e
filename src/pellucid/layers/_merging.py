"""Layers that make one array of several: sum, product, mean, extremes, side by side."""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_list, check_stretchable
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


@REGISTRY.register()
class Add(Layer):
    """Adds its inputs, entry by entry: the joint of a residual connection.

    An axis of size 1 is stretched to the size that the others have there; the batch never is.
    Where the inputs have masks, a step of the output counts if it counts in any input.

    Input: a list of arrays of one rank; output: their common shape. Whole numbers become float32.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Add, Dense, Input
        >>> x = Input((16,))
        >>> Add()([x, Dense(16)(x)]).shape
        (None, 16)

    References:
        He, Zhang, Ren, Sun, Deep residual learning for image recognition (2016), equation 1.
    """

    formula: ClassVar[str] = "y = x_1 + x_2 + ..."
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("add",)
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the sum of the inputs."""
        check_stretchable("Add", x)
        context.set_mask(_any_mask(context.mask))
        return reduce(ops.add, map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one addition for each entry and each input but the first."""
        return (len(input_spec) - 1) * output_spec.size


@REGISTRY.register()
class Multiply(Layer):
    """Multiplies its inputs, entry by entry: a gate.

    An axis of size 1 is stretched to the size that the others have there, so that weights of shape
    (batch, 1, 1, channels) scale the channels of an image; the batch never is. Where the inputs
    have masks, a step of the output counts if it counts in any input.

    Input: a list of arrays of one rank; output: their common shape. Whole numbers become float32.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Dense, Input, Multiply
        >>> x = Input((16,))
        >>> Multiply()([x, Dense(16, activation="sigmoid")(x)]).shape
        (None, 16)

    References:
        Hu, Shen, Sun, Squeeze-and-excitation networks (2018), equation 4.
    """

    formula: ClassVar[str] = "y = x_1 * x_2 * ..."
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("multiply",)
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the product of the inputs."""
        check_stretchable("Multiply", x)
        context.set_mask(_any_mask(context.mask))
        return reduce(ops.multiply, map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one multiplication for each entry and each input but the first."""
        return (len(input_spec) - 1) * output_spec.size


@REGISTRY.register()
class Subtract(Layer):
    """Takes its second input from its first, entry by entry.

    An axis of size 1 is stretched to the size that the other has there; the batch never is. Where
    the inputs have masks, a step of the output counts if it counts in any input.

    Input: a list of two arrays of one rank; output: their common shape. Whole numbers become
    float32.

    Raises:
        ShapeError: if the input is no list of two, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Dense, Input, Subtract
        >>> x = Input((16,))
        >>> Subtract()([x, Dense(16)(x)]).shape
        (None, 16)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.1.
    """

    formula: ClassVar[str] = "y = x_1 - x_2"
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("subtract",)
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the difference of the two inputs."""
        check_stretchable("Subtract", x)
        if len(x) != 2:
            raise ShapeError(
                f"Subtract expected a list of two inputs, got {len(x)}; add those that are to be "
                "taken away with Add first."
            )
        context.set_mask(_any_mask(context.mask))
        return ops.subtract(*map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one subtraction for each entry."""
        return output_spec.size


@REGISTRY.register()
class Average(Layer):
    """Takes the mean of its inputs, entry by entry: an ensemble's vote.

    An axis of size 1 is stretched to the size that the others have there; the batch never is.
    Where the inputs have masks, a step of the output counts if it counts in any input.

    Input: a list of arrays of one rank; output: their common shape. Whole numbers become float32.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Average, Dense, Input
        >>> x = Input((16,))
        >>> Average()([Dense(10)(x), Dense(10)(x)]).shape
        (None, 10)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 7.11.
    """

    formula: ClassVar[str] = "y = (x_1 + ... + x_n) / n"
    symbols: ClassVar[Symbols] = {
        "x": "inputs, x_1 the first",
        "y": "output",
        "n": "number of inputs",
    }
    operations: ClassVar[tuple[str, ...]] = ("add", "scale_shift")
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the mean of the inputs."""
        check_stretchable("Average", x)
        context.set_mask(_any_mask(context.mask))
        return ops.scale_shift(reduce(ops.add, map(as_floating, x)), scale=1 / len(x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one addition for each entry and input but the first, and one multiplication."""
        return len(input_spec) * output_spec.size


@REGISTRY.register()
class Maximum(Layer):
    """Keeps the largest of its inputs, entry by entry: a maxout unit.

    An axis of size 1 is stretched to the size that the others have there; the batch never is. Of
    equal numbers the first input's gets the gradient. Where the inputs have masks, a step of the
    output counts if it counts in any input.

    Input: a list of arrays of one rank; output: their common shape. Whole numbers become float32.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Dense, Input, Maximum
        >>> x = Input((16,))
        >>> Maximum()([Dense(8)(x), Dense(8)(x)]).shape
        (None, 8)

    References:
        Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout networks (2013), section 3.
    """

    formula: ClassVar[str] = "y = max(x_1, x_2, ...)"
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("maximum",)
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the largest of the inputs."""
        check_stretchable("Maximum", x)
        context.set_mask(_any_mask(context.mask))
        return reduce(ops.maximum, map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one comparison for each entry and each input but the first."""
        return (len(input_spec) - 1) * output_spec.size


@REGISTRY.register()
class Minimum(Layer):
    """Keeps the smallest of its inputs, entry by entry.

    An axis of size 1 is stretched to the size that the others have there; the batch never is. Of
    equal numbers the first input's gets the gradient. Where the inputs have masks, a step of the
    output counts if it counts in any input.

    Input: a list of arrays of one rank; output: their common shape. Whole numbers become float32.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Dense, Input, Minimum
        >>> x = Input((16,))
        >>> Minimum()([Dense(8)(x), Dense(8)(x)]).shape
        (None, 8)

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.1.
    """

    formula: ClassVar[str] = "y = min(x_1, x_2, ...)"
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("minimum",)
    by_position: ClassVar[bool] = True

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the smallest of the inputs."""
        check_stretchable("Minimum", x)
        context.set_mask(_any_mask(context.mask))
        return reduce(ops.minimum, map(as_floating, x))

    def flops(self, input_spec: Sequence[Spec], output_spec: Spec) -> int:
        """Return one comparison for each entry and each input but the first."""
        return (len(input_spec) - 1) * output_spec.size


@REGISTRY.register()
class Concatenate(Layer):
    """Joins its inputs along one axis.

    Args:
        axis: the axis along which they are joined, -1 (features, channels) by default; 0, the
            batch, is not allowed.

    Input: a list of arrays whose shapes are equal but for that axis; output: that axis has the sum
    of their sizes. Masks: joined along axis 1 they are joined too; along a later axis a step
    counts if it counts in every input.

    Raises:
        ShapeError: if the input is no list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Concatenate, Input
        >>> Concatenate()([Input((5, 16)), Input((5, 4))]).shape
        (None, 5, 20)

    References:
        Huang, Liu, van der Maaten, Weinberger, Densely connected convolutional networks (2017),
        equation 2.
    """

    axis: int = -1

    formula: ClassVar[str] = "y = [x_1, x_2, ...]"
    symbols: ClassVar[Symbols] = {"x": "inputs, x_1 the first", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("concatenate",)
    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis == 0 or isinstance(self.axis, bool) or not isinstance(self.axis, int):
            raise ArgumentError(
                "Concatenate expected axis to be an integer other than 0, which is the batch, got "
                f"{self.axis!r}; type Concatenate(axis=-1) to join features."
            )

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return one position where channels are joined; None along another axis."""
        last = self.axis in (-1, len(output_spec.shape) - 1)
        return super().windows(input_spec, output_spec) if last else None

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Array:
        """Return the inputs side by side."""
        check_list("Concatenate", x)
        rank = len(x[0].shape)
        shapes = ", ".join(str(tuple(entry.shape)) for entry in x)
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not 0 < axis < rank:
            raise ShapeError(
                f"Concatenate expected inputs that have an axis {self.axis} beside the batch, got "
                f"shapes {shapes}; choose another axis."
            )
        if len({(*entry.shape[:axis], *entry.shape[axis + 1 :]) for entry in x}) > 1:
            raise ShapeError(
                f"Concatenate expected inputs of equal shape but for axis {axis}, got shapes "
                f"{shapes}; make the other axes equal, or join along another axis."
            )
        context.set_mask(_joined_mask(context.mask, x, axis))
        return ops.concatenate(*x, axis=axis)


def _any_mask(masks: Sequence[Array | None] | None) -> Array | None:
    """Return the steps that count in any input; an input without mask counts everywhere."""
    known = [mask for mask in masks or () if mask is not None]
    return reduce(operator.or_, known) if known and len(known) == len(masks or ()) else None


def _joined_mask(
    masks: Sequence[Array | None] | None, inputs: Sequence[Any], axis: int
) -> Array | None:
    """Return the masks joined along the time axis, or the steps that count in every input."""
    if masks is None or all(mask is None for mask in masks):
        return None
    known = [
        jnp.ones(x.shape[:2], bool) if mask is None else mask
        for mask, x in zip(masks, inputs, strict=True)
    ]
    return jnp.concatenate(known, axis=1) if axis == 1 else reduce(operator.and_, known)
