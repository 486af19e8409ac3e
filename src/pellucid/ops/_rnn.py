"""The simple recurrent network over a whole sequence: a layer of neurons that sees its own past."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from pellucid import kernels
from pellucid.ops._matmul import matmul
from pellucid.ops._recurrence import (
    ACTIVATIONS,
    activate,
    by_kernel,
    check_sequence,
    choose,
    drop,
    previous,
    rows,
    through,
    time_first,
    zero_state,
)
from pellucid.ops._registry import differentiated_as, register

Shape = tuple[int, ...]


class SimpleRNNSaved(NamedTuple):
    """What the backward pass of ``simple_rnn`` reads."""

    h: Array
    u: Array
    h0: Array | None
    mask: Array | None
    kept: Array | None


def simple_rnn_save(
    h: Array,
    p: Array,
    u: Array,
    h0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    **_: Any,
) -> SimpleRNNSaved:
    """Return what the backward pass of ``simple_rnn`` reads: its output and arguments."""
    return SimpleRNNSaved(h, u, h0, mask, kept)


def simple_rnn_forward(
    p: Array,
    u: Array,
    h0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    *,
    activation: str = "tanh",
    recurrent_dropout: float = 0.0,
    reverse: bool = False,
) -> tuple[Array, SimpleRNNSaved]:
    """Simple recurrent network, h_t = f(p_t + h_(t-1) U), step after step.

    p_t = x_t W + b is the part of the input. It needs no past, so that ``dense`` makes it for all
    steps in one product, before the loop over time.

    The loss depends on h_t in two ways: through what reads h_t as an output, dy_t, and through the
    next step. With a_t = p_t + h_(t-1) U, the chain rule goes backward through time::

        dh_t     = dy_t + da_(t+1) U^T          (after the last step there is no second term)
        da_t     = dh_t f'(a_t)                 f' is read off h_t = f(a_t)
        dp_t     = da_t                         and by ``dense`` dW = x^T dp, db = sum dp
        dU       = sum_t h_(t-1)^T da_t         one product over all steps
        dh_0     = da_1 U^T

    Only dh and da need the loop. Where the mask is False, h_t = h_(t-1): then dh passes to the step
    before as it is, and da_t = 0. With dropout on the recurrent connection, d h_(t-1) U stands in
    place of h_(t-1) U, d = kept / (1 - rate) the same for all steps of a sample; its transpose is d
    once more.

    Args:
        p: input parts x W + b, shape (batch, steps, units), with 1 step or more.
        u: recurrent kernel U, shape (units, units).
        h0: state before the first step, shape (batch, units); None for zeros.
        mask: shape (batch, steps), True where a step counts, a masked step changes nothing; None
            if all count; not differentiated.
        kept: shape (batch, units), True where a unit's recurrent connection stays in dropout; None
            if all stay; not differentiated.
        activation: f, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        recurrent_dropout: the fraction of units that ``kept`` leaves out, in [0, 1).
        reverse: True reads from the last step to the first; h keeps the order of p, so that h_0
            then stands behind the last step and the final state is the first of h.

    Returns:
        h of shape (batch, steps, units), of which the step that is read last is the final state,
        and what the backward pass reads.

    Raises:
        ShapeError: if the shapes do not fit together, or there is no step.
        ArgumentError: if there is no such activation or rate.

    References:
        Elman, Finding structure in time (1990); Werbos, Backpropagation through time (1990); Gal,
        Ghahramani, A theoretically grounded application of dropout (2016), for the dropout.
    """
    check_sequence("simple_rnn", p, u, 1, [h0], mask, kept, [activation], recurrent_dropout)
    start = zero_state(p, u) if h0 is None else h0
    if by_kernel(p, kept, activation=activation):
        h = kernels.recurrence.simple_rnn(p, u, start, mask, reverse=reverse)
    else:
        h = simple_rnn_forward_body(
            p, u, start, mask, kept, activation=activation, rate=recurrent_dropout, reverse=reverse
        )
    return h, SimpleRNNSaved(h, u, h0, mask, kept)


def simple_rnn_forward_body(
    p: Array,
    u: Array,
    h0: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    rate: float,
    reverse: bool,
) -> Array:
    """Return h, by a loop over the steps."""

    def step(h: Array, now: Any) -> tuple[Array, Array]:
        p, m = now
        a = p + drop(h, kept, rate) @ u
        h = choose(m, activate(activation, a), h)
        return h, h

    _, h = lax.scan(step, h0, (time_first(p), time_first(mask)), reverse=reverse)
    return time_first(h)


def simple_rnn_backward(
    saved: SimpleRNNSaved,
    dy: Array,
    *,
    activation: str = "tanh",
    recurrent_dropout: float = 0.0,
    reverse: bool = False,
) -> tuple[Array, Array, Array | None, None, None]:
    """Return dp = da, dU = sum_t h_(t-1)^T da_t and dh0."""
    h, u, h0, mask, kept = saved

    def plain(dy: Array, h: Array, u: Array) -> Any:
        return simple_rnn_backward_body(
            dy, h, u, mask, kept, activation=activation, rate=recurrent_dropout, reverse=reverse
        )

    def kernel(dy: Array, h: Array, u: Array) -> Any:
        return kernels.recurrence.simple_rnn_gradient(dy, h, u, mask, reverse=reverse)

    compiled = by_kernel(h, kept, activation=activation)
    body = differentiated_as(plain, kernel) if compiled else plain
    da, dh0 = body(dy, h, u)
    before = previous(h, zero_state(h, u) if h0 is None else h0, reverse)
    du = matmul(rows(drop(before, kept, recurrent_dropout)), rows(da), transpose_a=True)
    return da, du, None if h0 is None else dh0, None, None


def simple_rnn_backward_body(
    dy: Array,
    h: Array,
    u: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    rate: float,
    reverse: bool,
) -> tuple[Array, Array]:
    """Return (da, dh0), by a loop over the steps against the order of reading."""

    def step(dh_next: Array, now: Any) -> tuple[Array, Array]:
        dy, h, m = now
        dh = dy + dh_next
        da = choose(m, through(activation, h, dh), 0)
        dh_before = choose(m, drop(da @ u.T, kept, rate), dh)
        return dh_before, da

    read = (time_first(dy), time_first(h), time_first(mask))
    dh0, da = lax.scan(step, jnp.zeros_like(dy[:, 0]), read, reverse=not reverse)
    return time_first(da), dh0


def simple_rnn_flops(p: Shape, u: Shape, *_: Any, activation: str = "tanh", **__: Any) -> int:
    """Return, for each step, those of the product h U, of the sum and of the activation."""
    batch, steps, units = p
    each = batch * steps * units
    return each * (2 * units + 1) + ACTIVATIONS[activation].flops((each,))


simple_rnn = register(
    "simple_rnn",
    simple_rnn_forward,
    simple_rnn_backward,
    formula="h_t = f(p_t + h_(t-1) U), p = x W + b",
    gradient="dh_t = dy_t + da_(t+1) U^T; da_t = dh_t f'(a_t); dp_t = da_t; "
    "dU = sum_t h_(t-1)^T da_t; dh_0 = da_1 U^T",
    symbols={
        "p": "part of the input in the pre-activations, (batch, steps, units)",
        "h": "hidden states, (batch, steps, units)",
        "U": "recurrent kernel, (units, units)",
        "a": "pre-activations p_t + h_(t-1) U",
        "dy": "gradient of the loss with respect to h as an output",
        "x, W, b": "input, kernel and bias of the layer",
        "f": "activation",
    },
    reference="Elman, Finding structure in time, Cognitive Science 14 (1990)",
    flops=simple_rnn_flops,
    save=simple_rnn_save,
)
