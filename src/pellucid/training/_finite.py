"""Which numbers of a training state are not finite any more."""

from typing import Any

import jax
import jax.numpy as jnp

from pellucid.training._state import TrainingState

PARTS = ("parameters", "layer_state", "optimizer_state")


def not_finite(state: TrainingState) -> list[str]:
    """Return the arrays of a state that hold NaN or infinity, as ``"parameters/dense/kernel"``.

    One pass over the numbers on their device; only a flag for each array comes to the host.
    """
    named = _floating(state)
    flags = jax.device_get(_holds_others([leaf for _, leaf in named]))
    return [name for (name, _), flag in zip(named, flags, strict=True) if flag]


def path_name(path: Any) -> str:
    """Return the path of a leaf in a tree as ``"parameters/dense/kernel"``."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _floating(state: TrainingState) -> list[tuple[str, Any]]:
    parts = {name: getattr(state, name) for name in PARTS}
    return [
        (path_name(path), leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(parts)[0]
        if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
    ]


@jax.jit
def _holds_others(leaves: list[Any]) -> list[Any]:
    return [~jnp.all(jnp.isfinite(leaf)) for leaf in leaves]
