"""The convolution layer whose filters see some of the channels only."""

from typing import Any, ClassVar

import jax

from pellucid import activations, ops
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, as_sizes, check_positions
from pellucid.layers._registry import REGISTRY
from pellucid.layers._window import Window, sliding

Array = jax.Array


@REGISTRY.register()
class SparseConv2D(Layer):
    """Convolution over an image with a table of which filter sees which channel.

    Every entry of the table has a window of weights of its own, and there are no others; with C_o
    the channels that filter o sees::

        z[n, r, c, o] = sum_(k, l) sum_(i in C_o) x[n, r + k, c + l, i] K[k, l, (i, o)] + b[o]
        y = f(z)

    Args:
        connections: for each filter the numbers of the channels that it sees, from 0.
        kernel_size: height and width of a window; one number for both.
        activation: f, by name or as a function; None for the identity.
        kernel_initializer: how K (height, width, entries of the table) starts. Each filter's part
            is drawn for itself, as the kernel of a convolution over the channels that it sees.
        bias_initializer: how b (filters,) starts.
        kernel_regularizer: penalty on K, added to the loss.
        kernel_constraint: applied to K after each update.

    Input shape (batch, height, width, channels); output shape (batch, height - rows + 1, width -
    columns + 1, filters).

    Raises:
        ShapeError: if the rank does not fit, or the image is smaller than a window.
        ArgumentError: if the table names a channel that the input lacks.

    Example:
        >>> from pellucid.layers import Input, SparseConv2D
        >>> SparseConv2D(((0, 1), (1, 2), (0, 1, 2)), 5)(Input((14, 14, 3))).shape
        (None, 10, 10, 3)

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition
        (1998), section II.B and table I.
    """

    connections: tuple[tuple[int, ...], ...]
    kernel_size: int | tuple[int, int]
    activation: Any = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    kernel_constraint: Any = None

    formula: ClassVar[str] = "y_o = f(sum of x_i * K_io over the channels i that o sees + b_o)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, height, width, channels)",
        "K": "kernel, (height, width, entries of the table)",
        "b": "bias, (filters,)",
        "f": "activation",
        "y": "output, (batch, new_height, new_width, filters)",
        "kernel": "positions of kernel_size",
        "entries": "entries of the table of connections",
        "filters": "rows of the table of connections",
    }
    operations: ClassVar[tuple[str, ...]] = ("sparse_kernel", "conv", "concatenate")
    parameter_count: ClassVar[str] = "kernel entries + filters"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_sizes("SparseConv2D", "kernel_size", self.kernel_size, 2)
        table = self.connections
        rows = isinstance(table, (tuple, list)) and all(isinstance(r, (tuple, list)) for r in table)
        fits = rows and bool(table) and all(row and len(set(row)) == len(row) for row in table)
        if not fits or not all(isinstance(i, int) and i >= 0 for row in table for i in row):
            raise ArgumentError(
                "SparseConv2D expected connections to name, for each filter, one or more different "
                f"channels, such as ((0, 1), (1, 2)), got {table!r}."
            )

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``kernel`` (height, width, entries of the table) and ``bias`` (filters,)."""
        check_positions("SparseConv2D", input_spec.shape, 2)
        window = as_sizes("SparseConv2D", "kernel_size", self.kernel_size, 2)
        keys = jax.random.split(key, len(self.connections))
        parts = [
            self.make_variable(own, "kernel", (*window, len(row), 1), input_spec)[..., 0]
            for own, row in zip(keys, self.connections, strict=True)
        ]
        filters = (len(self.connections),)
        return {
            "kernel": ops.concatenate(*parts),
            "bias": self.make_variable(key, "bias", filters, input_spec),
        }

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return f(x * W + b), W the kernel with zeros where nothing is connected."""
        check_positions("SparseConv2D", x.shape, 2)
        table = tuple(map(tuple, self.connections))
        w = ops.sparse_kernel(variables["kernel"], connections=table, channels=x.shape[-1])
        z = context.record("pre_activation", ops.conv(as_floating(x), w, variables["bias"]))
        return activations.get(self.activation)(z)

    def windows(self, input_spec: Any, output_spec: Any) -> tuple[Window, ...] | None:
        """Return the window that slides along each axis."""
        size = as_sizes("SparseConv2D", "kernel_size", self.kernel_size, 2)
        return sliding("SparseConv2D", input_spec.shape[1:-1], size)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the products with connected channels, and of the bias."""
        rows, columns = as_sizes("SparseConv2D", "kernel_size", self.kernel_size, 2)
        entries = sum(map(len, self.connections))
        positions = output_spec.size // len(self.connections)
        return positions * (2 * rows * columns * entries + len(self.connections))
