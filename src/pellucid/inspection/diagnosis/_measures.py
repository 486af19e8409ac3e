"""Measured quantities of training: curvature, gradient noise, size of the updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_positive_int
from pellucid._tree import flatten_paths, global_norm, split_paths
from pellucid.errors import ArgumentError
from pellucid.inspection.diagnosis._passes import passes_of
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.training import Batch

Tree = Any


@dataclass(frozen=True)
class Curvature:
    """The sharpest direction of the loss.

    Attributes:
        largest: the Hessian's eigenvalue of largest magnitude, lambda.
        residual: ||H v - lambda v|| / |lambda| for the unit vector v found; 0 when it is exact.
        iterations: products with the Hessian that were made.
    """

    largest: float
    residual: float
    iterations: int

    @property
    def stable_rate(self) -> float:
        """The rate 2 / lambda above which plain gradient descent leaves this place."""
        return 2.0 / self.largest if self.largest > 0 else float("inf")


@dataclass(frozen=True)
class NoiseScale:
    """How noisy the gradient of a batch is.

    Attributes:
        scale: B = tr(S) / |G|^2: near this batch size, half of a step is noise.
        noise: tr(S), the summed variance of the gradient of one example.
        signal: |G|^2, the squared norm of the true gradient, both without bias.
        batch_size: rows of the small batches that it was measured with.
    """

    scale: float
    noise: float
    signal: float
    batch_size: int


def measure_curvature(
    model: Model, x: Any, y: Any, *, iterations: int = 30, tolerance: float = 1e-3, seed: int = 0
) -> Curvature:
    """Return the largest eigenvalue of the Hessian of the loss, by power iteration.

    ::

        v <- H v / ||H v||,   lambda = v . H v

    H v is the gradient of (gradient . v). Layers run in training mode with one fixed random key.
    Gradient descent is stable along v only for rates below 2 / lambda. Costs about two training
    steps an iteration.

    Args:
        model: the compiled model.
        x: inputs of the rows to measure on.
        y: their targets.
        iterations: products with the Hessian at most.
        tolerance: stop when lambda changes by less than this share of itself.
        seed: makes the first direction and the random numbers of dropout.

    References:
        LeCun, Simard, Pearlmutter, Automatic learning rate maximization (1993).
    """
    check_positive_int("measure_curvature", "iterations", iterations)
    passes, state, batch = _ready(model, x, y)
    key = jax.random.key(seed)
    trained, _ = split_paths(state.parameters, model.graph.is_trainable)
    leaves, form = jax.tree.flatten(trained)
    if not leaves:
        raise ArgumentError("measure_curvature expected a model with trained parameters, got none.")
    keys = jax.random.split(jax.random.fold_in(key, 1), len(leaves))
    drawn = [jax.random.normal(k, w.shape, w.dtype) for k, w in zip(keys, leaves, strict=True)]
    v = _unit(jax.tree.unflatten(form, drawn))
    value, residual, done = 0.0, float("inf"), 0
    for number in range(1, iterations + 1):
        product = passes.curve(state.parameters, state.layer_state, batch, key, v)
        before, value, done = value, float(_dot(v, product)), number
        rest = global_norm(jax.tree.map(lambda h, part, a=value: h - a * part, product, v))
        residual = float(rest) / max(abs(value), 1e-30)
        if float(global_norm(product)) == 0.0 or abs(value - before) <= tolerance * abs(value):
            break
        v = _unit(product)
    return Curvature(value, residual, done)


def gradient_noise_scale(
    model: Model, x: Any, y: Any, *, batch_size: int = 32, batches: int = 16, seed: int = 0
) -> NoiseScale:
    """Return the gradient noise scale B = tr(S) / |G|^2 at the model's present weights.

    From the squared norms of gradients of small batches of b rows and of their mean, a batch of B
    rows (the same rows, so that one pass gives both)::

        |G|^2 = (B |G_B|^2 - b |G_b|^2) / (B - b)
        tr(S) = (|G_b|^2 - |G_B|^2) / (1/b - 1/B)

    Both estimates are without bias; the first can come out negative where there is almost no
    gradient, and the scale is then infinite. Costs ``batches`` backward passes.

    Args:
        model: the compiled model.
        x: inputs of the training rows.
        y: their targets.
        batch_size: b, rows of a small batch.
        batches: how many small batches, 2 or more; B = b times this.
        seed: draws the rows and the random numbers of dropout.

    References:
        McCandlish, Kaplan, Amodei, An empirical model of large-batch training (2018), appendix A.1.
    """
    check_positive_int("gradient_noise_scale", "batch_size", batch_size)
    check_positive_int("gradient_noise_scale", "batches", batches)
    passes, state, batch = _ready(model, x, y)
    rows = len(jax.tree.leaves(batch.x)[0])
    if batches < 2 or 2 * batch_size > rows:
        raise ArgumentError(
            f"gradient_noise_scale expected two batches or more of {batch_size} from {rows} rows, "
            f"got batches={batches}; give more rows, or a batch_size of at most {rows // 2}."
        )
    count = min(batches, rows // batch_size)
    order = np.random.default_rng(seed).permutation(rows)
    key = jax.random.key(seed)
    total: Tree = None
    small = 0.0
    for number in range(count):
        chosen = order[number * batch_size : (number + 1) * batch_size]
        part = take_rows(batch, chosen)
        parameters, layer_state = state.parameters, state.layer_state
        g = passes.gradient(parameters, layer_state, part, jax.random.fold_in(key, number))
        small += float(global_norm(g)) ** 2 / count
        total = g if total is None else jax.tree.map(jnp.add, total, g)
    large = float(global_norm(total)) ** 2 / count**2
    b, wide = batch_size, batch_size * count
    signal = (wide * large - b * small) / (wide - b)
    noise = (small - large) / (1 / b - 1 / wide)
    scale = noise / signal if signal > 0 else float("inf")
    return NoiseScale(scale, noise, signal, batch_size)


def update_ratios(
    model: Model, x: Any, y: Any, *, sample_weight: Any = None, seed: int = 0
) -> Mapping[str, float]:
    """Return for each trained array ||update|| / ||array||, for the step that the model would take.

    About 1e-3 is usual; 1e-1 throws away what was learned, 1e-6 hardly learns. An array of zeros
    has the ratio infinity, or 0 where it does not move.

    Args:
        model: the compiled model; nothing in it changes.
        x: inputs of a batch.
        y: its targets.
        sample_weight: weight in the loss for each row.
        seed: makes the random numbers of dropout.
    """
    passes, state, batch = _ready(model, x, y, sample_weight)
    gradient = passes.gradient(state.parameters, state.layer_state, batch, jax.random.key(seed))
    trained, _ = split_paths(state.parameters, model.graph.is_trainable)
    optimizer = model._ready_optimizer()
    updates, _ = jax.jit(optimizer.update)(gradient, state.optimizer_state, trained)
    moves = dict(flatten_paths(updates))
    ratios = {}
    for path, w in flatten_paths(trained):
        size, move = float(global_norm(w)), float(global_norm(moves[path]))
        ratios[path] = move / size if size else float("inf") if move else 0.0
    return ratios


def take_rows(batch: Batch, rows: np.ndarray) -> Batch:
    """Return some rows of a batch on the host."""
    return Batch(*(jax.tree.map(lambda a: np.asarray(a)[rows], part) for part in batch[:3]))


def _ready(model: Model, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any, Batch]:
    dataset = as_dataset(x, y, sample_weight)
    model._build_for(dataset)
    objective, _ = model._ready()
    batch = FitData(model.graph, objective, None).batch(dataset)
    return passes_of(objective), model._start(model.seed), batch


def _dot(a: Tree, b: Tree) -> Any:
    return sum(jax.tree.leaves(jax.tree.map(lambda x, y: jnp.sum(x * y), a, b)))


def _unit(tree: Tree) -> Tree:
    norm = global_norm(tree)
    return jax.tree.map(lambda part: part / norm, tree)
