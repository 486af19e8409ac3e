"""Reopening a recorded training: the same model and the same data put beside the recording."""

import json
from collections.abc import Mapping
from typing import Any

from pellucid.data import ArrayDataset
from pellucid.errors import ArgumentError, RunError
from pellucid.inspection._time_travel import Recording
from pellucid.models import Model
from pellucid.models._fit_data import FitData, as_dataset
from pellucid.training import ArraySource, CompiledSteps, Replay, TrainingState
from pellucid.training._recording import RecordedFiles, read_weights
from pellucid.training._step import Step
from pellucid.training._train import quotients, source_of


def reopen_fit(files: RecordedFiles, model: Model, data: Any) -> Recording:
    """Return the recording of a ``fit``, ready to be replayed.

    Args:
        files: what the recording's folder holds.
        model: the model, built and compiled as it was; its present weights do not matter.
        data: ``(x, y)`` as they were given to ``fit``; rows that ``validation_split`` kept back at
            the end may be there. Weights of rows are in the recording.

    Raises:
        RunError: the data or the model are not those of the recording.
    """
    x, y = data[:2] if isinstance(data, (tuple, list)) else (data, None)
    dataset = as_dataset(x, y)
    if not isinstance(dataset, ArrayDataset):
        raise ArgumentError("open expected data as arrays (x, y), got a stream.")
    model._build_for(dataset)
    objective, steps = model._ready()
    _check_model(files, model)
    rows = files.description["rows"]
    if rows is not None and len(dataset) > rows:
        dataset = dataset[:rows]
    batch = FitData(model.graph, objective, None).batch(dataset)
    batch = batch._replace(sample_weight=read_weights(files.folder, model.graph.output_names))
    source = ArraySource(batch, int(files.description["batch_size"]))
    replay = Replay(files, steps, model._start(0), source, model._ready_optimizer(), model._read)
    return Recording(replay, model)


def reopen_train(
    files: RecordedFiles, step: Step | CompiledSteps, state: TrainingState, data: Any = None
) -> Recording:
    """Return the recording of a ``pellucid.training.train``, ready to be replayed.

    Args:
        files: what the recording's folder holds.
        step: the step that was trained with.
        state: a state of the same form, such as the one that it started from.
        data: the data, None for a step that makes its own.

    Raises:
        RunError: the data are not those of the recording.
    """
    described = files.description
    steps = int(described["steps_per_epoch"]) if data is None else None
    source = source_of(data, steps, int(described["batch_size"]))
    compiled = step if isinstance(step, CompiledSteps) else CompiledSteps(step)
    return Recording(Replay(files, compiled, state, source, None, quotients))


def _check_model(files: RecordedFiles, model: Model) -> None:
    """Raise RunError where the model is put together or compiled in another way."""
    then, now = files.description["model"], json.loads(json.dumps(model.get_config()))
    if then is None:
        return
    for part, what in (("graph", "layers"), ("compile", "optimizer, loss or metrics")):
        if then.get(part) != now.get(part):
            raise RunError(
                f"The model is not the one that the run was trained with: its {what} differ"
                f"{_first_difference(then.get(part), now.get(part))}. Make and compile it as it "
                "was."
            )


def _first_difference(then: Any, now: Any, path: str = "") -> str:
    """Return the first place at which two descriptions differ, in words."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        pairs = {key: (then.get(key), now.get(key)) for key in (*then, *now)}
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = {str(n): pair for n, pair in enumerate(zip(then, now, strict=True))}
    else:
        return f" ({path}: {then!r} then, {now!r} now)" if path else ""
    for key, (a, b) in pairs.items():
        if a != b:
            return _first_difference(a, b, f"{path}/{key}" if path else str(key))
    return ""
