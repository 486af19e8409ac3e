"""Layers that only order the numbers of a sample anew: Flatten, Reshape, Permute."""

from math import prod
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_min_rank, check_rank
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import check_channels_last
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window

Array = jax.Array


@REGISTRY.register()
class Flatten(Layer):
    """Writes the numbers of each sample in one row, last axis fastest.

    Args:
        data_format: must be None or ``"channels_last"``.

    Input shape (batch, ...); output shape (batch, features), features the product of all axes but
    the first. A sample that is one number becomes a row of one.

    Example:
        >>> from pellucid.layers import Flatten, Input
        >>> Flatten()(Input((28, 28))).shape
        (None, 784)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section II.
    """

    data_format: str | None = None

    formula: ClassVar[str] = "y[n, (i, j, ...)] = x[n, i, j, ...]"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output, (batch, features)"}
    operations: ClassVar[tuple[str, ...]] = ("reshape",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels_last("Flatten", self.data_format)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x in rows."""
        check_min_rank("Flatten", x.shape, 1, "(batch, ...)", "add a batch axis with x[None]")
        return ops.reshape(x, shape=(x.shape[0], prod(x.shape[1:])))


@REGISTRY.register()
class Reshape(Layer):
    """Writes the numbers of each sample in another shape, last axis fastest.

    Args:
        target_shape: the new shape of a sample, without the batch axis; one entry may be -1 and
            stands for the size that follows from the others.

    Input shape (batch, ...); output shape (batch, *target_shape).

    Raises:
        ShapeError: if a sample does not hold as many numbers as ``target_shape``.

    Example:
        >>> from pellucid.layers import Input, Reshape
        >>> Reshape((7, -1))(Input((28, 28))).shape
        (None, 7, 112)

    References:
        Radford, Metz, Chintala, Unsupervised representation learning with deep convolutional
        generative adversarial networks (2016), section 3.
    """

    target_shape: tuple[int, ...]

    formula: ClassVar[str] = "y[n, k-th entry] = x[n, k-th entry]"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output, (batch, *target_shape)"}
    operations: ClassVar[tuple[str, ...]] = ("reshape",)

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = self.target_shape
        whole = isinstance(sizes, (tuple, list)) and all(
            isinstance(n, int) and (n >= 1 or n == -1) for n in sizes
        )
        if not whole or list(sizes).count(-1) > 1:
            raise ArgumentError(
                "Reshape expected target_shape to be a tuple of sizes of 1 or more, at most one "
                f"of them -1, got {sizes!r}; type Reshape((7, -1)), for example."
            )

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return one position where a channel axis is added; else None."""
        added = output_spec.shape[1:] == (*input_spec.shape[1:], 1)
        return (Window(),) * (len(output_spec.shape) - 2) if added else None

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x in the new shape."""
        check_min_rank("Reshape", x.shape, 1, "(batch, ...)", "add a batch axis with x[None]")
        size = prod(x.shape[1:])
        known = prod(n for n in self.target_shape if n != -1)
        if size % known if -1 in self.target_shape else size != known:
            wanted = f"a multiple of {known}" if -1 in self.target_shape else str(known)
            raise ShapeError(
                f"Reshape expected the numbers in a sample to be {wanted} for target_shape="
                f"{tuple(self.target_shape)}, got {size} in samples of shape {x.shape[1:]}; "
                "change target_shape so that its product fits."
            )
        target = (size // known if n == -1 else n for n in self.target_shape)
        return ops.reshape(x, shape=(x.shape[0], *target))


@REGISTRY.register()
class Permute(Layer):
    """Puts the axes of each sample in another order.

    Args:
        dims: the axis of the input (1 is the first after the batch) that comes to each place.
            ``Permute((2, 1))`` swaps time and features.

    Input shape (batch, n_1, n_2, ...); output shape (batch, n_dims[0], n_dims[1], ...).

    Raises:
        ShapeError: if the input has other than ``len(dims)`` axes beside the batch.

    Example:
        >>> from pellucid.layers import Input, Permute
        >>> Permute((2, 1))(Input((10, 64))).shape
        (None, 64, 10)

    References:
        Zhang, Zhou, Lin, Sun, ShuffleNet (2018), section 3.1, for an order of axes that mixes
        channels.
    """

    dims: tuple[int, ...]

    formula: ClassVar[str] = "y[n, i, j, ...] = x[n, (i, j, ...) in the order of dims]"
    symbols: ClassVar[Symbols] = {"x": "input", "y": "output"}
    operations: ClassVar[tuple[str, ...]] = ("permute",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.dims, (tuple, list)) or sorted(self.dims) != list(
            range(1, len(self.dims) + 1)
        ):
            raise ArgumentError(
                "Permute expected dims to name each axis after the batch once, counted from 1, "
                f"got {self.dims!r}; type Permute((2, 1)) to swap two axes."
            )

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with its axes in the new order."""
        axes = ", ".join(f"axis {i + 1}" for i in range(len(self.dims)))
        hint = "name each axis after the batch once in dims"
        check_rank(f"Permute({self.dims})", x.shape, len(self.dims) + 1, f"(batch, {axes})", hint)
        return ops.permute(x, axes=(0, *self.dims))
