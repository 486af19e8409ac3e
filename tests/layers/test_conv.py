"""Convolution layers: numbers by hand, and against loops over windows."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import Context, Conv1D, Conv2D, Input
from pellucid.layers._context import Collected


def by_loops(x, kernel, bias, strides, padding, dilation, groups):
    """Convolve an image with explicit zeros, window by window."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    rows_k, columns_k, depth, filters = kernel.shape
    rows = (x.shape[1] - dilation[0] * (rows_k - 1) - 1) // strides[0] + 1
    columns = (x.shape[2] - dilation[1] * (columns_k - 1) - 1) // strides[1] + 1
    y = np.zeros((len(x), rows, columns, filters))
    for r, c, o in itertools.product(range(rows), range(columns), range(filters)):
        group = o // (filters // groups)
        window = x[
            :,
            r * strides[0] : r * strides[0] + dilation[0] * (rows_k - 1) + 1 : dilation[0],
            c * strides[1] : c * strides[1] + dilation[1] * (columns_k - 1) + 1 : dilation[1],
            group * depth : (group + 1) * depth,
        ]
        y[:, r, c, o] = (window * kernel[..., o]).sum((1, 2, 3)) + bias[o]
    return y


def test_a_sequence_by_hand():
    # z_t = 1 x_t + 10 x_(t+1) + 5
    x = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 4, 1)
    weights = {"kernel": np.array([1.0, 10.0]).reshape(2, 1, 1), "bias": np.array([5.0])}
    y, _ = call(Conv1D(1, 2), x, weights)
    np.testing.assert_allclose(y[0, :, 0], [26, 37, 48])


def test_causal_output_depends_on_no_later_step():
    # z_t = 1 x_(t-2) + 10 x_t, with zeros before the start
    x = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 4, 1)
    weights = {"kernel": np.array([1.0, 10.0]).reshape(2, 1, 1), "bias": np.zeros(1)}
    y, _ = call(Conv1D(1, 2, padding="causal", dilation_rate=2), x, weights)
    np.testing.assert_allclose(y[0, :, 0], [10, 20, 31, 42])


def test_an_image_by_hand():
    x = np.arange(9.0, dtype="float32").reshape(1, 3, 3, 1)
    weights = {"kernel": np.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)}
    y, _ = call(Conv2D(1, 2, use_bias=False), x, weights)
    np.testing.assert_allclose(y[0, ..., 0], np.full((2, 2), -4.0))


@pytest.mark.parametrize(
    ("settings", "padding"),
    [
        ({}, ((0, 0), (0, 0))),
        ({"strides": (2, 3)}, ((0, 0), (0, 0))),
        ({"padding": "same"}, ((1, 1), (0, 1))),
        ({"padding": "same", "strides": 2}, ((1, 1), (0, 0))),
        ({"padding": ((0, 2), (1, 1))}, ((0, 2), (1, 1))),
        ({"dilation_rate": (2, 3)}, ((0, 0), (0, 0))),
        ({"groups": 2}, ((0, 0), (0, 0))),
        ({"groups": 4, "strides": 2, "padding": "same"}, ((1, 1), (0, 0))),
    ],
    ids=repr,
)
def test_against_loops(settings, padding):
    rng = np.random.default_rng(0)
    groups = settings.get("groups", 1)
    x = rng.standard_normal((2, 7, 8, 4)).astype("float32")
    kernel = rng.standard_normal((3, 2, 4 // groups, 4)).astype("float32")
    bias = rng.standard_normal(4).astype("float32")
    y, _ = call(Conv2D(4, (3, 2), **settings), x, {"kernel": kernel, "bias": bias})
    strides = np.broadcast_to(settings.get("strides", 1), 2)
    dilation = np.broadcast_to(settings.get("dilation_rate", 1), 2)
    expected = by_loops(x, kernel, bias, strides, padding, dilation, groups)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_shapes_of_the_variables():
    variables = Conv2D(6, (3, 2), groups=2).make_variables(jax.random.key(0), spec(1, 9, 9, 4))
    assert variables["kernel"].shape == (3, 2, 2, 6)
    assert variables["bias"].shape == (6,)
    assert (
        Conv1D(6, 5, use_bias=False).make_variables(jax.random.key(0), spec(1, 9, 4)).get("bias")
        is None
    )


def test_glorot_counts_the_whole_window():
    # Limit sqrt(6 / (fan_in + fan_out)) with fans 5 * 5 * 8 and 5 * 5 * 16.
    kernel = Conv2D(16, 5).make_variables(jax.random.key(0), spec(1, 9, 9, 8))["kernel"]
    limit = np.sqrt(6 / (200 + 400))
    assert 0.99 * limit < float(jnp.max(jnp.abs(kernel))) <= limit


def test_pre_activation_is_recorded():
    layer = Conv1D(2, 3, activation="relu")
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 5, 3)), "float32")
    collected = Collected(values={})
    variables = layer.make_variables(jax.random.key(0), spec(2, 5, 3))
    y = layer.run_checked(variables, x, Context(collected=collected, path=("c",)))
    np.testing.assert_array_equal(jnp.maximum(collected.values["c/pre_activation"], 0), y)


def test_bytes_are_taken_as_numbers():
    x = np.full((1, 3, 3, 1), 200, "uint8")
    y, _ = call(Conv2D(1, 3, kernel_initializer="ones"), x)
    np.testing.assert_allclose(y, [[[[1800.0]]]])


def test_flops_by_hand():
    # 4 * 4 windows, each 3 * 3 * 2 products and sums for each of 5 filters, and the bias.
    layer = Conv2D(5, 3)
    assert layer.flops(spec(1, 6, 6, 2), spec(1, 4, 4, 5)) == 16 * 5 * (2 * 18 + 1)


def test_unknown_sizes_stay_unknown():
    assert Conv2D(8, 3)(Input((None, 32, 3))).shape == (None, None, 30, 8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(0, 3), "Conv2D expected filters to be an integer of 1 or more, got 0"),
        (lambda: Conv2D(4, (3, 3, 3)), "Conv2D expected kernel_size to be 1 or 2 integers"),
        (lambda: Conv2D(4, 3, strides=0), "Conv2D expected strides to be an integer of 1"),
        (lambda: Conv2D(4, 2.5), "kernel_size to be an integer of 1 or more, got 2.5"),
        (lambda: Conv2D(4, None), "kernel_size to be an integer of 1 or more, got None"),
        (lambda: Conv1D(4, 3, dilation_rate=-1), "Conv1D expected dilation_rate"),
        (lambda: Conv2D(4, 3, padding="causal"), "'same' or explicit zeros .* got 'causal'"),
        (lambda: Conv2D(4, 3, padding="sam"), "Conv2D expected padding .*'sam'"),
        (lambda: Conv1D(4, 3, padding="full"), "Conv1D expected padding .*'causal'.*'full'"),
        (lambda: Conv2D(4, 3, padding=((1, 1),)), "Conv2D expected padding"),
        (lambda: Conv2D(4, 3, padding=((1, -1), (0, 0))), "Conv2D expected padding"),
        (lambda: Conv2D(4, 3, groups=3), "filters to be a multiple of groups=3, got 4"),
        (lambda: Conv2D(4, 3, data_format="channels_first"), "data_format to be 'channels_last'"),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_an_image_is_no_sequence():
    with pytest.raises(ShapeError, match="Conv1D expected an input of rank 3.*; use Conv2D for"):
        Conv1D(4, 3)(Input((28, 28, 1)))
    with pytest.raises(ShapeError, match=r"Conv2D expected an input of rank 4.*x\[..., None\] for"):
        Conv2D(4, 3)(Input((28, 28)))


def test_channels_that_groups_do_not_divide_are_refused():
    with pytest.raises(ArgumentError, match="number of input channels .* groups=2, got 3"):
        call(Conv2D(4, 3, groups=2), np.zeros((1, 5, 5, 3), "float32"))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(Conv1D(2, 5), (1, 4, 3)), (Conv2D(2, (2, 5)), (1, 9, 4, 3))],
    ids=repr,
)
def test_an_input_smaller_than_a_window_is_refused(layer, shape):
    with pytest.raises(ShapeError, match="window|kernel"):
        call(layer, np.zeros(shape, "float32"))
