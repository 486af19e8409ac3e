"""One row for every loss: targets, predictions and what they should give.

``oracle`` is a NumPy function of targets and predictions, written independently, that gives one
value for each example; ``keras`` says whether Keras agrees to the same settings.
"""

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
]
