"""What travels down a call of a network beside the arrays: flags and keys in, state out."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from pellucid.errors import NotReadyError
from pellucid.layers._memory import StepMemory

Array = jax.Array


@dataclass
class Collected:
    """What the layers of one call handed back, gathered over the whole network."""

    state: dict[tuple[str, ...], dict[str, Array]] = field(default_factory=dict)
    penalties: list[Array] = field(default_factory=list)
    values: dict[str, Array] | None = None
    probes: Mapping[str, Array] | None = None
    memory: StepMemory | None = None


class Context:
    """The context of one layer's call.

    A layer reads from it ``training`` (bool), ``mask`` and ``row_weights``, asks it for random
    keys, and hands back through it new state, penalties and an output mask. It exists while a
    network is traced or run and holds no numbers of its own.

    Args:
        training: True while the network learns; dropout and batch normalization read it.
        key: the random key of this call, or None where nothing random is allowed.
        row_weights: shape (batch,), 1 for real rows and 0 for the padding of a short last batch;
            None if all rows are real.
        collected: where the outputs are gathered; a new one by default.
        path: the names that lead to this layer, outermost first.
    """

    def __init__(
        self,
        training: bool = False,
        key: Array | None = None,
        row_weights: Array | None = None,
        collected: Collected | None = None,
        path: tuple[str, ...] = (),
    ) -> None:
        self.training = training
        self.row_weights = row_weights
        self.collected = Collected() if collected is None else collected
        self.path = path
        self.mask: Any = None
        self.output_mask: Any = None
        self._key = key
        self._draws = 0

    def enter(self, name: str, call: int = 0) -> "Context":
        """Return the context of the part called ``name``; ``call`` numbers repeated calls."""
        part = name if call == 0 else f"{name}#{call}"
        return Context(
            self.training, self._key, self.row_weights, self.collected, (*self.path, part)
        )

    def make_key(self) -> Array:
        """Return a fresh random key, a function of the step's key, the path and the draw alone.

        Raises:
            NotReadyError: if this call was given no key.
        """
        if self._key is None:
            raise NotReadyError(
                f"Layer {'/'.join(self.path)!r} needs random numbers, but this call has no key; "
                "pass key=jax.random.key(0)."
            )
        label = "/".join((*self.path, str(self._draws)))
        self._draws += 1
        return jax.random.fold_in(self._key, zlib.crc32(label.encode()))

    @property
    def memory(self) -> StepMemory | None:
        """What earlier steps left, where the network is fed step by step; else None."""
        return self.collected.memory

    def positions(self, steps: int) -> Array:
        """Return the numbers of the steps of this call: 0, 1, ... unless others went before."""
        first = 0 if self.memory is None else self.memory.position
        return first + jnp.arange(steps)

    def update_state(self, **values: Array) -> None:
        """Hand back new values for state variables of this layer (moving averages)."""
        path = tuple(part.split("#")[0] for part in self.path)
        self.collected.state.setdefault(path, {}).update(values)

    def add_penalty(self, value: Array) -> None:
        """Add a scalar to the loss, such as an activity regularization term."""
        self.collected.penalties.append(value)

    def set_mask(self, mask: Array | list[Array | None] | None) -> None:
        """Give the output a mask of shape (batch, time): False where a step is padding.

        A layer of several outputs gives a list, with None for an output that has no mask, or one
        mask for all of them.
        """
        self.output_mask = mask

    @property
    def is_traced(self) -> bool:
        """Whether somebody looks at the values inside, so that they have to be made one by one."""
        return self.collected.values is not None or self.collected.probes is not None

    def record(self, name: str, value: Array) -> Array:
        """Show an intermediate value to whoever traces this call; returns the value to go on with.

        A layer writes ``z = context.record("pre_activation", z)``. A tracer may add a zero probe to
        the value: the gradient with respect to the probe is the delta dL/dz.
        """
        if not self.is_traced:
            return value
        label = "/".join((*self.path, name))
        if self.collected.probes is not None and label in self.collected.probes:
            value = value + self.collected.probes[label]
        if self.collected.values is not None:
            self.collected.values[label] = value
        return value

    def record_masks(self) -> None:
        """Show the mask of this call, or each mask of a list of inputs, where there is one."""
        masks = self.mask if isinstance(self.mask, (list, tuple)) else [self.mask]
        for number, mask in enumerate(masks):
            if mask is not None:
                self.record("mask" if mask is self.mask else f"mask#{number}", mask)

    def record_all(self, name: str, value: Any) -> Any:
        """Record an array, or each array of a list under ``name`` and its number."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.record(f"{name}#{i}", part) for i, part in enumerate(value))
        return value if isinstance(value, dict) else self.record(name, value)
