"""Inputs for the operations over a sequence, with references that are plain loops over steps."""

import jax
import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal
from pellucid.ops import GRUStates, LSTMStates

F = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "linear": lambda a: a,
    "hard_sigmoid": lambda a: jnp.clip(a / 6 + 0.5, 0, 1),
}


def loop(cell, p, start, mask, reverse):
    """Run ``cell(p_t, states) -> (states, gates)`` over the steps, passing over masked ones."""
    steps = range(p.shape[1])
    states, seen = start, {}
    for t in reversed(steps) if reverse else steps:
        counts = jnp.ones((len(p), 1), bool) if mask is None else jnp.asarray(mask)[:, t : t + 1]
        new, gates = cell(p[:, t], states)
        states = tuple(jnp.where(counts, a, b) for a, b in zip(new, states, strict=True))
        seen[t] = (*states, *(jnp.where(counts, gate, 0 * gate) for gate in gates))
    return [jnp.stack([seen[t][k] for t in steps], 1) for k in range(len(seen[0]))]


def dropped(kept, rate):
    return lambda h: h if kept is None else h * jnp.asarray(kept) / (1 - rate)


def zeros(p, u):
    return jnp.zeros((len(p), len(u)))


def rnn_reference(
    p,
    u,
    h0=None,
    mask=None,
    kept=None,
    *,
    activation="tanh",
    recurrent_dropout=0.0,
    reverse=False,
):
    d = dropped(kept, recurrent_dropout)

    def cell(p, states):
        return (F[activation](p + d(states[0]) @ u),), ()

    return loop(cell, p, (zeros(p, u) if h0 is None else h0,), mask, reverse)[0]


def lstm_reference(
    p,
    u,
    h0=None,
    c0=None,
    mask=None,
    kept=None,
    *,
    activation="tanh",
    recurrent_activation="sigmoid",
    recurrent_dropout=0.0,
    reverse=False,
):
    d, s, f = dropped(kept, recurrent_dropout), F[recurrent_activation], F[activation]
    n = len(u)

    def cell(p, states):
        h, c = states
        a = [p[:, k : k + n] + d(h) @ u[:, k : k + n] for k in range(0, 4 * n, n)]
        gates = [s(a[0]), s(a[1]), f(a[2]), s(a[3])]
        c = gates[1] * c + gates[0] * gates[2]
        return (gates[3] * f(c), c), gates

    start = tuple(zeros(p, u) if state is None else state for state in (h0, c0))
    h, c, *gates = loop(cell, p, start, mask, reverse)
    return LSTMStates(h, c, jnp.concatenate(gates, -1))


def gru_reference(
    p,
    u,
    b=None,
    h0=None,
    mask=None,
    kept=None,
    *,
    activation="tanh",
    recurrent_activation="sigmoid",
    recurrent_dropout=0.0,
    reset_after=True,
    reverse=False,
):
    d, s, f = dropped(kept, recurrent_dropout), F[recurrent_activation], F[activation]
    n = len(u)
    b = jnp.zeros(3 * n) if b is None else b

    def part(k, x):
        return x @ u[:, k * n : (k + 1) * n] + b[k * n : (k + 1) * n]

    def cell(p, states):
        (h,) = states
        z = s(p[:, :n] + part(0, d(h)))
        r = s(p[:, n : 2 * n] + part(1, d(h)))
        if reset_after:
            product = part(2, d(h))
            g = f(p[:, 2 * n :] + r * product)
            return (z * h + (1 - z) * g,), (z, r, g, product)
        g = f(p[:, 2 * n :] + part(2, r * d(h)))
        return (z * h + (1 - z) * g,), (z, r, g)

    h, *gates = loop(cell, p, (zeros(p, u) if h0 is None else h0,), mask, reverse)
    return GRUStates(h, jnp.concatenate(gates, -1))


def holes(rng):
    """Return a mask (3, 3) with padding behind, in front and between."""
    return np.array([[True, True, False], [False, True, True], [True, False, True]])


def units(*shape):
    return lambda rng: np.arange(np.prod(shape)).reshape(shape) % 3 != 1


CASES = {
    "simple_rnn": [
        Case(
            make(normal(3, 3, 2), normal(2, 2), normal(3, 2), holes, units(3, 2)),
            {"recurrent_dropout": 0.3, "reverse": True, "activation": "sigmoid"},
            rnn_reference,
            "mask, dropout, backwards",
        ),
        Case(
            make(normal(2, 2, 2), normal(2, 2), None),
            {"activation": "linear"},
            rnn_reference,
            "linear",
        ),
    ],
    "lstm": [
        Case(
            make(normal(3, 3, 8), normal(2, 8), normal(3, 2), normal(3, 2), holes, units(3, 2)),
            {"recurrent_dropout": 0.3, "reverse": True},
            lstm_reference,
            "mask, dropout, backwards",
        ),
        Case(
            make(normal(3, 2, 4), normal(1, 4), None, normal(3, 1)),
            {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
            lstm_reference,
            "one unit, relu",
        ),
    ],
    "gru": [
        Case(
            make(normal(3, 3, 6), normal(2, 6), normal(6), normal(3, 2), holes, units(3, 2)),
            {"recurrent_dropout": 0.3, "reverse": True},
            gru_reference,
            "mask, dropout, backwards",
        ),
        Case(
            make(normal(3, 3, 6), normal(2, 6), None, normal(3, 2), holes, units(3, 2)),
            {"recurrent_dropout": 0.3, "reverse": True, "reset_after": False},
            gru_reference,
            "reset before, mask, dropout, backwards",
        ),
        Case(
            make(normal(3, 2, 3), normal(1, 3)),
            {"reset_after": False, "activation": "relu", "recurrent_activation": "hard_sigmoid"},
            gru_reference,
            "reset before, one unit, relu",
        ),
    ],
}
