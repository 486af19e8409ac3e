"""``pellucid diagnose``: what is wrong with a finished run, in numbers and in words."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from pellucid import recipes
from pellucid.cli._app import AsJson, guarded, only_json, print_json, screen
from pellucid.errors import RunError


class Language(StrEnum):
    """The languages of a diagnosis."""

    EN = "en"
    ZH = "zh"


@guarded
def diagnose(
    run: Annotated[
        str, typer.Argument(help="A run folder, such as runs/latest.", metavar="RUN")
    ] = "runs/latest",
    language: Annotated[Language, typer.Option("--language", help="In English or Chinese.")] = (
        Language.EN
    ),
    json: AsJson = False,
) -> None:
    """Look for faults of a run: its data, its network and its training, each by measured numbers.

    The data is made again from the run's settings. Takes some seconds; up to a minute where the
    training went badly, since other learning rates are then tried for a few steps.
    """
    with only_json(json):
        found = _diagnosis(recipes.open_run(run), language.value)
    if json:
        print_json({"run": run, **found.to_json()})
        return
    screen().print(str(found), markup=False)


def _diagnosis(run: recipes.Run, language: str) -> Any:
    """Return the diagnosis of a run that was trained by ``fit``."""
    recipe = run.recipe
    data = recipe.data()
    objective = recipe.objective(data)
    if isinstance(objective, recipes.Learning) or data.train.y is None:
        raise RunError(
            f"The recipe {run.recipe_name!r} learns with a step of its own, without labels to "
            "compare with; diagnosis needs a run that was trained by fit, such as digits."
        )
    model = run.model
    if model.compile_config() is None:
        model.compile(objective.optimizer, objective.loss, list(objective.metrics), verbose=0)
    parts = [
        None if part is None or not part.rows or part.y is None else tuple(part)
        for part in (data.validation, data.test)
    ]
    history: dict[str, list[Any]] = {}
    for line in run.log:
        for name, value in line.items():
            history.setdefault(name, []).append(value)
    from pellucid import inspection

    return inspection.diagnose(
        model,
        tuple(data.train),
        validation_data=parts[0],
        test_data=parts[1],
        history=history,
        batch_size=min(recipe.batch_size, data.train.rows),
        language=language,
        seed=recipe.seed,
    )
