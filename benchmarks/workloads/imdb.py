"""The text classifier of the first lessons: word vectors, their mean, a small perceptron."""

from math import log

import numpy as np

from workloads._workload import Workload

WORDS, LENGTH = 10_000, 256
WORKLOADS = (
    Workload(
        "imdb",
        file="imdb",
        what="Embedding(10000, 16), mean over 256 words, 16, 1",
        batch_size=32,
        rows=25_600,
        objective="yes or no",
        guess=log(2),
    ),
)


def data(workload):
    """Return word numbers (rows, 256), most of them chance, and 0 or 1, a tenth of them wrong."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, workload.rows)
    words = rng.integers(0, WORDS, (workload.rows, LENGTH), np.int32)
    telling = rng.random(words.shape) < 0.2  # these words are even in one class, odd in the other
    words = np.where(telling, words // 2 * 2 + kind[:, None], words).astype(np.int32)
    wrong = rng.random(workload.rows) < 0.1
    return words, np.where(wrong, 1 - kind, kind).astype(np.float32)


def pellucid():
    from pellucid import Sequential
    from pellucid.layers import Dense, Embedding, GlobalAveragePooling1D, Input

    return Sequential(
        [
            Input((LENGTH,), dtype="int32"),
            Embedding(WORDS, 16),
            GlobalAveragePooling1D(),
            Dense(16, activation="relu"),
            Dense(1),
        ]
    )


def keras(keras):
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(WORDS, 16),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


def torch(torch):
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(WORDS, 16)
            self.hidden = torch.nn.Linear(16, 16)
            self.output = torch.nn.Linear(16, 1)

        def forward(self, words):
            mean = self.embedding(words).mean(1)
            return self.output(torch.relu(self.hidden(mean)))

    return Classifier()
