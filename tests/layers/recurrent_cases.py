"""Rows of the contract suite for the layers that read sequences step by step."""

from layers.cases import RANK_3, Case
from pellucid import layers
from pellucid.layers import GRU, LSTM, Bidirectional, Dense, SimpleRNN, TimeDistributed

CASES = [
    Case(
        SimpleRNN(2, activation="sigmoid", use_bias=False),
        (4, 3),
        (2, 4, 2),
        "last axis has size 3",
    ),
    Case(
        LSTM(2, unit_forget_bias=False, return_sequences=True, go_backwards=True),
        (4, 3),
        (2, 4, 3, 1),
        "TimeDistributed for a sequence of sequences",
        label="backwards",
    ),
    Case(GRU(3), (4, 2), (2, 4), "words go through an Embedding first"),
    Case(
        GRU(2, reset_after=False, return_sequences=True),
        (4, 3),
        (2, 4, 2),
        "last axis has size 3",
        label="reset before",
    ),
    Case(
        Bidirectional(LSTM(2, return_sequences=True), merge_mode="ave"),
        (4, 3),
        (2, 0, 3),
        "sequences of 1 step or more",
        label="ave",
        keras=False,
    ),
    Case(TimeDistributed(Dense(3)), (4, 2), (2,), "rank 2 or more", keras=False),
    Case(layers.Masking(), (4, 2), (2, 4), RANK_3),
    Case(layers.RepeatVector(3), (4,), (2, 4, 3), "expected an input of rank 2"),
]
