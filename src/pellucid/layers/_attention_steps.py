"""The steps that all attention layers share: their inputs and masks, then weights and values."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_last_axis, check_rank
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers._base import Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_list, check_steps
from pellucid.layers._noise import Dropout

Array = jax.Array


class Attended(NamedTuple):
    """What an attention layer reads.

    Attributes:
        query: (batch, query steps, width).
        value: (batch, steps, value width).
        key: (batch, steps, width).
        mask: what may be read, a boolean that stretches to (batch, query steps, steps); or None.
        causal: True if query i reads the steps 0 to i alone.
    """

    query: Any
    value: Any
    key: Any
    mask: Array | None
    causal: bool


def attended_inputs(
    who: str, x: Any, context: Context | None = None, causal: bool = False, same_width: bool = True
) -> Attended:
    """Return the inputs of an attention layer, checked, with one mask for all that is masked.

    Args:
        who: the layer, for messages.
        x: [query, value], or [query, value, key], or [query, value, key, mask], as arrays or specs.
        context: brings the masks of the inputs; the output takes that of the queries.
        causal: True if query i reads the steps 0 to i alone.
        same_width: True if queries and keys meet as they are.
    """
    check_list(who, x)
    if not 2 <= len(x) <= 4:
        raise ShapeError(
            f"{who} expected a list of 2 to 4 inputs, got {len(x)}; write {who}(...)([query, "
            "value]), and [x, x] for attention within one sequence."
        )
    query, value = x[0], x[1]
    key = x[2] if len(x) > 2 else value
    for part in (query, value, key):
        check_rank(who, part.shape, 3, "(batch, steps, width)")
        check_steps(who, part.shape)
    if same_width:
        check_last_axis(who, key.shape, query.shape[-1], "queries and keys need one width")
    if key.shape[:2] != value.shape[:2] or query.shape[0] != value.shape[0]:
        raise ShapeError(
            f"{who} expected one value for each key and one batch, got queries {query.shape}, "
            f"values {value.shape} and keys {key.shape}."
        )
    given = x[3] if len(x) == 4 else None
    allowed = (query.shape[0], query.shape[1], value.shape[1])
    if given is not None and tuple(given.shape) != allowed:
        raise ShapeError(
            f"{who} expected a mask of shape (batch, query steps, steps), here {allowed}, got "
            f"{tuple(given.shape)}."
        )
    if context is None:
        return Attended(query, value, key, None, causal)
    mask = None if given is None else given.astype(bool)
    if context.mask is not None:
        context.set_mask(context.mask[0])
        for part in context.mask[1:3]:  # those of the values and of the keys
            mask = _both(mask, None if part is None else part[:, None, :])
    query, value, key = map(as_floating, (query, value, key))
    return Attended(query, value, key, mask, causal)


def remembered(
    who: str, inputs: Attended, k: Array, v: Array, axis: int, context: Context
) -> tuple[Array, Array, Attended]:
    """Return keys, values and mask with all steps that went before, where there is a memory.

    Args:
        who: the layer, for messages.
        inputs: what it reads in this call.
        k: the keys of this call.
        v: the values of this call.
        axis: their axis of steps.
        context: brings the memory; without one all is returned as it is.
    """
    memory = context.memory
    if memory is None:
        return k, v, inputs
    if not inputs.causal:
        if inputs.query is inputs.value:
            raise ArgumentError(
                f"{who} can be fed step by step only if no step reads later ones; set "
                "use_causal_mask=True."
            )
        return k, v, inputs  # another sequence, which is given as a whole in each step
    path = "/".join(context.path)
    k = memory.extend(f"{path}/keys", k, axis)
    v = memory.extend(f"{path}/values", v, axis)
    reached = context.positions(inputs.query.shape[1])
    mask = (jnp.arange(memory.capacity) <= reached[:, None])[None]
    if inputs.mask is not None:
        if inputs.mask.shape[1] != 1:
            raise ArgumentError(
                f"{who} cannot be fed step by step with a mask of its own for each query."
            )
        mask = mask & memory.extend(f"{path}/mask", inputs.mask, 2)
    return k, v, inputs._replace(mask=mask, causal=False)


def attend(
    s: Array, v: Array, inputs: Attended, dropout: float, context: Context
) -> tuple[Array, Array]:
    """Return the weighted values and the weights; scores and weights are shown to a trace.

    Args:
        s: scores, shape (batch, query steps, steps) or (batch, heads, query steps, steps).
        v: values, likewise.
        inputs: brings the mask.
        dropout: fraction of the weights that is dropped while the network learns.
        context: the context of the layer.
    """
    mask = inputs.mask
    if mask is not None and s.ndim == 4:
        mask = mask[:, None]
    s = context.record("attention_scores", s)
    a = context.record("attention_weights", ops.attention_weights(s, mask, causal=inputs.causal))
    kept = Dropout(dropout).apply(Variables(), a, context.enter("dropout"))
    return ops.attention_values(kept, v), a


def with_weights(y: Array, a: Array, context: Context) -> tuple[Array, Array]:
    """Return output and weights; the mask holds for the output alone."""
    context.set_mask([context.output_mask, None])
    return y, a


def flops_of_reading(s: tuple[int, ...], v: tuple[int, ...]) -> int:
    """Return the FLOPs from scores of shape s to weighted values."""
    return ops.attention_weights.flops(s) + ops.attention_values.flops(s, v)


def _both(a: Array | None, b: Array | None) -> Array | None:
    if a is None or b is None:
        return b if a is None else a
    return a & b
