"""What holds for every loss: values, reductions, names, configurations, training with it."""

import doctest
import importlib
import json
import pkgutil
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from losses.cases import CASES, CLASSES, N
from pellucid import losses, ops
from pellucid._named import snake_case, to_config
from pellucid.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError

ROWS = [pytest.param(case, id=repr(case.loss)) for case in CASES]
TOLERANCE = {"rtol": 2e-5, "atol": 1e-6}


def draw(case, seed=1):
    rng = np.random.default_rng(seed)
    return case.target(rng), case.prediction(rng)


@partial(jax.jit, static_argnums=0)
def values_of(loss, t, p):
    return loss.values(t, p)


def test_every_loss_has_a_case():
    assert {type(case.loss) for case in CASES} == set(losses.REGISTRY.entries.values())


@pytest.mark.parametrize("case", ROWS)
def test_values_agree_with_the_oracle(case):
    t, p = draw(case)
    values = case.loss.values(jnp.asarray(t), jnp.asarray(p))
    assert values.shape == (N,)
    np.testing.assert_allclose(values, case.oracle(t, p), **TOLERANCE)
    np.testing.assert_allclose(values_of(case.loss, t, p), values, **TOLERANCE)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=repr(case.loss)) for case in CASES if case.positions]
)
def test_one_value_for_each_position(case):
    t, p = draw(case)
    values = case.loss.values(jnp.asarray(t), jnp.asarray(p))
    positions = case.loss.values(
        jnp.asarray(t).reshape(2, 3, *t.shape[1:]), jnp.asarray(p).reshape(2, 3, CLASSES)
    )
    np.testing.assert_allclose(positions, values.reshape(2, 3), **TOLERANCE)


@pytest.mark.parametrize("case", ROWS)
def test_reductions(case):
    t, p = draw(case)
    values = np.asarray(case.loss.values(jnp.asarray(t), jnp.asarray(p)))
    w = np.arange(N, dtype="float32")
    mean, total, each = (
        replace(case.loss, reduction=r) for r in ("sum_over_batch_size", "sum", "none")
    )
    assert mean == case.loss
    np.testing.assert_allclose(mean(t, p), values.mean(), **TOLERANCE)
    np.testing.assert_allclose(mean(t, p, w), (w * values).sum() / N, **TOLERANCE)
    np.testing.assert_allclose(total(t, p, w), (w * values).sum(), **TOLERANCE)
    np.testing.assert_allclose(each(t, p, w), w * values, **TOLERANCE)


@pytest.mark.parametrize("case", ROWS)
def test_targets_of_its_kind_pass_the_check(case):
    t, p = draw(case)
    case.loss.check(t, (None, *p.shape[1:]))


@pytest.mark.parametrize("case", ROWS)
def test_a_step_downhill_lowers_it(case):
    t, p = draw(case)
    value, slope = jax.value_and_grad(lambda p: case.loss(t, p))(jnp.asarray(p))
    assert case.loss(t, p - 1e-2 * slope) < value


@pytest.mark.parametrize("case", ROWS)
def test_bfloat16_is_kept(case):
    t, p = draw(case)
    values = case.loss.values(jnp.asarray(t), jnp.asarray(p, "bfloat16"))
    assert values.dtype == "bfloat16"


@pytest.mark.parametrize("case", ROWS)
def test_written_down_and_read_back(case):
    loss = replace(case.loss, reduction="sum", name="mine")
    config = json.loads(json.dumps(to_config(loss)))
    assert losses.REGISTRY.from_config(config) == loss
    assert losses.get(config) == loss
    assert hash(losses.get(config)) == hash(loss)


@pytest.mark.parametrize("case", ROWS)
def test_its_operation_computes_it(case):
    assert case.loss.op in ops.REGISTRY.values()
    logits = "logits" if getattr(case.loss, "from_logits", False) else ""
    smoothed = getattr(case.loss, "label_smoothing", 0)
    name = snake_case(type(case.loss).__name__)
    assert case.loss.op.name.endswith(logits)
    assert smoothed or case.loss.op.name.startswith(name)


@pytest.mark.parametrize("loss", losses.REGISTRY.entries.values())
def test_it_is_described(loss):
    assert loss.__doc__
    assert loss.formula
    assert loss.reference
    assert loss().op.formula.startswith("y = ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", losses.MeanSquaredError()),
        ("MSE", losses.MeanSquaredError()),
        ("mean_squared_error", losses.MeanSquaredError()),
        ("MeanSquaredError", losses.MeanSquaredError()),
        (losses.mean_squared_error, losses.MeanSquaredError()),
        (losses.MeanSquaredError, losses.MeanSquaredError()),
        (losses.Huber(2.0), losses.Huber(2.0)),
        ("mae", losses.MeanAbsoluteError()),
        ("bce", losses.BinaryCrossentropy()),
        ("binary_crossentropy", losses.BinaryCrossentropy()),
        ("categorical_crossentropy", losses.CategoricalCrossentropy()),
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy()),
        (losses.sparse_categorical_crossentropy, losses.SparseCategoricalCrossentropy()),
        ("kl_divergence", losses.KLDivergence()),
        ("KLD", losses.KLDivergence()),
        ("logcosh", losses.LogCosh()),
        ("huber", losses.Huber()),
        ("squared_hinge", losses.SquaredHinge()),
        ("cosine_similarity", losses.CosineSimilarity()),
        ("poisson", losses.Poisson()),
    ],
)
def test_get(name, expected):
    assert losses.get(name) == expected


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no loss named 'mean_sqared_error'; did you mean"):
        losses.get("mean_sqared_error")
    with pytest.raises(DTypeError, match=r"Expected loss to be an object, a name .* got None"):
        losses.get(None)


def test_functions_are_the_values_of_the_classes():
    for function, loss in losses._functions.CLASSES.items():
        case = next(case for case in CASES if case.loss == loss())
        t, p = draw(case)
        assert function.__name__ == snake_case(loss.__name__)
        np.testing.assert_array_equal(function(t, p), loss().values(t, p))


def test_functions_take_their_settings():
    z, t = jnp.array([[0.0, 2.0]]), jnp.array([[0.0, 1.0]])
    np.testing.assert_array_equal(
        losses.categorical_crossentropy(t, z, from_logits=True, label_smoothing=0.1),
        losses.CategoricalCrossentropy(True, 0.1).values(t, z),
    )
    np.testing.assert_array_equal(losses.huber(t, z, delta=0.5), losses.Huber(0.5).values(t, z))


def test_repr_shows_what_is_set():
    assert repr(losses.Huber()) == "Huber()"
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    assert repr(loss) == "SparseCategoricalCrossentropy(from_logits=True, reduction='sum')"


def test_weights_may_be_given_for_each_value():
    t, p = jnp.zeros((2, 3, 1)), jnp.ones((2, 3, 1))
    loss = losses.MeanSquaredError()
    w = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(loss(t, p, w), 1.0)
    np.testing.assert_allclose(loss(t, p, w[:, 0]), 0.5)


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 3, 1), (1,)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(2,\) or \(2, 3\), got"):
        losses.MeanSquaredError()(jnp.zeros((2, 3, 1)), jnp.ones((2, 3, 1)), np.ones(shape))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: losses.Huber(reduction="mean"),
            r"Huber expected reduction .* 'sum_over_batch_size', 'sum', 'none', got 'mean'",
        ),
        (
            lambda: losses.Huber(delta=0),
            r"Huber expected delta to be a number in \(0, inf\), got 0",
        ),
        (
            lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
            r"BinaryCrossentropy expected label_smoothing .* \[0, 1\], got 1\.5",
        ),
        (
            lambda: losses.CategoricalCrossentropy(label_smoothing=-0.1),
            r"CategoricalCrossentropy expected label_smoothing .* got -0\.1",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy(label_smoothing="no"),
            r"SparseCategoricalCrossentropy expected label_smoothing .* got 'no'",
        ),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_whole_numbers_are_taken_as_targets_and_predictions():
    assert losses.MeanSquaredError()([[0], [2]], [[1], [2]]) == 0.5
    t = np.array([[True], [False]])
    assert losses.BinaryCrossentropy()(t, [[1.0], [0.0]]) < 1e-6


def test_nothing_is_broadcast():
    with pytest.raises(ShapeError, match=r"\(5, 1\) and \(5,\); add the missing axis with target"):
        losses.MeanSquaredError()(np.zeros(5), np.zeros((5, 1)))


def test_labels_may_be_a_column():
    p = jnp.array([[0.1, 0.9], [0.6, 0.4]])
    loss = losses.SparseCategoricalCrossentropy()
    np.testing.assert_array_equal(
        loss.values(jnp.array([[1], [0]]), p), loss.values(jnp.array([1, 0]), p)
    )


def test_float_labels_are_refused_by_the_sparse_loss():
    with pytest.raises(DTypeError, match=r"labels are float32; use CategoricalCrossentropy"):
        losses.SparseCategoricalCrossentropy()(np.zeros(2, "float32"), np.zeros((2, 3)))


def test_labels_zero_and_one_are_signs_to_the_hinge():
    p = jnp.array([[0.3], [-0.4], [2.0]])
    for loss in (losses.Hinge(), losses.SquaredHinge()):
        zeros, signs = jnp.array([[0], [1], [0]]), jnp.array([[-1], [1], [-1]])
        np.testing.assert_array_equal(loss.values(zeros, p), loss.values(signs, p))


# A user's own function.


def test_a_function_is_a_loss():
    loss = losses.get(lambda t, p: jnp.mean((t - p) ** 4, axis=-1))
    t, p = jnp.zeros((2, 1)), jnp.array([[1.0], [2.0]])
    assert loss(t, p) == 8.5
    assert loss(t, p, [1.0, 0.0]) == 0.5
    assert loss.op is None
    assert loss.expects == "any"
    loss.check(np.zeros((2, 1)), (None, 1))
    loss.check_activation("softmax", (None, 2))


def test_a_function_may_return_one_number():
    loss = losses.get(lambda t, p: jnp.mean((t - p) ** 2))
    t, p = jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]])
    assert loss(t, p) == 5.0
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(\), got \(2,\)"):
        loss(t, p, [1.0, 0.0])


def test_a_function_that_returns_another_shape_is_refused():
    def mean_over_the_batch(t, p):
        return jnp.mean((t - p) ** 2, axis=0)

    loss = losses.get(mean_over_the_batch)
    with pytest.raises(ShapeError, match=r"'mean_over_the_batch' .* \(2,\), got shape \(3,\)"):
        loss(jnp.zeros((2, 3)), jnp.zeros((2, 3)))


def test_a_function_cannot_be_written_down():
    with pytest.raises(DTypeError, match=r"cannot be written down as a configuration"):
        to_config(losses.get(lambda t, p: t - p))


MODULES = [module.name for module in pkgutil.iter_modules(losses.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"pellucid.losses.{module}")).failed == 0


def test_example_of_the_room():
    assert doctest.testmod(losses).failed == 0


def test_what_is_public_is_there():
    assert all(hasattr(losses, name) for name in losses.__all__)
