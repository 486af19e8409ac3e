"""A network fed step by step: each call reads the new steps and remembers the earlier ones."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_positive_int
from pellucid.errors import ArgumentError
from pellucid.layers import (
    Add,
    AdditiveAttention,
    Attention,
    Concatenate,
    Context,
    Layer,
    MultiHeadAttention,
    Multiply,
    TransformerDecoder,
    Variables,
)
from pellucid.layers._context import Collected
from pellucid.layers._memory import StepMemory
from pellucid.layers._recurrent import Recurrent
from pellucid.models._graph import Graph
from pellucid.models._network import Network

Array = jax.Array


CAN = (
    Add,
    AdditiveAttention,
    Attention,
    Concatenate,
    MultiHeadAttention,
    Multiply,
    TransformerDecoder,
)
"""Layers of several inputs that can be run step by step; of one input, those that keep a mask."""


class Kept(NamedTuple):
    """What a network has kept of the steps that went before.

    Attributes:
        position: how many there were, a scalar integer.
        arrays: keys, values and masks by path, each with room for ``capacity`` steps.
    """

    position: Array
    arrays: dict[str, Array]


class StepByStep:
    """Runs a causal network a few steps at a time: the key-value cache of generation.

    ``steps(variables, x, kept)`` gives the outputs for the new steps in ``x`` and what is kept
    now; outputs are those of one run over all steps, without running the earlier ones again. It is
    a pure function, to be compiled by whoever calls it::

        steps = StepByStep(model, capacity=64)
        kept = steps.start(model.variables, tokens[:, :1])
        for t in range(64):
            y, kept = steps(model.variables, tokens[:, t : t + 1], kept)

    Layers that treat every step by itself (Dense, normalizations, activations) need nothing kept.
    Attention with ``use_causal_mask=True`` keeps its keys and values, decoder blocks too, and
    position layers go on counting. The first input comes step by step; further ones, such as the
    memory that cross-attention reads, are given as a whole in each call.
    Recurrent layers keep their states. Layers that mix steps in other ways (convolution, pooling,
    recurrence backward in time) cannot be run so.

    Args:
        model: the network, a model or its graph.
        capacity: how many steps there may be in all, 1 or more.

    References:
        Shazeer, Fast transformer decoding: one write-head is all you need (2019), section 2.4.1.
    """

    def __init__(self, model: Network | Graph, capacity: int) -> None:
        check_positive_int("StepByStep", "capacity", capacity)
        self.graph = model.graph if isinstance(model, Network) else model
        self.capacity = capacity
        _check_layers(self.graph)

    def start(self, variables: Variables, x: Any, mask: Any = None) -> Kept:
        """Return what is kept before the first step.

        Args:
            variables: the numbers of the network.
            x: inputs as they will come; their shapes alone are read.
            mask: their masks, as they will come.
        """
        nothing = Kept(jnp.zeros((), jnp.int32), {})
        _, kept = jax.eval_shape(self, variables, x, nothing, mask)
        return jax.tree.map(lambda spec: jnp.zeros(spec.shape, spec.dtype), kept)

    def __call__(
        self, variables: Variables, x: Any, kept: Kept, mask: Any = None
    ) -> tuple[Any, Kept]:
        """Return the outputs for the new steps, and what is kept now.

        Args:
            variables: the numbers of the network.
            x: inputs with the new steps alone, shape (batch, new steps, ...).
            kept: what the last call gave.
            mask: for each input (in a list, if there are several) what is no padding, a boolean of
                shape (batch, steps), or None.
        """
        memory = StepMemory(kept.position, self.capacity, kept.arrays)
        context = Context(collected=Collected(memory=memory))
        context.mask = mask
        y = self.graph.run_checked(variables, x, context)
        steps = self.graph.arrange_inputs(x, any_steps=True)[0].shape[1]
        return y, Kept(kept.position + steps, dict(kept.arrays) | memory.renewed)


def _check_layers(graph: Graph) -> None:
    """Raise ArgumentError for a layer that mixes steps and keeps nothing of earlier ones."""
    for name, layer in graph.layers().items():
        if isinstance(layer, Graph):
            _check_layers(layer)
        elif isinstance(layer, Recurrent) and not layer.go_backwards:
            continue
        elif not (layer.keeps_mask or isinstance(layer, CAN)) or _joins_steps(layer):
            raise ArgumentError(
                f"StepByStep expected layers that treat each step by itself or remember earlier "
                f"ones, got {name!r}, a {type(layer).__name__}; run the whole sequence instead."
            )


def _joins_steps(layer: Layer) -> bool:
    """Tell whether a layer puts sequences one behind the other."""
    return isinstance(layer, Concatenate) and layer.axis == 1
