"""One row for every loss: targets, predictions and what they should give.

``oracle`` is a NumPy function of targets and predictions, written independently, that gives one
value for each example; ``keras`` says whether Keras agrees to the same settings; ``positions``
whether there may be a value for each position of a sequence.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import losses

N, CLASSES = 6, 4


@dataclass(frozen=True)
class Case:
    loss: losses.Loss
    target: Callable[[np.random.Generator], Any]
    prediction: Callable[[np.random.Generator], Any]
    oracle: Callable[[Any, Any], Any]
    keras: bool = True
    positions: bool = True


def numbers(rng):
    return rng.standard_normal((N, CLASSES)).astype("float32")


def between(rng):
    return rng.uniform(0.05, 0.95, (N, CLASSES)).astype("float32")


def counts(rng):
    return rng.integers(0, 5, (N, CLASSES)).astype("float32")


def bits(rng):
    return rng.integers(0, 2, (N, CLASSES))


def signs(rng):
    return rng.choice([-1.0, 1.0], (N, CLASSES)).astype("float32")


def distribution(rng):
    e = np.exp(rng.standard_normal((N, CLASSES)))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def labels(rng):
    return rng.integers(0, CLASSES, N)


def column(rng):
    return rng.integers(0, CLASSES, (N, 1)).astype("uint8")


def one_hot(rng):
    return np.eye(CLASSES, dtype="float32")[labels(rng)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def binary(t, p):
    return -np.mean(np.where(t > 0.5, t, 0) * np.log(p) + (1 - t) * np.log(1 - p), -1)


def categorical(t, p):
    return -np.sum(t * np.log(p), -1)


def smooth(t, a, k):
    return t * (1 - a) + a / k


def rows(k):
    return np.eye(CLASSES)[np.asarray(k).reshape(N)]


def cosine(t, p):
    return -np.sum(t * p, -1) / (np.linalg.norm(t, axis=-1) * np.linalg.norm(p, axis=-1))


def crammer(t, p):
    return np.maximum(1 + np.max((1 - t) * p, -1) - np.sum(t * p, -1), 0)


def huber(t, p, delta):
    r = np.abs(t - p)
    return np.where(r < delta, r**2 / 2, delta * r - delta**2 / 2).mean(-1)


def contrastive(t, p, margin):
    return np.mean(np.where(t == 1, p**2, np.maximum(margin - p, 0) ** 2), -1)


def triplet(k, e, margin):
    apart = ((e[:, None] - e[None]) ** 2).sum(-1)
    values = []
    for i in range(len(k)):
        near = [apart[i, j] for j in range(len(k)) if k[j] == k[i] and j != i]
        far = [apart[i, j] for j in range(len(k)) if k[j] != k[i]]
        values.append(max(max(near) - min(far) + margin, 0) if near and far else 0)
    return np.array(values)


def info_nce(_, both, temperature):
    q, k = (half / np.linalg.norm(half, axis=-1, keepdims=True) for half in np.split(both, 2, -1))
    p = softmax(q @ k.T / temperature)
    return -np.log(np.diagonal(p))


def steps(rng):
    return rng.standard_normal((N, 5, CLASSES)).astype("float32")


def words(rng):
    labels = rng.integers(1, CLASSES, (N, 2))
    return np.where(np.arange(2) < rng.integers(0, 3, (N, 1)), labels, 0)


def ctc(labels, z):
    """The sum over every path of five steps, one by one."""
    values = []
    for row, p in zip(labels, softmax(np.asarray(z, float)), strict=True):
        wanted = [k for k in row if k]
        total = 0.0
        for path in itertools.product(range(CLASSES), repeat=len(p)):
            if [k for k, _ in itertools.groupby(path) if k] == wanted:
                total += np.prod(p[np.arange(len(p)), list(path)])
        values.append(-np.log(total))
    return np.array(values)


CASES = [
    Case(losses.MeanSquaredError(), numbers, numbers, lambda t, p: np.mean((t - p) ** 2, -1)),
    Case(losses.MeanAbsoluteError(), numbers, numbers, lambda t, p: np.mean(np.abs(t - p), -1)),
    Case(losses.Huber(), numbers, numbers, lambda t, p: huber(t, p, 1)),
    Case(losses.Huber(0.3), numbers, numbers, lambda t, p: huber(t, p, 0.3)),
    Case(losses.LogCosh(), numbers, numbers, lambda t, p: np.log(np.cosh(t - p)).mean(-1)),
    Case(losses.Poisson(), counts, between, lambda t, p: np.mean(p - t * np.log(p + 1e-7), -1)),
    Case(losses.CosineSimilarity(), numbers, numbers, cosine),
    Case(losses.BinaryCrossentropy(), bits, between, binary),
    Case(
        losses.BinaryCrossentropy(from_logits=True),
        bits,
        numbers,
        lambda t, z: binary(t, sigmoid(z)),
    ),
    Case(
        losses.BinaryCrossentropy(label_smoothing=0.2),
        bits,
        between,
        lambda t, p: -np.mean((0.8 * t + 0.1) * np.log(p) + (0.9 - 0.8 * t) * np.log(1 - p), -1),
    ),
    Case(losses.CategoricalCrossentropy(), one_hot, distribution, categorical),
    Case(
        losses.CategoricalCrossentropy(from_logits=True),
        one_hot,
        numbers,
        lambda t, z: categorical(t, softmax(z)),
    ),
    Case(
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        one_hot,
        distribution,
        lambda t, p: categorical(smooth(t, 0.1, 4), p),
    ),
    Case(
        losses.CategoricalCrossentropy(True, 0.1),
        one_hot,
        numbers,
        lambda t, z: categorical(smooth(t, 0.1, 4), softmax(z)),
    ),
    Case(
        losses.SparseCategoricalCrossentropy(),
        labels,
        distribution,
        lambda k, p: categorical(rows(k), p),
    ),
    Case(
        losses.SparseCategoricalCrossentropy(from_logits=True),
        column,
        numbers,
        lambda k, z: categorical(rows(k), softmax(z)),
    ),
    Case(
        losses.SparseCategoricalCrossentropy(label_smoothing=0.1),
        labels,
        distribution,
        lambda k, p: categorical(smooth(rows(k), 0.1, 4), p),
        keras=False,
    ),
    Case(
        losses.SparseCategoricalCrossentropy(True, label_smoothing=0.1),
        column,
        numbers,
        lambda k, z: categorical(smooth(rows(k), 0.1, 4), softmax(z)),
        keras=False,
    ),
    Case(
        losses.KLDivergence(),
        distribution,
        distribution,
        lambda t, p: np.sum(t * np.log(t / p), -1),
    ),
    Case(losses.Hinge(), signs, numbers, lambda t, p: np.mean(np.maximum(1 - t * p, 0), -1)),
    Case(
        losses.SquaredHinge(),
        bits,
        numbers,
        lambda t, p: np.mean(np.maximum(1 - (2 * t - 1) * p, 0) ** 2, -1),
    ),
    Case(losses.CategoricalHinge(), one_hot, numbers, crammer),
    Case(losses.Contrastive(0.7), bits, between, lambda t, p: contrastive(t, p, 0.7), keras=False),
    Case(losses.Triplet(3.0), labels, numbers, lambda k, e: triplet(k, e, 3.0), keras=False),
    Case(losses.InfoNCE(0.5), numbers, numbers, lambda t, p: info_nce(t, p, 0.5), keras=False),
    Case(losses.CTC(), words, steps, ctc, keras=False, positions=False),
]
