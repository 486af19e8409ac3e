"""The blocks of the transformer: encoder and decoder."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_divisible, check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.errors import ShapeError
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._dense import Dense
from pellucid.layers._inputs import as_floating, check_positions
from pellucid.layers._layer_normalization import LayerNormalization
from pellucid.layers._multi_head_attention import MultiHeadAttention
from pellucid.layers._nested import Nested
from pellucid.layers._noise import Dropout
from pellucid.layers._registry import REGISTRY

Array = jax.Array


class _Block(Nested):
    """What the two blocks share: sublayers with a residual connection and a normalization."""

    intermediate_dim: int
    num_heads: int
    dropout: float = 0.0
    activation: Any = "relu"
    layer_norm_epsilon: float = 1e-5
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    normalize_first: bool = False
    use_bias: bool = field(default=True, kw_only=True)
    rotary: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        check_positive_int(who, "intermediate_dim", self.intermediate_dim)
        check_positive_int(who, "num_heads", self.num_heads)
        check_range(who, "dropout", self.dropout, 0, 1, open_high=True)
        check_range(who, "layer_norm_epsilon", self.layer_norm_epsilon, 0, open_low=True)

    def _attention(self, features: int, **settings: Any) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.num_heads,
            max(1, features // self.num_heads),
            dropout=self.dropout,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            **settings,
        )

    def _dense(self, units: int, activation: Any = None) -> Dense:
        return Dense(
            units,
            activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
        )

    def _norm(self) -> LayerNormalization:
        return LayerNormalization(epsilon=self.layer_norm_epsilon, center=self.use_bias)

    def _feedforward_parts(self, features: int) -> dict[str, Layer]:
        return {
            "feedforward_norm": self._norm(),
            "feedforward_intermediate": self._dense(self.intermediate_dim, self.activation),
            "feedforward_output": self._dense(features),
        }

    def _init_parts(self, parts: dict[str, Layer], key: Array, x: Spec, memory: Any) -> Variables:
        """Return the variables of all parts; all but one read arrays of the shape of x."""
        made = Variables()
        hidden = jax.ShapeDtypeStruct((*x.shape[:2], self.intermediate_dim), x.dtype)
        specs = {
            "self_attention": [x, x],
            "cross_attention": [x, memory],
            "feedforward_output": hidden,
        }
        for name, part in parts.items():
            self.init_part(made, name, part, key, specs.get(name, x))
        return made

    def _sublayer(
        self, name: str, f: Callable[[Array], Array], x: Array, run: Callable[..., Array]
    ) -> Array:
        """Return norm(x + f(x)), or x + f(norm(x)) if the norm comes first."""
        drop = Dropout(self.dropout)
        if self.normalize_first:
            return ops.add(x, run(f"{name}_dropout", f(run(f"{name}_norm", x)), drop))
        return run(f"{name}_norm", ops.add(x, run(f"{name}_dropout", f(x), drop)))

    def _runner(
        self, parts: dict[str, Layer], variables: Variables, context: Context
    ) -> Callable[..., Array]:
        def run(name: str, x: Any, part: Layer | None = None, mask: Any = None) -> Array:
            return self.run_part(name, part or parts[name], variables, x, context, mask)

        return run

    def _flops(self, parts: dict[str, Layer], x: Spec, memory: Any) -> int:
        hidden = jax.ShapeDtypeStruct((*x.shape[:2], self.intermediate_dim), x.dtype)
        total = 0
        for name, part in parts.items():
            if name == "self_attention":
                total += part.flops([x, x], x)
            elif name == "cross_attention":
                total += part.flops([x, memory], x)
            else:
                total += part.flops(hidden if name == "feedforward_output" else x, None)
        residuals = sum(name.endswith("_norm") for name in parts)
        return total + residuals * ops.add.flops(x.shape)


@REGISTRY.register()
class TransformerEncoder(_Block):
    """A transformer encoder block: self-attention, then a feed-forward network for each step.

    With ``normalize_first`` False, as in the paper, and True (pre-norm), which trains more stably::

        x = norm(x + attention(x, x))           x = x + attention(norm(x), norm(x))
        y = norm(x + f(x W_1 + b_1) W_2 + b_2)  y = x + f(norm(x) W_1 + b_1) W_2 + b_2

    Dropout acts on the attention weights and on what is added to x. Steps without a True in the
    mask are not read.

    Args:
        intermediate_dim: width of the feed-forward network's hidden layer.
        num_heads: heads of the attention; each has the width features / num_heads.
        dropout: fraction dropped while the network learns, in [0, 1).
        activation: f, by name or as a function.
        layer_norm_epsilon: added to the variance in the normalizations.
        kernel_initializer: how all W start.
        bias_initializer: how all b start.
        normalize_first: True for pre-norm; the network then needs a last normalization.
        use_bias: False leaves out every b, and beta of the normalizations.
        rotary: a ``RotaryEmbedding`` for the attention, or None.

    Input shape (batch, steps, features); output shape the same.

    Raises:
        ShapeError: if the input is no sequence.
        ArgumentError: if the features are not a multiple of num_heads.

    Example:
        >>> from pellucid.layers import Input, TransformerEncoder
        >>> TransformerEncoder(256, 4)(Input((10, 64))).shape
        (None, 10, 64)

    References:
        Vaswani et al., Attention is all you need (2017), section 3.1; pre-norm: Xiong et al., On
        layer normalization in the transformer architecture (2020).
    """

    formula: ClassVar[str] = "x = norm(x + attention(x, x)), y = norm(x + f(x W_1 + b_1) W_2 + b_2)"
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features), and what the attention makes of it",
        "y": "output",
        "W": "kernels, (features, intermediate_dim) and (intermediate_dim, features)",
        "b": "biases",
        "f": "activation",
        "norm": "layer normalization",
        "attention": "multi-head attention; each head has features / num_heads numbers",
        "features": "numbers of a step, a multiple of num_heads",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "dense",
        "attention_scores",
        "attention_weights",
        "attention_values",
        "layer_norm",
        "add",
    )
    parameter_count: ClassVar[str] = (
        "4 features (features + use_bias) "
        "+ 2 features intermediate_dim + use_bias (intermediate_dim + features) "
        "+ 2 features (1 + use_bias)"
    )
    keeps_mask: ClassVar[bool] = True

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return attention, feed-forward layers and normalizations."""
        features = 1 if input_spec is None else input_spec.shape[-1]
        return {
            "self_attention_norm": self._norm(),
            "self_attention": self._attention(features, rotary=self.rotary),
            **self._feedforward_parts(features),
        }

    def init(self, key: Array, input_spec: Spec) -> Variables:
        """Return the variables of the parts, under their names."""
        _check_features(self, input_spec)
        return self._init_parts(self.parts(input_spec), key, input_spec, None)

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the sequence after the block."""
        _check_features(self, x)
        x, mask = as_floating(x), context.mask
        run = self._runner(self.parts(x), variables, context)

        def attention(h: Array) -> Array:
            return run("self_attention", [h, h], mask=[mask, mask])

        def feedforward(h: Array) -> Array:
            return run("feedforward_output", run("feedforward_intermediate", h))

        x = self._sublayer("self_attention", attention, x, run)
        return self._sublayer("feedforward", feedforward, x, run)

    def flops(self, input_spec: Spec, output_spec: Spec) -> int:
        """Return the sum over the parts."""
        return self._flops(self.parts(input_spec), input_spec, None)


@REGISTRY.register()
class TransformerDecoder(_Block):
    """A transformer decoder block: causal self-attention, cross-attention, feed-forward network.

    Step i reads the steps 0 to i of its own sequence and, if it is given one, all of the memory z,
    the output of an encoder. With ``normalize_first`` False, as in the paper::

        x = norm(x + attention(x, x), causal)
        x = norm(x + attention(x, z))                   left out without a memory
        y = norm(x + f(x W_1 + b_1) W_2 + b_2)

    and with True (pre-norm) each line is x = x + sublayer(norm(x)). Without a memory it is the
    block of a language model. Fed step by step it keeps the keys and values of the steps before.

    Args:
        intermediate_dim: width of the feed-forward network's hidden layer.
        num_heads: heads of the attentions; each has the width features / num_heads.
        dropout: fraction dropped while the network learns, in [0, 1).
        activation: f, by name or as a function.
        layer_norm_epsilon: added to the variance in the normalizations.
        kernel_initializer: how all W start.
        bias_initializer: how all b start.
        normalize_first: True for pre-norm; the network then needs a last normalization.
        use_bias: False leaves out every b, and beta of the normalizations.
        rotary: a ``RotaryEmbedding`` for the self-attention, or None.

    Input shape (batch, steps, features), or a list of it and the memory (batch, memory steps,
    memory features); output shape (batch, steps, features).

    Raises:
        ShapeError: if the inputs are no sequences.
        ArgumentError: if the features are not a multiple of num_heads.

    Example:
        >>> from pellucid.layers import Input, TransformerDecoder
        >>> TransformerDecoder(256, 4)([Input((10, 64)), Input((12, 64))]).shape
        (None, 10, 64)

    References:
        Vaswani et al., Attention is all you need (2017), section 3.1; without a memory: Radford et
        al., Improving language understanding by generative pre-training (2018).
    """

    formula: ClassVar[str] = (
        "x = norm(x + attention(x, x)), x = norm(x + attention(x, z)), "
        "y = norm(x + f(x W_1 + b_1) W_2 + b_2)"
    )
    symbols: ClassVar[Symbols] = {
        "x": "input, (batch, steps, features), and what the attentions make of it",
        "z": "memory, (batch, memory steps, memory features)",
        "y": "output",
        "W": "kernels, (features, intermediate_dim) and (intermediate_dim, features)",
        "b": "biases",
        "f": "activation",
        "norm": "layer normalization",
        "attention": "multi-head attention; each head has features / num_heads numbers",
        "features": "numbers of a step, a multiple of num_heads",
        "memory": "numbers of a step of the memory",
        "cross": "1 with a memory, 0 without",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "dense",
        "attention_scores",
        "attention_weights",
        "attention_values",
        "layer_norm",
        "add",
    )
    parameter_count: ClassVar[str] = (
        "4 features (features + use_bias) "
        "+ cross (2 features (features + use_bias) + 2 features (memory + use_bias) "
        "+ features (1 + use_bias)) "
        "+ 2 features intermediate_dim + use_bias (intermediate_dim + features) "
        "+ 2 features (1 + use_bias)"
    )

    def __call__(self, sequence: Any, memory: Any = None) -> Any:
        """Connect the block to a sequence, or to a sequence and a memory, as a list or not."""
        return super().__call__(sequence if memory is None else [sequence, memory])

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return attentions, feed-forward layers and normalizations."""
        if input_spec is None:  # every part that there may be
            x, memory = None, True
        else:
            x, memory = _decoder_inputs(self, input_spec)
        features = 1 if x is None else x.shape[-1]
        parts: dict[str, Layer] = {
            "self_attention_norm": self._norm(),
            "self_attention": self._attention(features, rotary=self.rotary, use_causal_mask=True),
        }
        if memory is not None:
            parts["cross_attention_norm"] = self._norm()
            parts["cross_attention"] = self._attention(features)
        return parts | self._feedforward_parts(features)

    def init(self, key: Array, input_spec: Any) -> Variables:
        """Return the variables of the parts, under their names."""
        x, memory = _decoder_inputs(self, input_spec)
        return self._init_parts(self.parts(input_spec), key, x, memory)

    def apply(self, variables: Variables, x: Any, context: Context) -> Array:
        """Return the sequence after the block."""
        run = self._runner(self.parts(x), variables, context)
        x, memory = _decoder_inputs(self, x)
        masks = context.mask if isinstance(context.mask, list) else [context.mask, None]
        x = as_floating(x)

        def attention(h: Array) -> Array:
            return run("self_attention", [h, h], mask=[masks[0], masks[0]])

        def cross_attention(h: Array) -> Array:
            return run("cross_attention", [h, memory], mask=masks)

        def feedforward(h: Array) -> Array:
            return run("feedforward_output", run("feedforward_intermediate", h))

        x = self._sublayer("self_attention", attention, x, run)
        if memory is not None:
            x = self._sublayer("cross_attention", cross_attention, x, run)
        context.set_mask(masks[0])
        return self._sublayer("feedforward", feedforward, x, run)

    def flops(self, input_spec: Any, output_spec: Spec) -> int:
        """Return the sum over the parts."""
        x, memory = _decoder_inputs(self, input_spec)
        return self._flops(self.parts(input_spec), x, memory)


def _check_features(layer: _Block, x: Any) -> None:
    who = type(layer).__name__
    check_positions(who, x.shape, 1)
    check_divisible(who, "the number of features", x.shape[-1], "num_heads", layer.num_heads)


def _decoder_inputs(layer: _Block, x: Any) -> tuple[Any, Any]:
    """Return the sequence and the memory, None where there is none."""
    several: Sequence[Any] = x if isinstance(x, (list, tuple)) else [x]
    if not 1 <= len(several) <= 2:
        raise ShapeError(
            f"TransformerDecoder expected a sequence, or a list of a sequence and a memory, got a "
            f"list of {len(several)}."
        )
    _check_features(layer, several[0])
    if len(several) == 1:
        return several[0], None
    check_positions("TransformerDecoder", several[1].shape, 1)
    return several[0], several[1]
