"""Convolutions, pooling and normalization beside the basic ones: numbers by hand, and bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid import ops
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    Average,
    AveragePooling1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GroupNormalization,
    Input,
    InstanceNormalization,
    LocalResponseNormalization,
    MaxPooling1D,
    RadialBasis,
    SeparableConv2D,
    SparseConv2D,
    SpatialDropout2D,
    SpectralNormalization,
    SquaredDistance,
    Subtract,
    Variables,
    ZeroPadding3D,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


# Transposed convolution


def test_a_transposed_convolution_by_hand():
    # Each step writes (1, 10, 100) times itself, two steps further on: 1 10 100, and 2 20 200.
    kernel = np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    x = np.array([1.0, 2.0], "float32").reshape(1, 2, 1)
    y, _ = call(Conv1DTranspose(1, 3, 2, use_bias=False), x, {"kernel": kernel})
    np.testing.assert_array_equal(y[0, :, 0], [1, 10, 102, 20, 200])
    same, _ = call(Conv1DTranspose(1, 3, 2, "same", use_bias=False), x, {"kernel": kernel})
    np.testing.assert_array_equal(same[0, :, 0], [1, 10, 102, 20])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_it_is_the_transpose_of_the_convolution(padding):
    """<conv(a), b> = <a, transposed(b)> for the same kernel."""
    kernel, b = normal(3, 2, 2, 4), normal(1, 3, 2, 4, seed=2)
    a = normal(1, 7 if padding == "valid" else 6, 4, 2, seed=1)
    forward, _ = call(Conv2D(4, (3, 2), 2, padding, use_bias=False), a, {"kernel": kernel})
    layer = Conv2DTranspose(2, (3, 2), 2, padding, use_bias=False)
    back, _ = call(layer, b, {"kernel": kernel})
    assert back.shape == a.shape
    np.testing.assert_allclose(jnp.vdot(forward, b), jnp.vdot(a, back), rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, 11),  # (5 - 1) 2 + 3
        ({"padding": "same"}, 10),
        ({"output_padding": 1}, 12),
        ({"padding": "same", "output_padding": 0}, 9),
        ({"padding": "same", "output_padding": 1}, 10),
        ({"strides": 4}, 20),  # gaps: no fewer than strides steps
        ({"dilation_rate": 2, "strides": 1}, 9),
    ],
    ids=repr,
)
def test_sizes_of_transposed_convolutions(settings, size):
    layer = Conv1DTranspose(1, 3, **{"strides": 2, **settings})
    assert layer(Input((5, 2))).shape == (None, size, 1)


# Depthwise, separable, sparse, three axes


def test_every_channel_has_its_own_filters():
    x, kernel = normal(1, 4, 5, 2), normal(3, 2, 2, 3, seed=1)
    y, _ = call(DepthwiseConv2D((3, 2), depth_multiplier=3, use_bias=False), x, {"kernel": kernel})
    for channel in range(2):
        alone = {"kernel": kernel[:, :, [channel]]}
        expected, _ = call(Conv2D(3, (3, 2), use_bias=False), x[..., [channel]], alone)
        part = y[..., 3 * channel : 3 * channel + 3]
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-6)


def test_separable_is_depthwise_then_pointwise():
    x, d, p = normal(1, 4, 5, 2), normal(3, 3, 2, 2, seed=1), normal(1, 1, 4, 3, seed=2)
    layer = SeparableConv2D(3, 3, depth_multiplier=2, use_bias=False)
    y, _ = call(layer, x, {"depthwise_kernel": d, "pointwise_kernel": p})
    first, _ = call(DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), x, {"kernel": d})
    np.testing.assert_allclose(y, first @ p[0, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "variable"),
    [
        (DepthwiseConv2D(2, depthwise_regularizer="l2", depthwise_constraint="non_neg"), "kernel"),
        (
            SeparableConv2D(2, 2, pointwise_regularizer="l2", pointwise_constraint="non_neg"),
            "pointwise_kernel",
        ),
    ],
    ids=["depthwise", "separable"],
)
def test_penalties_and_constraints_reach_the_kernels(layer, variable):
    made = layer.make_variables(jax.random.key(0), spec(1, 4, 4, 2))
    expected = 0.01 * np.sum(np.square(made[variable]))
    np.testing.assert_allclose(layer.penalty(made.parameters), expected, rtol=1e-5)
    assert np.any(made[variable] < 0)
    assert np.all(layer.constrain(made.parameters)[variable] >= 0)


def test_a_sparse_filter_sees_its_channels_alone():
    layer = SparseConv2D(((0, 2), (1,)), 2, kernel_initializer="ones")
    variables = layer.make_variables(jax.random.key(0), spec(1, 3, 3, 3))
    assert variables["kernel"].shape == (2, 2, 3)
    x = np.stack([np.full((1, 2, 2), value, "float32") for value in (1, 10, 100)], -1)
    y, _ = call(layer, x, variables)
    np.testing.assert_array_equal(y[0, 0, 0], [4 + 400, 40])


def test_a_volume_by_hand():
    x = np.arange(8.0, dtype="float32").reshape(1, 2, 2, 2, 1)
    y, _ = call(Conv3D(1, 2, kernel_initializer="ones"), x)
    np.testing.assert_array_equal(y, [[[[[28.0]]]]])


# Pooling


def test_adaptive_windows_by_hand():
    # Five steps, three windows: 0-1, 1-3, 3-4.
    x = np.array([1.0, 5.0, 2.0, 4.0, 8.0], "float32").reshape(1, 5, 1)
    mean, _ = call(AdaptiveAveragePooling1D(3), x)
    largest, _ = call(AdaptiveMaxPooling1D(3), x)
    np.testing.assert_allclose(mean[0, :, 0], [3, 11 / 3, 6], rtol=1e-6)
    np.testing.assert_array_equal(largest[0, :, 0], [5, 5, 8])


def test_of_equal_maxima_the_first_gets_the_gradient():
    x = jnp.array([[2.0, 2.0], [1.0, 2.0]]).reshape(1, 2, 2, 1)
    dx = jax.grad(lambda x: ops.adaptive_max_pool(x, output_size=1).sum())(x)
    np.testing.assert_array_equal(dx[0, ..., 0], [[1, 0], [0, 0]])


@pytest.mark.parametrize("layer", [AdaptiveAveragePooling2D, AdaptiveMaxPooling2D])
def test_adaptive_pooling_knows_its_size_for_any_image(layer):
    assert layer((2, 3))(Input((None, None, 5))).shape == (None, 2, 3, 5)


@pytest.mark.parametrize(("layer", "first"), [(MaxPooling1D, -3.0), (AveragePooling1D, -3.0)])
def test_explicit_margins_do_not_count(layer, first):
    x = np.array([-3.0, -5.0, -7.0], "float32").reshape(1, 3, 1)
    y, _ = call(layer(2, 2, ((1, 0),)), x)
    assert y[0, 0, 0] == first
    assert y.shape == (1, 2, 1)


# Normalization


def test_groups_of_one_channel_are_instances():
    x = normal(2, 3, 4, 5)
    groups, _ = call(GroupNormalization(-1), x)
    instances, _ = call(InstanceNormalization(), x)
    np.testing.assert_array_equal(groups, instances)
    np.testing.assert_allclose(np.mean(instances, (1, 2)), np.zeros((2, 5)), atol=1e-6)


def test_one_group_is_a_whole_sample():
    y, _ = call(GroupNormalization(1, epsilon=1e-7), normal(3, 4, 4, 2))
    np.testing.assert_allclose(np.mean(y, (1, 2, 3)), np.zeros(3), atol=1e-6)
    np.testing.assert_allclose(np.var(y, (1, 2, 3)), np.ones(3), rtol=1e-4)


def test_local_response_by_hand():
    x = np.array([[1.0, 2.0, 3.0]], "float32")
    y, _ = call(LocalResponseNormalization(3, alpha=1.0, beta=1.0, k=1.0), x)
    np.testing.assert_allclose(y, [[1 / 6, 2 / 15, 3 / 14]], rtol=1e-6)


def test_spectral_normalization_divides_by_the_largest_singular_value():
    layer = SpectralNormalization(Dense(3, use_bias=False), power_iterations=50)
    x = np.eye(4, dtype="float32")
    y, _ = call(layer, x)  # the rows of the kernel that runs
    assert np.linalg.svd(np.asarray(y), compute_uv=False)[0] == pytest.approx(1, rel=1e-4)


def test_the_singular_vector_is_kept_in_training_alone():
    layer = SpectralNormalization(Dense(3))
    x = normal(2, 4)
    variables = layer.make_variables(jax.random.key(0), spec(2, 4))
    evaluated, context = call(layer, x, variables)
    assert context.collected.state == {}
    trained, context = call(layer, x, variables, training=True)
    np.testing.assert_array_equal(evaluated, trained)
    (kept,) = context.collected.state.values()
    assert np.linalg.norm(kept["vector_u"]) == pytest.approx(1, rel=1e-5)
    assert not np.allclose(kept["vector_u"], variables["vector_u"])


def test_spatial_dropout_takes_whole_channels():
    x = np.ones((4, 3, 3, 50), "float32")
    y, _ = call(SpatialDropout2D(0.5), x, training=True)
    each = np.asarray(y).reshape(4, 9, 50)
    assert np.all(each == each[:, :1])
    assert set(np.unique(each)) == {0.0, 2.0}
    assert not np.array_equal(each[0], each[1])


# Radial basis functions


def test_a_bell_by_hand():
    weights = {"centers": np.array([[0.0, 0.0], [3.0, 4.0]]), "widths": np.array([1.0, 5.0])}
    y, _ = call(RadialBasis(2), np.zeros((1, 2), "float32"), weights)
    np.testing.assert_allclose(y, [[1.0, np.exp(-0.5)]], rtol=1e-6)
    d, _ = call(SquaredDistance(2), np.zeros((1, 2), "float32"), {"centers": weights["centers"]})
    np.testing.assert_allclose(d, [[0.0, 25.0]])


def test_centers_are_put_at_the_means_of_clusters():
    x = np.array([[0.0, 0], [0, 2], [10, 0], [10, 2], [0, 30], [0, 32]])
    placed = RadialBasis(3).place(x)
    order = np.argsort(placed["centers"].sum(1))
    centers = np.asarray(placed["centers"])[order]
    np.testing.assert_allclose(centers, [[0, 1], [10, 1], [0, 31]], atol=1e-5)
    # Root of the mean of the squared distances to the two others: 100, 900 and 1000.
    widths = np.asarray(placed["widths"])[order]
    np.testing.assert_allclose(widths, np.sqrt([500, 550, 950]), rtol=1e-5)


def test_more_units_than_samples_are_refused():
    with pytest.raises(DataError, match="at least 3 different samples, one for each unit, got 2"):
        RadialBasis(3).place(np.array([[1.0], [1.0], [2.0]]))


# Several inputs


@pytest.mark.parametrize(
    ("op", "da", "db"),
    [(ops.maximum, [1, 0, 1], [0, 1, 0]), (ops.minimum, [1, 1, 0], [0, 0, 1])],
    ids=["maximum", "minimum"],
)
def test_of_equals_the_first_is_followed(op, da, db):
    a, b = jnp.array([2.0, 1.0, 3.0]), jnp.array([2.0, 4.0, 0.0])
    gradients = jax.grad(lambda a, b: op(a, b).sum(), (0, 1))(a, b)
    np.testing.assert_array_equal(gradients[0], da)
    np.testing.assert_array_equal(gradients[1], db)


def test_a_mean_of_three():
    y, _ = call(Average(), [jnp.full((1, 2), value) for value in (1.0, 2.0, 6.0)])
    np.testing.assert_allclose(y, [[3.0, 3.0]], rtol=1e-6)


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2DTranspose(0, 3), "filters to be an integer of 1 or more, got 0"),
        (lambda: Conv2DTranspose(2, 3, padding="full"), "padding to be one of 'valid', 'same'"),
        (lambda: Conv2DTranspose(2, 3, 2, output_padding=2), "less than strides=2, got 2"),
        (lambda: Conv1DTranspose(2, 3, output_padding=(0, 1)), "output_padding to be None or 1"),
        (lambda: DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier to be an integer of 1"),
        (lambda: DepthwiseConv2D(3, padding="causal"), "explicit zeros .* got 'causal'"),
        (lambda: SeparableConv2D(0, 3), "SeparableConv2D expected filters"),
        (lambda: SparseConv2D((), 5), "SparseConv2D expected connections to name"),
        (lambda: SparseConv2D(((0, 0),), 5), "one or more different channels"),
        (lambda: MaxPooling1D(2, padding=((1,),)), "'same' or a pair .before, after."),
        (lambda: AdaptiveMaxPooling1D(0), "output_size to be an integer of 1 or more, got 0"),
        (lambda: GroupNormalization(0), "groups to be an integer of 1 or more, got 0"),
        (lambda: GroupNormalization(axis=1), "axis to be -1, the channels"),
        (lambda: LocalResponseNormalization(4), "size to be an odd number.*type size=5"),
        (lambda: LocalResponseNormalization(k=0), "k to be a number in .0, inf"),
        (lambda: SpectralNormalization(Dense(2), 0), "power_iterations to be an integer of 1"),
        (lambda: SpatialDropout2D(1.0), "rate to be a number in .0, 1"),
        (lambda: Cropping1D(-1), "cropping to be integers of 0 or more.*type Cropping1D"),
        (lambda: Cropping2D((1, 2, 3)), "one or two for each axis, got .1, 2, 3."),
        (lambda: ZeroPadding3D((1, 2)), "padding to be one integer of 0 or more, three, or a pair"),
        (lambda: RadialBasis(0), "units to be an integer of 1 or more, got 0"),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (GroupNormalization(3), (4, 4, 8), ArgumentError, "a multiple of groups=3, got 8"),
        (Cropping2D(2), (4, 9, 1), ShapeError, "2 . 2 entries are to be cut from axis 1"),
        (
            SpectralNormalization(Flatten()),
            (4,),
            ArgumentError,
            "named kernel or embeddings, got F",
        ),
        (SparseConv2D(((0, 3),), 2), (4, 4, 3), ArgumentError, "channels from 0 to 2, got"),
        (Conv3D(2, 3), (2, 5, 5, 1), ShapeError, "the input is 2x5x5 but the kernel covers 3x3x3"),
        (MaxPooling1D(2, padding=((2, 0),)), (4, 1), ArgumentError, "padding smaller than the"),
    ],
    ids=repr,
)
def test_inputs_that_do_not_fit_are_refused(layer, shape, error, message):
    with pytest.raises(error, match=message):
        layer(Input(shape))


def test_a_difference_has_two_parts():
    with pytest.raises(ShapeError, match="list of two inputs, got 3; add those"):
        call(Subtract(), [np.zeros((1, 2), "float32")] * 3)


def test_a_wrong_number_of_centers_is_refused():
    variables = Variables({"centers": jnp.zeros((2, 3))})
    with pytest.raises(ShapeError, match="last axis has size 3"):
        call(SquaredDistance(2), np.zeros((1, 4), "float32"), variables)
