"""What every layer promises, checked over the one table of all layers."""

import dataclasses
import doctest
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

# One table of tolerances: compiled against eager, and a row alone against the row in its batch.
CLOSE = {"float32": 1e-5, "float64": 1e-12}

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
FLOATING = pytest.mark.parametrize(
    "case", [case for case in CASES if case.words is None], ids=lambda case: case.id
)


def run(case, variables, x, training=False, seed=0):
    """Apply the layer; return its output and the new state."""
    context = Context(training, key=jax.random.key(seed), path=("layer",))
    y = case.layer.run(variables, x, context)
    return y, context.collected.state.get(("layer",), {})


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
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("training", [False, True])
def test_traced_shape_is_real_shape(case, batch, training):
    symbol = layers._symbol.connect(case.layer, case.symbols())
    x = case.inputs(batch)
    y, _ = run(case, case.start(x), x, training)
    assert y.shape == (batch, *symbol.shape[1:])
    assert y.dtype == symbol.dtype


@EVERY
@pytest.mark.parametrize("training", [False, True])
def test_jit_equals_eager(case, training):
    x = case.inputs()
    variables = case.start(x)
    eager = run(case, variables, x, training)
    compiled = jax.jit(lambda v, x: run(case, v, x, training))(variables, x)
    assert jax.tree.structure(eager) == jax.tree.structure(compiled)
    for a, b in zip(leaves(eager), leaves(compiled), strict=True):
        np.testing.assert_allclose(a, b, rtol=CLOSE["float32"], atol=CLOSE["float32"])


@EVERY
def test_rows_do_not_see_each_other_in_evaluation(case):
    x = case.inputs(batch=7)
    variables = case.start(x)
    together, _ = run(case, variables, x)
    for row in (0, 6):
        alone, _ = run(case, variables, jax.tree.map(lambda a, r=row: a[r : r + 1], x))
        np.testing.assert_allclose(
            alone[0], together[row], rtol=CLOSE["float32"], atol=CLOSE["float32"]
        )


@EVERY
def test_evaluation_is_deterministic_and_needs_no_key(case):
    x = case.inputs()
    variables = case.start(x)
    first = case.layer.run(variables, x, Context())
    second = case.layer.run(variables, x, Context())
    np.testing.assert_array_equal(first, second)


@EVERY
def test_training_is_a_function_of_the_key(case):
    x = case.inputs()
    variables = case.start(x)
    first, second = (run(case, variables, x, training=True, seed=4) for _ in range(2))
    for a, b in zip(leaves(first), leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


@EVERY
def test_the_start_is_a_function_of_the_key(case):
    x = case.inputs()
    for a, b in zip(leaves(case.start(x, 5)), leaves(case.start(x, 5)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.wrong is not None], ids=lambda case: case.id
)
def test_wrong_shape_is_refused(case):
    good = case.inputs()
    variables = case.start(good)
    dtype = "int32" if case.words is not None else "float32"
    wrong = case.wrong if isinstance(case.wrong, list) else [case.wrong]
    x = [jnp.zeros(shape, dtype) for shape in wrong]
    with pytest.raises(ShapeError, match=case.message) as caught:
        run(case, variables, x if case.several else x[0])
    assert str(caught.value).startswith("In layer 'layer' (made at ")
    assert "cases.py" in str(caught.value)


@pytest.mark.parametrize("case", [c for c in CASES if c.several], ids=lambda case: case.id)
def test_one_array_is_no_list(case):
    with pytest.raises(ShapeError, match="expected a list of inputs, got one of shape \\(2, 3\\)"):
        run(case, Variables(), jnp.zeros((2, 3)))


@FLOATING
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("training", [False, True])
def test_type_is_kept(case, dtype, training):
    with jax.enable_x64(dtype == "float64"):
        x = case.inputs(dtype=dtype)
        variables = case.start(x)
        y, state = run(case, variables, x, training)
        assert y.dtype == dtype
        for value in variables.parameters.values():
            assert value.dtype == dtype
        for name, value in state.items():
            assert value.dtype == variables.state[name].dtype


@FLOATING
@pytest.mark.parametrize("training", [False, True])
def test_whole_numbers_are_welcome(case, training):
    x = case.inputs(dtype="uint8")
    variables = case.start(x)
    assert all(value.dtype == "float32" for value in leaves(variables))
    y, _ = run(case, variables, x, training)
    assert y.dtype in (jnp.float32, jnp.uint8)
    same, _ = run(case, variables, jax.tree.map(lambda a: a.astype("float32"), x), training)
    np.testing.assert_allclose(y.astype("float32"), same, rtol=CLOSE["float32"])


@EVERY
def test_gradients_of_the_parameters_are_finite(case):
    x = case.inputs()
    variables = case.start(x)
    output, _ = run(case, variables, x, training=True)
    weights = jnp.asarray(np.random.default_rng(1).standard_normal(output.shape), output.dtype)

    def loss(parameters):
        y, _ = run(case, Variables(parameters, variables.state), x, training=True)
        return jnp.sum(weights * y)

    gradients = jax.grad(loss)(variables.parameters)
    assert set(gradients) == set(variables.parameters)
    for name, gradient in gradients.items():
        assert gradient.shape == variables[name].shape
        assert jnp.isfinite(gradient).all(), name
        assert jnp.any(gradient != 0), name


@FLOATING
def test_gradient_of_the_input_agrees_with_differences(case):
    with jax.enable_x64(True):
        x = case.inputs(dtype="float64")
        variables = case.start(x)
        rng = np.random.default_rng(2)
        random = lambda a: jnp.asarray(rng.standard_normal(a.shape))  # noqa: E731
        weights = random(run(case, variables, x, training=True)[0])
        direction = jax.tree.map(random, x)

        def loss(x):
            return jnp.sum(weights * run(case, variables, x, training=True)[0])

        def at(step):
            return loss(jax.tree.map(lambda a, d: a + step * d, x, direction))

        pairs = zip(leaves(jax.grad(loss)(x)), leaves(direction), strict=True)
        slope = sum(jnp.vdot(gradient, d) for gradient, d in pairs)
        np.testing.assert_allclose(slope, (at(1e-6) - at(-1e-6)) / 2e-6, rtol=1e-6, atol=1e-7)


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
    for training in (False, True):
        first = run(case, case.start(x), x, training)
        second = run(twin, twin.start(x), x, training)
        for a, b in zip(leaves(first), leaves(second), strict=True):
            np.testing.assert_array_equal(a, b)


@EVERY
def test_flops_are_counted(case):
    x = case.inputs()
    y, _ = run(case, case.start(x), x)
    flops = case.layer.flops(specs(x), specs(y))
    assert isinstance(flops, int)
    assert flops >= 0


@EVERY
def test_flops_grow_with_the_batch(case):
    def flops(batch):
        x = case.inputs(batch)
        return case.layer.flops(specs(x), specs(run(case, case.start(x), x)[0]))

    assert flops(6) == 2 * flops(3)


@pytest.mark.parametrize("case", [c for c in CASES if c.layer.keeps_mask], ids=lambda case: case.id)
def test_mask_is_kept(case):
    x = case.inputs()
    context = Context()
    context.mask = jnp.ones(x.shape[:2], bool).at[:, -1].set(False)
    case.layer.run(case.start(x), x, context)
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
