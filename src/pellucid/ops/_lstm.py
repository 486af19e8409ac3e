"""Long short-term memory over a whole sequence: a cell that keeps, and gates that decide."""

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
    filled,
    previous,
    rows,
    through,
    time_first,
    zero_state,
)
from pellucid.ops._registry import differentiated_as, register

Shape = tuple[int, ...]


class LSTMStates(NamedTuple):
    """What ``lstm`` returns, all in the order of the input's steps.

    Attributes:
        h: hidden states, shape (batch, steps, units).
        c: cell states, shape (batch, steps, units).
        gates: i, f, g and o side by side, shape (batch, steps, 4 units); 0 at a masked step.
    """

    h: Array
    c: Array
    gates: Array


class LSTMSaved(NamedTuple):
    """What the backward pass of ``lstm`` reads."""

    states: LSTMStates
    u: Array
    h0: Array | None
    c0: Array | None
    mask: Array | None
    kept: Array | None


def lstm_save(
    states: LSTMStates,
    p: Array,
    u: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    **_: Any,
) -> LSTMSaved:
    """Return what the backward pass of ``lstm`` reads: its outputs and arguments."""
    return LSTMSaved(LSTMStates(*states), u, h0, c0, mask, kept)


def lstm_forward(
    p: Array,
    u: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    recurrent_dropout: float = 0.0,
    reverse: bool = False,
) -> tuple[LSTMStates, LSTMSaved]:
    """Long short-term memory, c_t = f_t c_(t-1) + i_t g_t and h_t = o_t act(c_t), step after step.

    p_t = x_t W + b is the part of the input. It needs no past, so that ``dense`` makes it for all
    steps in one product, before the loop over time. In four blocks of columns, a = (a^i, a^f, a^g,
    a^o), with s for the activation of the gates::

        a_t = p_t + h_(t-1) U
        i = s(a^i)    f = s(a^f)    g = act(a^g)    o = s(a^o)      input, forget, new, output
        c_t = f c_(t-1) + i g
        h_t = o act(c_t)

    The loss depends on h_t and c_t through what reads them as outputs, dh_t and dc_t, and through
    the next step. The chain rule goes backward through time, with * for the total of both::

        dh*_t = dh_t + da_(t+1) U^T
        dc*_t = dc_t + f_(t+1) dc*_(t+1) + dh*_t o act'(c_t)
        di = dc* g        df = dc* c_(t-1)        dg = dc* i        do = dh* act(c_t)
        da = (di s'(a^i), df s'(a^f), dg act'(a^g), do s'(a^o))     slopes read off the gates
        dp_t = da_t                            and by ``dense`` dW = x^T dp, db = sum dp
        dU   = sum_t h_(t-1)^T da_t            one product over all steps
        dh_0 = da_1 U^T        dc_0 = f_1 dc*_1

    Along the cells the gradient is multiplied by f alone, which may stay near 1: so it reaches far
    back, where that of the simple network vanishes. A gate is an output as well; a gradient with
    respect to it is added to di, df, dg or do. Where the mask is False, h and c stay what they
    were: dh* and dc* pass to the step before as they are, and da = 0. With dropout on the recurrent
    connection, d h_(t-1) stands in place of h_(t-1) in a_t and dU, and da U^T d in place of da U^T,
    d = kept / (1 - rate), the same for all steps of a sample.

    Args:
        p: input parts x W + b, shape (batch, steps, 4 units), with 1 step or more.
        u: recurrent kernel U, shape (units, 4 units).
        h0: hidden state before the first step, shape (batch, units); None for zeros.
        c0: cell state before the first step, likewise.
        mask: shape (batch, steps), True where a step counts, a masked step changes nothing; None
            if all count; not differentiated.
        kept: shape (batch, units), True where a unit's recurrent connection stays in dropout; None
            if all stay; not differentiated.
        activation: act, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        recurrent_activation: s, likewise.
        recurrent_dropout: the fraction of units that ``kept`` leaves out, in [0, 1).
        reverse: True reads from the last step to the first; the outputs keep the order of p, so
            that the final states are the first of h and c.

    Returns:
        h, c and the gates, and what the backward pass reads. The step that is read last holds the
        final states.

    Raises:
        ShapeError: if the shapes do not fit together, or there is no step.
        ArgumentError: if there is no such activation or rate.

    References:
        Hochreiter, Schmidhuber, Long short-term memory (1997); Gers, Schmidhuber, Cummins, Learning
        to forget (2000), for f; Gal, Ghahramani, A theoretically grounded application of dropout
        (2016), for the dropout.
    """
    check_sequence(
        "lstm",
        p,
        u,
        4,
        [h0, c0],
        mask,
        kept,
        [activation, recurrent_activation],
        recurrent_dropout,
    )
    h_start = zero_state(p, u) if h0 is None else h0
    c_start = zero_state(p, u) if c0 is None else c0
    names: Any = {"activation": activation, "recurrent_activation": recurrent_activation}
    if by_kernel(p, kept, **names):
        computed = kernels.recurrence.lstm(p, u, h_start, c_start, mask, reverse=reverse)
        states = LSTMStates(*computed)
    else:
        rate = recurrent_dropout
        states = lstm_forward_body(
            p, u, h_start, c_start, mask, kept, rate=rate, reverse=reverse, **names
        )
    return states, LSTMSaved(states, u, h0, c0, mask, kept)


def lstm_forward_body(
    p: Array,
    u: Array,
    h0: Array,
    c0: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    recurrent_activation: str,
    rate: float,
    reverse: bool,
) -> LSTMStates:
    """Return h, c and the gates, by a loop over the steps."""

    def step(states: tuple[Array, Array], now: Any) -> Any:
        h, c = states
        p, m = now
        ai, af, ag, ao = jnp.split(p + drop(h, kept, rate) @ u, 4, axis=-1)
        i, f, o = (activate(recurrent_activation, a) for a in (ai, af, ao))
        g = activate(activation, ag)
        c_new = f * c + i * g
        h_new = o * activate(activation, c_new)
        h, c = choose(m, h_new, h), choose(m, c_new, c)
        gates = choose(m, jnp.concatenate([i, f, g, o], axis=-1), 0)
        return (h, c), (h, c, gates)

    read = (time_first(p), time_first(mask))
    _, states = lax.scan(step, (h0, c0), read, reverse=reverse)
    return LSTMStates(*map(time_first, states))


def lstm_backward(
    saved: LSTMSaved,
    dstates: LSTMStates,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    recurrent_dropout: float = 0.0,
    reverse: bool = False,
) -> tuple[Array, Array, Array | None, Array | None, None, None]:
    """Return dp = da, dU = sum_t h_(t-1)^T da_t, dh0 and dc0."""
    states, u, h0, c0, mask, kept = saved
    h_start = zero_state(states.h, u) if h0 is None else h0
    c_start = zero_state(states.h, u) if c0 is None else c0

    names: Any = {"activation": activation, "recurrent_activation": recurrent_activation}

    def plain(dstates: LSTMStates, states: LSTMStates, c0: Array, u: Array) -> Any:
        given = LSTMStates(*filled(dstates, states))
        c_before, rate = previous(states.c, c0, reverse), recurrent_dropout
        return lstm_backward_body(
            given, states, c_before, u, mask, kept, rate=rate, reverse=reverse, **names
        )

    def kernel(dstates: LSTMStates, states: LSTMStates, c0: Array, u: Array) -> Any:
        dh, dc, _ = dstates
        dh = jnp.zeros_like(states.h) if dh is None else dh
        return kernels.recurrence.lstm_gradient(
            dh, dc, states.c, states.gates, c0, u, mask, reverse=reverse
        )

    compiled = dstates[2] is None and by_kernel(states.h, kept, **names)
    body = differentiated_as(plain, kernel) if compiled else plain
    da, dh0, dc0 = body(LSTMStates(*dstates), states, c_start, u)
    h_before = drop(previous(states.h, h_start, reverse), kept, recurrent_dropout)
    du = matmul(rows(h_before), rows(da), transpose_a=True)
    return da, du, None if h0 is None else dh0, None if c0 is None else dc0, None, None


def lstm_backward_body(
    dstates: LSTMStates,
    states: LSTMStates,
    c_before: Array,
    u: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    recurrent_activation: str,
    rate: float,
    reverse: bool,
) -> tuple[Array, Array, Array]:
    """Return (da, dh0, dc0), by a loop over the steps against the order of reading."""

    def step(passed: tuple[Array, Array], now: Any) -> Any:
        dh_next, dc_next = passed
        (dh, dc, dgates), (tc, c_before, gates), m = now
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        dh = dh + dh_next
        dc = dc + dc_next
        dc_new = dc + through(activation, tc, dh * o)
        di, df, dg, do = jnp.split(dgates, 4, axis=-1)
        di = di + dc_new * g
        df = df + dc_new * c_before
        dg = dg + dc_new * i
        do = do + dh * tc
        pairs = ((i, di), (f, df), (g, dg), (o, do))
        names = (recurrent_activation, recurrent_activation, activation, recurrent_activation)
        parts = [through(name, y, dy) for name, (y, dy) in zip(names, pairs, strict=True)]
        da = choose(m, jnp.concatenate(parts, axis=-1), 0)
        dh_before = choose(m, drop(da @ u.T, kept, rate), dh)
        dc_before = choose(m, dc_new * f, dc)
        return (dh_before, dc_before), da

    tc = activate(activation, states.c)
    read = (
        tuple(map(time_first, dstates)),
        (time_first(tc), time_first(c_before), time_first(states.gates)),
        time_first(mask),
    )
    nothing = jnp.zeros_like(c_before[:, 0])
    (dh0, dc0), da = lax.scan(step, (nothing, nothing), read, reverse=not reverse)
    return time_first(da), dh0, dc0


def lstm_flops(
    p: Shape,
    u: Shape,
    *_: Any,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    **__: Any,
) -> int:
    """Return, for each step, those of h U, of the sums and products, and of the activations."""
    batch, steps, width = p
    each = batch * steps * u[0]
    gates = 3 * ACTIVATIONS[recurrent_activation].flops((each,))
    candidate = 2 * ACTIVATIONS[activation].flops((each,))
    return each * (2 * width + 4 + 4) + gates + candidate


lstm = register(
    "lstm",
    lstm_forward,
    lstm_backward,
    formula="a_t = p_t + h_(t-1) U; i, f, o = s(a^i), s(a^f), s(a^o); g = act(a^g); "
    "c_t = f c_(t-1) + i g; h_t = o act(c_t); p = x W + b",
    gradient="dh*_t = dh_t + da_(t+1) U^T; dc*_t = dc_t + f_(t+1) dc*_(t+1) + dh* o act'(c_t); "
    "da = (dc* g s'(a^i), dc* c_(t-1) s'(a^f), dc* i act'(a^g), dh* act(c_t) s'(a^o)); "
    "dp_t = da_t; dU = sum_t h_(t-1)^T da_t; dh_0 = da_1 U^T; dc_0 = f_1 dc*_1",
    symbols={
        "p": "part of the input in the pre-activations, (batch, steps, 4 units)",
        "h, c": "hidden and cell states, (batch, steps, units)",
        "i, f, g, o": "input gate, forget gate, candidate, output gate",
        "s, act": "activation of the gates, activation of candidate and cell",
        "U": "recurrent kernel, (units, 4 units)",
        "dh, dc": "gradients of the loss with respect to h and c as outputs",
        "dh*, dc*": "the same, with what comes through the later steps",
        "a": "sums before the gates",
        "x, W, b": "input, kernel and bias of the layer",
    },
    reference="Hochreiter, Schmidhuber, Long short-term memory, Neural Computation 9 (1997); Gers, "
    "Schmidhuber, Cummins, Learning to forget, Neural Computation 12 (2000)",
    flops=lstm_flops,
    save=lstm_save,
    absent=True,
)
