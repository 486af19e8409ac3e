"""Attributions by gradient: saliency, x times it, SmoothGrad, integrated gradients, Grad-CAM."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ShapeError
from pellucid.inspection._attribution import (
    AT_ONCE,
    TOLERANCE,
    Attribution,
    Question,
    ask,
    baseline_like,
    row_sums,
    share,
)
from pellucid.models import Model

Array = jax.Array


def gradient(model: Model, x: Any, target: Any = None, at: str | None = None) -> Attribution:
    """Return how fast the score of a class moves with each number: dS/dx (saliency).

    Its identity: along any direction u, the score moves at the rate g . u. The error is the share
    by which a central difference along a random direction disagrees; kinks of ReLU add to it.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input, such as an embedding.

    Raises:
        ShapeError, ArgumentError, DTypeError, UnknownNameError: inputs, target or layer do not fit.

    Example:
        >>> import numpy as np
        >>> from pellucid.inspection import gradient
        >>> from pellucid.layers import Dense, Input
        >>> from pellucid.models import Sequential
        >>> model = Sequential([Input((2,)), Dense(1, kernel_initializer="ones")])
        >>> gradient(model, np.array([[3.0, 4.0]])).values
        array([[1., 1.]], dtype=float32)

    References:
        Simonyan, Vedaldi, Zisserman, Deep inside convolutional networks (2013).
    """
    question = ask(model, x, target, at)
    score, g = question.scores(question.start), question.slopes(question.start)
    rng = np.random.default_rng(0)
    u = rng.standard_normal(g.shape).astype("float32")
    length = np.sqrt(row_sums(g * g)).reshape(-1, *(1,) * (g.ndim - 1))
    # Along g too, so that the rate is not near zero by chance.
    u = u / np.sqrt(u[0].size) + g / np.maximum(length, TOLERANCE)
    h = 1e-3 * max(float(jnp.abs(question.start).max()), TOLERANCE)
    above, below = (question.scores(question.start + step * u) for step in (h, -h))
    rate = row_sums(g * u)
    error = share((above - below) / (2 * h) - rate, rate)
    identity = "(S(x + h u) - S(x - h u)) / 2 h = g . u for small h"
    return Attribution("gradient", g, question.target, score, identity, error)


def input_x_gradient(
    model: Model, x: Any, target: Any = None, at: str | None = None
) -> Attribution:
    """Return each number times the gradient with respect to it: x dS/dx.

    Its identity: the values of a row sum to S(x) - S(0) where the score is linear between 0 and x,
    as for a linear model, or a ReLU network without biases. The error is the share missing.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input.

    References:
        Shrikumar, Greenside, Kundaje, Learning important features through propagating activation
        differences (2017), section 2.
    """
    question = ask(model, x, target, at)
    score, g = question.scores(question.start), question.slopes(question.start)
    values = np.asarray(question.start) * g
    zero = question.scores(jnp.zeros_like(question.start))
    error = share(row_sums(values) - (score - zero), score - zero)
    identity = "sum of the values = S(x) - S(0), for a score that is linear between 0 and x"
    return Attribution("input x gradient", values, question.target, score, identity, error, zero)


def smooth_grad(
    model: Model,
    x: Any,
    target: Any = None,
    at: str | None = None,
    noise: float = 0.15,
    samples: int = 50,
    seed: int = 0,
) -> Attribution:
    """Return the mean gradient over noisy copies of the input.

    values = mean_k dS/dx (x + e_k),  e_k normal with deviation noise (max x - min x)

    It has no sum to satisfy: for a linear score it is the gradient itself. The error is the
    standard error of the mean, as a share of the length of the values.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input.
        noise: deviation of the noise, as a share of the range of each row.
        samples: noisy copies.
        seed: makes the noise.

    References:
        Smilkov, Thorat, Kim, Viegas, Wattenberg, SmoothGrad (2017).
    """
    check_positive_int("smooth_grad", "samples", samples)
    check_range("smooth_grad", "noise", noise, 0)
    question = ask(model, x, target, at)
    start = question.start
    axes = tuple(range(1, start.ndim))
    deviation = noise * (start.max(axis=axes, keepdims=True) - start.min(axis=axes, keepdims=True))
    rng = np.random.default_rng(seed)
    score = question.scores(start)
    rows = np.repeat(np.arange(len(start)), samples)
    e = rng.standard_normal((len(rows), *start.shape[1:])).astype("float32")
    g = question.slopes(start[rows] + deviation[rows] * e, rows)
    g = g.reshape(len(start), samples, *start.shape[1:])
    mean, variance = g.mean(axis=1), g.var(axis=1) / samples
    error = share(np.sqrt(row_sums(variance)), np.sqrt(row_sums(mean**2)))
    identity = "the gradient itself for a linear score; the error is that of the mean"
    return Attribution("SmoothGrad", mean, question.target, score, identity, error)


def integrated_gradients(
    model: Model,
    x: Any,
    target: Any = None,
    at: str | None = None,
    baseline: Any = 0.0,
    steps: int = 64,
    most_steps: int = 1024,
    tolerance: float = 0.01,
) -> Attribution:
    """Return the gradient summed up on the straight way from a baseline to the input.

    values = (x - b) integral_0^1 dS/dx (b + a (x - b)) da

    The integral is the mean over the middles of ``steps`` equal parts.

    Its identity, completeness: the values of a row sum to S(x) - S(b). The error is the share
    missing. While it is above ``tolerance`` for any row, the steps are doubled.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input, such as an embedding.
        baseline: where the way starts: a number, a sample, or one sample for each row.
        steps: parts of the way, at first.
        most_steps: parts of the way, at most.
        tolerance: the error that is small enough.

    References:
        Sundararajan, Taly, Yan, Axiomatic attribution for deep networks (2017), equation 1.
    """
    check_positive_int("integrated_gradients", "steps", steps)
    check_positive_int("integrated_gradients", "most_steps", most_steps)
    check_range("integrated_gradients", "tolerance", tolerance, 0)
    question = ask(model, x, target, at)
    start = question.start
    b = baseline_like(question, baseline)
    score, bottom = question.scores(start), question.scores(b)
    while True:
        values = np.asarray(start - b) * _mean_slopes(question, b, steps)
        error = share(row_sums(values) - (score - bottom), score - bottom)
        if error.max() <= tolerance or 2 * steps > most_steps:
            break
        steps *= 2
    return Attribution(
        "integrated gradients",
        values,
        question.target,
        score,
        "sum of the values = S(x) - S(baseline)",
        error,
        bottom,
    )


def _mean_slopes(question: Question, b: Array, steps: int) -> np.ndarray:
    """Return the mean of dS/dx at the middles of equal parts of the way from b to the start."""
    start = question.start
    mean = np.zeros(start.shape)
    at_once = max(1, AT_ONCE // len(start))
    middles = (np.arange(steps) + 0.5) / steps
    for first in range(0, steps, at_once):
        a = middles[first : first + at_once]
        rows = np.tile(np.arange(len(start)), len(a))
        along = np.repeat(a, len(start)).reshape(-1, *(1,) * (start.ndim - 1)).astype("float32")
        g = question.slopes(b[rows] + along * (start - b)[rows], rows)
        mean += g.reshape(len(a), *start.shape).sum(axis=0) / steps
    return mean


def grad_cam(model: Model, x: Any, layer: str, target: Any = None) -> Attribution:
    """Return where a convolution layer speaks for a class: its channels, weighted by gradient.

    With A its output and p its positions::

        alpha_k = mean_p dS/dA_pk        values_p = relu(sum_k alpha_k A_pk)

    The map is enlarged to the size of the input, linearly between the middles of the units' fields
    where they tile the input.

    Its identity: where the score is linear behind the layer and treats all positions alike (global
    average pooling, then dense), the map before the ReLU sums to S(A) - S(0). The error is the
    share missing; behind other layers the map is a first-order estimate, and the error says so.

    Args:
        model: a model of one input (batch, height, width, channels) and one output.
        x: inputs, batch axis first.
        layer: path of a layer whose output is (batch, rows, columns, channels).
        target: class number, or one for each row; None for the class of the highest score.

    Raises:
        ShapeError: the layer's output has no spatial axes.

    References:
        Selvaraju et al., Grad-CAM (2017), equations 1 and 2.
    """
    question = ask(model, x, target, at=layer)
    a = np.asarray(question.start)
    size = np.shape(x)[1:-1]
    if a.ndim != 4 or len(size) != 2:
        raise ShapeError(
            "Grad-CAM needs a layer whose output is (batch, rows, columns, channels), got "
            f"{layer!r} with {a.shape}; name the last convolution."
        )
    score, g = question.scores(question.start), question.slopes(question.start)
    alpha = g.mean(axis=(1, 2), keepdims=True)
    cam = (alpha * a).sum(axis=-1)
    nothing = question.scores(jnp.zeros_like(question.start))
    error = share(row_sums(cam) - (score - nothing), score - nothing)
    values = _enlarged(np.maximum(cam, 0), size)
    identity = "sum of the map before relu = S(A) - S(0), if S is linear in A and blind to position"
    return Attribution("Grad-CAM", values, question.target, score, identity, error, nothing)


def _enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return maps of another size, linear between the middles of the cells."""
    for axis, n in enumerate(size, 1):
        m = maps.shape[axis]
        middles = np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1)
        low = np.minimum(middles.astype(int), max(m - 2, 0))
        t = (middles - low).reshape(-1, *(1,) * (maps.ndim - axis - 1))
        above = np.take(maps, np.minimum(low + 1, m - 1), axis=axis)
        maps = (1 - t) * np.take(maps, low, axis=axis) + t * above
    return maps
