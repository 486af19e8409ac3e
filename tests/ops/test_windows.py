"""Where windows lie, and that putting back is the transpose of taking out."""

import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.ops._windows import Window, lay_windows, pad_axis, put_back, window_slices


def lay(size, kernel, **settings):
    (window,) = lay_windows("test", "window", (size,), (kernel,), **settings)
    return window


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_gives_a_window_for_every_stride(size, kernel, stride, dilation):
    window = lay(size, kernel, strides=stride, padding="same", dilation=dilation)
    assert window.output == -(-size // stride)
    assert window.high - window.low in (0, 1)


def test_by_hand():
    """By hand: 10 positions, windows over 0 2 4, 3 5 7 and, ending in the padding, 6 8 10."""
    window = lay(10, 3, strides=3, dilation=2, padding=((0, 1),))
    assert (window.extent, window.output, window.reach) == (5, 3, 7)
    x = jnp.arange(10.0)
    met = jnp.stack(window_slices(pad_axis(x, 0, window, -1.0), 0, window), axis=1)
    np.testing.assert_array_equal(met, [[0, 2, 4], [3, 5, 7], [6, 8, -1]])


@pytest.mark.parametrize(
    "window",
    [
        Window(size=7, kernel=3, stride=1, dilation=1, low=1, high=1),
        Window(size=7, kernel=2, stride=3, dilation=2, low=0, high=2),
        Window(size=5, kernel=1, stride=3, dilation=1, low=0, high=0),
        Window(size=2, kernel=3, stride=2, dilation=1, low=4, high=3),
    ],
    ids=str,
)
def test_put_back_is_the_transpose_of_taking_out(window):
    """<slices of x, z> = <x, put_back(z)> for random x and z."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(-9, 9, (2, window.size)), jnp.float32)
    z = jnp.asarray(rng.integers(-9, 9, (window.kernel, 2, window.output)), jnp.float32)
    taken = jnp.stack(window_slices(pad_axis(x, 1, window), 1, window))
    back = put_back(list(z), 1, window)
    assert back.shape == x.shape
    assert float(jnp.sum(taken * z)) == float(jnp.sum(x * back))
