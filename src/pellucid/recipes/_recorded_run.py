"""The recording of a run: its data and its network put beside it again."""

from typing import TYPE_CHECKING, NoReturn

from pellucid.errors import NonFiniteError
from pellucid.recipes._recipe import Learning
from pellucid.recipes._run import RECORDING, Run, write_json

if TYPE_CHECKING:
    from pellucid.inspection import Recording

NONFINITE = "nonfinite.json"


def recording_of(run: Run) -> "Recording":
    """Return the recording of a run, ready to be replayed.

    Raises:
        RunError: there is none, or the data are not those that were trained on.
    """
    from pellucid.inspection._reopen import reopen_fit, reopen_train
    from pellucid.recipes._runner import compiled
    from pellucid.training import read_recording

    files = read_recording(run.folder / RECORDING)
    data = run.recipe.data()
    objective = run.recipe.objective(data)
    model = compiled(run.recipe, data)
    if not isinstance(objective, Learning):
        return reopen_fit(files, model, tuple(data.train))
    learner = objective.learner(model)
    rows = tuple(data.train) if objective.steps is None else None
    return reopen_train(files, learner.step, learner.start(run.recipe.seed), rows)


def explain_end(run: Run, reason: str) -> NoReturn:
    """Say at which step a training stopped being finite, and why; ``nonfinite.json`` says it too.

    Raises:
        NonFiniteError: always; the message is what was found.
    """
    from pellucid.training import is_recording

    if not is_recording(run.folder / RECORDING):
        raise NonFiniteError(f"{reason} A training that is recorded can tell where it began.")
    found = run.recording.explain_nonfinite()
    if found is None:
        raise NonFiniteError(reason)
    write_json(run.folder / NONFINITE, found.to_json())
    raise NonFiniteError(
        f"{found.sentence} {' '.join(found.advice)} See it with `pellucid replay {run.folder} "
        "--nan`."
    )
