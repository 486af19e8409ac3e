"""Rows for the layers of attention, positions and transformers."""

from layers.cases import RANK_3, Case
from pellucid import layers

PAIR = [(4, 6), (5, 6)]
WIDTHS = "queries and keys need one width"

CASES = [
    Case(layers.Attention(), PAIR, [(2, 4, 6), (2, 5, 3)], WIDTHS, keras=False),
    Case(
        layers.Attention(use_scale=True, use_causal_mask=True),
        [(4, 6), (5, 3), (5, 6)],
        [(2, 4, 6), (2, 5, 3), (2, 4, 6)],
        "one value for each key",
        label="key",
        keras=False,
    ),
    Case(
        layers.Attention(use_scale=True, score_mode="concat"),
        PAIR,
        [(2, 4, 6), (3, 5, 6)],
        "one batch",
        label="concat",
        keras=False,
    ),
    Case(layers.AdditiveAttention(), PAIR, [(2, 4, 6), (2, 5, 3)], WIDTHS, keras=False),
    Case(layers.MultiHeadAttention(2, 3), PAIR, [(2, 4, 6), (2, 5, 7)], "6", keras=False),
    Case(
        layers.MultiHeadAttention(2, 4, 3, output_shape=5, use_bias=False, use_causal_mask=True),
        [(4, 6), (4, 5), (4, 7)],
        [(2, 4), (2, 4), (2, 4)],
        RANK_3,
        label="widths",
        keras=False,
    ),
    Case(layers.PositionalEncoding(), (4, 5), (2, 4), RANK_3, keras=False),
    Case(layers.PositionEmbedding(6), (4, 5), (2, 7, 5), "at most 6 steps, got 7", keras=False),
    Case(layers.RotaryEmbedding(20.0), (4, 6), (2, 4), "rank 3 or more", keras=False),
    Case(layers.ReversibleEmbedding(7, 4), (5,), (), "rank 1 or more", words=7),
    Case(layers.TransformerEncoder(5, 2), (4, 6), (2, 4), RANK_3, keras=False),
    Case(
        layers.TransformerEncoder(5, 2, 0.2, "gelu", normalize_first=True, use_bias=False),
        (4, 6),
        (2, 4),
        RANK_3,
        label="pre-norm",
        keras=False,
    ),
    Case(layers.TransformerDecoder(5, 2), [(4, 6), (3, 6)], [(2, 4), (2, 3)], RANK_3, keras=False),
]
