"""Robustness: how predictions hold under noise, blur, missing features and attacks by gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.inspection._words import LANGUAGES, say
from pellucid.layers import Context, Variables
from pellucid.models import Graph, Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.models._objective import Objective

Array = jax.Array

ROWS = 256
"""Rows that are attacked at once."""


@dataclass(frozen=True)
class Stress:
    """What one kind of disturbance does.

    Attributes:
        kind: ``clean``, ``noise``, ``blur``, ``missing``, ``fgsm`` or ``pgd``.
        strength: deviation of the noise, deviation of the blur in pixels, share of the features
            that are missing, or the largest change of an entry by an attack.
        accuracy: the share of examples that are still classified rightly.
        loss: the mean loss.
        largest: the largest change of any entry.
    """

    kind: str
    strength: float
    accuracy: float
    loss: float
    largest: float


@dataclass(frozen=True)
class RobustnessReport:
    """How predictions hold under disturbances of growing strength.

    Attributes:
        rows: one for each kind and strength, the undisturbed data first.
        examples: how many examples were tested.
        identity: what the numbers must satisfy, in plain text.
        error: how far an attack went beyond its bound, as a share of it; 0 but for rounding.
    """

    rows: tuple[Stress, ...]
    examples: int
    identity: str
    error: float

    def accuracy(self, kind: str, strength: float = 0.0) -> float:
        """Return the accuracy under a disturbance of the report."""
        for row in self.rows:
            if row.kind == kind and np.isclose(row.strength, strength):
                return row.accuracy
        known = ", ".join(f"{row.kind} {row.strength:g}" for row in self.rows)
        raise ArgumentError(f"The report has no {kind} of strength {strength:g}; it has {known}.")

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        rows = [vars(row) for row in self.rows]
        return {"examples": self.examples, "rows": rows, "identity": self.identity}

    def text(self, language: str = "en") -> str:
        """Return it as an aligned table, in English or Chinese."""
        check_one_of("RobustnessReport.text", "language", language, LANGUAGES)
        lines = [say("robustness", language).format(self.examples), ""]
        for row in self.rows:
            numbers = f"{row.strength:8.4g}   {100 * row.accuracy:6.2f} %   {row.loss:.4f}"
            lines.append(f"  {row.kind:8} {numbers}  {say('stress_' + row.kind, language)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def robustness_report(
    model: Model,
    x: Any,
    y: Any,
    noise: Sequence[float] = (0.1, 0.3),
    blur: Sequence[float] = (0.5, 1.0),
    missing: Sequence[float] = (0.1, 0.3),
    attacks: Sequence[float] = (0.03, 0.1),
    bounds: tuple[float, float] | None = None,
    seed: int = 0,
) -> RobustnessReport:
    """Return how accuracy and loss hold under noise, blur, missing features and attacks.

    ::

        noise     x + s e, e normal
        blur      x smoothed along rows and columns by a Gaussian of deviation s (images alone)
        missing   x with a share s of the features of each example set to 0
        fgsm      x + s sign(dJ/dx)
        pgd       steps of s/4 along sign(dJ/dx), each brought back to within s of x

    Its identity: at strength 0 nothing changes, and an attack of strength s changes no entry by
    more than s. The error is the share by which one goes beyond.

    Args:
        model: a compiled model of one input and one output that classifies.
        x: inputs, floating, batch axis first.
        y: targets, as for ``fit``.
        noise: deviations.
        blur: deviations in pixels; left out where the inputs are no images.
        missing: shares.
        attacks: largest changes, for FGSM and PGD.
        bounds: the least and the largest value that an input can have, such as (0, 1); attacks and
            noise stay inside. By default those of x.
        seed: makes noise and what is missing.

    Raises:
        ArgumentError: a strength is negative, or the model has several inputs or outputs.
        DTypeError: the inputs are whole numbers, which have no gradient.

    References:
        Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples (2015); Madry et
        al., Towards deep learning models resistant to adversarial attacks (2018); Hendrycks,
        Dietterich, Benchmarking neural network robustness (2019).
    """
    attacked = _Attacked(model, x, y, bounds)
    rng = np.random.default_rng(seed)
    start = attacked.x
    image = start.ndim == 4

    def disturbed(kind: str, s: float) -> np.ndarray:
        check_range("robustness_report", f"each strength of {kind}", float(s), 0)
        if kind == "noise":
            return attacked.bounded(start + s * rng.standard_normal(start.shape))
        if kind == "blur":
            return _blurred(start, s)
        if kind == "missing":
            check_range("robustness_report", "each share of missing", float(s), 0, 1)
            return np.where(rng.uniform(size=start.shape) < s, 0, start).astype(start.dtype)
        return attacked.attack(s, 1 if kind == "fgsm" else 10)

    plan = [("noise", s) for s in noise] + [("blur", s) for s in blur if image]
    plan += [("missing", s) for s in missing]
    plan += [(kind, s) for kind in ("fgsm", "pgd") for s in attacks]
    rows, error = [attacked.measured("clean", 0.0, start)], 0.0
    for kind, s in plan:
        rows.append(attacked.measured(kind, float(s), disturbed(kind, s)))
        if kind in ("fgsm", "pgd") and s > 0:
            error = max(error, rows[-1].largest / s - 1)
    identity = "an attack of strength s changes no entry by more than s"
    return RobustnessReport(tuple(rows), len(start), identity, error)


def fgsm(
    model: Model, x: Any, y: Any, epsilon: float, bounds: tuple[float, float] | None = None
) -> np.ndarray:
    """Return inputs changed by one step that raises the loss: the fast gradient sign method.

    x + epsilon sign(dJ/dx), kept inside the bounds.

    Args:
        model: a compiled model of one input and one output.
        x: inputs, floating, batch axis first.
        y: targets, as for ``fit``.
        epsilon: the change of every entry, 0 or more.
        bounds: the least and the largest value that an input can have; by default those of x.

    References:
        Goodfellow, Shlens, Szegedy, Explaining and harnessing adversarial examples (2015).
    """
    check_range("fgsm", "epsilon", epsilon, 0)
    return _Attacked(model, x, y, bounds).attack(epsilon, 1)


def pgd(
    model: Model,
    x: Any,
    y: Any,
    epsilon: float,
    steps: int = 10,
    bounds: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return inputs changed by several steps that raise the loss: projected gradient descent.

    Each step goes 2.5 epsilon / steps along sign(dJ/dx) and back to within epsilon of x. Of all
    steps each example keeps the one with the largest loss, so that it is never weaker than no step.

    Args:
        model: a compiled model of one input and one output.
        x: inputs, floating, batch axis first.
        y: targets, as for ``fit``.
        epsilon: the largest change of an entry, 0 or more.
        steps: how many, 1 or more.
        bounds: the least and the largest value that an input can have; by default those of x.

    References:
        Madry, Makelov, Schmidt, Tsipras, Vladu, Towards deep learning models resistant to
        adversarial attacks (2018), section 2.1.
    """
    check_range("pgd", "epsilon", epsilon, 0)
    check_positive_int("pgd", "steps", steps)
    return _Attacked(model, x, y, bounds).attack(epsilon, steps)


class _Attacked:
    """A model with data that it is tested on."""

    def __init__(self, model: Model, x: Any, y: Any, bounds: tuple[float, float] | None) -> None:
        dataset = as_dataset(x, y)
        model._build_for(dataset)
        objective, _ = model._ready()
        graph = model.graph
        if len(graph.input_symbols) != 1 or len(graph.output_symbols) != 1:
            raise ArgumentError(
                "A robustness report expected a model of one input and one output, got "
                f"{len(graph.input_symbols)} and {len(graph.output_symbols)}."
            )
        batch = FitData(graph, objective, None).batch(dataset)
        self.x = np.asarray(batch.x)
        self.y = np.asarray(batch.y)
        if not jnp.issubdtype(graph.input_symbols[0].dtype, jnp.floating):
            raise DTypeError(
                "Word numbers have no gradient and no noise; make a model of what follows the "
                "embedding."
            )
        self.x = self.x.astype("float32")
        if self.x.size == 0:
            raise ShapeError(f"A robustness report expected examples, got shape {self.x.shape}.")
        self.bounds = (float(self.x.min()), float(self.x.max())) if bounds is None else bounds
        self.graph, self.objective, self.variables = graph, objective, model.variables

    def bounded(self, x: np.ndarray) -> np.ndarray:
        """Return inputs kept inside the bounds."""
        return np.clip(x, *self.bounds).astype("float32")

    def attack(self, epsilon: float, steps: int) -> np.ndarray:
        """Return inputs changed against the loss, part by part."""
        step = epsilon if steps == 1 else 2.5 * epsilon / steps
        found = []
        for part in _parts(len(self.x)):
            x, y = jnp.asarray(self.x[part]), jnp.asarray(self.y[part])
            low, high = (jnp.clip(x + sign * epsilon, *self.bounds) for sign in (-1, 1))
            now, best = x, x
            top, slope = self._losses(now, y)
            for _ in range(steps):
                now = jnp.clip(now + step * jnp.sign(slope), low, high)
                losses, slope = self._losses(now, y)
                if steps == 1:
                    best = now
                    break
                better = losses > top
                best = jnp.where(better.reshape(-1, *(1,) * (x.ndim - 1)), now, best)
                top = jnp.maximum(losses, top)
            found.append(np.asarray(best))
        return np.concatenate(found)

    def _losses(self, x: Array, y: Array) -> tuple[Array, Array]:
        made: tuple[Array, Array] = _losses(self.graph, self.objective, self.variables, x, y)
        return made

    def measured(self, kind: str, strength: float, x: np.ndarray) -> Stress:
        """Return accuracy and loss on changed inputs."""
        losses, right = [], []
        for part in _parts(len(x)):
            given, y = jnp.asarray(x[part]), jnp.asarray(self.y[part])
            losses.append(np.asarray(self._losses(given, y)[0]))
            scores = np.asarray(_scores(self.graph, self.variables, given))
            found = predicted_class(scores, getattr(self.objective.losses[0], "from_logits", False))
            right.append(found == true_class(self.y[part], scores))
        hits, each = np.concatenate(right), np.concatenate(losses)
        largest = float(np.abs(x - self.x).max())
        return Stress(kind, strength, float(hits.mean()), float(each.mean()), largest)


def predicted_class(scores: np.ndarray, logits: bool) -> np.ndarray:
    """Return the class of each row; a single unit stands for class 1, as probability or logit."""
    if scores.shape[-1] > 1:
        return scores.argmax(axis=-1)
    return (scores[..., 0] > (0 if logits else 0.5)).astype(int)


def true_class(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the class number that targets mean: numbers, a column, or one-hot rows."""
    if y.shape == scores.shape and scores.shape[-1] > 1:
        return y.argmax(axis=-1)
    return y.reshape(scores.shape[:-1]).astype(int)


def _parts(count: int) -> list[slice]:
    return [slice(first, first + ROWS) for first in range(0, count, ROWS)]


@partial(jax.jit, static_argnums=(0, 1))
def _losses(
    graph: Graph, objective: Objective, variables: Variables, x: Array, y: Array
) -> tuple[Array, Array]:
    """Return the loss of each example and its slope."""
    loss: Any = objective.losses[0]

    def total(x: Array) -> tuple[Array, Array]:
        values = loss.values(y, graph.run_checked(variables, x, Context()))
        each = values.reshape(values.shape[0], -1).mean(axis=1)
        return jnp.sum(each), each

    slope, each = jax.grad(total, has_aux=True)(x)
    return each, slope


@partial(jax.jit, static_argnums=0)
def _scores(graph: Graph, variables: Variables, x: Array) -> Array:
    made: Array = graph.run_checked(variables, x, Context())
    return made


def _blurred(x: np.ndarray, deviation: float) -> np.ndarray:
    """Return images smoothed along rows and columns; the borders go on as they are."""
    if deviation == 0:
        return x
    reach = max(1, round(3 * deviation))
    k = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    k /= k.sum()
    for axis in (1, 2):
        pads = [(reach, reach) if a == axis else (0, 0) for a in range(x.ndim)]
        wide = np.pad(x, pads, mode="edge")
        n = x.shape[axis]
        x = sum(w * np.take(wide, np.arange(i, i + n), axis=axis) for i, w in enumerate(k))
    return np.asarray(x, "float32")
