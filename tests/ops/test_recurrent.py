"""The operations over a sequence: numbers to redo by hand, and arguments that do not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, ShapeError


def column(*numbers):
    """Return a sequence of one sample and one unit."""
    return jnp.asarray(numbers, "float32")[None, :, None]


def test_back_propagation_through_three_steps():
    """h = 1, 2 * 1 + 1, 2 * 3 + 1; dh = 1 + 2 * 3, 1 + 2 * 1, 1; du = h_1 dh_2 + h_2 dh_3."""
    p, u = column(1, 1, 1), jnp.asarray([[2.0]])
    h, pullback = jax.vjp(lambda p, u: ops.simple_rnn(p, u, activation="linear"), p, u)
    np.testing.assert_array_equal(h.ravel(), [1, 3, 7])
    dp, du = pullback(jnp.ones_like(h))
    np.testing.assert_array_equal(dp.ravel(), [7, 3, 1])
    np.testing.assert_array_equal(du, [[1 * 3 + 3 * 1]])


def test_a_masked_step_is_passed_over():
    """Without the second step h = 1, 3, and dh = 3, 1."""
    p, u, mask = column(1, 50, 1), jnp.asarray([[2.0]]), jnp.asarray([[True, False, True]])

    def run(p):
        return ops.simple_rnn(p, u, None, mask, activation="linear")

    h, pullback = jax.vjp(run, p)
    np.testing.assert_array_equal(h.ravel(), [1, 1, 3])
    (dp,) = pullback(column(0, 0, 1))
    np.testing.assert_array_equal(dp.ravel(), [2, 0, 1])


def test_open_and_closed_gates_of_lstm():
    """With gates of 0 and 1 (input, forget, output), c adds up, stays or is forgotten."""
    shut, wide = -100.0, 100.0
    p = jnp.asarray(
        [
            [wide, wide, 2.0, wide],  # write 2
            [wide, wide, 3.0, shut],  # add 3, show nothing
            [shut, wide, 9.0, wide],  # write nothing, keep
            [wide, shut, 1.0, wide],  # forget, write 1
        ]
    )[None]
    h, c, gates = ops.lstm(p, jnp.zeros((1, 4)), activation="linear")
    np.testing.assert_allclose(c.ravel(), [2, 5, 5, 1], atol=1e-6)
    np.testing.assert_allclose(h.ravel(), [2, 0, 5, 1], atol=1e-6)
    np.testing.assert_allclose(gates[0, :, 1], [1, 1, 1, 0], atol=1e-6)


def test_open_and_closed_gates_of_gru():
    """z = 1 keeps the state; z = 0 takes the new one, which sees the old one where r = 1."""
    shut, wide = -100.0, 100.0
    p = jnp.asarray([[shut, shut, 2.0], [wide, wide, 7.0], [shut, wide, 3.0], [shut, shut, 3.0]])
    u = jnp.asarray([[0.0, 0.0, 10.0]])
    for reset_after in (True, False):
        h, _ = ops.gru(p[None], u, activation="linear", reset_after=reset_after)
        np.testing.assert_allclose(h.ravel(), [2, 2, 3 + 10 * 2, 3], atol=1e-4)


@pytest.mark.parametrize(
    ("op", "shapes", "settings", "error", "message"),
    [
        ("simple_rnn", [(4, 3), (3, 3)], {}, ShapeError, r"rank 3 \(batch, steps, 3\), got shape"),
        ("simple_rnn", [(2, 4, 3), (3, 2)], {}, ShapeError, r"a recurrent kernel \(3, 3\), got"),
        ("lstm", [(2, 4, 8), (3, 12)], {}, ShapeError, r"input parts \(batch, steps, 12\)"),
        ("lstm", [(2, 0, 8), (2, 8)], {}, ShapeError, r"of 1 step or more, got shape \(2, 0, 8\)"),
        ("lstm", [(2, 4, 8), (2, 8), (2, 3)], {}, ShapeError, r"a state of equal shape, got"),
        ("lstm", [(2, 4, 8), (2, 8), (2, 2), (3, 2)], {}, ShapeError, r"\(2, 2\) and \(3, 2\)"),
        ("gru", [(2, 4, 6), (2, 6), (4,)], {}, ShapeError, r"\(3 units,\) and b of equal shape"),
        (
            "gru",
            [(2, 4, 6), (2, 6), (6,)],
            {"reset_after": False},
            ArgumentError,
            "no recurrent bias b with reset_after=False, .* add it to p",
        ),
        ("gru", [(2, 4, 6), (2, 6)], {"activation": "selu"}, ArgumentError, "got 'selu'"),
        (
            "gru",
            [(2, 4, 6), (2, 6)],
            {"recurrent_dropout": 1.0},
            ArgumentError,
            "recurrent_dropout",
        ),
    ],
)
def test_arguments_that_do_not_fit(op, shapes, settings, error, message):
    with pytest.raises(error, match=message):
        getattr(ops, op)(*(jnp.zeros(shape) for shape in shapes), **settings)


def test_a_mask_of_other_steps_is_refused():
    with pytest.raises(ShapeError, match=r"the mask of equal shape, got \(2, 4\) and \(2, 5\)"):
        ops.simple_rnn(jnp.zeros((2, 4, 3)), jnp.zeros((3, 3)), None, jnp.ones((2, 5), bool))


def test_costs():
    """A step of an LSTM: 2 * units * 4 units for h U, and 8 + 3 * 4 + 2 * 5 for each unit."""
    assert ops.lstm.flops((2, 5, 12), (3, 12)) == 2 * 5 * (2 * 3 * 12 + 3 * (8 + 12 + 10))
    assert ops.simple_rnn.flops((2, 5, 3), (3, 3)) == 2 * 5 * (2 * 3 * 3 + 3 * (1 + 5))
