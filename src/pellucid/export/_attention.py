"""Attention, positions and the transformer's blocks in ONNX's operators."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from pellucid import layers
from pellucid.export._call import Call, handles
from pellucid.export._writer import Size, Value
from pellucid.layers import Dropout

Values = Sequence[Value]

FAR = np.float32(-1e30)
"""The score of what may not be read: its share is 0 in float32."""


def _inputs(call: Call, x: Values) -> tuple[Value, Value, Value, Value | None]:
    """Return query, value, key and one mask (batch, query steps, steps) for all that is masked."""
    w = call.writer
    query, value = x[0], x[1]
    key = x[2] if len(x) > 2 else value
    mask = w.cast(x[3], bool) if len(x) == 4 else None
    if call.mask is not None:
        call.output_mask = call.mask[0]
        for part in call.mask[1:3]:
            mask = _both(call, mask, None if part is None else w.unsqueeze(part, 1))
    return w.floating(query), w.floating(value), w.floating(key), mask


def _both(call: Call, a: Value | None, b: Value | None) -> Value | None:
    if a is None or b is None:
        return b if a is None else a
    return call.writer.binary("And", a, b, dtype=bool)


def _attend(
    call: Call, s: Value, v: Value, mask: Value | None, causal: bool
) -> tuple[Value, Value]:
    """Return the weighted values and the weights; a query that may read nothing gets zeros."""
    w = call.writer
    if mask is not None and s.rank == 4:
        mask = w.unsqueeze(mask, 1)
    allowed = mask
    if causal:
        i, j = w.unsqueeze(w.positions(s, -2), -1), w.unsqueeze(w.positions(s, -1), 0)
        allowed = _both(call, mask, w.binary("LessOrEqual", j, i, dtype=bool))
    if allowed is not None:
        s = w.where(allowed, s, FAR)
    a = w.along("Softmax", s, -1)
    if mask is not None and allowed is not None:
        a = w.binary("Mul", a, w.floating(allowed))
    return w.matmul(a, v), a


def _swapped(x: Value) -> tuple[int, ...]:
    return (*range(x.rank - 2), x.rank - 1, x.rank - 2)


def _additive(call: Call, q: Value, k: Value, weights: Value | None) -> Value:
    """s_ij = sum_d w_d tanh(q_id + k_jd)."""
    w = call.writer
    h = w.unary("Tanh", w.binary("Add", w.unsqueeze(q, -2), w.unsqueeze(k, -3)))
    return w.reduce("ReduceSum", h if weights is None else w.binary("Mul", h, weights), [-1])


@handles(layers.Attention)
def attention(call: Call, x: Values) -> Any:
    """y_i = sum_j softmax_j(q_i . k_j) v_j."""
    w, layer = call.writer, call.layer
    q, v, k, mask = _inputs(call, x)
    scale = call.stored("scale") if layer.use_scale else None
    if layer.score_mode == "dot":
        s = w.matmul(q, w.transpose(k, _swapped(k)))
        s = s if scale is None else w.binary("Mul", s, scale)
    else:
        if scale is not None:
            q, k = (w.binary("Mul", part, scale) for part in (q, k))
        s = _additive(call, q, k, call.stored("concat_score_weight"))
    return _answer(call, *_attend(call, s, v, mask, layer.use_causal_mask))


@handles(layers.AdditiveAttention)
def additive_attention(call: Call, x: Values) -> Any:
    """y_i = sum_j softmax_j(sum_d w_d tanh(q_id + k_jd)) v_j."""
    q, v, k, mask = _inputs(call, x)
    s = _additive(call, q, k, call.stored("scale") if call.layer.use_scale else None)
    return _answer(call, *_attend(call, s, v, mask, call.layer.use_causal_mask))


def _answer(call: Call, y: Value, a: Value) -> Any:
    if not call.layer.return_attention_scores:
        return y
    call.output_mask = [call.output_mask, None]
    return y, a


@handles(layers.MultiHeadAttention)
def multi_head_attention(call: Call, x: Values) -> Any:
    """y = [softmax(q k^T / sqrt(key_dim)) v for each head] W_o + b_o."""
    w, layer = call.writer, call.layer
    query, value, key, mask = _inputs(call, x)
    parts = layer.parts(x)

    def project(name: str, given: Value) -> Value:
        """Return (batch, heads, steps, width)."""
        y = call.part(name, parts[name], given)
        width = y.shape[-1] // layer.num_heads
        split = w.reshape(y, [y.size(0), y.size(1), layer.num_heads, width])
        return w.transpose(split, (0, 2, 1, 3))

    q, k, v = project("query", query), project("key", key), project("value", value)
    if layer.rotary is not None:
        q, k = (call.part("rotary", parts["rotary"], part) for part in (q, k))
    s = w.matmul(q, w.transpose(k, _swapped(k)))
    s = w.binary("Mul", s, 1 / sqrt(layer.key_dim))
    o, a = _attend(call, s, v, mask, layer.use_causal_mask)
    o = w.transpose(o, (0, 2, 1, 3))
    joined = w.reshape(o, [o.size(0), o.size(1), layer.num_heads * layer._value_dim])
    return _answer(call, call.part("attention_output", parts["attention_output"], joined), a)


# Positions


@handles(layers.PositionalEncoding)
def positional_encoding(call: Call, x: Value) -> Value:
    """y_t = x_t + p_t, waves of many lengths."""
    w, x = call.writer, call.writer.floating(x)
    features = call.known(x, 2, "to know the lengths of the waves")
    number = np.arange(features)
    turns = 1 / call.layer.max_wavelength ** (2 * (number // 2) / features)
    even = number % 2 == 0
    steps = x.size(1)
    if not isinstance(steps, Size):
        angle = np.arange(steps)[:, None] * turns
        return w.binary(
            "Add", x, w.constant(np.where(even, np.sin(angle), np.cos(angle)), "float32")
        )
    t = w.unsqueeze(w.floating(w.positions(x, 1)), -1)
    angle_t = w.binary("Mul", t, turns.astype(np.float32))
    waves = w.where(w.constant(even), w.unary("Sin", angle_t), w.unary("Cos", angle_t))
    return w.binary("Add", x, waves)


@handles(layers.PositionEmbedding)
def position_embedding(call: Call, x: Value) -> Value:
    """y_t = x_t + E_t."""
    w, x = call.writer, call.writer.floating(x)
    return w.binary("Add", x, w.gather(call.stored("embeddings"), w.positions(x, 1), 0))


@handles(layers.RotaryEmbedding)
def rotary_embedding(call: Call, x: Value) -> Value:
    """The pair i of step t turned by t max_wavelength^(-2i / width)."""
    w, x = call.writer, call.writer.floating(x)
    width = call.known(x, -1, "to pair its features")
    theta = call.layer.max_wavelength ** (-2 * np.arange(width // 2) / width)
    t = w.unsqueeze(w.floating(w.positions(x, -2)), -1)
    angle = w.binary("Mul", t, theta.astype(np.float32))
    cos, sin = w.unary("Cos", angle), w.unary("Sin", angle)
    even, odd = w.slice(x, -1, 0, None, 2), w.slice(x, -1, 1, None, 2)
    turned = [
        w.binary("Sub", w.binary("Mul", even, cos), w.binary("Mul", odd, sin)),
        w.binary("Add", w.binary("Mul", even, sin), w.binary("Mul", odd, cos)),
    ]
    pairs = w.concat([w.unsqueeze(part, -1) for part in turned], -1)
    return w.reshape(pairs, [x.size(axis) for axis in range(x.rank)])


# Blocks


def _sublayer(call: Call, parts: Any, name: str, f: Callable[[Value], Value], x: Value) -> Value:
    """Return norm(x + f(x)), or x + f(norm(x)) if the norm comes first."""
    w = call.writer
    norm, drop = parts[f"{name}_norm"], Dropout(call.layer.dropout)

    def dropped(y: Value) -> Value:
        return call.part(f"{name}_dropout", drop, y)

    if call.layer.normalize_first:
        return w.binary("Add", x, dropped(f(call.part(f"{name}_norm", norm, x))))
    return call.part(f"{name}_norm", norm, w.binary("Add", x, dropped(f(x))))


def _feedforward(call: Call, parts: Any) -> Callable[[Value], Value]:
    def run(h: Value) -> Value:
        for name in ("feedforward_intermediate", "feedforward_output"):
            h = call.part(name, parts[name], h)
        return h

    return run


@handles(layers.TransformerEncoder)
def transformer_encoder(call: Call, x: Value) -> Value:
    """x = norm(x + attention(x, x)), y = norm(x + f(x W_1 + b_1) W_2 + b_2)."""
    x, parts = call.writer.floating(x), call.layer.parts(x)

    def attend(h: Value) -> Value:
        mask = None if call.mask is None else [call.mask, call.mask]
        return call.part("self_attention", parts["self_attention"], [h, h], mask)

    x = _sublayer(call, parts, "self_attention", attend, x)
    return _sublayer(call, parts, "feedforward", _feedforward(call, parts), x)


@handles(layers.TransformerDecoder)
def transformer_decoder(call: Call, x: Any) -> Value:
    """x = norm(x + attention(x, x)), x = norm(x + attention(x, z)), then as in the encoder."""
    several = list(x) if isinstance(x, (list, tuple)) else [x]
    parts = call.layer.parts(x)
    masks = call.mask if isinstance(call.mask, list) else [call.mask, None]
    y = call.writer.floating(several[0])

    def attend(h: Value) -> Value:
        own = None if masks[0] is None else [masks[0], masks[0]]
        return call.part("self_attention", parts["self_attention"], [h, h], own)

    def look(h: Value) -> Value:
        both = None if masks[0] is None and masks[1] is None else masks
        return call.part("cross_attention", parts["cross_attention"], [h, several[1]], both)

    y = _sublayer(call, parts, "self_attention", attend, y)
    if len(several) == 2:
        y = _sublayer(call, parts, "cross_attention", look, y)
    call.output_mask = masks[0]
    return _sublayer(call, parts, "feedforward", _feedforward(call, parts), y)
