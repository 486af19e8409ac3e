"""Going on with a run that stopped before its end."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from pellucid._files import Lock
from pellucid.errors import RunError
from pellucid.recipes._run import (
    ENVIRONMENT,
    METRICS,
    SETTINGS,
    Run,
    open_run,
    plain,
    read_json,
    write_json,
)

SAME = ("seed", "versions", "machine", "data", "code")
"""What of the environment an end with the same bits depends on."""


def resume(
    folder: str | os.PathLike[str],
    settings: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
    verbose: int = 1,
    tell: Callable[[str], Any] = print,
    page: bool = False,
) -> Run:
    """Go on with a run that was stopped or killed, and return it when it has come to its end.

    It goes on from its newest checkpoint, in the middle of an epoch too, and ends with the weights,
    bit for bit, that it would have had without the stop. Without a checkpoint it begins again.

    Args:
        folder: the run folder.
        settings: settings to change, by name; with ``force`` alone.
        force: go on even if settings, data, versions, machine or program are not what they were.
        verbose: 1 shows the progress; 0 is silent.
        tell: where sentences go.
        page: write the report page as well.

    Raises:
        RunError: it is no run, has come to its end already, another process trains in it, or
            something changed and ``force`` is False; all that changed is listed.
    """
    from pellucid import recipes
    from pellucid.recipes._runner import Task, carry_out, compiled, environment
    from pellucid.training import differences

    old = open_run(folder)
    place = old.folder
    with Lock(place):
        if (place / METRICS).exists():
            raise RunError(
                f"The run {str(place)!r} has come to its end; look at it with `pellucid report "
                f"{place}`, or train again with `pellucid train {old.recipe_name}`."
            )
        was = read_json(place / ENVIRONMENT)
        recipe = recipes.make(old.recipe_name, **{**vars(old.recipe), **(settings or {})})
        data = recipe.data()
        is_ = plain(environment(recipe, data))
        changed = differences(plain(vars(old.recipe)), plain(vars(recipe)))
        changed += differences(_same(was), _same(is_))
        if changed and not force:
            raise RunError(
                f"Since the run {str(place)!r} was started, this has changed: "
                f"{'; '.join(changed)}. Its end would not be the same; make it as it was, or go on "
                "all the same with --force (force=True)."
            )
        if changed:
            again = {"started": is_["started"], "changed": changed}
            since = [*was.get("resumed", []), again]
            write_json(place / ENVIRONMENT, {**was, **is_, "resumed": since})
            write_json(place / SETTINGS, {"recipe": old.recipe_name, "settings": vars(recipe)})
        record = bool(was.get("record", True))
        model = compiled(recipe, data)
        task = Task(recipe, model, data, place, verbose, record, tell, force=bool(changed))
        task.say(f"run    {place}")
        return carry_out(task, page)


def _same(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {key: environment.get(key) for key in SAME}
