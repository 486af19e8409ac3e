"""Recurrent language models: networks that say after every token which one comes next.

The text is read from left to right. What the network knows of it after step t is in the states of
its recurrent layers, which give a score to each token that may be number t + 1::

    x_t = E[token_t]
    h_t = LSTM(x_t, h_(t-1))           once for each layer, or GRU
    z_t = h_t W + b                    scores; softmax(z_t) is the next token's

``lstm(65)`` is a character model for the 65 characters of Tiny Shakespeare, 242,945 parameters::

    tokens                     (steps,)
    token vectors              (steps, 64)     65 * 64 = 4,160
    first LSTM                 (steps, 128)    4 * (64 * 128 + 128^2 + 128) = 98,816
    second LSTM                (steps, 128)    4 * (2 * 128^2 + 128) = 131,584
    scores                     (steps, 65)     128 * 65 + 65 = 8,385

``gru(65)`` has 186,113: its layers 3 * (64 * 128 + 128^2 + 2 * 128) = 74,496 and
3 * (2 * 128^2 + 2 * 128) = 99,072. There is no longest text. ``generate`` continues a text; the
states are kept from step to step (see ``pellucid.models.StepByStep``).

Papers: T. Mikolov, M. Karafiat, L. Burget, J. Cernocky, S. Khudanpur, Recurrent neural network
based language model, Interspeech (2010); A. Graves, Generating sequences with recurrent neural
networks (2013), for characters and LSTM; W. Zaremba, I. Sutskever, O. Vinyals, Recurrent neural
network regularization (2014), for dropout between the layers and not along time.
"""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import DataError, ShapeError
from pellucid.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Variables
from pellucid.models import Graph, Model, Sequential, StepByStep

Array = jax.Array


def lstm(
    tokens: int,
    width: int = 64,
    units: int = 128,
    layers: int = 2,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return a language model of LSTM layers, not compiled: tokens (batch, steps) to scores.

    Args:
        tokens: how many tokens there are.
        width: length of the vector of a token.
        units: of each layer.
        layers: number of layers, 1 or more.
        dropout: fraction dropped between the layers while it learns, in [0, 1).
        seed: makes the initial weights.
    """
    check_positive_int("lstm", "layers", layers)
    network: list[Any] = [
        Input((None,), dtype="int32"),
        Embedding(tokens, width, name="token_vectors"),
    ]
    for number in range(layers):
        network += [Dropout(dropout), LSTM(units, return_sequences=True, name=f"lstm_{number + 1}")]
    network += [Dropout(dropout), Dense(tokens, name="scores")]
    return Sequential(network, name="lstm_language_model", seed=seed)


def gru(
    tokens: int,
    width: int = 64,
    units: int = 128,
    layers: int = 2,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return a language model of GRU layers, not compiled: tokens (batch, steps) to scores.

    Args:
        tokens: how many tokens there are.
        width: length of the vector of a token.
        units: of each layer.
        layers: number of layers, 1 or more.
        dropout: fraction dropped between the layers while it learns, in [0, 1).
        seed: makes the initial weights.
    """
    check_positive_int("gru", "layers", layers)
    network: list[Any] = [
        Input((None,), dtype="int32"),
        Embedding(tokens, width, name="token_vectors"),
    ]
    for number in range(layers):
        network += [Dropout(dropout), GRU(units, return_sequences=True, name=f"gru_{number + 1}")]
    network += [Dropout(dropout), Dense(tokens, name="scores")]
    return Sequential(network, name="gru_language_model", seed=seed)


def generate(
    model: Model, prompt: Any, length: int, temperature: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Continue a text by ``length`` tokens, each drawn from softmax(scores / temperature).

    The prompt is read once; each new token is then one step of the network. Each row is drawn
    anew, so that a batch of equal prompts gives different texts.

    Args:
        model: a language model: tokens (batch, steps) to scores (batch, steps, tokens), such as
            ``lstm`` and ``gru`` return.
        prompt: the text so far, whole numbers of shape (steps,) or (batch, steps), one step or
            more.
        length: how many tokens to add, 1 or more.
        temperature: below 1 likely tokens become likelier; 0 takes the likeliest of all.
        seed: of the draws. Equal seeds give equal texts.

    Returns:
        The prompt and what follows, whole numbers of shape (steps + length,) or (batch, steps +
        length).

    Raises:
        ShapeError: if the prompt is no text, or the model no language model.
        DataError: if the prompt holds something that is no token.
        ArgumentError: if a setting is outside its domain.

    References:
        Graves, Generating sequences with recurrent neural networks (2013), section 2.
    """
    check_positive_int("generate", "length", length)
    check_range("generate", "temperature", temperature, 0)
    text = _as_text(prompt, _tokens_of(model))
    write = _writer(model.graph, length, temperature == 0)
    heat = jnp.float32(temperature or 1.0)
    added = write(model.variables, text, heat, jax.random.key(seed))
    whole = np.concatenate([text, np.asarray(added)], axis=1)
    return whole if np.ndim(prompt) == 2 else whole[0]


@lru_cache(maxsize=8)
def _writer(graph: Graph, length: int, greedy: bool) -> Any:
    """Return the compiled program that reads a prompt and writes ``length`` tokens."""
    steps = StepByStep(graph, capacity=1)  # states have one size, however long the text

    @jax.jit
    def write(variables: Variables, prompt: Array, temperature: Array, key: Array) -> Array:
        def step(carry: Any, key: Array) -> Any:
            z, kept = carry
            drawn = jax.random.categorical(key, z / temperature)
            token = jnp.argmax(z, axis=-1) if greedy else drawn
            z, kept = steps(variables, token[:, None], kept)
            return (z[:, -1], kept), token

        z, kept = steps(variables, prompt, steps.start(variables, prompt))
        _, written = lax.scan(step, (z[:, -1], kept), jax.random.split(key, length))
        return written.T

    return write


def _tokens_of(model: Model) -> int:
    """Return how many tokens a language model knows."""
    inputs, outputs = model.graph.input_symbols, model.graph.output_symbols
    shapes = [symbol.shape for symbol in (*inputs, *outputs)]
    if [len(shape) for shape in shapes] != [2, 3] or shapes[1][2] is None:
        raise ShapeError(
            "generate expected a model from tokens (batch, steps) to scores (batch, steps, tokens),"
            f" got one with the shapes {', '.join(map(str, shapes))}."
        )
    return int(shapes[1][2])


def _as_text(prompt: Any, tokens: int) -> np.ndarray:
    """Return the prompt as whole numbers (batch, steps)."""
    text = np.asarray(prompt)
    if text.ndim not in (1, 2) or text.size == 0:
        raise ShapeError(
            "generate expected a prompt of shape (steps,) or (batch, steps) with at least one "
            f"token, got shape {text.shape}; begin with a line break, for example."
        )
    if text.dtype.kind not in "iu" or text.min() < 0 or text.max() >= tokens:
        raise DataError(
            f"generate expected tokens, whole numbers from 0 to {tokens - 1}, got {text.dtype} "
            f"from {text.min()} to {text.max()}."
        )
    return np.atleast_2d(text).astype(np.int32)
