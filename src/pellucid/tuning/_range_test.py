"""The learning-rate range test: how the loss answers to a rate that grows step by step."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import optimizers, training
from pellucid._checks import check_positive_int, check_range
from pellucid._tree import tree_copy
from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError, DataError
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset

UNSETTLED = 10
"""Steps at the start whose smoothed loss is that of a few batches."""


@dataclass(frozen=True)
class RangeTest:
    """What a learning-rate range test found.

    Attributes:
        learning_rates: the rate of each step.
        losses: the loss of each step's batch, before its update.
        smoothed: the losses, each averaged with those before it.
        steepest: the rate at which the smoothed loss fell fastest, over the logarithm of the rate.
        diverged_at: the rate at which the loss had grown to several times its least value, None if
            it never did.
        suggestion: a rate to begin with: the steepest, but at most a tenth of the rate at which the
            loss grew.
    """

    learning_rates: list[float]
    losses: list[float]
    smoothed: list[float]
    steepest: float
    diverged_at: float | None
    suggestion: float

    def plot(self) -> Any:
        """Return the curve as a Matplotlib figure, with the suggestion in it."""
        from pellucid.tuning._plots import plot_range_test

        return plot_range_test(self)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return vars(self).copy()


def learning_rate_range_test(
    model: Model,
    x: Any,
    y: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    smoothing: float = 0.9,
    divergence: float = 4.0,
    seed: int = 0,
) -> RangeTest:
    """Take steps with a rate that grows from ``low`` to ``high``, and see what the loss does.

    ::

        lr_k = low (high / low)^(k / (steps - 1))

    Too small a rate leaves the loss where it is, a good one lets it fall, too large a one lets it
    grow. The sweep ends where the smoothed loss is ``divergence`` times its least value, or is not
    finite. The model itself stays as it was.

    Args:
        model: a compiled model; its optimizer's rate must be a number.
        x: inputs, arrays as ``fit`` takes them.
        y: their targets.
        low: the first rate, above 0.
        high: the last rate, above ``low``.
        steps: steps from one to the other, 10 or more.
        batch_size: rows a step.
        smoothing: how much of the mean of the losses before is kept, in [0, 1); the mean is
            corrected for its start.
        divergence: how many times the least loss is too much, above 1.
        seed: makes the order of rows and the dropout.

    Raises:
        ArgumentError: the optimizer follows a schedule.
        DataError: the loss was not finite in the first steps.

    References:
        Smith, Cyclical learning rates for training neural networks, 2017, section 3.3; the curve as
        in Smith, A disciplined approach to neural network hyper-parameters, 2018.
    """
    who = "learning_rate_range_test"
    check_range(who, "low", low, 0, open_low=True)
    check_range(who, "high", high, low, math.inf, open_low=True, open_high=True)
    check_positive_int(who, "steps", steps)
    check_range(who, "steps", steps, 10)
    check_range(who, "smoothing", smoothing, 0, 1, open_high=True)
    check_range(who, "divergence", divergence, 1, open_low=True)
    dataset = as_dataset(x, y)
    if not isinstance(dataset, ArrayDataset):
        raise ArgumentError(f"{who} expected arrays, got a stream of batches.")
    model._build_for(dataset)
    objective, compiled = model._ready()
    optimizer = model._ready_optimizer()
    source = FitData(model.graph, objective, None).source(dataset, batch_size)
    variables = model.variables
    state = training.start_state(
        tree_copy(variables.parameters),
        tree_copy(variables.state),
        optimizer,
        seed,
        model.graph.is_trainable,
    )

    rates = low * (high / low) ** (np.arange(steps) / (steps - 1))
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    diverged_at: float | None = None
    chunk: Any = None
    done = 0
    for number, rate in enumerate(rates.tolist()):
        changed = optimizers.with_learning_rate(state.optimizer_state, rate, optimizer)
        state = state.replace(optimizer_state=changed)
        if chunk is None or done == chunk.steps:
            chunk, done = next(iter(source.epoch((seed, number)))), 0
        state, totals = compiled.train(
            *(state, None, chunk.data, chunk.order),
            range(done, done + 1),
            source.batch_size,
            chunk.padded,
        )
        done += 1
        sums = training.read_sums(totals)["loss"]
        loss = float(sums["total"] / sums["count"])
        if not math.isfinite(loss):
            diverged_at = rate
            break
        losses.append(loss)
        mean = smoothing * mean + (1 - smoothing) * loss
        smoothed.append(mean / (1 - smoothing ** (number + 1)))
        if number >= UNSETTLED and smoothed[-1] > divergence * min(smoothed):
            diverged_at = rate
            break
    if len(losses) < 3:
        raise DataError(
            f"{who} found a loss that is not finite in its first steps, at a rate of {low:g}; "
            "scale the inputs, or begin with a lower rate."
        )
    used = rates[: len(losses)]
    steepest = _steepest(used, np.array(smoothed))
    suggestion = steepest if diverged_at is None else min(steepest, diverged_at / 10)
    return RangeTest(used.tolist(), losses, smoothed, steepest, diverged_at, suggestion)


def _steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the rate at which the smoothed loss falls fastest over log lr, before its least.

    The first losses, of which the mean is made of a few batches only, are left out.
    """
    least = max(int(np.argmin(smoothed)), 2)
    first = min(UNSETTLED, least - 2)
    slope = np.gradient(smoothed[first : least + 1], np.log(rates[first : least + 1]))
    return float(rates[first + int(np.argmin(slope))])
