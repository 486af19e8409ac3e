"""Recurrent classifiers of texts: a simple network, gates, both directions, and layers on layers.

A text is a row of word numbers, padded with 0 to the length of its batch. Each word becomes a
vector, a recurrent layer reads the vectors, and its last state, or the mean of all of them, gives a
score to each class. Steps of padding change nothing, wherever they are. With 10,000 words, vectors
of 32 numbers, 64 units and one score (yes or no)::

    words                           (steps,)
    vectors                         (steps, 32)    10,000 * 32 = 320,000
    ``simple_rnn``                  (64,)          32 * 64 + 64^2 + 64 = 6,208
    score                           (1,)           64 + 1 = 65

    network                 recurrent part                                 in all
    ``simple_rnn``          6,208                                         326,273
    ``gru``                 3 * (32 * 64 + 64^2 + 2 * 64) = 18,816        338,881
    ``lstm``                4 * 6,208 = 24,832                            344,897
    ``two_way_lstm``        2 * 24,832 = 49,664; its state is (128,)      369,793
    ``mean_two_way_lstm``   the same                                      369,793
    ``stacked_lstm``        24,832 + 4 * (2 * 64^2 + 64) = 57,856         377,921

Papers: J. L. Elman, Finding structure in time, Cognitive Science 14 (1990), for ``simple_rnn``;
S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997), for ``lstm``;
K. Cho and others, Learning phrase representations using RNN encoder-decoder, EMNLP (2014), for
``gru``; A. Graves, J. Schmidhuber, Framewise phoneme classification with bidirectional LSTM, Neural
Networks 18 (2005), for ``two_way_lstm``; A. Conneau, D. Kiela, H. Schwenk, L. Barrault, A. Bordes,
Supervised learning of universal sentence representations, EMNLP (2017), section 3.2, for
``mean_two_way_lstm``; A. Graves, A. Mohamed, G. Hinton, Speech recognition with deep recurrent
neural networks, ICASSP (2013), for ``stacked_lstm``.

All functions take the same arguments:

- ``words``: how many words there are, number 0 (padding) among them;
- ``classes``: how many scores there are, 1 for yes or no; scores are logits;
- ``width``: length of the vector of a word;
- ``units``: of each recurrent layer and direction;
- ``dropout``: fraction dropped of the vectors, the same numbers in all steps, and of what the
  scores are made of, in [0, 1);
- ``seed``: makes the initial weights.
"""

from pellucid.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    SimpleRNN,
)
from pellucid.models import Sequential


def simple_rnn(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, one simple recurrent layer, scores; not compiled."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            SimpleRNN(units, dropout=dropout, name="reader"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="simple_rnn",
        seed=seed,
    )


def gru(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, one layer of gated recurrent units, scores; not compiled."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            GRU(units, dropout=dropout, name="reader"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="gru",
        seed=seed,
    )


def lstm(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, one layer of long short-term memory, scores; not compiled."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            LSTM(units, dropout=dropout, name="reader"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="lstm",
        seed=seed,
    )


def two_way_lstm(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, long short-term memory in both directions, scores; not compiled."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            Bidirectional(LSTM(units, dropout=dropout), name="reader"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="two_way_lstm",
        seed=seed,
    )


def mean_two_way_lstm(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, long short-term memory in both directions, the mean over all steps, scores.

    Every step has a short way to the loss, so that it learns from fewer texts than from last
    states. Not compiled.
    """
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            Bidirectional(LSTM(units, dropout=dropout, return_sequences=True), name="reader"),
            GlobalAveragePooling1D(name="mean"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="mean_two_way_lstm",
        seed=seed,
    )


def stacked_lstm(
    words: int = 10000,
    classes: int = 1,
    width: int = 32,
    units: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return words, two layers of long short-term memory on each other, scores; not compiled."""
    return Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(words, width, mask_zero=True, name="vectors"),
            LSTM(units, dropout=dropout, return_sequences=True, name="first_reader"),
            LSTM(units, dropout=dropout, name="second_reader"),
            Dropout(dropout),
            Dense(classes, name="score"),
        ],
        name="stacked_lstm",
        seed=seed,
    )
