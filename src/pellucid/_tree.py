"""Helpers on trees: nested dictionaries of arrays, the form of all state in Pellucid."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

Tree = Any
"""A nested dictionary (or any JAX pytree) whose leaves are arrays."""


def tree_map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply ``function`` to matching leaves of one or more trees."""
    return jax.tree.map(function, tree, *rest)


def tree_copy(tree: Tree) -> Tree:
    """Return a tree of the same arrays in memory of their own, on the devices where they are."""
    return jax.device_put(tree, may_alias=False)


def global_norm(tree: Tree) -> jax.Array:
    """Return the Euclidean norm of all leaves taken as one long vector: sqrt(sum x_i^2)."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))


def flatten_paths(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``("layer/kernel", array)`` pairs of a nested dictionary, in its own order."""
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flatten_paths(value, f"{path}/")
        else:
            yield path, value


def unflatten_paths(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Build the nested dictionary back from ``{"layer/kernel": array}``."""
    tree: dict[str, Any] = {}
    for path, value in pairs.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree


def split_paths(
    tree: Mapping[str, Any], keep: Callable[[str], bool]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a nested dictionary in two: the leaves whose path ``keep`` accepts, and the rest."""
    kept: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for path, value in flatten_paths(tree):
        (kept if keep(path) else rest)[path] = value
    return unflatten_paths(kept), unflatten_paths(rest)


def merge_paths(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Join two nested dictionaries; where both have a leaf, that of ``b`` wins."""
    return unflatten_paths(dict(flatten_paths(a)) | dict(flatten_paths(b)))
