"""The transformer in its three forms: encoder, decoder, and both.

Every step of a sequence is a vector that reads the vectors of other steps by attention and is then
changed by a small network of its own. An **encoder** reads in both directions and serves to judge a
text; a **decoder** reads backwards alone and serves to write one (``pellucid.zoo.gpt`` is a decoder
with tied weights); **both** together turn one sequence into another: the decoder also reads the
output of the encoder, by cross-attention.

Paper: A. Vaswani and others, Attention is all you need (2017). Vectors of tokens are multiplied by
sqrt(width) and added to waves that tell the positions apart (sections 3.4 and 3.5). Token 0 is
padding: it is read by nothing and counts in no loss. (The classifier learns its positions.)

``encoder_decoder(source, target, ...)`` with the paper's settings (width 512, hidden 2048, 8 heads,
6 blocks each) has 44,138,496 parameters in its blocks: 18,914,304 in the encoder's and 25,224,192
in the decoder's. For sequences of S and T steps::

    source tokens                 (S,)          target tokens so far            (T,)
    vectors + waves               (S, width)    vectors + waves                 (T, width)
    encoder blocks                (S, width)    decoder blocks, which read the encoder's output
                                                                                (T, width)
                                                scores of the next token        (T, tokens)

The model has two parts, ``encoder`` and ``decoder``, which are models themselves; ``translate``
runs the first one once and the second one step by step.
"""

from functools import lru_cache
from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid._checks import check_rank
from pellucid.errors import ArgumentError
from pellucid.initializers import RandomNormal
from pellucid.layers import (
    Context,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    LayerNormalization,
    PositionalEncoding,
    PositionEmbedding,
    Rescaling,
    SpatialDropout1D,
    Symbol,
    TransformerDecoder,
    TransformerEncoder,
    Variables,
)
from pellucid.models import Graph, Model, StepByStep

Array = jax.Array

EPSILON = 1e-5
"""Of the normalizations."""


def encoder_classifier(
    vocabulary: int,
    classes: int,
    steps: int,
    width: int = 32,
    hidden: int = 32,
    blocks: int = 1,
    heads: int = 2,
    dropout: float = 0.5,
    seed: int = 0,
) -> Model:
    """Return an encoder that judges a text: tokens (batch, steps) to logits (batch, classes).

    The judgement is read from the mean of the vectors of all steps that are not padding. Everything
    starts small, so that at first the mean is that of the tokens' own vectors, to which attention
    adds what a token means beside the others: a few thousand texts are enough to learn from.

    Args:
        vocabulary: how many tokens there are, padding (0) included.
        classes: how many judgements; 1 for yes or no, a single logit.
        steps: tokens of a text, padded.
        width: length of the vector of a step.
        hidden: width of the hidden layer in each block.
        blocks: number of blocks.
        heads: heads of each attention; they share the width.
        dropout: fraction dropped while it learns, in [0, 1): of the vectors (the same numbers in
            all steps), in the blocks, and of the mean.
        seed: makes the initial weights.
    """
    tokens = Input((steps,), dtype="int32")
    x = Embedding(vocabulary, width, mask_zero=True)(tokens)
    x = PositionEmbedding(steps, "uniform", name="positions")(x)
    x = SpatialDropout1D(dropout)(x)
    for number in range(1, blocks + 1):
        x = TransformerEncoder(
            hidden,
            heads,
            dropout,
            kernel_initializer=RandomNormal(stddev=0.02),
            normalize_first=True,
            name=f"block_{number}",
        )(x)
    x = Dropout(dropout)(GlobalAveragePooling1D()(x))
    return Model(tokens, Dense(classes, name="scores")(x), name="encoder_classifier", seed=seed)


def decoder(
    vocabulary: int,
    steps: int,
    width: int = 64,
    hidden: int = 256,
    blocks: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
    normalize_first: bool = True,
    seed: int = 0,
) -> Model:
    """Return a decoder alone, a language model: tokens (batch, steps) to scores of the next token.

    Args:
        vocabulary: how many tokens there are, padding (0) included.
        steps: tokens of a text at most.
        width: length of the vector of a step.
        hidden: width of the hidden layer in each block.
        blocks: number of blocks.
        heads: heads of each attention; they share the width.
        dropout: fraction dropped while it learns, in [0, 1).
        normalize_first: True normalizes before each sublayer, False after it as in the paper.
        seed: makes the initial weights.
    """
    tokens = Input((steps,), dtype="int32")
    x = _vectors(tokens, vocabulary, width, dropout)
    x = _decoded(x, None, hidden, blocks, heads, dropout, normalize_first)
    return Model(tokens, Dense(vocabulary, name="scores")(x), name="decoder", seed=seed)


def encoder_decoder(
    source_vocabulary: int,
    target_vocabulary: int,
    source_steps: int,
    target_steps: int,
    width: int = 64,
    hidden: int = 256,
    blocks: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
    normalize_first: bool = False,
    seed: int = 0,
) -> Model:
    """Return both: [source tokens, target tokens so far] to scores of the next target token.

    Args:
        source_vocabulary: how many tokens the source has, padding (0) included.
        target_vocabulary: how many tokens the target has, padding (0) included.
        source_steps: tokens of a source, padded.
        target_steps: tokens of a target, padded.
        width: length of the vector of a step.
        hidden: width of the hidden layer in each block.
        blocks: number of blocks of the encoder, and of the decoder.
        heads: heads of each attention; they share the width.
        dropout: fraction dropped while it learns, in [0, 1).
        normalize_first: True normalizes before each sublayer, False after it as in the paper.
        seed: makes the initial weights.
    """
    source = Input((source_steps,), dtype="int32", name="source")
    target = Input((target_steps,), dtype="int32", name="target")
    settings = (hidden, blocks, heads, dropout, normalize_first)

    x = _vectors(source, source_vocabulary, width, dropout)
    encoder = Graph(source, _encoded(x, *settings), name="encoder")

    memory = Input((source_steps, width), name="memory")
    y = _decoded(_vectors(target, target_vocabulary, width, dropout), memory, *settings)
    y = Dense(target_vocabulary, name="scores")(y)
    decoder = Graph([target, memory], y, name="decoder")

    # As parts of one network they read symbols of its own.
    given = [Input(symbol.shape[1:], "int32", symbol.name) for symbol in (source, target)]
    scores = decoder([given[1], encoder(given[0])])
    return Model(given, scores, name="encoder_decoder", seed=seed)


def translate(model: Model, source: Any, start: int, end: int) -> np.ndarray:
    """Return what the network makes of each source: the likeliest token again and again.

    The encoder runs once. The decoder runs step by step and keeps its keys and values, so that a
    token costs one step.

    Args:
        model: an ``encoder_decoder``, this one or that of ``pellucid.zoo.seq2seq_attention``.
        source: tokens, shape (batch, source steps), padded with 0.
        start: the target token that every target begins with.
        end: the token that ends a target.

    Returns:
        Tokens of shape (batch, target steps), without ``start`` and ``end``, padded with 0.

    Raises:
        ArgumentError: if the model has no parts ``encoder`` and ``decoder``.
        ShapeError: if the source is no batch of sequences.
    """
    parts = model.graph.layers()
    encoder, decoder = parts.get("encoder"), parts.get("decoder")
    if not (isinstance(encoder, Graph) and isinstance(decoder, Graph)):
        raise ArgumentError(
            "translate expected a model with the parts 'encoder' and 'decoder', as encoder_decoder "
            f"makes it, got the parts {', '.join(parts)}."
        )
    source = jnp.asarray(source, "int32")
    check_rank("translate", source.shape, 2, "(batch, source steps)", "add a batch axis: x[None]")
    tokens = np.asarray(_translator(encoder, decoder, start)(model.variables, source))
    ended = np.cumsum(tokens == end, axis=1) > 0
    return np.where(ended, 0, tokens)


@lru_cache(maxsize=8)
def _translator(encoder: Graph, decoder: Graph, start: int) -> Any:
    """Return the compiled program from source tokens to target tokens."""
    length = int(decoder.input_symbols[0].shape[1] or 0)
    steps = StepByStep(decoder, length)

    @jax.jit
    def run(variables: Variables, source: Array) -> Array:
        context = Context()
        read = encoder.apply(variables.child("encoder"), source, context)
        several = isinstance(read, (list, tuple))
        memory = list(read) if several else [read]
        masks = [None, *(context.output_mask if several else [context.output_mask])]
        own = variables.child("decoder")

        def step(carry: Any, _: Any) -> Any:
            token, kept = carry
            z, kept = steps(own, [token[:, None], *memory], kept, masks)
            token = jnp.argmax(z[:, -1], axis=-1).astype("int32")
            return (token, kept), token

        token = jnp.full(len(source), start, "int32")
        kept = steps.start(own, [token[:, None], *memory], masks)
        _, tokens = lax.scan(step, (token, kept), length=length)
        return tokens.T

    return run


def _vectors(tokens: Symbol, vocabulary: int, width: int, dropout: float) -> Symbol:
    """Return the vectors of tokens times sqrt(width), plus waves."""
    start = RandomNormal(stddev=width**-0.5)
    x = Embedding(vocabulary, width, start, mask_zero=True)(tokens)
    x = PositionalEncoding()(Rescaling(sqrt(width))(x))
    return Dropout(dropout)(x) if dropout else x


def _encoded(
    x: Symbol, hidden: int, blocks: int, heads: int, dropout: float, normalize_first: bool
) -> Symbol:
    """Return x after the encoder's blocks, normalized if they do not do it themselves."""
    for number in range(1, blocks + 1):
        x = TransformerEncoder(
            hidden, heads, dropout, normalize_first=normalize_first, name=f"block_{number}"
        )(x)
    return LayerNormalization(epsilon=EPSILON, name="norm")(x) if normalize_first else x


def _decoded(
    x: Symbol,
    memory: Symbol | None,
    hidden: int,
    blocks: int,
    heads: int,
    dropout: float,
    normalize_first: bool,
) -> Symbol:
    """Return x after the decoder's blocks, which read the memory if there is one."""
    for number in range(1, blocks + 1):
        x = TransformerDecoder(
            hidden, heads, dropout, normalize_first=normalize_first, name=f"block_{number}"
        )(x, memory)
    return LayerNormalization(epsilon=EPSILON, name="norm")(x) if normalize_first else x
