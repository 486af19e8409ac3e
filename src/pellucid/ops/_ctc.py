"""Connectionist temporal classification: labels in order, without being told when.

A network gives for every step the probability of each class and of *blank*, "nothing new". A path
is a class for every step; it stands for what is left when equal neighbours become one and blanks
are taken out: a a - b b and - a b b - both stand for a b. The probability of a labelling is the sum
over all its paths, found step by step.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from pellucid._checks import check_rank, check_same_shape
from pellucid.errors import DTypeError
from pellucid.ops._registry import register

Array = jax.Array

BLANK = 0
"""The class that means "nothing new", as in Keras and PyTorch."""

NEVER = -1e30
"""The logarithm of the probability 0: finite, so that its gradient exists."""


class CTCSaved(NamedTuple):
    """What the backward pass of ``ctc`` reads."""

    z: Array
    labels: Array
    steps: Array
    lengths: Array


def ctc_forward(
    z: Array, labels: Array, steps: Array | None = None, lengths: Array | None = None
) -> tuple[Array, CTCSaved]:
    """CTC loss, y = -log p(labels | z), summed over all paths by the forward-backward algorithm.

    Between and around the labels stand blanks: l = (blank, label_1, blank, ..., label_U, blank), of
    S = 2 U + 1 places. With u_tk the log softmax of the logits z_tk, a_t(s) the log probability of
    having read the first s places after step t, and b_t(s) that of reading the rest after it::

        a_1(1) = u_1,l(1)    a_1(2) = u_1,l(2)    others: log 0
        a_t(s) = u_t,l(s) + log( e^a_t-1(s) + e^a_t-1(s-1) + [skip] e^a_t-1(s-2) )
        b_T(S) = b_T(S - 1) = 0                   others: log 0
        b_t(s) = log( e^(b_t+1(s) + u_t+1,l(s)) + the same for s+1 and, [skip], s+2 )
        log p  = log( e^a_T(S) + e^a_T(S-1) )

    where [skip] says that a blank may be passed over: the places on both sides of it are labels,
    and different ones. At every step each path is at some place, so e^(a_t(s) + b_t(s)) sums up to
    p over s, and the share of p that is at place s is g_t(s), their softmax over s; then ::

        d log p / du_tk = sum over s with l(s) = k of g_t(s)
        dz_tk = (softmax(z_t)_k - sum over s with l(s) = k of g_t(s)) dy

    Where no path exists (more labels than steps, a blank needed between equal ones counted), y is
    infinite and the gradient 0.

    Args:
        z: logits, shape (rows, time, classes); class 0 is blank.
        labels: integers from 1, shape (rows, length); what is past ``lengths`` is not read.
        steps: T for each row, shape (rows,); None for all of them.
        lengths: U for each row, shape (rows,); None for the labels above 0.

    Returns:
        y of shape (rows,), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.

    References:
        Graves, Fernandez, Gomez, Schmidhuber, Connectionist temporal classification (2006),
        equations 5 to 16.
    """
    check_rank("ctc", z.shape, 3, "(rows, time, classes) of logits")
    check_rank("ctc", labels.shape, 2, "(rows, length) of labels")
    check_same_shape("ctc", "rows of logits", z.shape[:1], "rows of labels", labels.shape[:1])
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise DTypeError(f"ctc expected integer labels, got an array of {labels.dtype}.")
    steps = jnp.full(z.shape[:1], z.shape[1], jnp.int32) if steps is None else steps
    lengths = jnp.sum(labels > BLANK, axis=1, dtype=jnp.int32) if lengths is None else lengths
    for name, given in (("steps", steps), ("lengths", lengths)):
        check_same_shape("ctc", "rows of logits", z.shape[:1], name, given.shape)
    u, places, skip = _on_places(z, labels)
    log_p = _log_probability(_ahead(u, skip, steps, lengths), lengths)
    y = jnp.where(log_p < NEVER / 2, jnp.inf, -log_p).astype(z.dtype)
    return y, CTCSaved(z, labels, steps, lengths)


def _on_places(z: Array, labels: Array) -> tuple[Array, Array, Array]:
    """Return u_t,l(s) (time, rows, S), the places l (rows, S) and where [skip] holds (rows, S)."""
    rows, length = labels.shape
    places = jnp.full((rows, 2 * length + 1), BLANK, labels.dtype).at[:, 1::2].set(labels)
    before = jnp.pad(places, ((0, 0), (2, 0)), constant_values=BLANK)[:, :-2]
    skip = (places != BLANK) & (places != before)
    u = jax.nn.log_softmax(z, axis=-1)
    u = jnp.take_along_axis(
        u, jnp.broadcast_to(places[:, None], (*z.shape[:2], places.shape[1])), 2
    )
    return jnp.moveaxis(u, 1, 0), places, skip


def _shift(a: Array, by: int) -> Array:
    """Return a(s - by): moved along the places, with log 0 where nothing comes from."""
    moved = jnp.roll(a, by, axis=-1)
    place = jnp.arange(a.shape[-1])
    return jnp.where((place >= by) & (place < a.shape[-1] + by), moved, NEVER)


def _ahead(u: Array, skip: Array, steps: Array, lengths: Array) -> Array:
    """Return a_t(s) for every step, shape (time, rows, S); past a row's steps it stays."""
    place = jnp.arange(u.shape[-1])
    may_start = (place == 0) | ((place == 1) & (lengths[:, None] > 0))
    first = jnp.where(may_start, u[0], NEVER)

    def step(a: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        u_t, t = given
        ways = jnp.stack([a, _shift(a, 1), jnp.where(skip, _shift(a, 2), NEVER)])
        new = jnp.maximum(u_t + jax.nn.logsumexp(ways, axis=0), NEVER)
        a = jnp.where((t < steps)[:, None], new, a)
        return a, a

    _, rest = lax.scan(step, first, (u[1:], jnp.arange(1, len(u))))
    return jnp.concatenate([first[None], rest])


def _behind(u: Array, skip: Array, steps: Array, lengths: Array) -> Array:
    """Return b_t(s) for every step, shape (time, rows, S)."""
    end = _may_end(u.shape[-1], lengths)
    last = jnp.where(end, jnp.zeros_like(u[0]), NEVER)
    skip_next = jnp.pad(skip, ((0, 0), (0, 2)))[:, 2:]

    def step(b: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        u_next, t = given
        c = b + u_next
        ways = jnp.stack([c, _shift(c, -1), jnp.where(skip_next, _shift(c, -2), NEVER)])
        new = jnp.maximum(jax.nn.logsumexp(ways, axis=0), NEVER)
        b = jnp.where((t + 1 < steps)[:, None], new, last)
        return b, b

    _, before = lax.scan(step, last, (u[1:], jnp.arange(len(u) - 1)), reverse=True)
    return jnp.concatenate([before, last[None]])


def _may_end(places: int, lengths: Array) -> Array:
    """Return where a path may end: on the last label or the blank after it, shape (rows, S)."""
    place, last = jnp.arange(places), 2 * lengths[:, None]
    return (place == last) | ((place == last - 1) & (last > 0))


def _log_probability(a: Array, lengths: Array) -> Array:
    """Return log p for each row, from a_t(s)."""
    return jax.nn.logsumexp(jnp.where(_may_end(a.shape[-1], lengths), a[-1], NEVER), axis=-1)


def ctc_backward(saved: CTCSaved, dy: Array) -> tuple[Array, None, None, None]:
    """Return dz_tk = (softmax(z_t)_k - sum over s with l(s) = k of g_t(s)) dy."""
    z, labels, steps, lengths = saved
    u, places, skip = _on_places(z, labels)
    a, b = _ahead(u, skip, steps, lengths), _behind(u, skip, steps, lengths)
    log_p = _log_probability(a, lengths)
    g = jax.nn.softmax(a + b, axis=-1)
    through = jnp.einsum("tns,nsk->ntk", g, jax.nn.one_hot(places, z.shape[-1], dtype=z.dtype))
    counts = (jnp.arange(z.shape[1]) < steps[:, None]) & (log_p > NEVER / 2)[:, None]
    dz = (jax.nn.softmax(z, axis=-1) - through) * dy[:, None, None]
    return jnp.where(counts[..., None], dz, 0).astype(z.dtype), None, None, None


def ctc_flops(z: tuple[int, ...], labels: tuple[int, ...], *_: Any) -> int:
    """Return 5 for each logit (softmax) and 10 for each step and place."""
    rows, time, classes = z
    return rows * time * (5 * classes + 10 * (2 * labels[1] + 1))


ctc = register(
    "ctc",
    ctc_forward,
    ctc_backward,
    formula="y = -log sum over paths that stand for the labels of prod_t softmax(z_t)_path(t)",
    gradient="dz_tk = (softmax(z_t)_k - sum over s with l(s) = k of g_t(s)) dy",
    symbols={
        "z": "logits, (rows, time, classes)",
        "l": "the labels with blanks between and around them",
        "g": "share of the paths that are at place s at step t",
        "y": "value of the loss for each row, (rows,)",
        "dy": "gradient of the whole loss with respect to y",
    },
    reference="Graves, Fernandez, Gomez, Schmidhuber, Connectionist temporal classification "
    "(2006), equations 5 to 16",
    flops=ctc_flops,
    save=lambda y, z, labels, steps=None, lengths=None: CTCSaved(
        z,
        labels,
        jnp.full(z.shape[:1], z.shape[1], jnp.int32) if steps is None else steps,
        jnp.sum(labels > BLANK, axis=1, dtype=jnp.int32) if lengths is None else lengths,
    ),
)
