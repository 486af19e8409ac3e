"""Host arrays brought to the device."""

import math
from typing import Any

import jax
import numpy as np

from pellucid._tree import Tree, tree_map

ALIGNMENT = 64
"""Bytes: JAX takes host memory over as it is if it starts at a multiple of this."""


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of zeros whose memory JAX can take over without a copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def to_device(tree: Tree) -> Tree:
    """Return a tree with copies of its host arrays on the device.

    On a CPU they are copied by NumPy, whose memory lies in large pages where the system has them:
    a large copy is made several times faster than JAX makes its own, and rows drawn at random are
    then found faster too.
    """
    if jax.default_backend() != "cpu":
        return jax.device_put(tree)
    return jax.device_put(tree_map(_aligned_copy, tree))


def _aligned_copy(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    copy = aligned_zeros(array.shape, jax.dtypes.canonicalize_dtype(array.dtype))
    np.copyto(copy, array, casting="unsafe")
    return copy
