"""The simple recurrent layer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
from pellucid.layers._base import Variables
from pellucid.layers._recurrent import Recurrent, Sequences
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class SimpleRNN(Recurrent):
    """A layer of neurons that also sees its own output of the step before.

    h_t = f(x_t W + h_(t-1) U + b), from h_0 = 0 or a state that is given. Where a mask says that a
    step is padding, h_t = h_(t-1): the step changes nothing. Over many steps the gradient shrinks
    or grows by a power of U; ``LSTM`` and ``GRU`` were made against that.

    Args:
        units: number of neurons, 1 or more.
        activation: f, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        use_bias: False leaves b out.
        kernel_initializer: how W (features, units) starts.
        recurrent_initializer: how U (units, units) starts.
        bias_initializer: how b (units,) starts.
        kernel_regularizer: penalty on W, added to the loss.
        recurrent_regularizer: penalty on U.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to W after each update.
        recurrent_constraint: applied to U after each update.
        bias_constraint: applied to b after each update.
        dropout: fraction of the features that is dropped in training, the same ones in all steps of
            a sample.
        recurrent_dropout: fraction of the units whose connection through U is dropped in training,
            the same ones in all steps.
        return_sequences: True gives h_t of every step, False that of the last.
        return_state: True gives the final state as a second output.
        go_backwards: True reads from the last step to the first, and gives sequences in that order.

    Input shape (batch, steps, features), or a list of that and h_0 (batch, units); output shape
    (batch, units), or (batch, steps, units) with ``return_sequences``.

    Raises:
        ShapeError: if the input is no sequence of at least one step, or a mask or state does not
            fit it.

    Example:
        >>> from pellucid.layers import Input, SimpleRNN
        >>> SimpleRNN(32)(Input((10, 8))).shape
        (None, 32)

    References:
        Elman, Finding structure in time (1990); Gal, Ghahramani (2016) for the dropout.
    """

    units: int
    activation: Any = "tanh"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False

    formula: ClassVar[str] = "h_t = f(x_t W + h_(t-1) U + b)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features)",
        "h": "hidden state, (batch, units)",
        "W": "kernel, (features, units)",
        "U": "recurrent kernel, (units, units)",
        "b": "bias, (units,)",
        "f": "activation",
        "features": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("dense", "simple_rnn")
    parameter_count: ClassVar[str] = "units (features + units + use_bias)"
    blocks: ClassVar[int] = 1

    def run_sequence(
        self,
        variables: Variables,
        p: Array,
        states: Sequence[Array | None],
        mask: Array | None,
        kept: Array | None,
    ) -> Sequences:
        """Return h of all steps."""
        u = variables["recurrent_kernel"]
        h = ops.simple_rnn(p, u, *states, mask, kept, **self.settings())
        return Sequences((h,), None)

    def loop_flops(self, p: tuple[int, ...], u: tuple[int, ...]) -> int:
        """Return those of the loop over the steps."""
        return ops.simple_rnn.flops(p, u, **self.settings())

    def step_formulas(
        self,
        seen: Mapping[str, Array],
        place: tuple[int, int, int],
        gates: dict[str, Any],
        state: Callable[[int], Any],
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return a_t = p_t + h_(t-1) U and h_t = f(a_t) of one unit, p_t = x_t W + b."""
        act = self.activated("activation", "a")
        if act is None:
            return None
        before, u = state(0), seen["recurrent_kernel"][:, place[2]]
        terms = range(1, self.units + 1)
        numbers = {"p": seen["input_part"][place]}
        numbers |= {f"h_{k}": before[k - 1] for k in terms} | {f"U_{k}": u[k - 1] for k in terms}
        line = "a = p" + "".join(f" + h_{k} U_{k}" for k in terms)
        return [(line, numbers), (f"h = {act}", {})]
