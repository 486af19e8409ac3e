"""What the recurrent layers share: SimpleRNN, LSTM and GRU."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from pellucid import activations, ops
from pellucid._checks import (
    check_one_of,
    check_positive_int,
    check_range,
    check_rank,
    check_same_shape,
)
from pellucid.errors import ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._inputs import as_floating, check_steps
from pellucid.ops._recurrence import ACTIVATIONS

Array = jax.Array


class Sequences(NamedTuple):
    """What a recurrent layer computes for every step, in the order of the input.

    Attributes:
        states: hidden states h, and for ``LSTM`` the cell states c, (batch, steps, units) each.
        gates: the activations of the gates side by side, or None where there are none.
    """

    states: tuple[Array, ...]
    gates: Array | None


class Recurrent(Layer):
    """A layer that reads a sequence step by step and carries a state from one to the next.

    A subclass lists its settings in Keras's order, and says how many blocks its kernel has, what
    its states are called, and how a sequence runs.
    """

    if TYPE_CHECKING:
        units: int
        activation: Any
        use_bias: bool
        kernel_initializer: Any
        recurrent_initializer: Any
        bias_initializer: Any
        recurrent_regularizer: Any
        recurrent_constraint: Any
        dropout: float
        recurrent_dropout: float
        return_sequences: bool
        return_state: bool
        go_backwards: bool

    blocks: ClassVar[int]
    """How many blocks of ``units`` columns the kernel has."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """What the states are called."""
    gates: ClassVar[tuple[str, ...]] = ()
    """What the gates are called, in the order in which they stand side by side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        check_positive_int(who, "units", self.units)
        check_range(who, "dropout", self.dropout, 0, 1, open_high=True)
        check_range(who, "recurrent_dropout", self.recurrent_dropout, 0, 1, open_high=True)
        for name in ("activation", "recurrent_activation"):
            if hasattr(self, name):
                check_one_of(who, name, self._op_name(name), tuple(ACTIVATIONS))

    @property
    def recurrent_kernel_regularizer(self) -> Any:
        """The penalty on the variable ``recurrent_kernel``; Keras calls the setting otherwise."""
        return self.recurrent_regularizer

    @property
    def recurrent_kernel_constraint(self) -> Any:
        """The constraint on the variable ``recurrent_kernel``, likewise."""
        return self.recurrent_constraint

    def __call__(self, inputs: Any, initial_state: Any = None) -> Any:
        """Connect the layer to symbols: a sequence and, if wanted, the states before its start."""
        return super().__call__(with_states(inputs, initial_state))

    def init(self, key: Array, input_spec: Any) -> dict[str, Array]:
        """Return ``kernel``, ``recurrent_kernel`` and ``bias``."""
        spec = input_spec[0] if isinstance(input_spec, (list, tuple)) else input_spec
        check_sequence(type(self).__name__, spec.shape)
        width = self.blocks * self.units
        kernel = self.make_variable(key, "kernel", (spec.shape[-1], width), spec)
        recurrent = self.make_variable(
            key, "recurrent_kernel", (self.units, width), spec, self.recurrent_initializer
        )
        made = {"kernel": kernel, "recurrent_kernel": recurrent}
        if self.use_bias:
            made["bias"] = self.make_bias(key, spec)
        return made

    def make_bias(self, key: Array, spec: Spec) -> Array:
        """Return the bias at the start."""
        return self.make_variable(key, "bias", (self.blocks * self.units,), spec)

    def input_bias(self, variables: Variables) -> Array | None:
        """Return the bias that is added to the part of the input."""
        return variables.get("bias")

    def run_sequence(
        self,
        variables: Variables,
        p: Array,
        states: Sequence[Array | None],
        mask: Array | None,
        kept: Array | None,
    ) -> Sequences:
        """Return the states of all steps from p = x W + b and the states before the first."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method run_sequence.")

    def apply(self, variables: Variables, x: Any, context: Context) -> Any:
        """Return the hidden states, the last one or all, and the final states if asked for."""
        who = type(self).__name__
        x, *given = x if isinstance(x, (list, tuple)) else [x]
        mask = context.mask[0] if isinstance(context.mask, list) else context.mask
        check_sequence(who, x.shape)
        if mask is not None:
            check_mask(who, x.shape, mask.shape)
        x = self._without_dropped(as_floating(x), context)
        start = self._start(given, x, context)

        p = ops.dense(x, variables["kernel"], self.input_bias(variables))
        p = context.record("input_part", p)
        run = self.run_sequence(variables, p, start, mask, self._kept(x.shape[0], context))
        if run.gates is not None:
            context.record("gates", run.gates)
        labels = ("hidden_states", "cell_states")
        sequences = [context.record(n, s) for n, s in zip(labels, run.states, strict=False)]
        finals = [sequence[:, 0 if self.go_backwards else -1] for sequence in sequences]
        self._keep_states(finals, context)

        y, y_mask = finals[0], None
        if self.return_sequences:
            y, y_mask = sequences[0], mask
            if self.go_backwards:  # in the order in which the steps were read, as in Keras
                y = jnp.flip(y, 1)
                y_mask = None if mask is None else jnp.flip(mask, 1)
        if not self.return_state:
            context.set_mask(y_mask)
            return y
        context.set_mask([y_mask, *[None] * len(finals)])
        return (y, *finals)

    def output_activation(self) -> None:
        """Return None: the output is a state, which no single activation ends in."""

    def settings(self) -> dict[str, Any]:
        """Return the settings that every operation over a sequence takes."""
        return {
            "activation": self._op_name("activation"),
            "recurrent_dropout": self.recurrent_dropout,
            "reverse": self.go_backwards,
        }

    def unit_steps(
        self, seen: Mapping[str, Array], index: tuple[int, ...]
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return the formulas of one unit in one step, with the state before it and its gates."""
        hidden = seen["hidden_states"]
        sample, unit = index[0], index[-1]
        t = 0 if self.go_backwards else hidden.shape[1] - 1
        if self.return_sequences and len(index) == 3:
            t = hidden.shape[1] - 1 - index[1] if self.go_backwards else index[1]
        before = t + 1 if self.go_backwards else t - 1
        inside = 0 <= before < hidden.shape[1]

        def state(number: int) -> Any:
            """Return all units of a state before this step."""
            if inside:
                return seen[("hidden_states", "cell_states")[number]][sample, before]
            given = seen.get(f"input#{number + 1}")
            return jnp.zeros(self.units) if given is None else given[sample]

        mask = seen.get("mask", seen.get("mask#0"))
        if mask is not None and not bool(mask[sample, t]):
            return [("h = h_before", {"h_before": state(0)[unit]})]  # a step that does not count
        gates = {
            name: seen["gates"][sample, t, place * self.units + unit]
            for place, name in enumerate(self.gates)
        }
        return self.step_formulas(seen, (sample, t, unit), gates, state)

    def step_formulas(
        self,
        seen: Mapping[str, Array],
        place: tuple[int, int, int],
        gates: dict[str, Any],
        state: Callable[[int], Any],
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return the formulas of h of one unit.

        Args:
            seen: as for ``unit_steps``.
            place: sample, step, unit.
            gates: the activation of each gate of the unit.
            state: gives all units of the state of a number, h or c, before the step.
        """
        return None

    def activated(self, setting: str, symbol: str) -> str | None:
        """Return the formula of an activation with ``symbol`` for its input."""
        op = activations.operation(activations.get(getattr(self, setting)))
        right = None if op is None else op.formula.partition(" = ")[2]
        return None if right is None else re.sub(r"\bx\b", symbol, right)

    def flops(self, input_spec: Any, output_spec: Any) -> int:
        """Return those of the input's part, one product, and of the loop over the steps."""
        spec = input_spec[0] if isinstance(input_spec, (list, tuple)) else input_spec
        batch, steps, features = spec.shape
        width = self.blocks * self.units
        bias = (width,) if self.use_bias else None
        projection = ops.dense.flops(spec.shape, (features, width), bias)
        return projection + self.loop_flops((batch, steps, width), (self.units, width))

    def loop_flops(self, p: tuple[int, ...], u: tuple[int, ...]) -> int:
        """Return those of the loop over the steps, for shapes of input parts and kernel."""
        raise NotImplementedError(f"{type(self).__name__} lacks the method loop_flops.")

    def _op_name(self, setting: str) -> str | None:
        """Return the name of the operation behind an activation, None for one's own function."""
        op = activations.operation(activations.get(getattr(self, setting)))
        return None if op is None else op.name

    def _without_dropped(self, x: Array, context: Context) -> Array:
        """Return x with features dropped in training, the same ones in all steps of a sample."""
        if not context.training or self.dropout == 0:
            return x
        same = (x.shape[0], 1, x.shape[2])
        mask = ops.dropout_mask(context.make_key(), x.shape, rate=self.dropout, noise_shape=same)
        return ops.dropout(x, mask, rate=self.dropout)

    def _kept(self, batch: int, context: Context) -> Array | None:
        """Return which units keep their recurrent connections in this call, None for all."""
        if not context.training or self.recurrent_dropout == 0:
            return None
        shape = (batch, self.units)
        return ops.dropout_mask(context.make_key(), shape, rate=self.recurrent_dropout)

    def _start(self, given: Sequence[Array], x: Array, context: Context) -> Sequence[Array | None]:
        """Return the states before the first step, None for each that is zero."""
        who, names = type(self).__name__, self.states
        if given and len(given) != len(names):
            raise ShapeError(
                f"{who} expected {len(names)} initial states, ({', '.join(names)}), got "
                f"{len(given)}; type layer(x, initial_state=[{', '.join(names)}])."
            )
        shape = (x.shape[0], self.units)
        for name, state in zip(names, given, strict=False):
            hint = f"bring it to {self.units} units with Dense({self.units})"
            check_same_shape(who, "(batch, units)", shape, f"initial {name}", state.shape, hint)
        start = [as_floating(state).astype(x.dtype) for state in given]
        if context.memory is None:
            return start or [None] * len(names)
        # The sequence goes on where the last call ended.
        start = start or [jnp.zeros(shape, x.dtype)] * len(names)
        labels = self._labels(context)
        return [context.memory.recall(n, state) for n, state in zip(labels, start, strict=True)]

    def _keep_states(self, finals: Sequence[Array], context: Context) -> None:
        """Leave the final states for the next call, where a network is fed step by step."""
        if context.memory is not None:
            for label, state in zip(self._labels(context), finals, strict=True):
                context.memory.keep(label, state)

    def _labels(self, context: Context) -> list[str]:
        return ["/".join((*context.path, name)) for name in self.states]


def with_states(inputs: Any, initial_state: Any) -> Any:
    """Return the inputs and the states before the first step as one list of inputs."""
    if initial_state is None:
        return inputs
    states = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
    return [inputs, *states]


def check_sequence(who: str, shape: Sequence[int]) -> None:
    """Raise ShapeError unless ``shape`` is that of sequences of one step or more."""
    hint = {
        2: "add the missing axis: x[None] for one sequence, x[..., None] for one feature; words go "
        "through an Embedding first",
        4: "wrap the layer in TimeDistributed for a sequence of sequences, or use Reshape",
    }.get(len(shape), "")
    check_rank(who, shape, 3, "(batch, steps, features)", hint)
    check_steps(who, shape)


def check_mask(who: str, shape: Sequence[int], mask: Sequence[int]) -> None:
    """Raise ShapeError unless the mask has an entry for each step of each sequence."""
    hint = "make it of the same steps: Embedding(mask_zero=True) or Masking() right before"
    check_same_shape(who, "(batch, steps)", tuple(shape[:2]), "the mask", tuple(mask), hint)
