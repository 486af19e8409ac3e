"""The layer of gated recurrent units."""

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
class GRU(Recurrent):
    """Gated recurrent units: each mixes its old state with a new one, as far as its gate says.

    With the columns in three blocks, z, r and h::

        z = s(x_t W_z + b_z + h_(t-1) U_z + e_z)          how much of the old state stays
        r = s(x_t W_r + b_r + h_(t-1) U_r + e_r)          how much of it the new one sees
        g = act(x_t W_h + b_h + r (h_(t-1) U_h + e_h))
        h_t = z h_(t-1) + (1 - z) g

    from h_0 = 0 or a state that is given. Without ``reset_after`` the reset gate acts before the
    product, g = act(x_t W_h + b_h + (r h_(t-1)) U_h), and there is no second bias e. Where a mask
    says that a step is padding, h_t = h_(t-1): the step changes nothing.

    Args:
        units: number of units, 1 or more.
        activation: act, one of tanh, sigmoid, hard_sigmoid, relu and linear.
        recurrent_activation: s, the activation of the gates, likewise.
        use_bias: False leaves b and e out.
        kernel_initializer: how W (features, 3 units) starts.
        recurrent_initializer: how U (units, 3 units) starts.
        bias_initializer: how the biases start: b and e as the rows of (2, 3 units), or b
            (3 units,) without ``reset_after``.
        kernel_regularizer: penalty on W, added to the loss.
        recurrent_regularizer: penalty on U.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on the output, divided by the batch size.
        kernel_constraint: applied to W after each update.
        recurrent_constraint: applied to U after each update.
        bias_constraint: applied to the biases after each update.
        dropout: fraction of the features that is dropped in training, the same ones in all steps of
            a sample.
        recurrent_dropout: fraction of the units whose connections through U are dropped in
            training, the same ones in all steps; in z h_(t-1) nothing is dropped.
        return_sequences: True gives h_t of every step, False that of the last.
        return_state: True gives the final state as a second output.
        go_backwards: True reads from the last step to the first, and gives sequences in that order.
        reset_after: whether the reset gate acts after the product with U, or before it.

    Input shape (batch, steps, features), or a list of that and h_0 (batch, units); output shape
    (batch, units), or (batch, steps, units) with ``return_sequences``.

    Raises:
        ShapeError: if the input is no sequence of at least one step, or a mask or state does not
            fit it.

    Example:
        >>> from pellucid.layers import GRU, Input
        >>> GRU(32, return_sequences=True)(Input((None, 8))).shape
        (None, None, 32)

    References:
        Cho et al., Learning phrase representations using RNN encoder-decoder (2014), appendix A.1;
        Gal, Ghahramani (2016) for the dropout.
    """

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
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
    reset_after: bool = True

    formula: ClassVar[str] = "h_t = z h_(t-1) + (1 - z) g"
    symbols: ClassVar[Symbols] = {
        "h": "hidden state, (batch, units)",
        "z": "update gate, s(x_t W_z + h_(t-1) U_z + b_z)",
        "g": "candidate, act(x_t W_g + b_g + r (h_(t-1) U_g)) with the reset gate r",
        "features": "numbers of a step",
    }
    operations: ClassVar[tuple[str, ...]] = ("dense", "gru")
    parameter_count: ClassVar[str] = "3 units (features + units + use_bias (1 + reset_after))"
    blocks: ClassVar[int] = 3
    gates: ClassVar[tuple[str, ...]] = ("z", "r", "g")

    def make_bias(self, key: Array, spec: Spec) -> Array:
        """Return the bias at the start: one of the input and one of the past, or one alone."""
        width = 3 * self.units
        return self.make_variable(key, "bias", (2, width) if self.reset_after else (width,), spec)

    def input_bias(self, variables: Variables) -> Array | None:
        """Return the bias that is added to the part of the input."""
        bias = variables.get("bias")
        return bias[0] if bias is not None and self.reset_after else bias

    def run_sequence(
        self,
        variables: Variables,
        p: Array,
        states: Sequence[Array | None],
        mask: Array | None,
        kept: Array | None,
    ) -> Sequences:
        """Return h and the gates of all steps."""
        bias = variables.get("bias")
        past = bias[1] if bias is not None and self.reset_after else None
        u = variables["recurrent_kernel"]
        h, gates = ops.gru(p, u, past, *states, mask, kept, **self.settings())
        return Sequences((h,), gates)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the operation."""
        return {
            **super().settings(),
            "recurrent_activation": self._op_name("recurrent_activation"),
            "reset_after": self.reset_after,
        }

    def loop_flops(self, p: tuple[int, ...], u: tuple[int, ...]) -> int:
        """Return those of the loop over the steps."""
        bias = (u[1],) if self.use_bias and self.reset_after else None
        return ops.gru.flops(p, u, bias, **self.settings())

    def step_formulas(
        self,
        seen: Mapping[str, Array],
        place: tuple[int, int, int],
        gates: dict[str, Any],
        state: Callable[[int], Any],
    ) -> list[tuple[str, dict[str, Any]]] | None:
        """Return h_t = z h_(t-1) + (1 - z) g of one unit."""
        return [("h = z h_before + (1 - z) g", {**gates, "h_before": state(0)[place[2]]})]
