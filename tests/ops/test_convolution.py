"""Convolution: hand calculations, bodies, opaque bodies, shapes, errors, PyTorch as an oracle."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.convolution_cases import SHAPES
from pellucid import kernels
from pellucid.errors import ArgumentError, ShapeError
from pellucid.ops import _convolution_bodies as bodies
from pellucid.ops import (
    conv,
    conv_input_gradient,
    conv_output_shape,
    conv_weight_gradient,
    convolution_body,
)

FLOAT32 = {"rtol": 1e-5, "atol": 1e-5}
KERNELS = kernels.status().ready

ROWS = [pytest.param(x, w, settings, id=label) for label, x, w, settings in SHAPES]


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.standard_normal(shape).astype(np.float32)) for shape in shapes]


def test_by_hand():
    """By hand: the four windows of [[1,2,3],[4,5,6],[7,8,9]] times [[1,0],[0,-1]], plus 10."""
    x = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    w = jnp.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)
    b = jnp.array([10.0])
    y, pullback = jax.vjp(conv, x, w, b)
    # 1 - 5, 2 - 6, 4 - 8, 5 - 9 are all -4.
    np.testing.assert_array_equal(y[0, :, :, 0], [[6, 6], [6, 6]])
    dx, dw, db = pullback(jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1))
    # Each window adds dy at its upper left corner and -dy at its lower right one.
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2, 0], [3, 3, -2], [0, -3, -4]])
    # dW_00 = 1*1 + 2*2 + 3*4 + 4*5, and so on one column or one row further.
    np.testing.assert_array_equal(dw[:, :, 0, 0], [[37, 47], [67, 77]])
    np.testing.assert_array_equal(db, [10])


def test_same_padding_is_larger_at_the_high_end():
    """By hand: four windows of two over 1, 2, 3, 4; the last one ends in the padding."""
    x = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    y = conv(x, jnp.ones((2, 1, 1)), padding="same")
    np.testing.assert_array_equal(y[0, :, 0], [3, 5, 7, 4])


@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (8, 4, 3), (5, 2, 4)])
def test_same_padding_is_xla_s(size, kernel, stride):
    """Keras and TensorFlow take theirs from XLA's SAME."""
    x, w = draw(0, (1, size, size, 2), (kernel, kernel, 2, 3))
    dimensions = ("NHWC", "HWIO", "NHWC")
    expected = jax.lax.conv_general_dilated(
        x, w, (stride, stride), "SAME", dimension_numbers=dimensions
    )
    np.testing.assert_allclose(conv(x, w, strides=stride, padding="same"), expected, **FLOAT32)


@pytest.mark.parametrize("body", ["xla", "native"])
@pytest.mark.parametrize(("x", "w", "settings"), ROWS)
def test_every_body_gives_the_numbers_of_patches_in_float32(x, w, settings, body):
    if body == "native" and not KERNELS:
        pytest.skip("the kernels are not built")
    x, w = draw(0, x, w)
    (dy,) = draw(1, conv_output_shape(x.shape, w.shape, **settings))

    def all_three(x, w, dy, body):
        y, pullback = jax.vjp(lambda x, w: conv(x, w, body=body, **settings), x, w)
        return y, *pullback(dy)

    run = jax.jit(all_three, static_argnames="body")
    for ours, expected in zip(run(x, w, dy, body), run(x, w, dy, "patches"), strict=True):
        np.testing.assert_allclose(ours, expected, **FLOAT32)


@pytest.mark.parametrize("body", ["patches", "xla"])
@pytest.mark.parametrize(("x", "w", "settings"), ROWS)
def test_output_shape_is_the_output_s_shape(x, w, settings, body):
    y = jax.eval_shape(lambda x, w: conv(x, w, body=body, **settings), *draw(0, x, w))
    assert y.shape == conv_output_shape(x, w, **settings)


def test_output_shape_in_keras_terms():
    x, w = (8, 28, 28, 3), (5, 5, 3, 6)
    assert conv_output_shape(x, w) == (8, 24, 24, 6)
    assert conv_output_shape(x, w, strides=2) == (8, 12, 12, 6)
    assert conv_output_shape(x, w, strides=3, padding="same") == (8, 10, 10, 6)
    assert conv_output_shape(x, w, dilation=6) == (8, 4, 4, 6)


@pytest.mark.parametrize("body", ["patches", "xla"])
def test_bfloat16_is_kept(body):
    x, w = (a.astype(jnp.bfloat16) for a in draw(0, (2, 5, 5, 2), (3, 3, 2, 4)))
    y, pullback = jax.vjp(lambda x, w: conv(x, w, body=body), x, w)
    dx, dw = pullback(y)
    assert y.dtype == dx.dtype == dw.dtype == jnp.bfloat16


@pytest.mark.parametrize("body", ["patches", "xla"])
def test_an_empty_batch_gives_an_empty_output(body):
    x, w = jnp.zeros((0, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
    y, pullback = jax.vjp(lambda x, w: conv(x, w, body=body), x, w)
    dx, dw = pullback(y)
    assert y.shape == (0, 3, 3, 4)
    assert dx.shape == x.shape
    np.testing.assert_array_equal(dw, np.zeros(w.shape))


def test_jit_and_vmap_equal_eager():
    x, w = draw(0, (3, 2, 5, 5, 2), (3, 3, 2, 4))
    eager = jnp.stack([conv(sample, w, padding="same") for sample in x])
    mapped = jax.jit(jax.vmap(lambda x: conv(x, w, padding="same")))(x)
    np.testing.assert_allclose(mapped, eager, **FLOAT32)


class TestBodies:
    def primitives(self, **settings):
        x, w = draw(0, (1, 4, 4, 1), (3, 3, 1, 2))
        return str(jax.make_jaxpr(lambda x, w: conv(x, w, **settings))(x, w))

    def test_the_setting_chooses(self):
        assert "conv_general_dilated" in self.primitives(body="xla")
        assert "conv_general_dilated" not in self.primitives(body="patches")

    def test_the_context_chooses_until_it_ends(self):
        before = self.primitives()
        with convolution_body("xla"):
            assert "conv_general_dilated" in self.primitives()
            assert "conv_general_dilated" not in self.primitives(body="patches")
        with convolution_body("patches"):
            assert "conv_general_dilated" not in self.primitives()
        assert self.primitives() == before

    @pytest.mark.parametrize(
        ("backend", "lanes", "name"),
        [
            ("cpu", 1, "patches"),
            ("cpu", 32, "native" if KERNELS else "patches"),
            ("gpu", 32, "xla"),
            ("tpu", 32, "xla"),
        ],
    )
    def test_the_backend_chooses(self, monkeypatch, backend, lanes, name):
        monkeypatch.setattr(jax, "default_backend", lambda: backend)
        x, w = draw(0, (1, 4, 4, 2), (3, 3, 1, 2 * lanes))
        assert bodies.choose_body(None, x, w, lanes, groups=2) is bodies.BODIES[name]

    @pytest.mark.parametrize(
        ("shape", "dtype"), [((1, 4, 4, 1), jnp.bfloat16), ((1, 4, 4, 4, 1), jnp.float32)]
    )
    def test_what_a_kernel_does_not_take_goes_to_patches(self, shape, dtype):
        x, w = jnp.ones(shape, dtype), jnp.ones((*(3,) * (len(shape) - 2), 1, 32), dtype)
        assert bodies.choose_body("native", x, w, 32, groups=1) is bodies.BODIES["patches"]

    def test_unknown_body(self):
        with pytest.raises(
            ArgumentError, match="name to be one of 'xla', 'patches', .*got 'cudnn'"
        ):
            convolution_body("cudnn").__enter__()
        x, w = draw(0, (1, 4, 4, 1), (3, 3, 1, 2))
        with pytest.raises(
            ArgumentError, match="body to be one of 'xla', 'patches', .*got 'cudnn'"
        ):
            conv(x, w, body="cudnn")

    def test_a_body_is_never_differentiated(self, monkeypatch):
        """A body without a derivative serves for gradients of the second order too."""
        plain = bodies.BODIES["patches"]

        def opaque(function):
            def body(a, b, windows, groups):
                run = jax.custom_jvp(lambda a, b: function(a, b, windows, groups))
                run.defjvp(refuse)
                return run(a, b)

            return body

        def refuse(primals, tangents):
            raise TypeError("a body was differentiated")

        monkeypatch.setitem(bodies.BODIES, "opaque", bodies.Body(*map(opaque, plain)))
        x, w = draw(0, (2, 5, 4, 2), (3, 2, 2, 3))

        def gradient_norm(x, w, body):
            def loss(x, w):
                return jnp.sum(jnp.sin(conv(x, w, strides=2, padding="same", body=body)))

            dx, dw = jax.grad(loss, argnums=(0, 1))(x, w)
            return jnp.sum(dx**2) + jnp.sum(dw**2)

        with pytest.raises(TypeError, match="a body was differentiated"):
            jax.grad(lambda x: jnp.sum(conv.forward(x, w, body="opaque")[0]))(x)
        opaque_gradients = jax.grad(gradient_norm, argnums=(0, 1))(x, w, "opaque")
        plain_gradients = jax.grad(gradient_norm, argnums=(0, 1))(x, w, "patches")
        for a, b in zip(opaque_gradients, plain_gradients, strict=True):
            np.testing.assert_allclose(a, b, **FLOAT32)


class TestErrors:
    def fails(self, error, message, x, w, **settings):
        with pytest.raises(error, match=re.escape(message)):
            conv(jnp.zeros(x), jnp.zeros(w), **settings)

    def test_kernel_larger_than_input(self):
        self.fails(
            ShapeError,
            "conv: the input is 3x3 but the kernel covers 5x5; use padding='same', a smaller "
            "kernel, or larger inputs.",
            (2, 3, 3, 1),
            (5, 5, 1, 6),
        )

    def test_dilated_kernel_larger_than_padded_input(self):
        self.fails(
            ShapeError,
            "conv: the input is 6 (padded 8) but the kernel covers 9;",
            (2, 6, 1),
            (3, 1, 6),
            dilation=4,
            padding=((1, 1),),
        )

    def test_channels_do_not_match(self):
        self.fails(
            ShapeError,
            "conv expected an input whose last axis has size 3, got shape (2, 8, 8, 1); the kernel "
            "(3, 3, 3, 6) in groups=1 takes so many channels.",
            (2, 8, 8, 1),
            (3, 3, 3, 6),
        )

    def test_one_axis_is_missing(self):
        self.fails(
            ShapeError,
            "conv expected an input of rank 4 (batch, height, width, channels), got shape "
            "(2, 8, 8); add the missing axis: x[None] for one sample, x[..., None] for one channel",
            (2, 8, 8),
            (3, 3, 1, 6),
        )

    def test_kernel_without_spatial_axes(self):
        self.fails(ShapeError, "conv expected a kernel of rank 3 or more", (2, 8), (8, 6))

    def test_groups(self):
        x, w = (2, 8, 8, 6), (3, 3, 3, 6)
        self.fails(
            ArgumentError,
            "conv expected the number of input channels to be a multiple of groups=4, got 6.",
            x,
            w,
            groups=4,
        )
        self.fails(
            ArgumentError,
            "conv expected the number of filters to be a multiple of groups=2, got 5.",
            x,
            (3, 3, 3, 5),
            groups=2,
        )
        self.fails(ArgumentError, "groups to be an integer of 1 or more, got 0", x, w, groups=0)

    def test_settings(self):
        x, w = (2, 8, 8, 1), (3, 3, 1, 6)
        self.fails(
            ArgumentError,
            "conv expected strides to be 1 or 2 integers, got (1, 2, 3).",
            x,
            w,
            strides=(1, 2, 3),
        )
        self.fails(
            ArgumentError,
            "conv expected dilation to be an integer of 1 or more, got 0.",
            x,
            w,
            dilation=0,
        )
        self.fails(
            ArgumentError,
            "conv expected padding to be 'same', 'valid', or a tuple of 2 pairs (low, high) of "
            "integers of 0 or more such as ((1, 1), (1, 1)), got 'full'.",
            x,
            w,
            padding="full",
        )

    def test_bias(self):
        with pytest.raises(ShapeError, match=re.escape("conv expected the bias and (filters,)")):
            conv(jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 2)), jnp.zeros(3))

    def test_output_gradients_of_another_shape(self):
        x, w, dy = jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 2)), jnp.zeros((1, 3, 3, 2))
        expected = re.escape("of equal shape, got (1, 3, 3, 2) and (1, 2, 2, 2)")
        with pytest.raises(ShapeError, match="conv_input_gradient expected .* " + expected):
            conv_input_gradient(dy, w, spatial=(4, 4))
        with pytest.raises(ShapeError, match="conv_weight_gradient expected .* " + expected):
            conv_weight_gradient(x, dy, kernel=(3, 3))


# PyTorch: channels first, the same padding on both sides. "same" with strides is padded by hand.
TORCH = [
    ("1d", (2, 9, 4), (3, 4, 5), {"strides": 2}),
    ("1d groups", (2, 9, 4), (3, 2, 6), {"groups": 2, "dilation": 2}),
    ("2d", (2, 8, 7, 3), (3, 2, 3, 4), {"strides": (2, 1), "padding": ((1, 1), (1, 1))}),
    ("2d depthwise", (2, 6, 7, 3), (3, 3, 1, 6), {"groups": 3, "dilation": (1, 2)}),
    ("3d", (1, 4, 5, 4, 2), (2, 3, 2, 2, 3), {"strides": (1, 2, 1)}),
]


@pytest.mark.parametrize("body", ["patches", "xla"])
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "settings"), [pytest.param(*row[1:], id=row[0]) for row in TORCH]
)
def test_equals_pytorch(x_shape, w_shape, settings, body):
    torch = pytest.importorskip("torch")
    rank = len(x_shape) - 2
    function = (torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d)
    x, w, b = draw(1, x_shape, w_shape, w_shape[-1:])
    y, pullback = jax.vjp(lambda *v: conv(*v, body=body, **settings), x, w, b)
    (dy,) = draw(2, y.shape)

    leaves = [
        torch.tensor(np.moveaxis(np.asarray(x), -1, 1), requires_grad=True),
        torch.tensor(np.moveaxis(np.asarray(w), (-1, -2), (0, 1)), requires_grad=True),
        torch.tensor(np.asarray(b), requires_grad=True),
    ]
    theirs = function[rank - 1](
        *leaves,
        stride=settings.get("strides", 1),
        padding=tuple(low for low, _ in settings.get("padding", ((0, 0),) * rank)),
        dilation=settings.get("dilation", 1),
        groups=settings.get("groups", 1),
    )
    theirs.backward(torch.tensor(np.moveaxis(np.asarray(dy), -1, 1)))
    np.testing.assert_allclose(y, np.moveaxis(theirs.detach().numpy(), 1, -1), **FLOAT32)
    dx, dw, db = (leaf.grad.numpy() for leaf in leaves)
    ours = pullback(dy)
    np.testing.assert_allclose(ours[0], np.moveaxis(dx, 1, -1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours[1], np.moveaxis(dw, (0, 1), (-1, -2)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours[2], db, rtol=1e-4, atol=1e-4)
