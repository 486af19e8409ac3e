"""A process that runs trials of a search: ``python -m pellucid.tuning._worker FOLDER TRIALS``."""

import os
import sys
from contextlib import closing
from pathlib import Path

from pellucid import recipes
from pellucid.errors import PellucidError, RunError
from pellucid.tuning._database import STORAGE
from pellucid.tuning._study import Study
from pellucid.tuning._tune import run_trials


def main(folder: str, trials: str) -> None:
    """Run trials of the search in ``folder`` until there are ``trials`` of them."""
    with closing(Study.open(Path(folder), os.environ.get(STORAGE))) as study:
        if study.question.recipe is None:
            raise RunError(f"The search in {folder} is not over a recipe; no process can run it.")
        run_trials(study, int(trials), recipes.find(study.question.recipe))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PellucidError as error:
        sys.exit(str(error))
