"""The activations: numbers worked by hand, conventions at kinks, large inputs, and PyTorch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, ShapeError

ELEMENTWISE = [
    ops.linear,
    ops.sigmoid,
    ops.hard_sigmoid,
    ops.tanh,
    ops.softsign,
    ops.relu,
    ops.relu6,
    ops.leaky_relu,
    ops.elu,
    ops.selu,
    ops.softplus,
    ops.silu,
    ops.gelu,
    partial(ops.gelu, approximate=True),
    ops.mish,
]
ROWWISE = [ops.softmax, ops.log_softmax]
LARGE = [-1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4]


def name_of(op):
    return getattr(op, "name", "gelu_tanh")


def slope(function, x):
    return jax.grad(lambda x: jnp.sum(function(x)))(x)


# Worked by hand from the formulas; erf(1/sqrt 2) = 0.6826894921, sqrt(2/pi) = 0.7978845608.
GOLDEN = [
    (ops.linear, {}, -1.5, -1.5, 1.0),
    (ops.exponential, {}, 1.0, 2.7182818285, 2.7182818285),
    (ops.sigmoid, {}, 1.0, 0.7310585786, 0.1966119332),
    (ops.hard_sigmoid, {}, 1.5, 0.75, 1 / 6),
    (ops.tanh, {}, 1.0, 0.7615941560, 0.4199743416),
    (ops.softsign, {}, -3.0, -0.75, 0.0625),
    (ops.relu, {}, 2.0, 2.0, 1.0),
    (ops.relu, {}, -2.0, 0.0, 0.0),
    (ops.relu6, {}, 7.0, 6.0, 0.0),
    (ops.leaky_relu, {}, -1.0, -0.2, 0.2),
    (ops.leaky_relu, {"negative_slope": 0.01}, -1.0, -0.01, 0.01),
    (ops.elu, {}, -1.0, -0.6321205588, 0.3678794412),
    (ops.elu, {"alpha": 2.0}, -1.0, -1.2642411177, 0.7357588823),
    (ops.selu, {}, -1.0, -1.1113307378, 0.6467686030),
    (ops.selu, {}, 1.0, 1.0507009874, 1.0507009874),
    (ops.softplus, {}, 0.0, 0.6931471806, 0.5),
    (ops.silu, {}, 1.0, 0.7310585786, 0.9276705118),
    (ops.gelu, {}, 1.0, 0.8413447461, 1.0833154706),
    (ops.gelu, {"approximate": True}, 1.0, 0.8411919906, 1.0829640838),
    (ops.mish, {}, 0.0, 0.0, 0.6),
]


@pytest.mark.parametrize(("op", "settings", "x", "y", "dx"), GOLDEN)
def test_numbers_worked_by_hand(op, settings, x, y, dx):
    with jax.enable_x64(True):
        value, pullback = jax.vjp(partial(op, **settings), jnp.float64(x))
        np.testing.assert_allclose(value, y, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(pullback(jnp.float64(2.0))[0], 2 * dx, rtol=1e-9, atol=1e-12)


def test_softmax_worked_by_hand():
    x = jnp.log(jnp.array([1.0, 2.0, 5.0]))
    y, pullback = jax.vjp(ops.softmax, x)
    np.testing.assert_allclose(y, [0.125, 0.25, 0.625], rtol=1e-6)
    # dy = (1, 0, 0): dx = (y1 (1 - y1), -y2 y1, -y3 y1).
    dx = pullback(jnp.array([1.0, 0.0, 0.0]))[0]
    np.testing.assert_allclose(dx, [0.109375, -0.03125, -0.078125], rtol=1e-6)


def test_log_softmax_worked_by_hand():
    y, pullback = jax.vjp(ops.log_softmax, jnp.log(jnp.array([1.0, 3.0])))
    np.testing.assert_allclose(y, np.log([0.25, 0.75]), rtol=1e-6)
    np.testing.assert_allclose(pullback(jnp.array([1.0, 0.0]))[0], [0.75, -0.75], rtol=1e-6)


KINKS = [
    (ops.relu, {}, 0.0, 0.0),
    (ops.relu6, {}, 0.0, 0.0),
    (ops.relu6, {}, 6.0, 0.0),
    (ops.hard_sigmoid, {}, -3.0, 0.0),
    (ops.hard_sigmoid, {}, 3.0, 0.0),
    (ops.leaky_relu, {}, 0.0, 0.2),
    (ops.elu, {"alpha": 0.5}, 0.0, 0.5),
    (ops.selu, {}, 0.0, ops.selu(jnp.float32(-1e4)) * -1),
    (ops.softsign, {}, 0.0, 1.0),
]


@pytest.mark.parametrize(("op", "settings", "x", "dx"), KINKS)
def test_convention_at_kinks(op, settings, x, dx):
    assert slope(partial(op, **settings), jnp.float32(x)) == pytest.approx(float(dx))


@pytest.mark.parametrize(("op", "settings", "x", "dx"), KINKS[:6])
def test_convention_at_kinks_holds_at_second_order(op, settings, x, dx):
    """Between straight pieces the gradient of e^y y'(x) is e^y y'(x)^2, at the kinks as well."""

    def inner(x):
        return jnp.exp(op(x, **settings))

    outer = slope(lambda x: slope(inner, x), jnp.float32(x))
    y = float(op(jnp.float32(x), **settings))
    np.testing.assert_allclose(outer, np.exp(y) * dx**2, rtol=1e-6)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=name_of)
def test_large_inputs_stay_finite_to_second_order(op):
    x = jnp.array(LARGE, jnp.float32)
    assert np.isfinite(op(x)).all()
    assert np.isfinite(slope(op, x)).all()
    assert np.isfinite(slope(lambda x: jnp.sin(op(x)) * slope(op, x), x)).all()


@pytest.mark.parametrize("op", ROWWISE, ids=name_of)
def test_large_scores_stay_finite_to_second_order(op):
    x = jnp.array([LARGE, LARGE[::-1], [1e4] * 7, [-1e4] * 7, [1e4, -1e4] + [0.0] * 5])
    weights = jnp.arange(7.0)
    assert np.isfinite(op(x)).all()
    assert np.isfinite(slope(lambda x: weights * op(x), x)).all()
    second = slope(lambda x: weights * slope(lambda x: weights * op(x), x), x)
    assert np.isfinite(second).all()


def test_exponential_is_finite_up_to_the_range_of_its_type():
    x = jnp.array([-1e4, -100.0, 0.0, 88.0])
    assert np.isfinite(slope(partial(slope, ops.exponential), x)).all()
    assert ops.exponential(jnp.float32(89.0)) == np.inf


@pytest.mark.parametrize("op", [ops.relu, ops.softplus, ops.silu, ops.gelu, ops.mish])
def test_far_from_zero_they_are_relu(op):
    x = jnp.array([-1e4, 1e4])
    np.testing.assert_array_equal(op(x), [0.0, 1e4])
    np.testing.assert_array_equal(slope(op, x), [0.0, 1.0])


@pytest.mark.parametrize(
    ("op", "x", "y"),
    [(ops.softplus, -20.0, 2.0611536e-9), (ops.elu, -1e-6, -9.999995e-7)],
)
def test_small_results_keep_their_digits(op, x, y):
    np.testing.assert_allclose(op(jnp.float32(x)), y, rtol=1e-6)


@pytest.mark.parametrize("op", [*ELEMENTWISE, ops.exponential], ids=name_of)
def test_nan_is_not_hidden(op):
    assert np.isnan(op(jnp.float32(np.nan)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("op", [*ELEMENTWISE, ops.exponential, *ROWWISE], ids=name_of)
def test_types_are_kept(op, dtype):
    x = jnp.linspace(-2, 2, 6, dtype=dtype)
    y, pullback = jax.vjp(op, x)
    assert y.dtype == dtype
    assert pullback(y)[0].dtype == dtype


def test_softmax_jacobian_is_the_derived_one():
    y = ops.softmax(x := jnp.array([0.3, -1.2, 0.8]))
    np.testing.assert_allclose(
        jax.jacrev(ops.softmax)(x), np.diag(y) - np.outer(y, y), rtol=1e-5, atol=1e-7
    )


def test_softmax_ignores_a_common_shift():
    x = jnp.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(ops.softmax(x + 4096.0), ops.softmax(x))
    np.testing.assert_allclose(jnp.sum(ops.softmax(x), axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize("op", ROWWISE, ids=name_of)
def test_softmax_refuses_what_it_cannot_take(op):
    with pytest.raises(ArgumentError, match=r"expected axis from -2 to 1 .* got 2\."):
        op(jnp.ones((2, 3)), axis=2)
    with pytest.raises(ShapeError, match=r"rank 1 or more \(\.\.\., classes\), got shape \(\)"):
        op(jnp.float32(1.0))


def test_slopes_out_of_range_are_refused():
    with pytest.raises(ArgumentError, match=r"leaky_relu expected negative_slope .* got -0\.1"):
        ops.leaky_relu(jnp.ones(2), negative_slope=-0.1)
    with pytest.raises(ArgumentError, match=r"elu expected alpha .* got -1"):
        ops.elu(jnp.ones(2), alpha=-1)


TORCH = [
    (ops.sigmoid, {}, "sigmoid", {}),
    (ops.hard_sigmoid, {}, "hardsigmoid", {}),
    (ops.tanh, {}, "tanh", {}),
    (ops.softsign, {}, "softsign", {}),
    (ops.relu, {}, "relu", {}),
    (ops.relu6, {}, "relu6", {}),
    (ops.leaky_relu, {"negative_slope": 0.3}, "leaky_relu", {"negative_slope": 0.3}),
    (ops.elu, {"alpha": 1.3}, "elu", {"alpha": 1.3}),
    (ops.selu, {}, "selu", {}),
    (ops.softplus, {}, "softplus", {}),
    (ops.silu, {}, "silu", {}),
    (ops.gelu, {}, "gelu", {}),
    (ops.gelu, {"approximate": True}, "gelu", {"approximate": "tanh"}),
    (ops.mish, {}, "mish", {}),
    (ops.softmax, {"axis": 0}, "softmax", {"dim": 0}),
    (ops.log_softmax, {}, "log_softmax", {"dim": -1}),
]


@pytest.mark.parametrize(("op", "settings", "twin", "twin_settings"), TORCH)
def test_agrees_with_torch(op, settings, twin, twin_settings):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x, dy = 3 * rng.standard_normal((4, 7)), rng.standard_normal((4, 7))
    x[0, 0] = 0.0  # both sides use the same convention at the kink
    theirs = torch.tensor(x, requires_grad=True)
    output = getattr(torch.nn.functional, twin)(theirs, **twin_settings)
    output.backward(torch.tensor(dy))
    with jax.enable_x64(True):
        y, pullback = jax.vjp(partial(op, **settings), jnp.asarray(x))
        # PyTorch's softplus is the identity above 20, hence the absolute tolerance.
        np.testing.assert_allclose(y, output.detach().numpy(), rtol=1e-9, atol=1e-8)
        dx = pullback(jnp.asarray(dy))[0]
        np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-9, atol=1e-8)
