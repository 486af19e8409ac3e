"""One door to what was trained: a run folder, or the recording of a training of one's own."""

import os
from pathlib import Path
from typing import Any

from pellucid.errors import ArgumentError
from pellucid.inspection import Recording
from pellucid.inspection._reopen import reopen_fit, reopen_train
from pellucid.recipes._run import RECORDING, Run, open_run
from pellucid.training import is_recording, read_recording


def open(
    folder: str | os.PathLike[str],
    model: Any = None,
    data: Any = None,
    *,
    step: Any = None,
    state: Any = None,
) -> Run | Recording:
    """Open a training again: any of its steps, with all numbers.

    ::

        run = pellucid.open("runs/latest")                          # what `pellucid train` made
        run = pellucid.open("recording", model=model, data=(x, y))  # Recorder("recording") in fit
        run.at(812).trace()
        run.find("loss spiked")

    Args:
        folder: a run folder, or the folder of a ``pellucid.callbacks.Recorder``.
        model: for a recording of ``Model.fit``, the model, compiled as it was.
        data: the data that were given, ``(x, y)``.
        step: for a recording of ``pellucid.training.train``, the step.
        state: a training state of the form it started from.

    Returns:
        The run, or the recording; both have ``at(step)`` and ``find(question)``.

    Raises:
        RunError: the folder is neither, or model or data are not those that were trained.
    """
    place = Path(folder)
    if not is_recording(place):
        if model is None and step is None:
            return open_run(place)
        if is_recording(place / RECORDING):
            place = place / RECORDING
    files = read_recording(place)
    if model is not None:
        return reopen_fit(files, model, data)
    if step is not None and state is not None:
        return reopen_train(files, step, state, data)
    raise ArgumentError(
        f"The folder {str(folder)!r} holds a recording but not what was trained; type "
        "pellucid.open(folder, model=model, data=(x, y)), or step= and state= for a training with "
        "a step of its own."
    )
