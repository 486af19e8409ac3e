"""Host arrays brought to the device."""

import math
from typing import Any

import jax
import numpy as np

from pellucid import kernels
from pellucid._tree import Tree, tree_map

ALIGNMENT = 64
"""Bytes: JAX takes host memory over as it is if it starts at a multiple of this."""


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array, not filled yet, whose memory JAX can take over without a copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def canonical(array: Any) -> Any:
    """Return a host array in C order and of the type that the device will give it.

    It is the array itself where nothing has to change. What is no NumPy array stays as it is.
    """
    if not isinstance(array, np.ndarray):
        return array
    return np.asarray(array, jax.dtypes.canonicalize_dtype(array.dtype), order="C")


def to_device(tree: Tree) -> Tree:
    """Return a tree whose arrays the compiled steps can take rows of.

    On a CPU with the compiled kernels, host arrays of long rows are not copied: the kernels take
    the rows of a batch from where they are. The tree must outlive the result, and stay as it is.

    Args:
        tree: of arrays that are ``canonical``.
    """

    def place(array: Any) -> Any:
        host = isinstance(array, np.ndarray)
        if host and array.size and kernels.rows.takes(array):
            return kernels.rows.in_place(array)
        return jax.device_put(array)

    return tree_map(place, tree)
