"""Siamese and triplet networks on made images of three kinds, and on a kind never seen."""

import numpy as np
import pytest

from pellucid import losses, models
from pellucid.errors import DataError
from pellucid.layers import Dense, Input
from pellucid.optimizers import Adam
from pellucid.zoo import siamese
from pellucid.zoo.siamese import make_pairs, nearest_classes


def test_shapes():
    shapes = {n: node.outputs[0].shape[1:] for n, _, node in siamese.embedding().graph.calls()}
    assert shapes["pool_1"] == (12, 12, 16)
    assert shapes["pool_2"] == (4, 4, 32)
    assert shapes["point"] == (32,)


def kinds(per_kind=8, seed=0, count=3):
    """Images of bars in one direction each, at random places."""
    rng = np.random.default_rng(seed)
    x, y = [], np.arange(count * per_kind) % count
    rows, columns = np.mgrid[:28, :28]
    for kind in y:
        phase = rng.integers(0, 8)
        bars = (np.cos(kind * 0.8) * rows + np.sin(kind * 0.8) * columns + phase) % 8 < 3
        x.append(bars + 0.1 * rng.standard_normal((28, 28)))
    return np.stack(x)[..., None].astype(np.float32), y


def test_a_siamese_network_learns_what_is_alike(tmp_path):
    x, y = kinds()
    first, second, alike = make_pairs(x, y, 48)
    model = siamese.siamese(features=4)
    model.compile(Adam(3e-3), losses.Contrastive(), verbose=0)
    model.fit([first, second], alike, epochs=12, batch_size=16, verbose=0)
    distance = model.predict([first, second])
    assert distance.shape == (48, 1)
    assert (distance[alike == 1].mean() + 0.3) < distance[alike == 0].mean()
    np.testing.assert_allclose(model.predict([x, x]), 0, atol=1e-5)
    np.testing.assert_allclose(model.predict([second, first]), distance, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict([first, second]), distance)


def test_triplets_tell_classes_by_one_example_each():
    """A small network on points: the nearest known point has the right class after training."""
    rng = np.random.default_rng(0)
    y = np.arange(96) % 4
    hidden = np.eye(4)[y] @ rng.standard_normal((4, 2))
    x = np.c_[hidden, rng.standard_normal((96, 6))].astype(np.float32)
    z = Input((8,))
    model = models.Model(z, Dense(3)(Dense(32, activation="relu")(z)))
    before = model.predict(x)
    model.compile(Adam(1e-2), losses.Triplet(0.5), verbose=0)
    model.fit(x, y, epochs=100, batch_size=48, verbose=0)
    after = model.predict(x)
    right = [(nearest_classes(e, e[:4], y[:4]) == y).mean() for e in (before, after)]
    assert right[1] > max(0.9, right[0])


def test_pairs():
    x = np.arange(10)[:, None]
    first, second, alike = make_pairs(x, x[:, 0] % 2, 40)
    assert alike[:4, 0].tolist() == [1, 0, 1, 0]
    same = first[:, 0] % 2 == second[:, 0] % 2
    np.testing.assert_array_equal(same, alike[:, 0] == 1)
    assert (first != second).all()
    with pytest.raises(DataError, match="two classes at least, each with two samples at least, go"):
        make_pairs(x[:3], np.array([0, 0, 1]), 4)


def test_nearest_classes():
    known = np.array([[0.0, 0.0], [4.0, 0.0]])
    assert nearest_classes([[1.0, 1.0], [3.0, -9.0]], known, ["a", "b"]).tolist() == ["a", "b"]
