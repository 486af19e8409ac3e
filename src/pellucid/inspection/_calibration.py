"""Calibration: is a network right as often as it is sure? Reliability, and one temperature."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import DataError, ShapeError
from pellucid.inspection._robustness import true_class
from pellucid.inspection._words import LANGUAGES, say
from pellucid.models import Model
from pellucid.models._objective import output_activation

TINY = 1e-12
AGREES = 0.02
"""Below this expected calibration error the report says that confidence and accuracy agree."""


@dataclass(frozen=True)
class Reliability:
    """How sure and how right predictions are, in bins of equal width.

    Attributes:
        edges: where bins begin and end, shape (bins + 1,).
        count: predictions in each bin, shape (bins,).
        confidence: their mean confidence; the middle of an empty bin.
        accuracy: the share of them that is right; not a number for an empty bin.
        expected_error: sum over bins of count / n |accuracy - confidence|.
        largest_error: the largest |accuracy - confidence| of a bin.
        log_loss: mean of -log p of the true class.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    expected_error: float
    largest_error: float
    log_loss: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        accuracy = [None if math.isnan(a) else a for a in self.accuracy.tolist()]
        return {
            "edges": self.edges.tolist(),
            "count": self.count.tolist(),
            "confidence": self.confidence.tolist(),
            "accuracy": accuracy,
            "expected_error": self.expected_error,
            "largest_error": self.largest_error,
            "log_loss": self.log_loss,
        }


@dataclass(frozen=True)
class CalibrationReport:
    """Whether a network is right as often as it is sure, before and after one temperature.

    Attributes:
        before: the predictions as they are.
        after: with every logit divided by the temperature.
        temperature: what makes the true classes most probable.
        accuracy: the share of right predictions; the temperature does not change it.
        identity: what the numbers must satisfy, in plain text.
        error: how far they are from it.
    """

    before: Reliability
    after: Reliability
    temperature: float
    accuracy: float
    identity: str
    error: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        return {
            "temperature": self.temperature,
            "accuracy": self.accuracy,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "identity": self.identity,
            "error": self.error,
        }

    def text(self, language: str = "en") -> str:
        """Return it as an aligned table, in English or Chinese."""
        check_one_of("CalibrationReport.text", "language", language, LANGUAGES)
        said = {key: say(key, language) for key in ("confidence", "accuracy", "examples")}
        total = int(self.before.count.sum())
        lines = [say("calibration", language).format(total), ""]
        lines.append(f"  {said['confidence']:>10}  {said['accuracy']:>10}  {said['examples']:>9}")
        for count, sure, right in zip(
            self.before.count, self.before.confidence, self.before.accuracy, strict=True
        ):
            if count:
                lines.append(f"  {sure:10.4f}  {right:10.4f}  {count:9d}")
        after = say("with_temperature", language).format(self.temperature)
        for key, name in (("expected_error", "expected_error"), ("log_loss", "log_loss")):
            then, now = getattr(self.before, name), getattr(self.after, name)
            lines.append(f"\n  {say(key, language)}: {then:.4f}; {after}: {now:.4f}")
        verdict = "overconfident" if self.temperature > 1 else "underconfident"
        verdict = "calibrated" if self.before.expected_error < AGREES else verdict
        return "\n".join([*lines, "", f"  {say(verdict, language)}"])

    def __str__(self) -> str:
        return self.text()


def calibration_report(model: Model, x: Any, y: Any, bins: int = 15) -> CalibrationReport:
    """Return whether a network is right as often as it is sure, and the temperature that mends it.

    The confidence of a prediction is the probability p of its class. In a network that is
    calibrated, of the predictions made with confidence 0.8 eight in ten are right::

        ECE = sum_b n_b / n |accuracy_b - confidence_b|        over bins b of equal width

    One number T mends most of it: q = softmax(z / T), with T where the mean of -log q of the true
    classes is least. The order of the classes stays, and so does the accuracy. Find T on data that
    the network was not trained on.

    Its identity: at the best T the slope of the mean of -log q is 0, that is, the mean over
    examples of z of the true class equals that of sum_k q_k z_k. The error is their difference, as
    a share of the mean size of z.

    Args:
        model: a model of one output that classifies: softmax or logits of several classes, or one
            unit, a sigmoid or (for a loss from logits) a logit.
        x: inputs, batch axis first.
        y: targets: class numbers, or one-hot.
        bins: how many.

    Raises:
        ShapeError: the output is not one row of classes for each example.
        DataError: a target is no class.

    References:
        Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks (2017), sections 2
        and 4.2; Naeini, Cooper, Hauskrecht, Obtaining well calibrated probabilities using Bayesian
        binning (2015).
    """
    check_positive_int("calibration_report", "bins", bins)
    shape = model.graph.output_symbols[0].shape
    if len(model.graph.output_symbols) != 1 or len(shape) != 2:
        raise ShapeError(
            "A calibration report expected one output of shape (batch, classes), got "
            f"{', '.join(str(s.shape) for s in model.graph.output_symbols)}."
        )
    made = np.asarray(model.predict(x), float)
    ends_in = output_activation(model.graph, 0)
    z = made
    if ends_in == "sigmoid" and made.shape[1] == 1:
        p = np.clip(made, TINY, 1 - 1e-7)
        z = np.log(p) - np.log1p(-p)
    elif ends_in == "softmax":
        z = np.log(np.maximum(made, TINY))
    if made.shape[1] == 1:  # one unit stands for the second of two classes
        z = np.concatenate([np.zeros_like(z), z], axis=1)
    truth = true_class(np.asarray(y), made)
    wrong = np.flatnonzero((truth < 0) | (truth >= z.shape[1]))
    if len(wrong):
        raise DataError(
            f"A calibration report expected classes 0 to {z.shape[1] - 1}, got {truth[wrong[0]]} "
            f"in row {wrong[0]}."
        )
    t = _temperature(z, truth)
    before, after = (_reliability(_softmax(z / s), truth, bins) for s in (1.0, t))
    accuracy = float((z.argmax(axis=1) == truth).mean())
    slope = _slope(z, truth, t)
    error = abs(slope) / max(float(np.abs(z - z.mean(axis=1, keepdims=True)).mean()), TINY)
    identity = "at the temperature the mean of z of the true class is that of sum_k q_k z_k"
    return CalibrationReport(before, after, t, accuracy, identity, error)


def _temperature(z: np.ndarray, truth: np.ndarray) -> float:
    """Return T; -log q is convex in 1 / T, so its slope is halved to 0 between two bounds."""
    low, high = -12.0, 12.0  # of log(1 / T)
    for _ in range(80):
        middle = (low + high) / 2
        if _slope(z, truth, math.exp(-middle)) > 0:
            high = middle
        else:
            low = middle
    return math.exp(-(low + high) / 2)


def _slope(z: np.ndarray, truth: np.ndarray, t: float) -> float:
    """Return the derivative of the mean of -log q by 1 / T."""
    q = _softmax(z / t)
    return float(((q * z).sum(axis=1) - z[np.arange(len(z)), truth]).mean())


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _reliability(p: np.ndarray, truth: np.ndarray, bins: int) -> Reliability:
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    edges = np.linspace(0, 1, bins + 1)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    confidence = np.bincount(place, sure, bins) / filled
    accuracy = np.bincount(place, right, bins) / filled
    gap = np.abs(accuracy - confidence)
    likely = np.maximum(p[np.arange(len(p)), truth], TINY)
    return Reliability(
        edges,
        count,
        np.where(count == 0, (edges[1:] + edges[:-1]) / 2, confidence),
        np.where(count == 0, np.nan, accuracy),
        float((gap * count).sum() / max(len(p), 1)),
        float(gap[count > 0].max(initial=0)),
        float(-np.log(likely).mean()),
    )
