"""Attributions by removal: occlusion, and Shapley values from sampled orders."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from pellucid._checks import as_tuple, check_positive_int
from pellucid.errors import ShapeError
from pellucid.inspection._attribution import (
    Attribution,
    Question,
    ask,
    baseline_like,
    row_sums,
    share,
)
from pellucid.models import Model


def occlusion(
    model: Model,
    x: Any,
    target: Any = None,
    at: str | None = None,
    window: int | tuple[int, ...] = 1,
    strides: int | tuple[int, ...] | None = None,
    baseline: Any = 0.0,
) -> Attribution:
    """Return by how much the score falls when a window of the input is covered.

    fall_w = S(x) - S(x, window w set to the baseline)

    The value of a position is the mean fall of the windows that cover it, divided by the positions
    of a window, so that falls of windows that do not overlap are shared out.

    Its identity: for a score that adds up over the windows (a linear one), and windows that do not
    overlap, the values sum to S(x) - S(baseline). The error is the share missing: how much the
    windows act together.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first; the window lies on all axes but the last of images and
            sequences, on the columns of tables.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input.
        window: size along each of these axes; one number for all.
        strides: from one window to the next; by default windows lie side by side.
        baseline: what covers: a number, a sample, or one sample for each row.

    Raises:
        ShapeError: the window is larger than the input.

    References:
        Zeiler, Fergus, Visualizing and understanding convolutional networks (2014), section 4.2.
    """
    question = ask(model, x, target, at)
    start = question.start
    sizes = _positions(start.shape)
    size = as_tuple("occlusion", "window", window, len(sizes))
    steps = size if strides is None else as_tuple("occlusion", "strides", strides, len(sizes))
    if any(k > n for k, n in zip(size, sizes, strict=True)):
        raise ShapeError(f"Occlusion by a window of {size} does not fit into {sizes} positions.")
    cover = _covers(sizes, size, steps)
    b = baseline_like(question, baseline)
    score, bottom = question.scores(start), question.scores(b)
    values = np.zeros((len(start), *sizes))
    for row in range(len(start)):
        seen = _mixed(start[row], b[row], ~cover)
        fall = score[row] - question.scores(seen, jnp.full(len(cover), row))
        flat = cover.reshape(len(cover), -1)
        area, times = flat.sum(axis=1), np.maximum(flat.sum(axis=0), 1)
        values[row] = ((fall / area) @ flat / times).reshape(sizes)
    error = share(row_sums(values) - (score - bottom), score - bottom)
    identity = "sum of the values = S(x) - S(baseline), if the score adds up over the windows"
    return Attribution("occlusion", values, question.target, score, identity, error, bottom)


def shapley_values(
    model: Model,
    x: Any,
    target: Any = None,
    at: str | None = None,
    window: int | tuple[int, ...] = 1,
    baseline: Any = 0.0,
    orders: int = 50,
    seed: int = 0,
) -> Attribution:
    """Return each part's mean contribution to the score, over random orders of joining.

    Parts that have not joined have the value of the baseline. With S(T) the score when the parts T
    have joined, and T(i) those before part i in an order::

        value_i = mean over orders of S(T(i) and i) - S(T(i))

    Every order is used forwards and backwards, which makes the means steadier.

    Its identity, efficiency: the values of a row sum to S(x) - S(baseline); every single order
    satisfies it. The error is the share missing, by rounding alone.

    Args:
        model: a model of one input and one output (batch, classes).
        x: inputs, batch axis first; the parts are the columns of tables, the positions or windows
            of sequences and images.
        target: class number, or one for each row; None for the class of the highest score.
        at: path of the layer whose output is explained instead of the input, such as an embedding.
        window: size of a part along each axis but the channels; one number for all.
        baseline: a number, a sample, or one sample for each row.
        orders: orders that are drawn, an even number or one more is used.
        seed: makes the orders.

    References:
        Shapley, A value for n-person games (1953); Strumbelj, Kononenko, Explaining prediction
        models and individual predictions with feature contributions (2014), algorithm 1.
    """
    check_positive_int("shapley_values", "orders", orders)
    question = ask(model, x, target, at)
    start = question.start
    sizes = _positions(start.shape)
    size = as_tuple("shapley_values", "window", window, len(sizes))
    parts = _covers(sizes, size, size)
    b = baseline_like(question, baseline)
    rng = np.random.default_rng(seed)
    values = np.zeros((len(start), *sizes))
    for row in range(len(start)):
        gained = _gains(question, row, b[row], parts, (orders + 1) // 2, rng)
        flat = parts.reshape(len(parts), -1)
        values[row] = ((gained / flat.sum(axis=1)) @ flat).reshape(sizes)
    score, bottom = question.scores(start), question.scores(b)
    error = share(row_sums(values) - (score - bottom), score - bottom)
    return Attribution(
        "Shapley values",
        values,
        question.target,
        score,
        "sum of the values = S(x) - S(baseline)",
        error,
        bottom,
    )


def _gains(
    question: Question,
    row: int,
    baseline: Any,
    parts: np.ndarray,
    pairs: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the mean contribution of each part, over ``pairs`` orders and their reverses."""
    count = len(parts)
    gained = np.zeros(count)
    for _ in range(pairs):
        order = rng.permutation(count)
        for way in (order, order[::-1]):
            joined = np.zeros((count + 1, *parts.shape[1:]), bool)
            joined[1:] = np.cumsum(parts[way], axis=0) > 0
            mixed = _mixed(question.start[row], baseline, joined)
            scores = question.scores(mixed, jnp.full(count + 1, row))
            gained[way] += np.diff(scores)
    return gained / (2 * pairs)


def _positions(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes that are divided into parts: all but channels; the columns of a table."""
    return shape[1:] if len(shape) == 2 else shape[1:-1]


def _covers(
    sizes: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    """Return which positions each window covers, shape (windows, *sizes); the last may be cut."""
    masks = np.ones((1, *sizes), bool)
    for axis, (n, k, s) in enumerate(zip(sizes, window, strides, strict=True)):
        starts = np.arange(0, n if s >= k else n - k + s, s)
        places = np.arange(n)
        inside = (places >= starts[:, None]) & (places < starts[:, None] + k)
        shape = [1] * len(sizes)
        shape[axis] = n
        masks = (masks[:, None] & inside.reshape(1, len(starts), *shape)).reshape(-1, *sizes)
    return masks


def _mixed(x: Any, baseline: Any, kept: np.ndarray) -> Any:
    """Return copies of a sample that keep x where ``kept``, and the baseline elsewhere."""
    mask = kept.reshape(*kept.shape, *(1,) * (x.ndim + 1 - kept.ndim))
    return jnp.where(mask, x, baseline)
