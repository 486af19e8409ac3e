"""The layer of long short-term memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._named import Symbols
from pellucid.layers._base import Spec, Variables
from pellucid.layers._recurrent import Recurrent, Sequences
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class LSTM(Recurrent):
    """Long short-term memory: cells that keep, and gates that write, erase and show.

    With the columns in four blocks, i, f, c and o::

        i = s(x_t W_i + h_(t-1) U_i + b_i)        what to write
        f = s(x_t W_f + h_(t-1) U_f + b_f)        what to keep
        g = act(x_t W_c + h_(t-1) U_c + b_c)      what is new
        o = s(x_t W_o + h_(t-1) U_o + b_o)        what to show
        c_t = f c_(t-1) + i g
        h_t = o act(c_t)

    from h_0 = c_0 = 0 or states that are given. Where a mask says that a step is padding, h and c
    stay what they were: the step changes nothing.

    Args:
        units: number of cells, 1 or more.
        activation: act, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        recurrent_activation: s, the activation of the gates, likewise.
        use_bias: False leaves b out.
        kernel_initializer: how W (features, 4 units) starts.
        recurrent_initializer: how U (units, 4 units) starts.
        bias_initializer: how b (4 units,) starts.
        unit_forget_bias: True starts b_f at 1, so that cells keep before they have learned.
        kernel_regularizer: penalty on W, added to the loss.
        recurrent_regularizer: penalty on U.
        bias_regularizer: penalty on b.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to W after each update.
        recurrent_constraint: applied to U after each update.
        bias_constraint: applied to b after each update.
        dropout: fraction of the features that is dropped in training, the same ones in all steps of
            a sample.
        recurrent_dropout: fraction of the units whose connections through U are dropped in
            training, the same ones in all steps.
        return_sequences: True gives h_t of every step, False that of the last.
        return_state: True gives the final h and c as further outputs.
        go_backwards: True reads from the last step to the first, and gives sequences in that order.

    Input shape (batch, steps, features), or a list of that, h_0 and c_0, (batch, units) each;
    output shape (batch, units), or (batch, steps, units) with ``return_sequences``.

    Raises:
        ShapeError: if the input is no sequence of at least one step, or a mask or state does not
            fit it.

    Example:
        >>> from pellucid.layers import LSTM, Input
        >>> h, final_h, final_c = LSTM(32, return_sequences=True, return_state=True)(Input((10, 8)))
        >>> h.shape, final_c.shape
        ((None, 10, 32), (None, 32))

    References:
        Hochreiter, Schmidhuber, Long short-term memory (1997); Gers, Schmidhuber, Cummins (2000)
        for f; Jozefowicz, Zaremba, Sutskever (2015) for b_f = 1; Gal, Ghahramani (2016) for the
        dropout.
    """

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    unit_forget_bias: bool = True
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

    formula: ClassVar[str] = "c_t = f c_(t-1) + i g; h_t = o act(c_t)"
    symbols: ClassVar[Symbols] = {
        "c": "cell state, (batch, units)",
        "h": "hidden state, (batch, units)",
        "i": "input gate, s(x_t W_i + h_(t-1) U_i + b_i)",
        "f": "forget gate, s(x_t W_f + h_(t-1) U_f + b_f)",
        "g": "candidate, act(x_t W_g + h_(t-1) U_g + b_g)",
        "o": "output gate, s(x_t W_o + h_(t-1) U_o + b_o)",
        "act": "activation; s is recurrent_activation",
        "features": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("dense", "lstm")
    parameter_count: ClassVar[str] = "4 units (features + units + use_bias)"
    blocks: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

    def make_bias(self, key: Array, spec: Spec) -> Array:
        """Return the bias at the start: 1 for the forget gates, if so set."""
        bias = super().make_bias(key, spec)
        forget = slice(self.units, 2 * self.units)
        return bias.at[forget].set(1) if self.unit_forget_bias else bias

    def run_sequence(
        self,
        variables: Variables,
        p: Array,
        states: Sequence[Array | None],
        mask: Array | None,
        kept: Array | None,
    ) -> Sequences:
        """Return h, c and the gates of all steps."""
        u = variables["recurrent_kernel"]
        h, c, gates = ops.lstm(p, u, *states, mask, kept, **self.settings())
        return Sequences((h, c), gates)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the operation."""
        return {**super().settings(), "recurrent_activation": self._op_name("recurrent_activation")}

    def loop_flops(self, p: tuple[int, ...], u: tuple[int, ...]) -> int:
        """Return those of the loop over the steps."""
        return ops.lstm.flops(p, u, **self.settings())

    def step_formulas(
        self,
        seen: Mapping[str, Array],
        place: tuple[int, int, int],
        gates: dict[str, Any],
        state: Callable[[int], Any],
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return c_t = f c_(t-1) + i g and h_t = o act(c_t) of one unit."""
        act = self.activated("activation", "c")
        if act is None:
            return None
        return [
            ("c = f c_before + i g", {**gates, "c_before": state(1)[place[2]]}),
            (f"a = {act}", {}),
            ("h = o a", {"o": gates["o"]}),
        ]
