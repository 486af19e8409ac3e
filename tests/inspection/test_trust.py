"""Reports on robustness and calibration: what their numbers must satisfy."""

import json

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError
from pellucid.inspection import calibration_report, fgsm, pgd, robustness_report
from pellucid.layers import Conv2D, Dense, Embedding, Flatten, Input
from pellucid.models import Sequential
from pellucid.optimizers import Adam


@pytest.fixture(scope="module")
def learned():
    """A small network on real digits, and 200 that it has not seen."""
    from pellucid.datasets import digits

    (x, y), (x_test, y_test) = digits.load_data()
    model = Sequential(
        [
            Input((8, 8, 1)),
            Conv2D(8, 3, activation="relu"),
            Flatten(),
            Dense(32, "relu"),
            Dense(10, "softmax"),
        ],
        seed=1,
    )
    model.compile(Adam(0.005), "sparse_categorical_crossentropy", verbose=0)
    model.fit(x[:1000, ..., None] / 16, y[:1000], epochs=8, batch_size=50, verbose=0)
    return model, (x_test[:200, ..., None] / 16).astype("float32"), y_test[:200]


# Attacks


@pytest.mark.parametrize("attack", [fgsm, pgd])
@pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.2])
def test_an_attack_stays_within_its_bounds(learned, attack, epsilon):
    model, x, y = learned
    found = attack(model, x, y, epsilon)
    assert np.abs(found - x).max() <= epsilon * (1 + 1e-5) + 1e-7
    assert found.min() >= 0
    assert found.max() <= 1
    if epsilon == 0:
        np.testing.assert_array_equal(found, x)


def test_fgsm_by_hand():
    """J = (w x - t)^2 falls with x where w x < t and w > 0, so the attack lowers x."""
    model = Sequential([Input((2,)), Dense(1, use_bias=False)])
    model.set_weights([[[2.0], [-3.0]]])
    model.compile("sgd", "mse", verbose=0)
    x, t = np.array([[1.0, 1.0]], "float32"), np.array([[5.0]], "float32")
    found = fgsm(model, x, t, 0.25, bounds=(-10, 10))
    np.testing.assert_allclose(found, [[0.75, 1.25]])


def test_attacks_raise_the_loss_and_pgd_more(learned):
    model, x, y = learned
    losses = [
        model.evaluate(made, y, verbose=0, return_dict=True)["loss"]
        for made in (x, fgsm(model, x, y, 0.1), pgd(model, x, y, 0.1, steps=20))
    ]
    assert losses[0] < losses[1] < losses[2]


# Report


def test_robustness_of_a_network(learned):
    model, x, y = learned
    found = robustness_report(model, x, y, noise=(0.0, 0.2, 0.6), missing=(0.0, 0.5))
    clean = found.accuracy("clean")
    assert clean == pytest.approx((model.predict(x).argmax(axis=1) == y).mean())
    assert clean > 0.9
    for kind in ("noise", "missing"):
        assert found.accuracy(kind, 0.0) == clean
    assert clean > found.accuracy("noise", 0.6)
    assert clean > found.accuracy("missing", 0.5)
    assert found.accuracy("pgd", 0.1) <= found.accuracy("fgsm", 0.1) < clean
    assert found.error < 1e-5
    assert {row.kind for row in found.rows} == {"clean", "noise", "blur", "missing", "fgsm", "pgd"}
    assert all(row.largest <= row.strength + 1e-6 for row in found.rows if row.kind == "pgd")
    assert json.loads(json.dumps(found.to_dict()))["examples"] == 200
    assert "fgsm" in str(found)
    assert "鲁棒性（200 个样本）" in found.text("zh")


def test_tables_are_not_blurred():
    model = Sequential([Input((3,)), Dense(2, "softmax")], seed=1)
    model.compile("sgd", "sparse_categorical_crossentropy", verbose=0)
    x = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
    found = robustness_report(model, x, np.zeros(10, int))
    assert "blur" not in {row.kind for row in found.rows}
    with pytest.raises(ArgumentError, match="no blur of strength 1; it has clean 0"):
        found.accuracy("blur", 1.0)


def test_one_unit_is_read_as_the_loss_reads_it():
    x = np.array([[-1.0], [0.2], [2.0]], "float32")
    for logits, bias in ((True, 0.0), (False, 0.5)):
        from pellucid.losses import BinaryCrossentropy

        model = Sequential([Input((1,)), Dense(1, None if logits else "sigmoid")])
        model.set_weights([[[1.0]], [0.0]])
        model.compile("sgd", BinaryCrossentropy(from_logits=logits), verbose=0)
        found = robustness_report(model, x, [0, 1, 1], (), (), (), ())
        assert found.accuracy("clean") == 1.0, bias


def test_bad_robustness(learned):
    model, x, y = learned
    with pytest.raises(ArgumentError, match="each strength of noise to be a number in"):
        robustness_report(model, x, y, noise=(-0.1,))
    with pytest.raises(ArgumentError, match="epsilon to be a number in"):
        fgsm(model, x, y, -1.0)
    words = Sequential([Input((4,), "int32"), Embedding(9, 2), Flatten(), Dense(1, "sigmoid")])
    words.compile("sgd", "binary_crossentropy", verbose=0)
    with pytest.raises(DTypeError, match="Word numbers have no gradient and no noise"):
        robustness_report(words, np.zeros((2, 4), int), np.zeros((2, 1)))


# Calibration


def logit_model(classes):
    """A network whose logits are its inputs."""
    model = Sequential([Input((classes,)), Dense(classes, "softmax", use_bias=False)])
    model.set_weights([np.eye(classes)])
    return model


def drawn(sure, count=4000, classes=3, seed=0):
    """Return logits, and classes drawn from softmax(logits / sure)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(count, classes)) * 3
    q = np.exp(z / sure)
    q /= q.sum(axis=1, keepdims=True)
    y = (q.cumsum(axis=1) < rng.uniform(size=(count, 1))).sum(axis=1)
    return z.astype("float32"), np.minimum(y, classes - 1)


@pytest.mark.parametrize("sure", [0.5, 1.0, 2.0])
def test_the_temperature_is_found(sure):
    z, y = drawn(sure)
    found = calibration_report(logit_model(3), z, y)
    assert found.temperature == pytest.approx(sure, rel=0.1)
    assert found.error < 1e-4
    assert found.after.expected_error < 0.03
    assert found.after.log_loss <= found.before.log_loss + 1e-9
    if sure != 1.0:
        assert found.after.expected_error < found.before.expected_error
    assert found.before.count.sum() == found.after.count.sum() == len(y)
    assert found.accuracy == pytest.approx((z.argmax(axis=1) == y).mean())


def test_reliability_by_hand():
    """Four predictions with confidence 0.8, three of them right, and one of 0.6 that is wrong."""
    p = np.array([[0.8, 0.2]] * 4 + [[0.4, 0.6]])
    found = calibration_report(logit_model(2), np.log(p), [0, 0, 0, 1, 0], bins=10).before
    np.testing.assert_array_equal(found.count[[6, 8]] + found.count[[5, 7]], [1, 4])
    expected = (4 * 0.05 + 1 * 0.6) / 5
    assert found.expected_error == pytest.approx(expected, abs=1e-5)
    assert found.largest_error == pytest.approx(0.6, abs=1e-5)
    assert found.log_loss == pytest.approx(-(3 * np.log(0.8) + np.log(0.2) + np.log(0.4)) / 5, 1e-5)


def test_calibration_of_a_real_network(learned):
    model, x, y = learned
    found = calibration_report(model, x, y, bins=10)
    assert found.accuracy > 0.9
    assert found.error < 1e-3
    written = found.text()
    assert "Calibration, on 200 examples" in written
    assert "expected calibration error" in written
    assert "期望校准误差" in found.text("zh")
    assert json.loads(json.dumps(found.to_dict()))["temperature"] == found.temperature


def test_one_unit_is_two_classes():
    model = Sequential([Input((1,)), Dense(1, "sigmoid", use_bias=False)])
    model.set_weights([[[1.0]]])
    z, y = drawn(2.0, classes=2)
    found = calibration_report(model, z[:, 1:] - z[:, :1], y)
    assert found.temperature == pytest.approx(2.0, rel=0.1)


def test_bad_calibration(learned):
    model, x, y = learned
    with pytest.raises(DataError, match="classes 0 to 9, got 10 in row 3"):
        calibration_report(model, x[:4], [0, 1, 2, 10])
    picture = Sequential([Input((8, 8, 1)), Conv2D(2, 3)])
    with pytest.raises(ShapeError, match=r"one output of shape \(batch, classes\)"):
        calibration_report(picture, x, y)
