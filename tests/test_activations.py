"""The activations room: names, settings, and what a saved model needs."""

import doctest
import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import activations, ops
from pellucid._named import to_config
from pellucid.errors import DTypeError, UnknownNameError

NAMES = sorted(activations.REGISTRY.entries)
X = np.array([[-2.0, -0.5, 0.0, 1.5]], "float32")


def test_every_name_is_public():
    own = {"get", "operation", "serialize", "swish"}
    assert set(activations.__all__) == {*NAMES, *own}


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_the_operation_of_its_name(name):
    function = getattr(activations, name)
    assert function.__name__ == name
    assert activations.operation(function) is ops.REGISTRY[name]
    np.testing.assert_array_equal(function(X), ops.REGISTRY[name](jnp.asarray(X)))


@pytest.mark.parametrize("name", NAMES)
def test_found_by_name_and_written_down(name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.get(name.upper()) is function
    assert activations.get(function) is function
    assert activations.serialize(function) == name
    assert activations.get(to_config(function)) is function


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("leaky_relu", {"negative_slope": 0.1}),
        ("elu", {"alpha": 0.5}),
        ("gelu", {"approximate": True}),
        ("softmax", {"axis": 0}),
        ("log_softmax", {"axis": 0}),
    ],
)
def test_settings_reach_the_operation(name, settings):
    function = getattr(activations, name)
    expected = ops.REGISTRY[name](jnp.asarray(X), **settings)
    np.testing.assert_array_equal(function(X, **settings), expected)
    np.testing.assert_array_equal(function(X, *settings.values()), expected)
    assert not np.array_equal(function(X), expected)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_operation(name):
    given = inspect.signature(getattr(activations, name)).parameters
    own = inspect.signature(ops.REGISTRY[name].forward).parameters
    assert {k: p.default for k, p in given.items()} == {k: p.default for k, p in own.items()}


def test_other_spellings():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get("ReLU") is activations.relu
    assert activations.swish is activations.silu


def test_a_function_of_ones_own():
    def cube(x):
        return x**3

    assert activations.get(cube) is cube
    assert activations.operation(cube) is None
    with pytest.raises(DTypeError, match=r"cube.* cannot be written down as a configuration"):
        activations.serialize(cube)


def test_bad_identifiers():
    with pytest.raises(UnknownNameError, match=r"no activation named 'rellu'; did you mean 'relu'"):
        activations.get("rellu")
    with pytest.raises(DTypeError, match=r"Expected activation to be an object, a name .* got 3"):
        activations.get(3)


def test_examples_in_docstrings():
    assert doctest.testmod(activations).failed == 0
