"""Training with a step of one's own, for what is not one loss and one optimizer.

Two players, an agent in an environment, a map that organizes itself, a perceptron: each is a pure
function from a training state and a batch to the next state, and this is the loop that runs it.
``Model.fit`` is the case in which the step is forward, backward, update (``make_train_step``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from pellucid._checks import check_positive_int
from pellucid._tree import tree_copy
from pellucid.errors import ArgumentError, DataError
from pellucid.training._callbacks import Callback
from pellucid.training._fit import fit
from pellucid.training._history import History
from pellucid.training._loop import CompiledSteps
from pellucid.training._progress import ProgressBar
from pellucid.training._record import FitRecord
from pellucid.training._source import ArraySource, NoSource, Source
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import Step


def train(
    step: Step | CompiledSteps,
    state: TrainingState,
    data: Any = None,
    *,
    epochs: int = 1,
    steps: int | None = None,
    batch_size: int = 32,
    validate: Callable[[TrainingState], Mapping[str, float]] | None = None,
    callbacks: Sequence[Callback] = (),
    verbose: int | str = 0,
    shuffle: bool = True,
    seed: int = 0,
    initial_epoch: int = 0,
) -> tuple[TrainingState, History]:
    """Run a step again and again in one compiled program; the host looks in a few times a second.

    ::

        (state, measures) = step(state, batch)        for every batch of every epoch

    The step is traced once: it is written with ``jax.numpy`` and Pellucid's operations, keeps the
    form of the state, and draws what is random from ``state.step_key()``. The loop counts
    ``state.step``. Equal states, data and seeds give equal bits, however often the host looks in.

    Args:
        step: ``(state, batch) -> (state, measures)``. A measure is a number, whose mean over the
            epoch's steps is reported, or ``mean_of(value, count)`` to weigh it. Where ``train`` is
            called again and again, ``CompiledSteps(step)`` saves the time to compile.
        state: the state to start from, as ``TrainingState.start(parameters, ...)`` makes it; it is
            copied and stays as it is.
        data: rows ``x``, a pair ``(x, y)`` of equally many, a ``Batch`` or a ``Source``; the step
            sees them as ``batch.x`` and ``batch.y``. None for a step that makes its own data.
        epochs: the epoch to stop after.
        steps: steps an epoch, where there are no data to tell.
        batch_size: rows a step, at most as many as there are. ``batch.row_weights`` is None unless
            the rows do not fill the last batch; it is then 1 for real rows and 0 for padding.
        validate: ``state -> measures`` after every epoch, reported as ``val_...``.
        callbacks: see ``pellucid.callbacks``; ``ModelCheckpoint`` writes the training state.
        verbose: 0 silent, 1 or ``"auto"`` a progress bar, 2 a line for each epoch.
        shuffle: draw a new order of rows every epoch.
        seed: makes the order of rows.
        initial_epoch: the number of the first epoch, for a training that goes on.

    Returns:
        The state after the last step, and the history of the measures.

    Raises:
        ArgumentError: a step that changes the form of the state; ``steps`` together with data.
        DataError: there are no rows, or not equally many ``x`` and ``y``.

    Example:
        >>> import jax.numpy as jnp
        >>> from pellucid.training import TrainingState, train
        >>> def halve(state, batch):
        ...     w = state.parameters["w"]
        ...     return state.replace(parameters={"w": w / 2}), {"size": jnp.abs(w)}
        >>> state = TrainingState.start({"w": jnp.array(8.0)})
        >>> state, history = train(halve, state, steps=2, epochs=2)
        >>> float(state.parameters["w"]), history.history
        (0.5, {'size': [6.0, 1.5]})
    """
    check_positive_int("train", "epochs", epochs)
    source = source_of(data, steps, batch_size)
    copied = tree_copy(state)
    record = FitRecord(copied, None, epochs, source.steps)
    record.history.params = {"epochs": epochs, "steps": source.steps, "batch_size": batch_size}
    shown = [*callbacks, ProgressBar(bar=verbose != 2)] if verbose else list(callbacks)

    measures = None
    if validate is not None:

        def measures(record: FitRecord) -> dict[str, float]:
            return {name: float(value) for name, value in validate(record.state).items()}

    fit(
        step if isinstance(step, CompiledSteps) else CompiledSteps(step),
        record,
        source,
        results=quotients,
        validate=measures,
        callbacks=shown,
        seed=seed,
        shuffle=shuffle,
        initial_epoch=initial_epoch,
    )
    return record.live, record.history


def quotients(sums: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return total / count of each measure, NaN where nothing was counted."""
    return {
        name: float(part["total"] / part["count"]) if part["count"] else float("nan")
        for name, part in sums.items()
    }


def source_of(data: Any, steps: int | None, batch_size: int) -> Source:
    """Return what an epoch is read from."""
    if data is None:
        if steps is None:
            raise ArgumentError(
                "train expected data, or steps an epoch for a step that makes its own; type "
                "steps=100, for example."
            )
        check_positive_int("train", "steps", steps)
        return NoSource(steps)
    if steps is not None:
        raise ArgumentError("train expected data or steps an epoch, got both; leave steps out.")
    if isinstance(data, Source):
        return data
    check_positive_int("train", "batch_size", batch_size)
    pair = isinstance(data, (tuple, list)) and not isinstance(data, Batch)
    batch = Batch(*data) if pair else data if isinstance(data, Batch) else Batch(data, None)
    counts = [len(np.atleast_1d(leaf)) for leaf in jax.tree.leaves(batch)]
    if not counts or min(counts) == 0 or len(set(counts)) > 1:
        raise DataError(
            f"train expected as many rows in every array of the data, and one at least, got "
            f"{', '.join(map(str, counts)) or 'no array'}."
        )
    return ArraySource(batch, batch_size)
