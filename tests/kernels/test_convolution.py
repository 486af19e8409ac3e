"""The compiled convolutions against the plain ones on odd shapes, and bit-equal when run again."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import kernels, ops

needs_kernels = pytest.mark.skipif(
    not kernels.status().ready, reason=f"the kernels are not in use: {kernels.status().words}"
)

# channels, filters, groups
WIDTHS = [(1, 6, 1), (3, 17, 1), (8, 33, 1), (6, 4, 2), (5, 5, 5), (4, 64, 1), (40, 1, 1)]
# kernel, strides, dilation, padding
WINDOWS = [
    ((3, 3), 1, 1, "same"),
    ((3, 3), 2, 1, "same"),
    ((1, 1), 1, 1, "valid"),
    ((1, 1), 3, 1, "valid"),
    ((2, 5), (3, 2), 1, "same"),
    ((2, 5), 1, 2, ((2, 1), (0, 3))),
    ((3, 2), 2, 2, "same"),
    ((4, 4), 2, 3, ((0, 5), (4, 0))),
]
CASES = [
    pytest.param(width, window, id=f"{width}-{window}")
    for width, window in itertools.product(WIDTHS, WINDOWS)
]


def draw(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def three(x, w, dy, body, **settings):
    """Return the convolution and its two gradients."""
    return (
        ops.conv(x, w, body=body, **settings),
        ops.conv_input_gradient(dy, w, spatial=x.shape[1:-1], body=body, **settings),
        ops.conv_weight_gradient(x, dy, kernel=w.shape[:-2], body=body, **settings),
    )


def compare(x_shape, w_shape, **settings):
    x, w = draw(x_shape, 0), draw(w_shape, 1)
    dy = draw(ops.conv_output_shape(x_shape, w_shape, **settings), 2)
    ours = three(x, w, dy, "native", **settings)
    again = three(x, w, dy, "native", **settings)
    plain = three(x, w, dy, "patches", **settings)
    for a, b, expected in zip(ours, again, plain, strict=True):
        assert a.shape == expected.shape
        np.testing.assert_array_equal(a, b)
        scale = float(jnp.max(jnp.abs(expected), initial=1.0))
        np.testing.assert_allclose(a, expected, rtol=1e-5, atol=3e-6 * scale)


@needs_kernels
@pytest.mark.parametrize(("width", "window"), CASES)
def test_images(width, window):
    channels, filters, groups = width
    kernel, strides, dilation, padding = window
    settings = {"strides": strides, "dilation": dilation, "padding": padding, "groups": groups}
    compare((2, 11, 13, channels), (*kernel, channels // groups, filters), **settings)


@needs_kernels
@pytest.mark.parametrize("strides", [1, 2, (1, 3)])
@pytest.mark.parametrize("filters", [1, 3, 6, 12])
@pytest.mark.parametrize("channels", [1, 2])
def test_several_pixels_in_a_vector(channels, filters, strides):
    compare((3, 9, 12, channels), (3, 5, channels, filters), strides=strides, padding="same")


@needs_kernels
@pytest.mark.parametrize("dilation", [1, 2, (3, 1)])
@pytest.mark.parametrize("padding", ["same", "valid", ((0, 9), (8, 0))])
@pytest.mark.parametrize("filters", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("channels", [16, 33])
def test_few_filters(channels, filters, padding, dilation):
    shape = (3, 9, 12, channels)
    compare(shape, (3, 4, channels, filters), padding=padding, dilation=dilation)


@needs_kernels
@pytest.mark.parametrize("shape", [(0, 9, 9, 20), (1, 90, 7, 20), (2, 3, 3, 20), (1, 40, 100, 64)])
def test_few_filters_by_blocks_of_rows(shape):
    compare(shape, (3, 3, shape[-1], 2), padding="same")


@needs_kernels
@pytest.mark.parametrize("padding", ["same", "valid", ((0, 9), (8, 0))])
@pytest.mark.parametrize("channels", [1, 3, 6, 8])
def test_back_to_few_channels(channels, padding):
    compare((3, 14, 12, channels), (5, 5, channels, 16), padding=padding)


# With so many channels and filters 3x3 and 5x5 take fewer multiplications (winograd.cc).
@needs_kernels
@pytest.mark.parametrize("padding", ["same", "valid", ((2, 1), (0, 3))])
@pytest.mark.parametrize("width", [(16, 16), (40, 24), (17, 65), (64, 9)])
@pytest.mark.parametrize("spatial", [(4, 4), (9, 18), (13, 8), (3, 30)])
def test_three_by_three(spatial, width, padding):
    compare((3, *spatial, width[0]), (3, 3, *width), padding=padding)


@needs_kernels
@pytest.mark.parametrize("padding", ["same", "valid", ((4, 1), (0, 3))])
@pytest.mark.parametrize("width", [(16, 16), (40, 24), (17, 65), (64, 9)])
@pytest.mark.parametrize("spatial", [(5, 5), (9, 18), (6, 30)])
def test_five_by_five(spatial, width, padding):
    compare((3, *spatial, width[0]), (5, 5, *width), padding=padding)


@needs_kernels
@pytest.mark.parametrize("padding", ["same", "valid", ((3, 0),)])
@pytest.mark.parametrize("strides", [1, 2])
def test_sequences(padding, strides):
    compare((3, 17, 5), (4, 5, 9), padding=padding, strides=strides)


@needs_kernels
@pytest.mark.parametrize("shape", [(0, 5, 5, 3), (1, 3, 3, 3), (1, 3, 40, 3), (5, 30, 3, 3)])
def test_few_and_many_rows(shape):
    compare(shape, (3, 3, 3, 20))


@needs_kernels
def test_one_large_sample_is_shared_between_threads():
    compare((1, 64, 48, 8), (3, 3, 8, 40), padding="same")


@needs_kernels
def test_a_window_that_lies_in_the_padding_alone():
    compare((1, 3, 3, 2), (2, 2, 2, 8), padding=((4, 4), (4, 4)))


@needs_kernels
def test_inside_a_loop_and_under_vmap():
    x, w = draw((4, 6, 6, 8), 0), draw((3, 3, 8, 8), 1)

    @jax.jit
    def loop(x, w):
        return jax.lax.fori_loop(0, 3, lambda _, x: ops.conv(x, w, padding="same") / 10, x)

    with ops.convolution_body("patches"):
        expected = jax.jit(lambda x, w: loop.__wrapped__(x, w))(x, w)
    np.testing.assert_allclose(loop(x, w), expected, rtol=1e-5, atol=1e-5)
    each = jax.vmap(lambda x, w: ops.conv(x[None], w, body="native")[0], (0, None))(x, w)
    np.testing.assert_array_equal(each, ops.conv(x, w, body="native"))


@needs_kernels
def test_gradients_of_gradients_never_meet_the_kernel():
    x, w = draw((1, 5, 5, 8), 0), draw((3, 3, 8, 8), 1)

    def penalty(w, body):
        return jnp.sum(jnp.square(jax.grad(lambda x: jnp.sum(ops.conv(x, w, body=body) ** 2))(x)))

    ours, plain = (jax.grad(penalty)(w, body) for body in ("native", "patches"))
    np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-3)


def test_what_the_kernels_do_not_take_goes_elsewhere():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 4, 4, 8)))
        y = ops.conv(x, jnp.ones((2, 2, 8, 8)), body="native")
        assert y.dtype == jnp.float64
    volume = ops.conv(jnp.ones((1, 3, 3, 3, 8)), jnp.ones((2, 2, 2, 8, 8)), body="native")
    assert float(volume[0, 0, 0, 0, 0]) == 64
