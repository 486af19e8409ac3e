"""One recipe trained from several seeds, and how far its figures spread."""

import dataclasses
import os
import statistics
from collections.abc import Callable
from typing import Any

from pellucid._checks import check_positive_int
from pellucid.recipes._recipe import Recipe
from pellucid.recipes._run import Run, flat
from pellucid.recipes._runner import train


@dataclasses.dataclass(frozen=True)
class Spread:
    """The runs of one recipe from several seeds.

    Attributes:
        runs: one for each seed, in the order in which they were trained.
    """

    runs: tuple[Run, ...]

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [run.recipe.seed for run in self.runs]

    @property
    def values(self) -> dict[str, list[float]]:
        """Each number of ``metrics.json`` that all runs have, ``"test/accuracy"``: one a run."""
        every = [flat(run.metrics) for run in self.runs]
        return {
            name: [float(own[name]) for own in every]
            for name in every[0]
            if all(type(own.get(name)) in (int, float) for own in every)
        }

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each number."""
        return {name: statistics.fmean(values) for name, values in self.values.items()}

    @property
    def std(self) -> dict[str, float]:
        """The standard deviation of each number, of a sample: sqrt(sum (v - mean)^2 / (n - 1))."""
        if len(self.runs) == 1:
            return dict.fromkeys(self.values, 0.0)
        return {name: statistics.stdev(values) for name, values in self.values.items()}

    def to_json(self) -> dict[str, Any]:
        """Return runs, seeds and numbers as plain JSON."""
        mean, std = self.mean, self.std
        return {
            "runs": [str(run.folder) for run in self.runs],
            "seeds": self.seeds,
            "measures": {
                name: {"mean": mean[name], "std": std[name], "values": values}
                for name, values in self.values.items()
            },
        }


def train_seeds(
    recipe: Recipe,
    seeds: int,
    runs: str | os.PathLike[str] = "runs",
    *,
    verbose: int = 1,
    tell: Callable[[str], Any] = print,
    record: bool = True,
    page: bool = False,
) -> Spread:
    """Train a recipe from its seed and those that follow it, and return the runs.

    A figure of one run says little when another seed gives another: report its mean and spread.

    Args:
        recipe: as ``recipes.make`` gives it; its seed is the first one.
        seeds: how many, 1 or more.
        runs: the folder in which the run folders are made, one for each seed.
        verbose: as for ``train``.
        tell: as for ``train``.
        record: as for ``train``.
        page: as for ``train``.

    Raises:
        ArgumentError: the number of seeds is below 1, or the last seed would be too large.
        And all that ``train`` raises; the runs that are finished stay.
    """
    check_positive_int("train_seeds", "seeds", seeds)
    recipes = [dataclasses.replace(recipe, seed=recipe.seed + number) for number in range(seeds)]
    finished = []
    for number, one in enumerate(recipes, 1):
        if verbose:
            tell(f"seed   {one.seed} ({number} of {seeds})")
        finished.append(train(one, runs, verbose=verbose, tell=tell, record=record, page=page))
    return Spread(tuple(finished))
