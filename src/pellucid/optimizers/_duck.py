"""Ours and Optax's side by side: what counts as an optimizer, and where its learning rate is.

Optax itself is not needed: its transformations and states are known by what they have.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid.errors import ArgumentError
from pellucid.optimizers._base import REGISTRY, Optimizer

Array = jax.Array


def as_optimizer(identifier: Any) -> Any:
    """Return the optimizer that a user means.

    Args:
        identifier: an optimizer, a name such as ``"adam"``, a configuration, or anything with the
            two functions ``init(params)`` and ``update(grads, state, params)``, such as an Optax
            transformation.

    Returns:
        An object with ``init`` and ``update``.

    Raises:
        UnknownNameError: there is no optimizer of this name.
        DTypeError: it is none of these.
    """
    return REGISTRY.get(identifier)


def learning_rate_of(state: Any) -> Array:
    """Return the learning rate in an optimizer's state.

    Args:
        state: a state of ours, or one of Optax's made with ``optax.inject_hyperparams``.

    Raises:
        ArgumentError: the state does not hold its learning rate.
    """
    rates = _rates(state)
    if not rates:
        raise ArgumentError(_HIDDEN)
    return rates[0]


def with_learning_rate(state: Any, value: Any, optimizer: Any = None) -> Any:
    """Return the state with another learning rate; nothing is compiled again.

    Args:
        state: a state of ours, or one of Optax's made with ``optax.inject_hyperparams``.
        value: the new rate, 0 or more.
        optimizer: the optimizer of the state, if at hand: one that follows a schedule would
            overwrite the rate at once, which is then an error.

    Returns:
        A state of the same structure, shapes and types.

    Raises:
        ArgumentError: the state does not hold its learning rate, or a schedule sets it.
    """
    if isinstance(optimizer, Optimizer) and callable(optimizer.learning_rate):
        raise ArgumentError(
            f"The learning rate of {type(optimizer).__name__} follows {optimizer.learning_rate!r} "
            "and cannot be set; compile with a number as learning_rate."
        )
    if not hasattr(value, "dtype"):
        check_range("with_learning_rate", "value", value, 0, math.inf, open_high=True)
    if not _rates(state):
        raise ArgumentError(_HIDDEN)
    return _replace(state, value)


_HIDDEN = (
    "The state of this optimizer does not hold its learning rate; use one of "
    "pellucid.optimizers, or optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
)


def _like(value: Any, old: Any) -> Array:
    return jnp.asarray(value).astype(jnp.asarray(old).dtype)


def _rates(state: Any) -> list[Array]:
    """Return the learning rates in a state: ours, Optax's, or a chain's, outermost first."""
    if isinstance(state, dict) and "learning_rate" in state:
        return [state["learning_rate"]]
    if "learning_rate" in getattr(state, "hyperparams", {}):
        return [state.hyperparams["learning_rate"]]
    if isinstance(state, tuple):
        return [rate for part in state for rate in _rates(part)]
    if isinstance(state, dict):  # one state for each of several players, by name
        return [rate for part in state.values() for rate in _rates(part)]
    return []


def _replace(state: Any, value: Any) -> Any:
    """Return a state with every learning rate in it replaced, in the order of ``_rates``."""
    if isinstance(state, dict) and "learning_rate" in state:
        return {**state, "learning_rate": _like(value, state["learning_rate"])}
    if "learning_rate" in getattr(state, "hyperparams", {}):
        hyperparams = dict(state.hyperparams)
        hyperparams["learning_rate"] = _like(value, hyperparams["learning_rate"])
        return state._replace(hyperparams=hyperparams)
    if isinstance(state, tuple):
        parts = [_replace(part, value) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    if isinstance(state, dict):
        return {name: _replace(part, value) for name, part in state.items()}
    return state
