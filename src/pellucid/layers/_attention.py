"""Attention layers without weights of their own for Q, K and V: dot-product and additive."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

import jax

from pellucid import ops
from pellucid._checks import check_one_of, check_range
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
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class Attention(Layer):
    """Dot-product attention: each query reads the values whose keys it points to.

    ::

        s_ij = q_i . k_j                        scores
        a_ij = e^(s_ij) / sum_l e^(s_il)        weights, over the keys that may be read
        y_i  = sum_j a_ij v_j                   weighted values

    With ``use_scale`` the scores are multiplied by a learned number, which starts at 1. With
    ``score_mode="concat"`` they are s_ij = w sum_d tanh(q_id + k_jd) with a learned number w (q + k
    times the scale, if there is one). Values without a True in their mask are not read; a query
    that may read nothing gets zeros.

    Args:
        use_scale: True learns a factor of the scores.
        score_mode: ``"dot"`` or ``"concat"``.
        dropout: fraction of the weights that is dropped while the network learns, in [0, 1).
        use_causal_mask: True lets step i read the steps 0 to i alone.
        return_attention_scores: True returns the weights as a second output.

    Input: a list [query, value] or [query, value, key] or [query, value, key, mask] of shapes
    (batch, query steps, width), (batch, steps, value width), (batch, steps, width), (batch, query
    steps, steps), the last boolean; the keys are the values unless given. Output (batch, query
    steps, value width), and the weights (batch, query steps, steps) on request.

    Raises:
        ShapeError: if the input is no such list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import Attention, Input
        >>> Attention()([Input((3, 8)), Input((5, 8))]).shape
        (None, 3, 8)

    References:
        Luong, Pham, Manning, Effective approaches to attention-based neural machine translation
        (2015), equations 7 and 8.
    """

    use_scale: bool = False
    score_mode: str = "dot"
    dropout: float = 0.0
    use_causal_mask: bool = field(default=False, kw_only=True)
    return_attention_scores: bool = field(default=False, kw_only=True)

    formula: ClassVar[str] = "y_i = sum_j softmax_j(q_i . k_j) v_j"
    symbols: ClassVar[Symbols] = {
        "q": "queries, (batch, query steps, width)",
        "k": "keys, (batch, steps, width)",
        "v": "values, (batch, steps, value width)",
        "y": "output, (batch, query steps, value width)",
        "concat": "1 if score_mode is concat, else 0",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "attention_scores",
        "additive_scores",
        "attention_weights",
        "attention_values",
        "multiply",
    )
    parameter_count: ClassVar[str] = "use_scale + concat"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("Attention", "score_mode", self.score_mode, ("dot", "concat"))
        check_range("Attention", "dropout", self.dropout, 0, 1, open_high=True)

    def init(self, key: Array, input_spec: Sequence[Spec]) -> dict[str, Array]:
        """Return ``scale`` and ``concat_score_weight``, two numbers, where they are used."""
        attended_inputs("Attention", input_spec)
        made = {}
        if self.use_scale:
            made["scale"] = self.make_variable(key, "scale", (), input_spec[0], "ones")
        if self.score_mode == "concat":
            made["concat_score_weight"] = self.make_variable(
                key, "concat_score_weight", (), input_spec[0], "ones"
            )
        return made

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Any:
        """Return the weighted values, and the weights if they are wanted."""
        inputs = attended_inputs("Attention", x, context, self.use_causal_mask)
        k, v, inputs = remembered("Attention", inputs, inputs.key, inputs.value, 1, context)
        q, scale = inputs.query, variables.get("scale")
        if self.score_mode == "dot":
            s = ops.attention_scores(q, k, scale=1.0)
            s = s if scale is None else ops.multiply(s, scale.reshape(1, 1, 1))
        else:
            if scale is not None:
                q, k = (ops.multiply(part, scale.reshape(1, 1, 1)) for part in (q, k))
            w = variables["concat_score_weight"]
            s = ops.additive_scores(q, k, jax.numpy.broadcast_to(w, q.shape[-1:]))
        y, a = attend(s, v, inputs, self.dropout, context)
        return with_weights(y, a, context) if self.return_attention_scores else y

    def flops(self, input_spec: Sequence[Spec], output_spec: Any) -> int:
        """Return those of scores, weights and weighted values."""
        inputs = attended_inputs("Attention", input_spec)
        q, k = inputs.query.shape, inputs.key.shape
        dot = self.score_mode == "dot"
        scores = ops.attention_scores.flops(q, k) if dot else ops.additive_scores.flops(q, k, ())
        return scores + flops_of_reading((*q[:-1], k[-2]), inputs.value.shape)


@REGISTRY.register()
class AdditiveAttention(Layer):
    """Additive attention: a small network scores each query with each key.

    ::

        s_ij = sum_d w_d tanh(q_id + k_jd)      scores
        a_ij = e^(s_ij) / sum_l e^(s_il)        weights, over the keys that may be read
        y_i  = sum_j a_ij v_j                   weighted values

    Bahdanau's W q and U k are two Dense layers without bias before it. Values without a True in
    their mask are not read; a query that may read nothing gets zeros.

    Args:
        use_scale: True learns w (width,); False leaves it at ones.
        dropout: fraction of the weights that is dropped while the network learns, in [0, 1).
        use_causal_mask: True lets step i read the steps 0 to i alone.
        return_attention_scores: True returns the weights as a second output.

    Input: a list [query, value] or [query, value, key] or [query, value, key, mask] as for
    ``Attention``. Output (batch, query steps, value width), and the weights (batch, query steps,
    steps) on request.

    Raises:
        ShapeError: if the input is no such list, or the shapes do not fit.

    Example:
        >>> from pellucid.layers import AdditiveAttention, Input
        >>> AdditiveAttention()([Input((3, 8)), Input((5, 8))]).shape
        (None, 3, 8)

    References:
        Bahdanau, Cho, Bengio, Neural machine translation by jointly learning to align and translate
        (2015), equations 5 and 6 and section A.1.2.
    """

    use_scale: bool = True
    dropout: float = 0.0
    use_causal_mask: bool = field(default=False, kw_only=True)
    return_attention_scores: bool = field(default=False, kw_only=True)

    formula: ClassVar[str] = "y_i = sum_j softmax_j(sum_d w_d tanh(q_id + k_jd)) v_j"
    symbols: ClassVar[Symbols] = {
        "q": "queries, (batch, query steps, width)",
        "k": "keys, (batch, steps, width)",
        "v": "values, (batch, steps, value width)",
        "w": "weights of the hidden units, (width,)",
        "y": "output, (batch, query steps, value width)",
        "width": "numbers of a query",
    }
    operations: ClassVar[tuple[str, ...]] = (
        "additive_scores",
        "attention_weights",
        "attention_values",
    )
    parameter_count: ClassVar[str] = "use_scale width"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("AdditiveAttention", "dropout", self.dropout, 0, 1, open_high=True)

    def init(self, key: Array, input_spec: Sequence[Spec]) -> dict[str, Array]:
        """Return ``scale``, w of shape (width,)."""
        query = attended_inputs("AdditiveAttention", input_spec).query
        if not self.use_scale:
            return {}
        width = query.shape[-1:]
        return {"scale": self.make_variable(key, "scale", width, input_spec[0], "glorot_uniform")}

    def apply(self, variables: Variables, x: Sequence[Array], context: Context) -> Any:
        """Return the weighted values, and the weights if they are wanted."""
        who = "AdditiveAttention"
        inputs = attended_inputs(who, x, context, self.use_causal_mask)
        k, v, inputs = remembered(who, inputs, inputs.key, inputs.value, 1, context)
        q, w = inputs.query, variables.get("scale")
        w = jax.numpy.ones(q.shape[-1:], q.dtype) if w is None else w
        y, a = attend(ops.additive_scores(q, k, w), v, inputs, self.dropout, context)
        return with_weights(y, a, context) if self.return_attention_scores else y

    def flops(self, input_spec: Sequence[Spec], output_spec: Any) -> int:
        """Return those of scores, weights and weighted values."""
        inputs = attended_inputs("AdditiveAttention", input_spec)
        q, k = inputs.query.shape, inputs.key.shape
        scores = ops.additive_scores.flops(q, k, ())
        return scores + flops_of_reading((*q[:-1], k[-2]), inputs.value.shape)
