"""MixUp and CutMix: shares by hand, partners, padding, seeds, saving, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError
from pellucid.layers import Dense, Flatten, Input
from pellucid.models import Sequential, load_model
from pellucid.training import MIXINGS, Batch, CutMix, MixUp

ROWS = 64
ONE_HOT = np.eye(ROWS, dtype="float32")  # every row is a class of its own: y' tells the partner
IMAGES = np.broadcast_to(np.arange(1.0, ROWS + 1)[:, None, None, None], (ROWS, 8, 10, 2))
IMAGES = IMAGES.astype("float32")


def mixed(mixing, x=IMAGES, y=ONE_HOT, seed=0, **more):
    return mixing(jax.random.key(seed), Batch(jnp.asarray(x), jnp.asarray(y), **more))


def test_mixed_rows_are_the_mixture_that_their_labels_say():
    batch = mixed(MixUp(1.0))
    y = np.asarray(batch.y)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-5)
    assert ((y > 0).sum(axis=1) <= 2).all()
    expected = np.einsum("nk,khwc->nhwc", y, IMAGES)
    np.testing.assert_allclose(batch.x, expected, rtol=1e-4)
    share = y.diagonal()[(y > 0).sum(axis=1) == 2]
    assert share.std() > 0.2  # even from 0 to 1: 0.29


def test_a_small_alpha_hardly_mixes():
    y = np.asarray(mixed(MixUp(0.05)).y)
    assert ((y.max(axis=1) > 0.95).mean()) > 0.6


def test_boxes_have_the_share_that_their_labels_say():
    batch = mixed(CutMix())
    x, y = np.asarray(batch.x), np.asarray(batch.y)
    own = np.arange(1, ROWS + 1)[:, None, None]
    differs = x[..., 0] != own
    np.testing.assert_allclose(1 - differs.mean((1, 2)), y.diagonal(), rtol=1e-5)
    seen = set()
    for row in np.flatnonzero(differs.any((1, 2))):
        rows, columns = np.where(differs[row])
        assert differs[row].sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        (other,) = set(x[row][differs[row]].ravel()) - {row + 1.0}
        assert y[row, int(other) - 1] > 0
        seen.add(differs[row].sum())
    assert len(seen) > 10


@pytest.mark.parametrize("mixing", [MixUp(1.0), CutMix()])
def test_real_rows_are_mixed_with_real_rows(mixing):
    real = (np.arange(ROWS) < 5).astype("float32")
    y = np.asarray(mixed(mixing, row_weights=jnp.asarray(real)).y)
    assert not y[:5, 5:].any()


@pytest.mark.parametrize("mixing", [MixUp(1.0), CutMix()])
def test_seeds_make_the_mixture(mixing):
    first, again, other = (mixed(mixing, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


def test_bytes_become_numbers_or_stay_bytes():
    x = IMAGES.astype("uint8")
    assert mixed(MixUp(), x).x.dtype == np.float32
    assert mixed(CutMix(), x).x.dtype == np.uint8


X = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
Y = np.eye(3, dtype="float32")[np.arange(20) % 3]


def fitted(augmentation, epochs=2):
    model = Sequential([Input((4, 4, 1)), Flatten(), Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", verbose=0, augmentation=augmentation)
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0)
    return model


def test_a_fit_mixes_goes_on_and_is_saved(tmp_path):
    whole = fitted(MixUp(1.0))
    plain = fitted(None)
    assert not np.array_equal(whole.get_weights()[0], plain.get_weights()[0])
    half = fitted("mix_up", epochs=1)  # by name, with its default alpha
    half = fitted(MixUp(1.0), epochs=1)
    half.save(tmp_path / "half")
    loaded = load_model(tmp_path / "half")
    assert loaded.compile_config()["augmentation"] == {"name": "MixUp", "config": {"alpha": 1.0}}
    loaded.fit(X, Y, batch_size=8, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Evaluation sees the examples themselves.
    np.testing.assert_allclose(whole.evaluate(X, Y, verbose=0), _loss(whole.predict(X)), rtol=1e-5)


def _loss(p):
    return -np.log((p * Y).sum(axis=1)).mean()


def test_it_is_told_at_compile(capsys):
    model = Sequential([Input((4, 4, 1)), Flatten(), Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", augmentation=CutMix(0.5))
    assert "augmentation  CutMix(alpha=0.5)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MixUp(0), ArgumentError, r"MixUp expected alpha to be a number in \(0, inf"),
        (lambda: CutMix(-1), ArgumentError, "CutMix expected alpha"),
        (
            lambda: mixed(MixUp(), y=np.arange(ROWS)),
            DTypeError,
            r"got class numbers of type int32; type to_categorical\(y, classes\)",
        ),
        (
            lambda: mixed(MixUp(), x=np.zeros((ROWS, 4), "int32")),
            DTypeError,
            "got int32; numbers of words or categories cannot",
        ),
        (lambda: mixed(CutMix(), x=np.zeros((ROWS, 4))), ShapeError, "rank 4 .*use MixUp for oth"),
        (
            lambda: mixed(MixUp(), sample_weight=jnp.ones(ROWS)),
            ArgumentError,
            "leave sample_weight and class_weight out",
        ),
        (lambda: MIXINGS.get("mixups"), UnknownNameError, "did you mean 'mix_up'"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
