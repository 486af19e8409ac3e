"""Gated recurrent units over a whole sequence, with the reset gate after or before the product."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from pellucid import kernels
from pellucid._checks import check_same_shape
from pellucid.errors import ArgumentError
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


class GRUStates(NamedTuple):
    """What ``gru`` returns, in the order of the input's steps.

    Attributes:
        h: hidden states, shape (batch, steps, units).
        gates: z, r and g side by side, shape (batch, steps, 3 units), and with ``reset_after`` also
            n, shape (batch, steps, 4 units); 0 at a masked step.
    """

    h: Array
    gates: Array


class GRUSaved(NamedTuple):
    """What the backward pass of ``gru`` reads."""

    states: GRUStates
    u: Array
    b: Array | None
    h0: Array | None
    mask: Array | None
    kept: Array | None


def gru_save(
    states: GRUStates,
    p: Array,
    u: Array,
    b: Array | None = None,
    h0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    **_: Any,
) -> GRUSaved:
    """Return what the backward pass of ``gru`` reads: its outputs and arguments."""
    return GRUSaved(GRUStates(*states), u, b, h0, mask, kept)


def gru_forward(
    p: Array,
    u: Array,
    b: Array | None = None,
    h0: Array | None = None,
    mask: Array | None = None,
    kept: Array | None = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    recurrent_dropout: float = 0.0,
    reset_after: bool = True,
    reverse: bool = False,
) -> tuple[GRUStates, GRUSaved]:
    """Gated recurrent unit, h_t = z_t h_(t-1) + (1 - z_t) g_t, step after step.

    p_t = x_t W + b_x is the part of the input. It needs no past, so that ``dense`` makes it for all
    steps in one product, before the loop over time. The columns are in three blocks, those of the
    update gate z, of the reset gate r and of the candidate g, with s for the activation of the
    gates. The reset gate acts after the product with U (the form that runs as one product)::

        q = h_(t-1) U + b        n = q^g
        z = s(p^z + q^z)         r = s(p^r + q^r)         g = act(p^g + r n)
        h_t = z h_(t-1) + (1 - z) g

    or, without ``reset_after``, before it (as first published; there is no b then)::

        z = s(p^z + h_(t-1) U^z)    r = s(p^r + h_(t-1) U^r)    g = act(p^g + (r h_(t-1)) U^g)

    The loss depends on h_t through what reads it as an output, dh_t, and through the next step. The
    chain rule goes backward through time, with * for the total of both::

        dz   = dh* (h_(t-1) - g)     dg = dh* (1 - z)
        da^g = dg act'(a^g)          slopes are read off g, z and r
        dr   = da^g n                                       reset after the product
        dr   = (da^g U^g^T) h_(t-1)                         reset before it
        da^z = dz s'(a^z)            da^r = dr s'(a^r)
        dp   = (da^z, da^r, da^g)                           and by ``dense`` dW, db_x, dx

    After the product, q has the gradient dq = (da^z, da^r, da^g r), and::

        dh*_(t-1) = dh_(t-1) + z dh* + dq U^T        dU = sum_t h_(t-1)^T dq_t        db = sum_t dq

    Before it, with e = da^g U^g^T the gradient of r h_(t-1)::

        dh*_(t-1) = dh_(t-1) + z dh* + r e + (da^z, da^r) (U^z, U^r)^T
        d(U^z, U^r) = sum_t h_(t-1)^T (da^z, da^r)          dU^g = sum_t (r h_(t-1))^T da^g

    The sums over the steps are one product each. A gate is an output as well; a gradient with
    respect to it is added to dz, dr, dg or that of n. Where the mask is False, h stays what it was:
    dh* passes to the step before as it is, and dp = dq = 0. With dropout on the recurrent
    connections, d h_(t-1) stands in place of h_(t-1) in the products with U (not in z h_(t-1)), and
    what comes back through U is multiplied by d, d = kept / (1 - rate), the same for all steps of a
    sample.

    Args:
        p: input parts x W + b_x, shape (batch, steps, 3 units), with 1 step or more.
        u: recurrent kernel U, shape (units, 3 units).
        b: recurrent bias, shape (3 units,), with ``reset_after``; None for none.
        h0: state before the first step, shape (batch, units); None for zeros.
        mask: shape (batch, steps), True where a step counts, a masked step changes nothing; None
            if all count; not differentiated.
        kept: shape (batch, units), True where a unit's recurrent connections stay in dropout; None
            if all stay; not differentiated.
        activation: act, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        recurrent_activation: s, likewise.
        recurrent_dropout: the fraction of units that ``kept`` leaves out, in [0, 1).
        reset_after: whether the reset gate acts after the product with U, or before it.
        reverse: True reads from the last step to the first; the outputs keep the order of p, so
            that the final state is the first of h.

    Returns:
        h and the gates, and what the backward pass reads. The step that is read last holds the
        final state.

    Raises:
        ShapeError: if the shapes do not fit together, or there is no step.
        ArgumentError: if there is no such activation or rate, or b is given without reset_after.

    References:
        Cho et al., Learning phrase representations using RNN encoder-decoder (2014), appendix A.1,
        for the reset before the product; Gal, Ghahramani, A theoretically grounded application of
        dropout (2016), for the dropout.
    """
    check_sequence(
        "gru", p, u, 3, [h0], mask, kept, [activation, recurrent_activation], recurrent_dropout
    )
    if b is not None:
        if not reset_after:
            raise ArgumentError(
                "gru expected no recurrent bias b with reset_after=False, got one of shape "
                f"{tuple(b.shape)}; add it to p, where the input's bias is."
            )
        check_same_shape("gru", "(3 units,)", (3 * u.shape[0],), "b", b.shape)
    start = zero_state(p, u) if h0 is None else h0
    names: Any = {"activation": activation, "recurrent_activation": recurrent_activation}
    if reset_after and by_kernel(p, kept, **names):
        states = GRUStates(*kernels.recurrence.gru(p, u, b, start, mask, reverse=reverse))
    else:
        states = gru_forward_body(
            *(p, u, b, start, mask, kept),
            rate=recurrent_dropout,
            reset_after=reset_after,
            reverse=reverse,
            **names,
        )
    return states, GRUSaved(states, u, b, h0, mask, kept)


def gru_forward_body(
    p: Array,
    u: Array,
    b: Array | None,
    h0: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    recurrent_activation: str,
    rate: float,
    reset_after: bool,
    reverse: bool,
) -> GRUStates:
    """Return h and the gates, by a loop over the steps."""
    units = u.shape[0]

    def reset_after_product(p: Array, hd: Array) -> tuple[Array, ...]:
        q = hd @ u if b is None else hd @ u + b
        (pz, pr, pg), (qz, qr, n) = jnp.split(p, 3, axis=-1), jnp.split(q, 3, axis=-1)
        z, r = activate(recurrent_activation, pz + qz), activate(recurrent_activation, pr + qr)
        g = activate(activation, pg + r * n)
        return z, r, g, n

    def reset_before_product(p: Array, hd: Array) -> tuple[Array, ...]:
        pz, pr, pg = jnp.split(p, 3, axis=-1)
        qz, qr = jnp.split(hd @ u[:, : 2 * units], 2, axis=-1)
        z, r = activate(recurrent_activation, pz + qz), activate(recurrent_activation, pr + qr)
        g = activate(activation, pg + (r * hd) @ u[:, 2 * units :])
        return z, r, g

    def step(h: Array, now: Any) -> tuple[Array, tuple[Array, Array]]:
        p, m = now
        gates = (reset_after_product if reset_after else reset_before_product)(
            p, drop(h, kept, rate)
        )
        z, _, g, *_ = gates
        h = choose(m, z * h + (1 - z) * g, h)
        return h, (h, choose(m, jnp.concatenate(gates, axis=-1), 0))

    _, states = lax.scan(step, h0, (time_first(p), time_first(mask)), reverse=reverse)
    return GRUStates(*map(time_first, states))


def gru_backward(
    saved: GRUSaved,
    dstates: GRUStates,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    recurrent_dropout: float = 0.0,
    reset_after: bool = True,
    reverse: bool = False,
) -> tuple[Array, Array, Array | None, Array | None, None, None]:
    """Return dp, dU, db and dh0: the sums over the steps are one product each."""
    states, u, b, h0, mask, kept = saved
    start = zero_state(states.h, u) if h0 is None else h0

    names: Any = {"activation": activation, "recurrent_activation": recurrent_activation}

    def plain(dstates: GRUStates, states: GRUStates, h0: Array, u: Array) -> Any:
        given = GRUStates(*filled(dstates, states))
        return gru_backward_body(
            *(given, states, previous(states.h, h0, reverse), u, mask, kept),
            rate=recurrent_dropout,
            reset_after=reset_after,
            reverse=reverse,
            **names,
        )

    def kernel(dstates: GRUStates, states: GRUStates, h0: Array, u: Array) -> Any:
        return kernels.recurrence.gru_gradient(
            dstates.h, states.h, states.gates, h0, u, mask, reverse=reverse
        )

    compiled = reset_after and dstates[1] is None and by_kernel(states.h, kept, **names)
    body = differentiated_as(plain, kernel) if compiled else plain
    dp, dq, dh0 = body(GRUStates(*dstates), states, start, u)
    before = previous(states.h, start, reverse)
    hd = drop(before, kept, recurrent_dropout)
    if reset_after:
        du = matmul(rows(hd), rows(dq), transpose_a=True)
    else:
        units = u.shape[0]
        r = states.gates[..., units : 2 * units]
        du_zr = matmul(rows(hd), rows(dq[..., : 2 * units]), transpose_a=True)
        du_g = matmul(rows(r * hd), rows(dq[..., 2 * units :]), transpose_a=True)
        du = jnp.concatenate([du_zr, du_g], axis=-1)
    db = None if b is None else jnp.sum(rows(dq), axis=0)
    return dp, du, db, None if h0 is None else dh0, None, None


def gru_backward_body(
    dstates: GRUStates,
    states: GRUStates,
    before: Array,
    u: Array,
    mask: Array | None,
    kept: Array | None,
    *,
    activation: str,
    recurrent_activation: str,
    rate: float,
    reset_after: bool,
    reverse: bool,
) -> tuple[Array, Array, Array]:
    """Return (dp, dq, dh0), by a loop over the steps against the order of reading."""
    units = u.shape[0]

    def step(dh_next: Array, now: Any) -> Any:
        (dh, dgates), (gates, before), m = now
        z, r, g, *n = jnp.split(gates, gates.shape[-1] // units, axis=-1)
        dz, dr, dg, *dn = jnp.split(dgates, gates.shape[-1] // units, axis=-1)
        dh = dh + dh_next
        da_z = through(recurrent_activation, z, dz + dh * (before - g))
        da_g = through(activation, g, dg + dh * (1 - z))
        if reset_after:
            da_r = through(recurrent_activation, r, dr + da_g * n[0])
            dq = jnp.concatenate([da_z, da_r, da_g * r + dn[0]], axis=-1)
            back = dq @ u.T
        else:
            e = da_g @ u[:, 2 * units :].T
            da_r = through(recurrent_activation, r, dr + e * drop(before, kept, rate))
            da_zr = jnp.concatenate([da_z, da_r], axis=-1)
            dq = jnp.concatenate([da_zr, da_g], axis=-1)
            back = e * r + da_zr @ u[:, : 2 * units].T
        dp = jnp.concatenate([da_z, da_r, da_g], axis=-1)
        dh_before = choose(m, dh * z + drop(back, kept, rate), dh)
        return dh_before, (choose(m, dp, 0), choose(m, dq, 0))

    read = (
        tuple(map(time_first, dstates)),
        (time_first(states.gates), time_first(before)),
        time_first(mask),
    )
    dh0, parts = lax.scan(step, jnp.zeros_like(before[:, 0]), read, reverse=not reverse)
    dp, dq = map(time_first, parts)
    return dp, dq, dh0


def gru_flops(
    p: Shape,
    u: Shape,
    b: Shape | None = None,
    *_: Any,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    **__: Any,
) -> int:
    """Return, for each step, those of h U, of the sums and products, and of the activations."""
    batch, steps, width = p
    each = batch * steps * u[0]
    gates = 2 * ACTIVATIONS[recurrent_activation].flops((each,))
    candidate = ACTIVATIONS[activation].flops((each,))
    biases = 0 if b is None else 3
    return each * (2 * width + 3 + 1 + 4 + biases) + gates + candidate


gru = register(
    "gru",
    gru_forward,
    gru_backward,
    formula="q = h_(t-1) U + b; n = q^g; z, r = s(p^z + q^z), s(p^r + q^r); g = act(p^g + r n) "
    "(or g = act(p^g + (r h_(t-1)) U^g)); h_t = z h_(t-1) + (1 - z) g; p = x W + b_x",
    gradient="dh*_t = dh_t + what comes through step t + 1; da^z = dh* (h_(t-1) - g) s'(a^z); "
    "da^g = dh* (1 - z) act'(a^g); da^r = da^g n s'(a^r) (or da^r = (da^g U^g^T) h_(t-1) s'(a^r)); "
    "dp = (da^z, da^r, da^g); dq = (da^z, da^r, da^g r); dU = sum_t h_(t-1)^T dq_t; db = sum_t dq",
    symbols={
        "p": "part of the input in the pre-activations, (batch, steps, 3 units)",
        "h": "hidden states, (batch, steps, units)",
        "z, r, g": "update gate, reset gate, candidate",
        "q, n": "part of the past in the pre-activations, its block that the reset gate scales",
        "s, act": "activation of the gates, activation of the candidate",
        "U, b": "recurrent kernel, (units, 3 units), and bias, (3 units,)",
        "dh": "gradient of the loss with respect to h as an output",
        "dh*": "the same, with what comes through the later steps",
        "x, W": "input and kernel of the layer",
    },
    reference="Cho et al., Learning phrase representations using RNN encoder-decoder for "
    "statistical machine translation, EMNLP (2014), appendix A.1",
    flops=gru_flops,
    save=gru_save,
    absent=True,
)
