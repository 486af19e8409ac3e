"""Layers that tell the steps of a sequence apart: sinusoidal, learned and rotary positions."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_divisible, check_min_rank, check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_positions
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class PositionalEncoding(Layer):
    """Adds waves of many lengths, so that every step of a sequence looks different.

    y_t = x_t + p_t with, for i = 0, 1, ...::

        p_(t, 2i)     = sin(t / max_wavelength^(2i / features))
        p_(t, 2i + 1) = cos(t / max_wavelength^(2i / features))

    The waves are fixed; p_(t + n) is a rotation of p_t by an angle that depends on n alone.

    Args:
        max_wavelength: the longest wave, in steps over 2 pi; above 1.

    Input shape (batch, steps, features); output shape the same.

    Example:
        >>> from pellucid.layers import Input, PositionalEncoding
        >>> PositionalEncoding()(Input((10, 64))).shape
        (None, 10, 64)

    References:
        Vaswani et al., Attention is all you need (2017), section 3.5.
    """

    max_wavelength: float = 10000.0

    formula: ClassVar[str] = "y_t = x_t + p_t, p_(t, 2i) = sin(t / max_wavelength^(2i / features))"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features)",
        "y": "output",
        "p": "code of a position; its entries 2i + 1 have cos in place of sin",
        "features": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("add",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("PositionalEncoding", "max_wavelength", self.max_wavelength, 1, open_low=True)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with the waves added."""
        check_positions("PositionalEncoding", x.shape, 1)
        x = as_floating(x)
        features = x.shape[2]
        t = context.positions(x.shape[1]).astype("float32")[:, None]
        pair = 2 * (jnp.arange(features) // 2)
        angle = t / self.max_wavelength ** (pair / features)
        p = jnp.where(jnp.arange(features) % 2 == 0, jnp.sin(angle), jnp.cos(angle))
        return ops.add(x, p.astype(x.dtype)[None])

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return one addition for each number; the waves are constants."""
        return ops.add.flops(input_spec.shape)


@REGISTRY.register()
class PositionEmbedding(Layer):
    """Adds a learned vector to each step of a sequence, y_t = x_t + E_t.

    Args:
        sequence_length: the number of steps at most, the rows of E (sequence_length, features).
        initializer: how E starts.

    Input shape (batch, steps, features); output shape the same.

    Raises:
        ShapeError: if a sequence has more steps than E has rows.

    Example:
        >>> from pellucid.layers import Input, PositionEmbedding
        >>> PositionEmbedding(64)(Input((10, 128))).shape
        (None, 10, 128)

    References:
        Gehring, Auli, Grangier, Yarats, Dauphin, Convolutional sequence to sequence learning
        (2017), section 3.1.
    """

    sequence_length: int
    initializer: Any = "glorot_uniform"

    formula: ClassVar[str] = "y_t = x_t + E_t"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features)",
        "y": "output",
        "E": "table, (sequence_length, features)",
        "features": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("embedding", "add")
    parameter_count: ClassVar[str] = "sequence_length features"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("PositionEmbedding", "sequence_length", self.sequence_length)

    def init(self, key: Array, input_spec: Spec) -> dict[str, Array]:
        """Return ``embeddings`` (sequence_length, features)."""
        check_positions("PositionEmbedding", input_spec.shape, 1)
        shape = (self.sequence_length, input_spec.shape[-1])
        made = self.make_variable(key, "embeddings", shape, input_spec, self.initializer)
        return {"embeddings": made}

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x with the vector of each step added."""
        check_positions("PositionEmbedding", x.shape, 1)
        steps = x.shape[1]
        if steps > self.sequence_length:
            raise ShapeError(
                f"PositionEmbedding expected at most {self.sequence_length} steps, got {steps} in "
                f"shape {x.shape}; type PositionEmbedding({steps}), or give the number of steps in "
                "Input(shape)."
            )
        memory = context.memory
        if memory is not None and memory.capacity > self.sequence_length:
            raise ArgumentError(
                f"PositionEmbedding knows {self.sequence_length} positions, got a capacity of "
                f"{memory.capacity} steps; type capacity={self.sequence_length}."
            )
        rows = ops.embedding(variables["embeddings"], context.positions(steps))
        return ops.add(as_floating(x), rows[None])

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return one addition for each number."""
        return ops.add.flops(input_spec.shape)


@REGISTRY.register()
class RotaryEmbedding(Layer):
    """Turns pairs of numbers by angles that grow with the step; for queries and keys.

    With theta_i = max_wavelength^(-2i / width), the pair i of step t is turned by t theta_i::

        y_(t, 2i)     = x_(t, 2i) cos(t theta_i) - x_(t, 2i+1) sin(t theta_i)
        y_(t, 2i + 1) = x_(t, 2i) sin(t theta_i) + x_(t, 2i+1) cos(t theta_i)

    The score of a query with a key that are both turned depends on their distance alone.
    ``MultiHeadAttention(..., rotary=RotaryEmbedding())`` turns those of each head.

    Args:
        max_wavelength: that of the slowest pair, in steps over 2 pi; above 1.

    Input shape (batch, ..., steps, width), width even; output shape the same.

    Raises:
        ArgumentError: if the width is odd.

    Example:
        >>> from pellucid.layers import Input, RotaryEmbedding
        >>> RotaryEmbedding()(Input((4, 10, 16))).shape
        (None, 4, 10, 16)

    References:
        Su, Lu, Pan, Murtadha, Wen, Liu, RoFormer: enhanced transformer with rotary position
        embedding (2021), equation 34.
    """

    max_wavelength: float = 10000.0

    formula: ClassVar[str] = "the pair i of step t turned by t max_wavelength^(-2i / width)"
    symbols: ClassVar[Symbols] = {
        "t": "number of the step",
        "i": "number of the pair of features",
        "width": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("rotary",)
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("RotaryEmbedding", "max_wavelength", self.max_wavelength, 1, open_low=True)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return x turned by the positions of its steps."""
        check_min_rank("RotaryEmbedding", x.shape, 3, "(batch, ..., steps, width)")
        check_divisible("RotaryEmbedding", "the width", x.shape[-1], "pairs", 2)
        t = context.positions(x.shape[-2])
        return ops.rotary(as_floating(x), t, wavelength=float(self.max_wavelength))

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return those of the operation."""
        return ops.rotary.flops(input_spec.shape)
