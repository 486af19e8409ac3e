"""A training state in a file, from which a training goes on as if it had never stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from pellucid.errors import ModelFileError
from pellucid.training._array_file import read_arrays, write_arrays
from pellucid.training._state import TrainingState


def save_state(state: TrainingState, filepath: str | Path) -> None:
    """Write a training state to one safetensors file, whole or not at all.

    Args:
        state: the state.
        filepath: the file; the folder that it lies in is made.

    Raises:
        WriteError: it cannot be written; what was there before stands.
    """
    write_arrays(Path(filepath), named_arrays(state))


def load_state(filepath: str | Path, like: TrainingState) -> TrainingState:
    """Return the training state of a file that ``save_state`` wrote.

    Args:
        filepath: the file.
        like: a state of the same form, such as the one that the training started with.

    Raises:
        ModelFileError: the file is absent, damaged, or of another form; all differences are listed.
    """
    if not Path(filepath).exists():
        raise ModelFileError(f"There is no file {filepath}.")
    return from_arrays(read_arrays(Path(filepath), jax.eval_shape(named_arrays, like)), like)


def named_arrays(state: TrainingState) -> dict[str, Any]:
    """Return the arrays of a state by name; random keys as the numbers that they are made of."""
    return {
        _name(path): jax.random.key_data(leaf) if is_key(leaf) else jnp.asarray(leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]
    }


def from_arrays(arrays: Mapping[str, Any], like: TrainingState) -> TrainingState:
    """Return the state of arrays by name, in the form of another one."""

    def read(path: Any, leaf: Any) -> Any:
        array = jnp.asarray(arrays[_name(path)])
        return jax.random.wrap_key_data(array) if is_key(leaf) else array

    return jax.tree_util.tree_map_with_path(read, like)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path).lstrip(".")


def is_key(leaf: Any) -> bool:
    """Tell whether a leaf of a state is a random key."""
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)
