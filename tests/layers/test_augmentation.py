"""Layers that change images at random: geometry by hand, keys, independence, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call
from layers.cases import AUGMENTATION as CASES
from pellucid import layers, ops
from pellucid.errors import ArgumentError, NotReadyError, ShapeError
from pellucid.layers import Context, Variables
from pellucid.models import Sequential

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
PICTURE = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "float32")
ZERO_OUTSIDE = {"fill_mode": "constant", "fill_value": 0.0}


def change(layer, picture, seed=0):
    """Return one grey picture after the layer, in training."""
    y, _ = call(layer, np.asarray(picture, "float32")[None, :, :, None], training=True, seed=seed)
    return np.asarray(y)[0, :, :, 0]


def many(layer, picture, count, seed=0):
    """Return what the layer makes of ``count`` copies of one grey picture."""
    copies = np.repeat(np.asarray(picture, "float32")[None, :, :, None], count, axis=0)
    return np.asarray(call(layer, copies, training=True, seed=seed)[0])[..., 0]


def kinds(pictures):
    return {picture.tobytes() for picture in np.ascontiguousarray(pictures)}


@functools.cache
def compiled(case):
    """Return (x, seed) -> y in training, compiled once for each row of the table."""

    def run(x, seed):
        context = Context(True, jax.random.key(seed), path=("layer",))
        return case.layer.run_checked(Variables(), x, context)

    return jax.jit(run)


@EVERY
def test_training_changes_and_evaluation_does_not(case):
    x = case.inputs(batch=16)
    still, _ = call(case.layer, x)
    learning = compiled(case)(x, 0)
    assert learning.shape == still.shape
    assert not np.array_equal(learning, still)
    if not isinstance(case.layer, layers.RandomCrop):
        np.testing.assert_array_equal(still, x)


@EVERY
def test_a_seed_fixes_every_bit_and_another_changes_them(case):
    x = case.inputs(batch=16)
    first, again, other = (compiled(case)(x, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@EVERY
def test_every_image_has_its_own_draw(case):
    copies = np.repeat(case.inputs(batch=1), 16, axis=0)
    # One flip makes 2 pictures, two flips 4, the windows 3, and the rest as many as there are.
    assert len(kinds(compiled(case)(copies, 0))) >= 2


@EVERY
def test_images_do_not_mix(case):
    x = np.array(case.inputs(batch=16))
    before = compiled(case)(x, 0)
    x[2] = 3.0
    after = compiled(case)(x, 0)
    others = np.arange(16) != 2
    np.testing.assert_array_equal(before[others], after[others])


@EVERY
def test_training_without_a_key_is_refused(case):
    with pytest.raises(NotReadyError, match="Layer 'shaken' needs random numbers.*pass key="):
        case.layer.run_checked(Variables(), case.inputs(), Context(training=True, path=("shaken",)))


def test_flips_are_the_four_mirror_images():
    up, left = PICTURE[::-1], PICTURE[:, ::-1]
    assert kinds(many(layers.RandomFlip(), PICTURE, 64)) == kinds(
        [PICTURE, up, left, PICTURE[::-1, ::-1]]
    )
    assert kinds(many(layers.RandomFlip("horizontal"), PICTURE, 64)) == kinds([PICTURE, left])
    assert kinds(many(layers.RandomFlip("vertical"), PICTURE, 64)) == kinds([PICTURE, up])


def test_a_flip_has_equal_chances():
    mirrored = many(layers.RandomFlip("horizontal"), PICTURE, 4000)[:, 0, 0] == 3
    assert abs(mirrored.mean() - 0.5) < 0.03  # the standard deviation is 0.008


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.RandomRotation((0.25, 0.25)), np.rot90(PICTURE)),
        (layers.RandomRotation((-0.25, -0.25)), np.rot90(PICTURE, -1)),
        (layers.RandomRotation((0.5, 0.5)), np.rot90(PICTURE, 2)),
        (layers.RandomAffine(rotation=(0.25, 0.25)), np.rot90(PICTURE)),
        # Down and to the right by one of three pixels.
        (
            layers.RandomTranslation((1 / 3, 1 / 3), 0.0, **ZERO_OUTSIDE),
            [[0, 0, 0], [1, 2, 3], [4, 5, 6]],
        ),
        (
            layers.RandomTranslation(0.0, (1 / 3, 1 / 3), **ZERO_OUTSIDE),
            [[0, 1, 2], [0, 4, 5], [0, 7, 8]],
        ),
        (
            layers.RandomAffine(width_shift=(-1 / 3, -1 / 3), **ZERO_OUTSIDE),
            [[2, 3, 0], [5, 6, 0], [8, 9, 0]],
        ),
        # What lies outside.
        (
            layers.RandomTranslation((2 / 3, 2 / 3), 0.0, fill_mode="reflect"),
            [[4, 5, 6], [1, 2, 3], [1, 2, 3]],
        ),
        (
            layers.RandomTranslation((2 / 3, 2 / 3), 0.0, fill_mode="nearest"),
            [[1, 2, 3], [1, 2, 3], [1, 2, 3]],
        ),
        (
            layers.RandomTranslation((2 / 3, 2 / 3), 0.0, fill_mode="wrap"),
            [[4, 5, 6], [7, 8, 9], [1, 2, 3]],
        ),
        (
            layers.RandomTranslation((2 / 3, 2 / 3), 0.0, fill_mode="constant", fill_value=-1),
            [[-1, -1, -1], [-1, -1, -1], [1, 2, 3]],
        ),
        # u = 1 halves the picture, u = -0.5 doubles it; the pixel in the middle stays.
        (layers.RandomZoom((1, 1), **ZERO_OUTSIDE), [[0, 0, 0], [0, 5, 0], [0, 0, 0]]),
        (layers.RandomZoom((1, 1), 0.0, **ZERO_OUTSIDE), [[0, 0, 0], [4, 5, 6], [0, 0, 0]]),
        (layers.RandomZoom((-0.5, -0.5)), [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]]),
        # Rows go to the left with x = 1, the more the lower they lie; columns go up with y = 1.
        (layers.RandomShear((1, 1), 0.0, **ZERO_OUTSIDE), [[0, 1, 2], [4, 5, 6], [8, 9, 0]]),
        (layers.RandomShear(0.0, (1, 1), **ZERO_OUTSIDE), [[0, 2, 6], [1, 5, 9], [4, 8, 0]]),
    ],
    ids=lambda value: repr(value) if isinstance(value, layers.Layer) else "y",
)
def test_geometry_by_hand(layer, expected):
    np.testing.assert_allclose(change(layer, PICTURE), expected, atol=2e-5)


def test_affine_maps_are_joined_in_the_order_that_is_said():
    """Zoomed by 2, then rotated by a quarter, then moved one pixel down."""
    joined = layers.RandomAffine(
        rotation=(0.25, 0.25), zoom=(-0.5, -0.5), height_shift=(0.2, 0.2), **ZERO_OUTSIDE
    )
    picture = np.random.default_rng(0).normal(size=(5, 5))
    zoomed = change(layers.RandomZoom((-0.5, -0.5), **ZERO_OUTSIDE), picture)
    expected = np.vstack([np.zeros((1, 5)), np.rot90(zoomed)[:-1]])
    np.testing.assert_allclose(change(joined, picture)[1:], expected[1:], atol=1e-4)


def test_windows_lie_everywhere_in_training_and_in_the_middle_in_evaluation():
    layer = layers.RandomCrop(2, 2)
    windows = [PICTURE[r : r + 2, s : s + 2] for r in (0, 1) for s in (0, 1)]
    assert kinds(many(layer, PICTURE, 64)) == kinds(windows)
    five = np.arange(25.0, dtype="float32").reshape(1, 5, 5, 1)
    y, _ = call(layers.RandomCrop(3, 1), five)
    np.testing.assert_array_equal(y[0, :, :, 0], [[7], [12], [17]])


def test_padding_and_a_window_give_back_the_image_in_evaluation():
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype("float32")
    padded, _ = call(layers.ZeroPadding2D(2), x)
    np.testing.assert_array_equal(call(layers.RandomCrop(5, 5), padded)[0], x)


def test_elastic_distances_are_smooth_and_as_wide_as_said():
    rows, columns = layers.ElasticDistortion(34, 4).places(jax.random.key(0), (200, 40, 40, 1))
    down = np.asarray(rows - jnp.arange(40.0)[:, None])[:, 12:-12, 12:-12]
    right = np.asarray(columns - jnp.arange(40.0))[:, 12:-12, 12:-12]
    # alpha / (sqrt(3) 2 sqrt(pi) sigma), the deviation of smoothed even noise
    assert abs(down.std() / (34 / (np.sqrt(3) * 2 * np.sqrt(np.pi) * 4)) - 1) < 0.05
    assert abs(np.corrcoef(down.ravel(), right.ravel())[0, 1]) < 0.1
    # The correlation of neighbors in a field smoothed by a Gaussian: exp(-1 / (4 sigma^2)).
    neighbors = np.corrcoef(down[:, 1:].ravel(), down[:, :-1].ravel())[0, 1]
    assert abs(neighbors - np.exp(-1 / 64)) < 0.005


def test_no_elasticity_is_the_identity():
    np.testing.assert_array_equal(change(layers.ElasticDistortion(0), PICTURE), PICTURE)


def test_brightness_by_hand():
    y = change(layers.RandomBrightness((0.5, 0.5), value_range=(0, 10)), PICTURE)
    np.testing.assert_allclose(y, np.minimum(PICTURE + 5, 10))
    y = change(layers.RandomBrightness((-0.2, -0.2), value_range=(1, 11)), PICTURE)
    np.testing.assert_allclose(y, np.maximum(PICTURE - 2, 1))


def test_contrast_by_hand():
    layer = layers.RandomContrast((0, 1), value_range=(0, 10))
    u = (many(layer, PICTURE, 500)[:, 1, 2] - 5) / (6 - 5)  # the mean is 5
    assert u.min() >= 1
    assert u.max() <= 2
    assert abs(u.mean() - 1.5) < 0.06  # the standard error is 0.013
    y = change(layer, PICTURE)
    u = y[1, 2] - 5
    np.testing.assert_allclose(y, np.clip(u * (PICTURE - 5) + 5, 0, 10), rtol=1e-5)


def test_boxes_have_the_area_and_the_chance_that_are_said():
    layer = layers.RandomErasing(0.6, scale=(0.1, 0.2), fill_value=7.0)
    erased = many(layer, np.zeros((32, 32)), 1000) == 7
    share = erased.mean((1, 2))
    assert abs((share > 0).mean() - 0.6) < 0.06  # the standard deviation is 0.015
    assert share[share > 0].min() > 0.08  # sides are whole pixels
    assert share.max() < 0.22
    for box in erased[share > 0][:20]:
        rows, columns = np.where(box)
        assert box.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert erased[:, 0, 0].any()
    assert erased[:, -1, -1].any()


def test_erased_pixels_are_noise_by_default_and_pass_no_gradient():
    layer = layers.RandomErasing(scale=(0.3, 0.3), value_range=(2, 3))
    x = jnp.zeros((1, 20, 20, 1))
    y, _ = call(layer, x, training=True)
    noise = np.asarray(y)[np.asarray(y) != 0]
    assert 2 <= noise.min() < 2.1
    assert 2.9 < noise.max() <= 3
    slopes = jax.grad(lambda x: jnp.sum(call(layer, x, training=True)[0]))(x)
    np.testing.assert_array_equal(slopes, np.asarray(y) == 0)


GRADIENT = np.random.default_rng(3).uniform(0.2, 0.8, (4, 5, 5, 3)).astype("float32")
ALL_VALUES = (-9, 9)
BRIGHTNESS = np.array([0.299, 0.587, 0.114])


def trained(layer, x, seed=0):
    return np.asarray(call(layer, x, training=True, seed=seed)[0])


def test_saturation_by_hand():
    """u = 0 gives the brightness of the pixel, u = 1 the picture, u = 2 twice the distance."""
    brightness = np.repeat((GRADIENT @ BRIGHTNESS)[..., None], 3, axis=-1)
    none = trained(layers.RandomSaturation((1, 0), value_range=ALL_VALUES), GRADIENT)
    strength = (none - GRADIENT) / (brightness - GRADIENT)  # 1 - u, the same for a whole picture
    for share in strength:
        np.testing.assert_allclose(share, share[0, 0, 0], atol=1e-3)
    assert ((strength > -1e-3) & (strength < 1 + 1e-3)).all()
    np.testing.assert_allclose(none @ BRIGHTNESS, GRADIENT @ BRIGHTNESS, atol=1e-5)
    same = trained(layers.RandomSaturation(0.0, value_range=ALL_VALUES), GRADIENT)
    np.testing.assert_allclose(same, GRADIENT, atol=1e-6)


def test_hue_keeps_brightness_and_greys_and_turns_back():
    def turned(x, by):
        return trained(layers.RandomHue((by, by), value_range=ALL_VALUES), x)

    y = turned(GRADIENT, 0.3)
    assert np.abs(y - GRADIENT).max() > 0.1
    np.testing.assert_allclose(y @ BRIGHTNESS, GRADIENT @ BRIGHTNESS, atol=1e-4)
    np.testing.assert_allclose(turned(y, -0.3), GRADIENT, atol=1e-4)
    grey = np.full((1, 2, 2, 3), 0.4, "float32")
    np.testing.assert_allclose(turned(grey, 0.2), grey, atol=1e-3)  # T's digits are four
    np.testing.assert_allclose(turned(turned(GRADIENT, 0.5), 0.5), GRADIENT, atol=1e-4)


def test_blur_is_scipy_s_within_and_keeps_even_areas():
    from scipy.ndimage import gaussian_filter

    picture = np.random.default_rng(0).normal(size=(31, 31))
    y = change(layers.RandomGaussianBlur((1.5, 1.5)), picture)
    expected = gaussian_filter(picture, 1.5, truncate=8)
    np.testing.assert_allclose(y[12:-12, 12:-12], expected[12:-12, 12:-12], atol=1e-4)
    np.testing.assert_allclose(
        change(layers.RandomGaussianBlur((2.0, 2.0)), np.full((6, 9), 3.0)), 3.0, rtol=1e-5
    )
    blurred = many(layers.RandomGaussianBlur((1.0, 1.0), 0.3), PICTURE, 1000)
    share = (np.abs(blurred - PICTURE).max((1, 2)) > 1e-3).mean()
    assert abs(share - 0.3) < 0.06  # the standard deviation is 0.015


SOUND = np.arange(1.0, 11, dtype="float32")[None, :, None]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]),
        ({"fill_mode": "wrap"}, [8, 9, 10, 1, 2, 3, 4, 5, 6, 7]),
        ({"fill_mode": "nearest"}, [1, 1, 1, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_time_shift_by_hand(settings, expected):
    y = trained(layers.RandomTimeShift((0.3, 0.3), **settings), SOUND)
    assert y[0, :, 0].tolist() == expected
    back = trained(layers.RandomTimeShift((-0.2, -0.2)), SOUND)
    assert back[0, :, 0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 0, 0]


def test_gain_by_hand():
    y = trained(layers.RandomGain((20, 20)), SOUND)
    np.testing.assert_allclose(y, 10 * SOUND, rtol=1e-6)
    copies = np.repeat(SOUND, 400, axis=0)
    g = 20 * np.log10(trained(layers.RandomGain((-6, 12)), copies)[:, 0, 0])
    assert -6.001 < g.min() < -5
    assert 11 < g.max() < 12.001


def test_noise_has_the_ratio_that_is_said():
    x = np.random.default_rng(0).normal(0, 3, (200, 500, 1)).astype("float32")
    e = trained(layers.RandomNoise((10, 10)), x) - x
    ratio = 10 * np.log10((x**2).mean() / (e**2).mean())
    assert abs(ratio - 10) < 0.1
    slopes = jax.grad(lambda x: jnp.sum(call(layers.RandomNoise((10, 10)), x, training=True)[0]))(
        jnp.zeros((1, 4, 1))
    )
    assert np.isfinite(slopes).all()


def test_masks_are_bands_of_the_width_that_is_said():
    x = np.ones((600, 40, 20), "float32")
    y = trained(layers.SpecAugment(1, 0.25, 1, 0.5), x)
    steps, bands = (y == 0).all(axis=2), (y == 0).all(axis=1)
    np.testing.assert_array_equal(y == 0, steps[:, :, None] | bands[:, None, :])
    for masks, most, size in ((steps, 10, 40), (bands, 10, 20)):
        widths = masks.sum(axis=1)
        assert set(widths) == set(range(most + 1))
        assert abs(widths.mean() - most / 2) < 0.6  # the standard error is 0.13
        for row in masks[widths > 0][:50]:
            places = np.flatnonzero(row)
            assert len(places) == places[-1] - places[0] + 1
        assert masks[:, 0].any()
        assert masks[:, size - 1].any()


def test_word_dropout_replaces_words_alone():
    x = np.tile(np.array([[5, 6, 0, 7]], "int32"), (2000, 1))
    y = trained(layers.WordDropout(0.3, token=1), x)
    assert y.dtype == np.int32
    assert not y[:, 2].any()
    replaced = y == 1
    assert abs(replaced[:, [0, 1, 3]].mean() - 0.3) < 0.03  # the standard deviation is 0.006
    np.testing.assert_array_equal(y[~replaced], x[~replaced])
    np.testing.assert_array_equal(call(layers.WordDropout(0.3), x)[0], x)


def test_colors_need_three_channels():
    for layer in (layers.RandomHue(0.1), layers.RandomSaturation(0.1)):
        with pytest.raises(ShapeError, match="images of 3 colors, got shape .*; leave it out for"):
            call(layer, jnp.zeros((2, 3, 3, 1)), training=True)


def test_fields_are_drawn_once_for_every_use_in_a_step():
    """Two uses in one step get two draws; the step's key alone says which."""
    context = Context(True, jax.random.key(0), path=("net",))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 5, 5, 1)), "float32")
    layer = layers.RandomRotation(0.2)
    first, second = (layer.run_checked(Variables(), x, context) for _ in range(2))
    assert not np.array_equal(first, second)


def test_two_fits_of_one_seed_are_bit_equal():
    """Inside the compiled step, with a short last batch."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 6, 6, 1)).astype("float32"), rng.integers(0, 3, 10)

    def weights(change):
        stack = [layers.Input((6, 6, 1)), *change, layers.Flatten(), layers.Dense(3, "softmax")]
        model = Sequential(stack, seed=1)
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        return model.get_weights()

    changes = [layers.RandomAffine(rotation=0.2, zoom=0.2), layers.RandomErasing(fill_value=0.0)]
    first, again, plain = weights(changes), weights(changes), weights([])
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], plain[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomRotation(-0.1), r"RandomRotation expected factor .* in \[0, inf"),
        (lambda: layers.RandomRotation((1, 2, 3)), "factor to be one number or two"),
        (lambda: layers.RandomRotation((0.2, 0.1)), r"smaller to the larger .* type \(0.1, 0.2\)"),
        (lambda: layers.RandomZoom(1.0), r"height_factor to be a number in \(-1, inf\), got -1.0"),
        (lambda: layers.RandomZoom(0.1, (-2, 0)), r"width_factor to be a number in \(-1, inf"),
        (lambda: layers.RandomAffine(zoom=2), r"RandomAffine expected zoom to be a number in"),
        (lambda: layers.RandomAffine(rotation="x"), "rotation to be a number in"),
        (lambda: layers.RandomShear(0.1, fill_mode="edge"), "fill_mode to be one of 'constant'"),
        (lambda: layers.RandomFlip("diagonal"), "mode to be one of 'horizontal', 'vertical'"),
        (lambda: layers.RandomFlip(data_format="channels_first"), "data_format to be 'channels_l"),
        (lambda: layers.RandomCrop(0, 3), "RandomCrop expected height to be an integer of 1"),
        (lambda: layers.ElasticDistortion(-1), "alpha to be a number in"),
        (lambda: layers.ElasticDistortion(1, 0), r"sigma to be a number in \(0, inf"),
        (lambda: layers.RandomBrightness(1.5), r"RandomBrightness expected factor .* \[-1, 1\]"),
        (lambda: layers.RandomBrightness(0.1, 255), r"type value_range=\(0, 1\) behind Resc"),
        (lambda: layers.RandomContrast((2, 0)), r"RandomContrast expected factor .* \[0, 1\]"),
        (lambda: layers.RandomContrast((0, 0, 0)), "factor to be one number or two"),
        (lambda: layers.RandomErasing(2), r"RandomErasing expected factor .* \[0, 1\]"),
        (lambda: layers.RandomErasing(scale=0.1), r"type scale=\(0.02, 0.33\)"),
        (lambda: layers.RandomErasing(scale=(0.5, 2)), r"scale to be a number in \[0, 1\]"),
        (lambda: layers.RandomSaturation((2, 0)), r"RandomSaturation expected factor .* \[0, 1\]"),
        (lambda: layers.RandomSaturation((0, 0, 0)), "factor to be one number or two"),
        (lambda: layers.RandomHue(0.7), r"RandomHue expected factor .* \[-0.5, 0.5\]"),
        (lambda: layers.RandomGaussianBlur(0.0), r"sigma to be a number in \(0, inf"),
        (lambda: layers.RandomGaussianBlur("2"), r"sigma to be a number in \(0, inf"),
        (lambda: layers.RandomGaussianBlur(factor=2), r"factor to be a number in \[0, 1\]"),
        (lambda: layers.RandomTimeShift(0.1, "zeros"), "fill_mode to be one of 'constant'"),
        (lambda: layers.RandomGain("loud"), "decibels to be a number"),
        (lambda: layers.RandomNoise(10), r"type decibels=\(10, 40\)"),
        (lambda: layers.SpecAugment(-1), "time_masks to be an integer of 0 or more"),
        (lambda: layers.SpecAugment(time_width=2), r"time_width to be a number in \[0, 1\]"),
        (lambda: layers.WordDropout(1.0), r"rate to be a number in \[0, 1\)"),
        (lambda: layers.WordDropout(0.1, token=-1), "token to be a word number of 0 or more"),
    ],
    ids=[f"{number}" for number in range(33)],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(ShapeError, match=r"at least 4x3 pixels, got shape .*ZeroPadding2D before"):
        call(layers.RandomCrop(4, 3), jnp.zeros((2, 3, 3, 1)))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3, 3), (2, 3, 3), (2, 3, 3)), "rank 4"),
        (((2, 3, 3, 1), (2, 3, 3), (2, 3, 4)), "rows and columns of equal shape"),
        (((2, 3, 3, 1), (1, 3, 3), (1, 3, 3)), r"rows of shape \(2, new height, new width\)"),
    ],
)
def test_resample_refuses_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(ShapeError, match=message):
        ops.resample(*map(jnp.zeros, shapes))
