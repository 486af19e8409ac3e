"""What every layer promises, checked over the one table of all layers."""

import dataclasses
import doctest
import functools
import importlib
import json
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.cases import CASES, specs
from pellucid import layers
from pellucid.errors import PellucidError, ShapeError
from pellucid.layers import Context, Layer, Variables

# Tolerances. float32: compiled against eager, a row alone against the row in its batch;
# float64: gradients against central differences.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
DIFFERENCES = {"rtol": 1e-6, "atol": 1e-7}
STEP = 1e-6

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
FLOATING = pytest.mark.parametrize(
    "case", [case for case in CASES if case.words is None], ids=lambda case: case.id
)


def run(case, variables, x, training=False, seed=0):
    """Apply the layer; return its output and the new state."""
    context = Context(training, key=jax.random.key(seed), path=("layer",))
    y = case.layer.run_checked(variables, x, context)
    return y, context.collected.state.get(("layer",), {})


@functools.cache
def compiled_run(case, training):
    return jax.jit(lambda variables, x: run(case, variables, x, training))


def leaves(tree):
    return jax.tree.leaves(tree)


def test_every_layer_has_a_row():
    assert {type(case.layer) for case in CASES} == set(layers.REGISTRY.entries.values())


def test_every_public_layer_is_in_the_registry():
    public = {getattr(layers, name) for name in layers.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, Layer)} - {Layer}
    assert classes == set(layers.REGISTRY.entries.values())


def test_ids_are_unique():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("layer", layers.REGISTRY.entries.values(), ids=lambda c: c.__name__)
def test_layer_is_described(layer):
    assert layer.formula
    for part in ("Input", "output", "Example:"):
        assert part in layer.__doc__, f"{layer.__name__}'s docstring lacks {part!r}"
    own = {field.name for field in dataclasses.fields(layer)} - {"name", "trainable", "input_shape"}
    for name in own:
        assert f"        {name}:" in layer.__doc__, f"{layer.__name__} does not describe {name}"


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(layers.__path__)])
def test_examples_run(module):
    tested = doctest.testmod(importlib.import_module(f"pellucid.layers.{module}"))
    assert tested.failed == 0


@EVERY
@pytest.mark.parametrize("training", [False, True])
def test_traced_eager_and_compiled_agree(case, training):
    symbol = layers._symbol.connect(case.layer, case.symbols())
    x = case.inputs(batch=3)
    variables = case.start(x)
    eager = run(case, variables, x, training)
    assert eager[0].shape == (3, *symbol.shape[1:])
    assert eager[0].dtype == symbol.dtype
    compiled = compiled_run(case, training)(variables, x)
    assert jax.tree.structure(eager) == jax.tree.structure(compiled)
    for a, b in zip(leaves(eager), leaves(compiled), strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


@EVERY
def test_rows_do_not_see_each_other_in_evaluation(case):
    x = case.inputs(batch=3)
    variables = case.start(x)
    evaluate = compiled_run(case, training=False)
    together, _ = evaluate(variables, x)
    for row in (0, 2):
        alone, _ = evaluate(variables, jax.tree.map(lambda a, r=row: np.asarray(a)[[r]], x))
        assert alone.shape == (1, *together.shape[1:])
        np.testing.assert_allclose(alone[0], together[row], **CLOSE)


@EVERY
def test_evaluation_is_deterministic_and_needs_no_key(case):
    x = case.inputs()
    variables = case.start(x)
    first = case.layer.run_checked(variables, x, Context())
    second = case.layer.run_checked(variables, x, Context())
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.wrong is not None], ids=lambda case: case.id
)
def test_wrong_shape_is_refused(case):
    good = case.inputs()
    variables = case.start(good)
    dtype = "int32" if case.words is not None else "float32"
    wrong = case.wrong if isinstance(case.wrong, list) else [case.wrong]
    x = [jnp.zeros(shape, dtype) for shape in wrong]
    x = x if case.several else x[0]

    def build_and_call():
        case.start(x)
        run(case, variables, x)

    with pytest.raises(ShapeError, match=case.message) as caught:
        build_and_call()
    assert str(caught.value).startswith("In layer '")
    assert "cases.py" in str(caught.value)


@pytest.mark.parametrize(
    "case",
    # A decoder block takes one sequence alone as well.
    [c for c in CASES if c.several and not isinstance(c.layer, layers.TransformerDecoder)],
    ids=lambda case: case.id,
)
def test_one_array_is_no_list(case):
    with pytest.raises(ShapeError, match="expected a list of inputs, got one of shape \\(2, 3\\)"):
        run(case, Variables(), jnp.zeros((2, 3)))


@FLOATING
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("training", [False, True])
def test_type_is_kept(case, dtype, training):
    def call(x):
        variables = case.start(x)
        return variables, *run(case, variables, x, training)

    with jax.enable_x64(dtype == "float64"):
        variables, y, state = jax.eval_shape(call, case.inputs(dtype=dtype))
    assert y.dtype == dtype
    assert all(value.dtype == dtype for value in leaves(variables.parameters))
    assert {n: v.dtype for n, v in state.items()} in (
        {},
        {n: v.dtype for n, v in variables.state.items()},
    )


@FLOATING
def test_bfloat16_is_near_float32(case):
    x = case.inputs(dtype="bfloat16")
    rough = case.layer.run_checked(case.start(x), x, Context())
    wide = jax.tree.map(lambda a: a.astype("float32"), x)
    fine = case.layer.run_checked(case.start(wide), wide, Context())
    np.testing.assert_allclose(rough.astype("float32"), fine, rtol=0.05, atol=0.1)


@FLOATING
def test_whole_numbers_are_welcome(case):
    x = case.inputs(dtype="uint8")
    variables = case.start(x)
    assert all(value.dtype == "float32" for value in leaves(variables))
    evaluate = compiled_run(case, training=False)
    y, _ = evaluate(variables, x)
    assert y.dtype in (jnp.float32, jnp.uint8)
    same, _ = evaluate(variables, jax.tree.map(lambda a: np.asarray(a, "float32"), x))
    np.testing.assert_allclose(y.astype("float32"), same, **CLOSE)


@EVERY
def test_gradients_agree_with_differences(case):
    """In training mode and in float64, of parameters and input together."""
    with jax.enable_x64(True):
        x = case.inputs(dtype="float64")
        variables = case.start(x)
        rng = np.random.default_rng(2)

        def random(a):
            return rng.standard_normal(a.shape)

        weights = random(jax.eval_shape(lambda x: run(case, variables, x, True)[0], x))

        @jax.jit
        @jax.value_and_grad
        def loss(values):
            parameters, inputs = values
            inputs = x if case.words is not None else inputs
            y, _ = run(case, Variables(parameters, variables.state), inputs, training=True)
            return jnp.sum(weights * y)

        # Parameters of 0 and 1 would hide mistakes, and 0 is a kink of many layers.
        start = (variables.parameters, x)
        values = jax.tree.map(lambda a: np.asarray(a, float) + 0.3 * random(a), start)
        _, gradients = loss(values)
        assert all(jnp.isfinite(gradient).all() for gradient in leaves(gradients))
        assert all(np.any(np.asarray(gradient) != 0) for gradient in leaves(gradients[0]))

        direction = jax.tree.map(random, values)
        (ahead, _), (behind, _) = (
            loss(jax.tree.map(lambda a, d, s=step: a + s * d, values, direction))
            for step in (STEP, -STEP)
        )
        slope = sum(map(np.vdot, leaves(gradients), leaves(direction)))
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * STEP), **DIFFERENCES)


@EVERY
def test_configuration_round_trip(case):
    layer = dataclasses.replace(case.layer, name="mine", trainable=False, input_shape=(None, 5))
    written = json.dumps(layers.to_config(layer))
    again = layers.from_config(json.loads(written))
    assert type(again) is type(layer)
    assert (again.name, again.trainable, again.input_shape) == ("mine", False, (None, 5))
    assert json.dumps(layers.to_config(again)) == written

    x = case.inputs()
    twin = dataclasses.replace(case, layer=dataclasses.replace(again, trainable=True))
    for a, b in zip(leaves(case.start(x)), leaves(twin.start(x)), strict=True):
        np.testing.assert_array_equal(a, b)
    for training in (False, True):
        first = run(case, case.start(x), x, training)
        second = run(twin, twin.start(x), x, training)
        for a, b in zip(leaves(first), leaves(second), strict=True):
            np.testing.assert_array_equal(a, b)


@EVERY
def test_flops_are_counted_and_grow_with_the_batch(case):
    def flops(batch):
        x = case.inputs(batch)
        y = jax.eval_shape(lambda x: run(case, case.start(x), x)[0], x)
        return case.layer.flops(specs(x), y)

    assert isinstance(flops(3), int)
    assert flops(3) >= 0
    assert flops(6) == 2 * flops(3)


@pytest.mark.parametrize("case", [c for c in CASES if c.layer.keeps_mask], ids=lambda case: case.id)
def test_mask_is_kept(case):
    x = case.inputs()
    context = Context()
    context.mask = jnp.ones(x.shape[:2], bool).at[:, -1].set(False)
    case.layer.run_checked(case.start(x), x, context)
    if not getattr(case.layer, "mask_zero", False):
        assert context.output_mask is context.mask


@EVERY
def test_layer_is_frozen_and_prints(case):
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field"):
        case.layer.name = "other"
    assert repr(case.layer).startswith(f"{type(case.layer).__name__}(")


def test_names_of_keras():
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert isinstance(layers.get("global_average_pooling1d"), layers.GlobalAveragePooling1D)
    assert isinstance(layers.get("AvgPool2D"), layers.AveragePooling2D)
    flatten = layers.Flatten()
    assert layers.get(flatten) is flatten


def test_unknown_layer_is_refused_with_a_suggestion():
    with pytest.raises(PellucidError, match="no layer named 'Flaten'; did you mean 'flatten'"):
        layers.from_config({"name": "Flaten", "config": {}})


def test_unknown_setting_is_refused_with_a_suggestion():
    config = {"name": "Dense", "config": {"unit": 3}}
    with pytest.raises(PellucidError, match="no argument of Dense named 'unit'; did you mean"):
        layers.from_config(config)


def test_own_function_cannot_be_written_down():
    def mine(x):
        return x + 1

    with pytest.raises(PellucidError, match="Activation.*activation.*mine.*cannot be written"):
        layers.to_config(layers.Activation(mine))
    with pytest.raises(PellucidError, match="Dense.*activation.*mine.*cannot be written"):
        layers.to_config(layers.Dense(3, activation=mine))


def test_misspelt_activation_is_found_where_it_is_typed():
    with pytest.raises(PellucidError, match="no activation named 'rellu'; did you mean 'relu'"):
        layers.Conv2D(3, 3, activation="rellu")
