"""What a network remembers of a sequence that it is fed step by step: the key-value cache."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array


class StepMemory:
    """What the steps that went before left for those that come.

    In generation a network reads one new step at a time. Most layers treat every step by itself;
    attention reads the keys and values of all steps before, and position layers the number of the
    step. They keep and find these here.

    Args:
        position: how many steps went before, a scalar integer.
        capacity: how many steps there may be in all.
        kept: what the earlier steps left, by path; empty at the start.
    """

    def __init__(self, position: Array, capacity: int, kept: Mapping[str, Array]) -> None:
        self.position = position
        self.capacity = capacity
        self.kept = kept
        self.renewed: dict[str, Array] = {}

    def extend(self, path: str, new: Array, axis: int) -> Array:
        """Put the new steps behind those kept under ``path``; return all ``capacity`` of them.

        What lies beyond the newest step is zero and must be masked.
        """
        shape = (*new.shape[:axis], self.capacity, *new.shape[axis + 1 :])
        before = self.kept.get(path)
        if before is None:
            before = jnp.zeros(shape, new.dtype)
        every = lax.dynamic_update_slice_in_dim(before, new, self.position, axis)
        self.renewed[path] = every
        return every

    def recall(self, path: str, start: Array) -> Array:
        """Return the state that the earlier steps left under ``path``, at first ``start``."""
        return jnp.where(self.position == 0, start, self.kept.get(path, start))

    def keep(self, path: str, state: Array) -> None:
        """Leave a state for the steps that come."""
        self.renewed[path] = state
