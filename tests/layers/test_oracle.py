"""Every layer against Keras, where Keras is installed: names, defaults, outputs and gradients."""

import inspect
import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.cases import CASES
from pellucid import layers
from pellucid._named import to_config
from pellucid.layers import Context, Variables

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")

FORWARD = {"rtol": 1e-4, "atol": 1e-5}
BACKWARD = {"rtol": 1e-3, "atol": 1e-4}
OURS = ("name", "trainable", "input_shape")
# What Keras takes in the call, and what it does not have at all.
IN_CALL = ("use_causal_mask", "return_attention_scores")
NOT_KERAS = ("rotary",)
RANDOM = (
    layers.Dropout,
    layers.GaussianNoise,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)
KNOWN = [case for case in CASES if case.keras]


def twin_of(case, x):
    """Return Keras's layer of the same settings, built for x."""
    settings = {k: v for k, v in to_config(case.layer)["config"].items() if k not in OURS}
    twin = getattr(keras.layers, type(case.layer).__name__)(**settings)
    twin(x)
    return twin


def random_variables(case, x):
    """Draw all variables anew, so that zeros and ones hide nothing; variances stay positive."""
    start = case.start(x)
    rng = np.random.default_rng(3)

    def draw(name, value):
        numbers = rng.standard_normal(value.shape)
        return jnp.asarray(np.exp(numbers) if "variance" in name else numbers, value.dtype)

    return Variables(
        {name: draw(name, value) for name, value in sorted(start.parameters.items())},
        {name: draw(name, value) for name, value in sorted(start.state.items())},
    )


def run(case, variables, x, training):
    context = Context(training, jax.random.key(0), path=("layer",))
    y = case.layer.run_checked(variables, x, context)
    return y, context.collected.state.get(("layer",), {})


def run_twin(twin, variables, x, training):
    trainable = [variables[v.name] for v in twin.trainable_variables]
    fixed = [
        variables[v.name] if v.name.startswith("moving") else v.value
        for v in twin.non_trainable_variables
    ]
    arguments = (
        {"training": training} if "training" in inspect.signature(twin.call).parameters else {}
    )
    y, state = twin.stateless_call(trainable, fixed, x, **arguments)
    names = [v.name for v in twin.non_trainable_variables]
    return y, dict(zip(names, state, strict=True))


@pytest.mark.parametrize("ours", layers.REGISTRY.entries.values(), ids=lambda c: c.__name__)
def test_names_order_and_defaults_are_keras_s(ours):
    if not hasattr(keras.layers, ours.__name__):
        pytest.skip("Keras has no such layer")
    theirs = inspect.signature(getattr(keras.layers, ours.__name__).__init__).parameters
    known = (*OURS, *IN_CALL, *NOT_KERAS)
    mine = [p for p in inspect.signature(ours).parameters.values() if p.name not in known]
    order = [name for name in theirs if name in {p.name for p in mine}]
    assert [p.name for p in mine] == order
    for parameter in mine:
        expected = theirs[parameter.name].default
        if expected is inspect.Parameter.empty:  # we may have a default where Keras has none
            continue
        default = parameter.default
        if isinstance(expected, tuple) and isinstance(default, int):
            default = (default,) * len(expected)
        if isinstance(expected, str):
            default, expected = default.lower(), expected.lower()
        assert default == expected, parameter.name


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.id)
@pytest.mark.parametrize("training", [False, True])
def test_output_and_state(case, training):
    if training and isinstance(case.layer, RANDOM):
        pytest.skip("other random numbers")
    x = case.inputs()
    twin = twin_of(case, x)
    variables = random_variables(case, x)
    names = {v.name for v in twin.variables} - {"seed_generator_state"}
    assert names == {*variables.parameters, *variables.state}

    y, state = run(case, variables, x, training)
    expected, expected_state = run_twin(twin, variables, x, training)
    np.testing.assert_allclose(y, expected, **FORWARD)
    for name, value in state.items():
        np.testing.assert_allclose(value, expected_state[name], **FORWARD)


@pytest.mark.parametrize(
    "case",
    [case for case in KNOWN if not isinstance(case.layer, RANDOM)],
    ids=lambda case: case.id,
)
def test_gradients(case):
    x = case.inputs()
    twin = twin_of(case, x)
    variables = random_variables(case, x)
    shape = run(case, variables, x, True)[0].shape
    weights = jnp.asarray(np.random.default_rng(4).standard_normal(shape), "float32")
    differentiate_input = case.words is None

    def gradients(apply):
        def loss(parameters, x):
            y, _ = apply(Variables(parameters, variables.state), x)
            return jnp.sum(weights * y)

        argnums = (0, 1) if differentiate_input else (0,)
        return jax.grad(loss, argnums)(variables.parameters, x)

    ours = gradients(lambda v, x: run(case, v, x, True))
    theirs = gradients(lambda v, x: run_twin(twin, v, x, True))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, **BACKWARD)
