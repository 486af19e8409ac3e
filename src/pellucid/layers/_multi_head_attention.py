"""Multi-head attention."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid._named import Symbols
from pellucid.layers._attention_steps import (
    attend,
    attended_inputs,
    flops_of_reading,
    remembered,
    with_weights,
)
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._context import Context
from pellucid.layers._dense import Dense
from pellucid.layers._nested import Nested
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class MultiHeadAttention(Nested):
    """Attention in four steps, by several heads that each look for something else.

    For each head h, with queries x, and keys and values from z (self-attention: z = x)::

        q = x W_q[h] + b_q[h]      k = z W_k[h] + b_k[h]      v = z W_v[h] + b_v[h]
        s_ij = q_i . k_j / sqrt(key_dim)                      scores
        a_ij = e^(s_ij) / sum_l e^(s_il)                      weights, over what may be read
        o_i[h] = sum_j a_ij v_j                               weighted values
        y_i = [o_i[1], ..., o_i[num_heads]] W_o + b_o

    Values without a True in their mask are not read; a query that may read nothing gets zeros,
    which leaves b_o. The parts ``query``, ``key``, ``value`` and ``attention_output`` are Dense
    layers with the heads side by side.

    Args:
        num_heads: number of heads, 1 or more.
        key_dim: width of the queries and keys of one head.
        value_dim: width of the values of one head; None for key_dim.
        dropout: fraction of the weights that is dropped while the network learns, in [0, 1).
        use_bias: False leaves the four b out.
        output_shape: width of the output; None for that of the queries.
        kernel_initializer: how the four W start.
        bias_initializer: how the four b start.
        kernel_regularizer: penalty on the W, added to the loss.
        bias_regularizer: penalty on the b.
        kernel_constraint: applied to the W after each update.
        bias_constraint: applied to the b after each update.
        use_causal_mask: True lets step i read the steps 0 to i alone.
        return_attention_scores: True returns the weights as a second output.
        rotary: a ``RotaryEmbedding`` that turns queries and keys by their positions, or None.

    Input: a list [query, value] or [query, value, key] or [query, value, key, mask] of shapes
    (batch, query steps, features), (batch, steps, features), (batch, steps, features), (batch,
    query steps, steps), the last boolean; ``[x, x]`` is self-attention. Output (batch, query steps,
    features), and the weights (batch, heads, query steps, steps) on request. As in Keras the inputs
    may also be given one by one: ``layer(query, value)``.

    Raises:
        ShapeError: if the input is no such list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Input, MultiHeadAttention
        >>> x = Input((10, 64))
        >>> MultiHeadAttention(4, 16, use_causal_mask=True)([x, x]).shape
        (None, 10, 64)

    References:
        Vaswani et al., Attention is all you need (2017), section 3.2.
    """

    num_heads: int
    key_dim: int
    value_dim: int | None = None
    dropout: float = 0.0
    use_bias: bool = True
    output_shape: int | None = None
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    use_causal_mask: bool = field(default=False, kw_only=True)
    return_attention_scores: bool = field(default=False, kw_only=True)
    rotary: Any = field(default=None, kw_only=True)

    formula: ClassVar[str] = "y = [softmax(q k^T / sqrt(key_dim)) v for each head] W_o + b_o"
    symbols: ClassVar[Symbols] = {
        "q": "queries of a head, W_q x + b_q",
        "k": "keys of a head, W_k z + b_k",
        "v": "values of a head, W_v z + b_v",
        "W": "kernels; W_o joins the heads",
        "b": "biases",
        "y": "output, (batch, query steps, d_o)",
        "d_q": "width of the query input",
        "d_k": "width of the key input",
        "d_v": "width of the value input",
        "d_h": "value_dim, key_dim unless given",
        "d_o": "width of the output, d_q unless given",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "dense",
        "attention_scores",
        "attention_weights",
        "attention_values",
        "scaled_dot_product_attention",
        "permute",
        "reshape",
    )
    parameter_count: ClassVar[str] = (
        "num_heads key_dim (d_q + d_k + 2 use_bias) + num_heads d_h (d_v + use_bias) "
        "+ (num_heads d_h + use_bias) d_o"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("MultiHeadAttention", "num_heads", self.num_heads)
        check_positive_int("MultiHeadAttention", "key_dim", self.key_dim)
        for name in ("value_dim", "output_shape"):
            if getattr(self, name) is not None:
                check_positive_int("MultiHeadAttention", name, getattr(self, name))
        check_range("MultiHeadAttention", "dropout", self.dropout, 0, 1, open_high=True)
        if self.rotary is not None:
            REGISTRY.get(self.rotary)

    def __call__(self, query: Any, value: Any = None, key: Any = None) -> Any:
        """Connect the layer to a list of symbols, or to query, value and key one by one."""
        given = [symbol for symbol in (query, value, key) if symbol is not None]
        return super().__call__(query if value is None else given)

    def parts(self, input_spec: Any = None) -> dict[str, Layer]:
        """Return the projections, and the rotation if there is one."""
        features = 1 if input_spec is None else input_spec[0].shape[-1]
        keys, values = self.num_heads * self.key_dim, self.num_heads * self._value_dim
        parts: dict[str, Layer] = {
            "query": self._projection(keys),
            "key": self._projection(keys),
            "value": self._projection(values),
            "attention_output": self._projection(self.output_shape or features),
        }
        if self.rotary is not None:
            parts["rotary"] = REGISTRY.get(self.rotary)
        return parts

    def init(self, key: Array, input_spec: Sequence[Spec]) -> Variables:
        """Return the variables of the projections, under their names."""
        given = attended_inputs("MultiHeadAttention", input_spec, same_width=False)
        parts, made = self.parts(input_spec), Variables()
        inside = (*given.query.shape[:2], self.num_heads * self._value_dim)
        specs = {
            "query": given.query,
            "key": given.key,
            "value": given.value,
            "attention_output": jax.ShapeDtypeStruct(inside, given.query.dtype),
        }
        for name, spec in specs.items():
            self.init_part(made, name, parts[name], key, spec)
        return made

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Any:
        """Return what the heads read, put together, and their weights if they are wanted."""
        who = "MultiHeadAttention"
        inputs = attended_inputs(who, x, context, self.use_causal_mask, same_width=False)
        parts = self.parts(x)

        def project(name: str, given: Array) -> Array:
            y = self.run_part(name, parts[name], variables, given, context)
            return self._split(y)

        q = project("query", inputs.query)
        k = project("key", inputs.key)
        v = project("value", inputs.value)
        if self.rotary is not None:
            q, k = (parts["rotary"].apply(Variables(), part, context) for part in (q, k))
        q = context.record("queries", q)
        k = context.record("keys", k)
        v = context.record("values", v)
        k, v, inputs = remembered(who, inputs, k, v, 2, context)
        drops = self.dropout > 0 and context.training
        if self.return_attention_scores or context.is_traced or drops:
            o, a = attend(ops.attention_scores(q, k), v, inputs, self.dropout, context)
        else:  # the same in one operation, which does not keep the weights
            mask = None if inputs.mask is None else inputs.mask[:, None]
            o = ops.scaled_dot_product_attention(q, k, v, mask, causal=inputs.causal)
        o = self._merge(o)
        y = self.run_part("attention_output", parts["attention_output"], variables, o, context)
        return with_weights(y, a, context) if self.return_attention_scores else y

    def flops(self, input_spec: Sequence[Spec], output_spec: Any) -> int:
        """Return those of the projections, scores, weights and weighted values."""
        given = attended_inputs("MultiHeadAttention", input_spec, same_width=False)
        parts = self.parts(input_spec)
        batch, steps = given.query.shape[:2]
        q = (batch, self.num_heads, steps, self.key_dim)
        k = (batch, self.num_heads, given.key.shape[1], self.key_dim)
        o = jax.ShapeDtypeStruct((batch, steps, self.num_heads * self._value_dim), "float32")
        total = parts["query"].flops(given.query, None) + parts["key"].flops(given.key, None)
        total += parts["value"].flops(given.value, None) + parts["attention_output"].flops(o, None)
        total += ops.attention_scores.flops(q, k)
        return total + flops_of_reading((*q[:3], k[2]), (*k[:3], self._value_dim))

    @property
    def _value_dim(self) -> int:
        return self.key_dim if self.value_dim is None else self.value_dim

    def _projection(self, units: int) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
        )

    def _split(self, x: Array) -> Array:
        """Return (batch, steps, heads * width) as (batch, heads, steps, width)."""
        shape = (*x.shape[:2], self.num_heads, x.shape[2] // self.num_heads)
        return ops.permute(ops.reshape(x, shape=shape), axes=(0, 2, 1, 3))

    def _merge(self, x: Array) -> Array:
        """Return (batch, heads, steps, width) as (batch, steps, heads * width)."""
        x = ops.permute(x, axes=(0, 2, 1, 3))
        return ops.reshape(x, shape=(*x.shape[:2], x.shape[2] * x.shape[3]))
