"""The layer that reads a sequence in both directions."""

import dataclasses
from functools import reduce
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_one_of
from pellucid._named import Symbols
from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._nested import Nested
from pellucid.layers._recurrent import Recurrent, check_mask, check_sequence, with_states
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Bidirectional(Nested):
    """Runs a recurrent layer over a sequence forward, a second one backward, and joins the two.

    y_t = [h_t, k_t], where h_t has read the steps 1 ... t and k_t the steps T ... t; without
    ``return_sequences`` y = [h_T, k_1], and both have read all. Masks hold for both directions: a
    step of padding changes nothing, and with ``return_sequences`` y_t is 0 there (as in Keras).

    Args:
        layer: a recurrent layer, such as ``LSTM(64)``; it says how the forward direction runs.
        merge_mode: how the two outputs become one: ``"concat"`` side by side, ``"sum"``, ``"mul"``
            or ``"ave"`` entry by entry; None gives both.
        backward_layer: a recurrent layer for the backward direction, with ``go_backwards`` other
            than that of ``layer``; by default one with the settings of ``layer``.

    Input shape (batch, steps, features), or a list of that and the states before the start, the
    forward ones first; output shape (batch, units), or (batch, steps, units) with
    ``return_sequences``, units twice as many with ``"concat"``. With ``return_state`` the final
    states of both directions follow.

    Raises:
        DTypeError: if ``layer`` is no recurrent layer.
        ArgumentError: if the two directions do not fit together.
        ShapeError: if the input is no sequence, or a mask or state does not fit it.

    Example:
        >>> from pellucid.layers import LSTM, Bidirectional, Input
        >>> Bidirectional(LSTM(32, return_sequences=True))(Input((10, 8))).shape
        (None, 10, 64)

    References:
        Schuster, Paliwal, Bidirectional recurrent neural networks (1997).
    """

    layer: Layer
    merge_mode: Literal["concat", "sum", "mul", "ave"] | None = "concat"
    backward_layer: Layer | None = None

    formula: ClassVar[str] = "y_t = [h_t, k_t], h forward in time, k backward"
    gradient: ClassVar[str] = (
        "dx = the sum of what both layers pass back; the kernels as in each of them"
    )
    symbols: ClassVar[Symbols] = {
        "y": "output of a step",
        "h": "states of the forward layer",
        "k": "states of the backward layer",
        "forward": "parameters of the forward layer",
        "backward": "parameters of the backward layer",
    }
    parameter_count: ClassVar[str] = "forward + backward"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("Bidirectional", "merge_mode", self.merge_mode, _MODES)
        forward = self._recurrent("layer")
        backward = self._recurrent("backward_layer") if self.backward_layer is not None else None
        if backward is None:
            backward = dataclasses.replace(forward, go_backwards=not forward.go_backwards)
        elif backward.go_backwards == forward.go_backwards:
            raise ArgumentError(
                "Bidirectional expected one layer that goes forward and one that goes backward, "
                f"got go_backwards={backward.go_backwards} for both; type "
                f"backward_layer={type(backward).__name__}(..., "
                f"go_backwards={not forward.go_backwards})."
            )
        for name in ("return_sequences", "return_state"):
            a, b = getattr(forward, name), getattr(backward, name)
            if a != b:
                raise ArgumentError(
                    f"Bidirectional expected the same {name} for layer and backward_layer, got "
                    f"{a} and {b}."
                )
        if forward.units != backward.units and self.merge_mode in ("sum", "mul", "ave"):
            raise ArgumentError(
                f"Bidirectional expected as many units in both directions for merge_mode="
                f"{self.merge_mode!r}, got {forward.units} and {backward.units}; use 'concat'."
            )
        object.__setattr__(
            self, "_directions", {"forward_layer": forward, "backward_layer": backward}
        )

    _directions: ClassVar[dict[str, Recurrent]]

    def __call__(self, inputs: Any, initial_state: Any = None) -> Any:
        """Connect the layer to symbols: a sequence and, if wanted, the states before its start."""
        return super().__call__(with_states(inputs, initial_state))

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return the layers of the two directions."""
        return dict(self._directions)

    def init(self, key: Array, input_spec: Any) -> Variables:
        """Return the variables of ``forward_layer`` and ``backward_layer``."""
        specs = list(input_spec) if isinstance(input_spec, (list, tuple)) else [input_spec]
        check_sequence("Bidirectional", specs[0].shape)
        made = Variables()
        for name, part in self._directions.items():
            self.init_part(made, name, part, key, specs[0])
        return made

    def apply(self, variables: Variables, x: Any, context: Context) -> Any:
        """Return the two outputs joined, and the final states if asked for."""
        x, *states = x if isinstance(x, (list, tuple)) else [x]
        mask = context.mask[0] if isinstance(context.mask, list) else context.mask
        check_sequence("Bidirectional", x.shape)
        if mask is not None:
            check_mask("Bidirectional", x.shape, mask.shape)
        outputs: list[Array] = []
        finals: list[Array] = []
        for (name, layer), given in zip(
            self._directions.items(), self._divided(states), strict=True
        ):
            y = self.run_part(name, layer, variables, [x, *given] if given else x, context, mask)
            y, *final = y if layer.return_state else (y,)
            if layer.return_sequences and layer.go_backwards:
                y = jnp.flip(y, 1)  # back to the order of the input
            if layer.return_sequences and mask is not None:
                y = ops.multiply(y, mask[..., None].astype(y.dtype))
            outputs.append(y)
            finals += final
        merged = [_merge(self.merge_mode, outputs)] if self.merge_mode else outputs
        kept = mask if self._directions["forward_layer"].return_sequences else None
        if len(merged) + len(finals) == 1:
            context.set_mask(kept)
            return merged[0]
        context.set_mask([*[kept] * len(merged), *[None] * len(finals)])
        return (*merged, *finals)

    def flops(self, input_spec: Any, output_spec: Any) -> int:
        """Return those of both directions and of the joint."""
        both = sum(part.flops(input_spec, None) for part in self._directions.values())
        if self.merge_mode not in ("sum", "mul", "ave"):
            return both
        first: Spec = output_spec[0] if isinstance(output_spec, (list, tuple)) else output_spec
        return both + first.size * (2 if self.merge_mode == "ave" else 1)

    def _recurrent(self, setting: str) -> Recurrent:
        """Return the recurrent layer behind a setting, and keep it there in place of its name."""
        layer = getattr(self, setting)
        if isinstance(layer, (str, dict)):
            layer = REGISTRY.get(layer)
            object.__setattr__(self, setting, layer)
        if not isinstance(layer, Recurrent):
            raise DTypeError(
                f"Bidirectional expected {setting} to be a recurrent layer, such as LSTM(64), got "
                f"{layer!r}."
            )
        return layer

    def _divided(self, states: list[Array]) -> list[list[Array]]:
        """Return the states before the start for each direction."""
        counts = [len(part.states) for part in self._directions.values()]
        if states and len(states) != sum(counts):
            raise ShapeError(
                f"Bidirectional expected {sum(counts)} initial states, those of the forward "
                f"direction first, got {len(states)}; type layer(x, initial_state=[...]) with all "
                "of them."
            )
        return [states[: counts[0]], states[counts[0] :]]


_MODES = ("concat", "sum", "mul", "ave", None)


def _merge(mode: str, outputs: list[Array]) -> Array:
    """Return one output made of two."""
    if mode == "concat":
        return ops.concatenate(*outputs)
    if mode == "mul":
        return reduce(ops.multiply, outputs)
    total = reduce(ops.add, outputs)
    return ops.scale_shift(total, scale=0.5) if mode == "ave" else total
