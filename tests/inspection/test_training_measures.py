"""Curvature, gradient noise and update ratios against what linear algebra gives."""

import jax
import numpy as np
import pytest

from pellucid.errors import ArgumentError
from pellucid.inspection import gradient_noise_scale, measure_curvature, trace, update_ratios
from pellucid.layers import Dense, Dropout, Input
from pellucid.models import Sequential
from pellucid.optimizers import SGD, Adam


def linear_model(inputs=5, optimizer=None):
    model = Sequential([Input((inputs,)), Dense(1, use_bias=False)], seed=3)
    model.compile(optimizer or SGD(0.1), "mse", verbose=0)
    return model


def rows(count=64, inputs=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, inputs)).astype("float32") * np.arange(1, inputs + 1)
    return x.astype("float32"), rng.standard_normal((count, 1)).astype("float32")


def test_curvature_of_a_linear_model_is_that_of_its_inputs():
    x, y = rows()
    hessian = 2 * x.T @ x / len(x)  # J = mean (w x - y)^2
    found = measure_curvature(linear_model(), x, y, iterations=200, tolerance=1e-6)
    largest = np.linalg.eigvalsh(hessian)[-1]
    assert found.largest == pytest.approx(largest, rel=1e-4)
    assert found.stable_rate == pytest.approx(2 / largest, rel=1e-4)
    assert found.residual < 0.02


def test_curvature_of_a_deep_model_is_that_of_the_whole_hessian():
    x, y = rows(inputs=3)
    model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(1)], seed=2)
    model.compile("sgd", "mse", verbose=0)
    objective, _ = model._ready()
    start = model.variables.parameters
    leaves, form = jax.tree.flatten(start)
    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])

    def loss(vector):
        parts, at = [], 0
        for leaf in leaves:
            parts.append(vector[at : at + leaf.size].reshape(leaf.shape))
            at += leaf.size
        tree = jax.tree.unflatten(form, parts)
        outputs, _ = objective.run(tree, {}, x, training=True, key=jax.random.key(0))
        return jax.numpy.mean(jax.numpy.square(outputs[0] - y))

    hessian = jax.jacrev(jax.grad(loss))(flat)
    eigenvalues = np.linalg.eigvalsh(np.asarray(hessian, np.float64))
    largest = eigenvalues[np.abs(eigenvalues).argmax()]
    found = measure_curvature(model, x, y, iterations=300, tolerance=1e-7)
    assert found.largest == pytest.approx(largest, rel=1e-3)


def test_noise_scale_is_that_of_the_single_gradients():
    x, y = rows(count=4096)
    model = linear_model()
    w = model.get_weights()[0]
    single = 2 * (x @ w - y) * x  # dJ/dw of each row
    mean = single.mean(axis=0)
    noise, signal = single.var(axis=0, ddof=1).sum(), (mean**2).sum()
    found = gradient_noise_scale(model, x, y, batch_size=32, batches=128)
    assert found.noise == pytest.approx(noise, rel=0.1)
    assert found.signal == pytest.approx(signal, rel=0.1)
    assert found.scale == pytest.approx(noise / signal, rel=0.15)


def test_equal_rows_have_no_noise():
    x, y = rows(count=1)
    found = gradient_noise_scale(
        linear_model(), np.repeat(x, 64, axis=0), np.repeat(y, 64, axis=0), batch_size=8
    )
    assert abs(found.scale) < 1e-4


def test_update_ratios_are_those_of_a_trace():
    x, y = rows()
    model = linear_model(optimizer=Adam(0.01))
    step = trace(model, x, y)["dense"]
    expected = np.linalg.norm(step.updates["kernel"]) / np.linalg.norm(model.get_weights()[0])
    assert update_ratios(model, x, y) == {"dense/kernel": pytest.approx(expected, rel=1e-5)}


def test_update_ratio_of_zeros_is_infinite_if_they_move():
    x, y = rows()
    model = Sequential([Input((5,)), Dropout(0.1), Dense(1)], seed=3)
    model.compile("sgd", "mse", verbose=0)
    ratios = update_ratios(model, x, y)
    assert ratios["dense/bias"] == float("inf")
    assert 0 < ratios["dense/kernel"] < float("inf")


def test_bad_input_gets_an_answer():
    x, y = rows()
    with pytest.raises(ArgumentError, match="a batch_size of at most 32"):
        gradient_noise_scale(linear_model(), x, y, batch_size=64)
    with pytest.raises(ArgumentError, match="iterations"):
        measure_curvature(linear_model(), x, y, iterations=0)
    frozen = Sequential([Input((5,)), Dense(1, trainable=False)])
    frozen.compile("sgd", "mse", verbose=0)
    with pytest.raises(ArgumentError, match="a model with trained parameters"):
        measure_curvature(frozen, x, y)
