"""GPT: a transformer decoder that says for every step of a text which token comes next.

The text is read from left to right; step t sees the tokens 0 to t and gives a score to each token
that may be number t + 1. The table of token vectors serves at both ends (tied weights)::

    x_t = E[token_t] + P_t
    x   = x + attention(norm(x), norm(x)), causal     once for each block
    x   = x + GELU(norm(x) W_1) W_2
    z   = norm(x) E^T                                 scores; softmax(z_t) is the next token's

Papers: A. Radford, K. Narasimhan, T. Salimans, I. Sutskever, Improving language understanding by
generative pre-training (2018); A. Radford and others, Language models are unsupervised multitask
learners (2019), for the normalization before each sublayer.

``gpt(65)`` is a small character model, without biases, 804,096 parameters::

    tokens                        (64,)
    token vectors, positions      (64, 128)     65 * 128 + 64 * 128 = 16,512
    4 blocks                      (64, 128)     4 * (4 * 128^2 + 2 * 128 * 512 + 2 * 128) = 787,456
    normalization                 (64, 128)     128
    scores                        (64, 65)      the token vectors again

``gpt(50257, context=1024, width=768, blocks=12, heads=12, use_bias=True)`` is the small GPT-2 with
its 124,439,808 parameters. ``generate`` continues a text; it keeps keys and values of the steps
before (see ``pellucid.models.StepByStep``), so that a new token costs one step.
"""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import DataError, ShapeError
from pellucid.initializers import RandomNormal
from pellucid.layers import (
    Dropout,
    Input,
    LayerNormalization,
    PositionEmbedding,
    ReversibleEmbedding,
    TransformerDecoder,
    Variables,
)
from pellucid.models import Graph, Model, StepByStep

Array = jax.Array

EPSILON = 1e-5


def gpt(
    vocabulary: int,
    context: int = 64,
    width: int = 128,
    blocks: int = 4,
    heads: int = 4,
    dropout: float = 0.0,
    use_bias: bool = False,
    seed: int = 0,
) -> Model:
    """Return a GPT, not compiled: tokens (batch, context) to scores (batch, context, vocabulary).

    Args:
        vocabulary: how many tokens there are.
        context: how many steps it can see.
        width: length of the vector of a step; the hidden layers are 4 times as wide.
        blocks: number of blocks.
        heads: heads of each attention; they share the width.
        dropout: fraction dropped while it learns, in [0, 1).
        use_bias: True gives every matrix product and normalization a bias.
        seed: makes the initial weights.
    """
    start = RandomNormal(stddev=0.02)
    table = ReversibleEmbedding(vocabulary, width, start, name="tokens")
    tokens = Input((context,), dtype="int32")
    x = PositionEmbedding(context, start, name="positions")(table(tokens))
    if dropout:
        x = Dropout(dropout)(x)
    for number in range(blocks):
        x = TransformerDecoder(
            4 * width,
            heads,
            dropout,
            activation="gelu",
            layer_norm_epsilon=EPSILON,
            kernel_initializer=start,
            normalize_first=True,
            use_bias=use_bias,
            name=f"block_{number + 1}",
        )(x)
    x = LayerNormalization(epsilon=EPSILON, center=use_bias, name="norm")(x)
    return Model(tokens, table(x), name="gpt", seed=seed)


def generate(
    model: Model,
    prompt: Any,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Continue a text by ``length`` tokens, each drawn from softmax(scores / temperature).

    Each token is one step of the network, which keeps the keys and values of the steps before. When
    its context is full, it reads the newest half of it again and goes on from there.

    Args:
        model: a language model: tokens (batch, context) to scores (batch, context, vocabulary).
        prompt: the text so far, tokens of shape (steps,) or (batch, steps), one step or more.
        length: how many tokens to add, 1 or more.
        temperature: below 1 likely tokens become likelier; 0 takes the likeliest of all.
        top_k: draw from so many likeliest tokens alone; None for all.
        seed: of the draws. Equal seeds give equal texts.

    Returns:
        The prompt and what follows, whole numbers of shape (steps + length,) or (batch, steps +
        length).

    Raises:
        ShapeError: if the prompt is no text, or the model no language model.
        DataError: if the prompt holds something that is no token.
        ArgumentError: if a setting is outside its domain.

    References:
        Holtzman, Buys, Du, Forbes, Choi, The curious case of neural text degeneration (2020),
        section 3, on temperature and top-k.
    """
    check_positive_int("generate", "length", length)
    check_range("generate", "temperature", temperature, 0)
    context, vocabulary = _sizes(model)
    if top_k is not None:
        check_positive_int("generate", "top_k", top_k)
        top_k = min(top_k, vocabulary)
    text = _as_text(prompt, vocabulary)
    wanted = text.shape[1] + length
    run = _window(model.graph, context, top_k, temperature == 0)
    heat = jnp.float32(temperature or 1.0)
    while text.shape[1] < wanted:
        # What the network reads: all of the text, or the newest part with room for half a context.
        first = 0 if text.shape[1] <= context else text.shape[1] - max(1, context // 2)
        known = text.shape[1] - first
        last = min(context + 1, wanted - first)
        slots = np.zeros((len(text), context + 1), np.int32)
        slots[:, :known] = text[:, first:]
        filled = run(model.variables, slots, known, last, first, heat, jax.random.key(seed))
        text = np.concatenate([text[:, :first], np.asarray(filled)[:, :last]], axis=1)
    return text if np.ndim(prompt) == 2 else text[0]


@lru_cache(maxsize=8)
def _window(graph: Graph, context: int, top_k: int | None, greedy: bool) -> Any:
    """Return the compiled program that fills the slots of one context."""
    steps = StepByStep(graph, context)

    def choose(z: Array, temperature: Array, key: Array) -> Array:
        """Return one token for each row of scores (batch, vocabulary)."""
        if greedy:
            return jnp.argmax(z, axis=-1)
        z = z / temperature
        if top_k is not None:
            least = lax.top_k(z, top_k)[0][:, -1:]
            z = jnp.where(z < least, -jnp.inf, z)
        return jax.random.categorical(key, z)

    @jax.jit
    def fill(
        variables: Variables,
        slots: Array,
        known: Array,
        last: Array,
        first: Array,
        temperature: Array,
        key: Array,
    ) -> Array:
        def step(t: Array, carry: Any) -> Any:
            slots, kept = carry
            now = lax.dynamic_slice_in_dim(slots, t, 1, axis=1)
            z, kept = steps(variables, now, kept)
            drawn = choose(z[:, -1], temperature, jax.random.fold_in(key, first + t + 1))
            given = lax.dynamic_index_in_dim(slots, t + 1, axis=1, keepdims=False)
            token = jnp.where(t + 1 < known, given, drawn)
            return lax.dynamic_update_index_in_dim(slots, token, t + 1, axis=1), kept

        kept = steps.start(variables, slots[:, :1])
        return lax.fori_loop(0, last - 1, step, (slots, kept))[0]

    return fill


def _sizes(model: Model) -> tuple[int, int]:
    """Return how many steps a language model sees, and how many tokens it knows."""
    inputs, outputs = model.graph.input_symbols, model.graph.output_symbols
    shapes = [symbol.shape for symbol in (*inputs, *outputs)]
    fits = len(shapes) == 2 and [len(shape) for shape in shapes] == [2, 3]
    if not fits or None in shapes[0][1:]:
        raise ShapeError(
            "generate expected a model from tokens (batch, context) to scores (batch, context, "
            f"vocabulary), got one with the shapes {', '.join(map(str, shapes))}."
        )
    return int(shapes[0][1] or 0), int(shapes[1][2] or 0)


def _as_text(prompt: Any, vocabulary: int) -> np.ndarray:
    """Return the prompt as whole numbers (batch, steps)."""
    text = np.asarray(prompt)
    if text.ndim not in (1, 2) or text.size == 0:
        raise ShapeError(
            "generate expected a prompt of shape (steps,) or (batch, steps) with at least one "
            f"token, got shape {text.shape}; begin with a line break, for example."
        )
    if text.dtype.kind not in "iu" or text.min() < 0 or text.max() >= vocabulary:
        raise DataError(
            f"generate expected tokens, whole numbers from 0 to {vocabulary - 1}, got "
            f"{text.dtype} from {text.min()} to {text.max()}."
        )
    return np.atleast_2d(text).astype(np.int32)
