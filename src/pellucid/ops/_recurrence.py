"""What the operations over a whole sequence share: activations of gates, time, masks, dropout.

Sequences are (batch, steps, units). The arrays of the loops over time are swapped to time first,
so that a loop reads one step after the other.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from pellucid import kernels
from pellucid._checks import check_one_of, check_range, check_rank, check_same_shape
from pellucid.errors import ShapeError
from pellucid.ops._activations import OutputSaved, hard_sigmoid, linear, sigmoid, tanh
from pellucid.ops._rectifiers import relu

ACTIVATIONS = {op.name: op for op in (tanh, sigmoid, hard_sigmoid, relu, linear)}
"""What a gate or a candidate may go through: activations with a slope that is read off the output,
so that nothing but the output is kept for the way back."""


def activate(name: str, a: Array) -> Array:
    """Return y = f(a)."""
    return ACTIVATIONS[name].forward(a)[0]


def through(name: str, y: Array, dy: Array) -> Array:
    """Return da = dy f'(a), computed from y = f(a)."""
    return ACTIVATIONS[name].backward(OutputSaved(y), dy)[0]


def by_kernel(p: Array, kept: Array | None, **activations: str) -> bool:
    """Tell whether the compiled kernels take a sequence: tanh and sigmoid, and no dropout."""
    usual = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    known = all(usual[role] == name for role, name in activations.items())
    return known and kernels.recurrence.takes(p, kept)


def filled(gradients: Sequence[Array | None], like: Sequence[Array]) -> list[Any]:
    """Return the gradients, zeros in place of those that are absent."""
    return [jnp.zeros_like(x) if d is None else d for d, x in zip(gradients, like, strict=True)]


def time_first(x: Array | None) -> Any:
    """Return x (batch, steps, ...) as (steps, batch, ...), or back; None stays None."""
    return None if x is None else jnp.swapaxes(x, 0, 1)


def choose(m: Array | None, new: Array, old: Array | float) -> Array:
    """Return ``new`` where a step counts, m of shape (batch,), and ``old`` where it is masked."""
    return new if m is None else jnp.where(m[:, None], new, old)


def drop(h: Array, kept: Array | None, rate: float) -> Array:
    """Return the states with some units of each sample left out; the map is its own transpose."""
    if kept is None:
        return h
    kept = kept.reshape(kept.shape[0], *(1,) * (h.ndim - 2), kept.shape[1])
    return jnp.where(kept, h / (1 - rate), 0)


def previous(h: Array, h0: Array, reverse: bool) -> Array:
    """Return the state that each step started from, in the shape of h (batch, steps, units)."""
    if reverse:
        return jnp.concatenate([h[:, 1:], h0[:, None]], axis=1)
    return jnp.concatenate([h0[:, None], h[:, :-1]], axis=1)


def rows(x: Array) -> Array:
    """Return x (batch, steps, n) as (batch * steps, n), for one product over all steps."""
    return x.reshape(-1, x.shape[-1])


def zero_state(p: Array, u: Array) -> Array:
    """Return the state before the first step where none is given."""
    return jnp.zeros((p.shape[0], u.shape[0]), p.dtype)


def check_sequence(
    who: str,
    p: Array,
    u: Array,
    gates: int,
    states: Sequence[Array | None],
    mask: Array | None,
    kept: Array | None,
    activations: Sequence[str],
    rate: float,
) -> None:
    """Raise a named error unless the arguments of an operation over a sequence fit together."""
    for name in activations:
        check_one_of(who, "activation", name, tuple(ACTIVATIONS))
    check_range(who, "recurrent_dropout", rate, 0, 1, open_high=True)
    units = u.shape[0]
    check_rank(who, p.shape, 3, f"(batch, steps, {gates * units})")
    batch, steps, width = p.shape
    if u.shape != (units, gates * units) or width != gates * units:
        raise ShapeError(
            f"{who} expected input parts (batch, steps, {gates * units}) and a recurrent kernel "
            f"({units}, {gates * units}), got {tuple(p.shape)} and {tuple(u.shape)}."
        )
    if steps == 0:
        raise ShapeError(
            f"{who} expected sequences of 1 step or more, got shape {tuple(p.shape)}; leave empty "
            "sequences out, or pad them with a masked step."
        )
    for state in states:
        if state is not None:
            check_same_shape(who, "(batch, units)", (batch, units), "a state", state.shape)
    if mask is not None:
        check_same_shape(who, "(batch, steps)", (batch, steps), "the mask", mask.shape)
    if kept is not None:
        check_same_shape(who, "(batch, units)", (batch, units), "the kept units", kept.shape)
