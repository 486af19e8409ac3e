"""The runs of a folder side by side: what there is, and what two of them differ in.

Nothing here runs a network: it reads the few JSON files of each run folder.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pellucid._files import is_locked
from pellucid.errors import RunError
from pellucid.recipes._recorded_run import NONFINITE
from pellucid.recipes._run import ENVIRONMENT, LOG, METRICS, SETTINGS, find_run, flat, read_json

RUNNING, FINISHED, STOPPED, NOT_FINITE = "running", "finished", "stopped", "not finite"


@dataclass(frozen=True)
class Listed:
    """One run of a list.

    Attributes:
        name: the name of its folder.
        recipe: the recipe that was trained.
        state: ``"running"``, ``"finished"``, ``"stopped"`` (``pellucid resume`` goes on) or ``"not
            finite"`` (a NaN ended it).
        started: when it was started, in ISO 8601.
        epochs: how many epochs are whole.
        of_epochs: how many there are to be, None where the recipe has another word for it.
        measures: of the test part where it is finished, else the last ones of the log.
    """

    name: str
    recipe: str
    state: str
    started: str | None
    epochs: int
    of_epochs: int | None
    measures: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def list_runs(runs: str | os.PathLike[str] = "runs") -> list[Listed]:
    """Return the runs of a folder, the newest last; what is no run is left out.

    Raises:
        RunError: there is no such folder.
    """
    place = Path(runs)
    if not place.is_dir():
        raise RunError(
            f"There is no folder {str(place)!r} with runs; make one with `pellucid train digits`, "
            "or say where they are with --runs."
        )
    folders = [path for path in sorted(place.iterdir()) if path.is_dir() and not path.is_symlink()]
    listed = [run for folder in folders if (run := listed_run(folder)) is not None]
    return sorted(listed, key=lambda run: (run.started or "", run.name))


def listed_run(folder: Path) -> Listed | None:
    """Return what a list says about a run folder, None if it is none."""
    if not (folder / SETTINGS).is_file():
        return None
    try:
        written = read_json(folder / SETTINGS)
        recipe, settings = str(written["recipe"]), dict(written["settings"])
        environment = _read(folder / ENVIRONMENT)
        lines = _log(folder)
        measures = _measures(folder, lines)
    except (RunError, KeyError, TypeError, ValueError):
        return None
    return Listed(
        folder.name,
        recipe,
        _state(folder),
        environment.get("started"),
        len(lines),
        settings.get("epochs"),
        measures,
    )


def compare(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what two runs differ in, and what it changed, as plain JSON.

    Args:
        a: a run folder, or the name of one below ``runs/``.
        b: another.

    Returns:
        ``{"a": name, "b": name, "settings": [...], "versions": [...], "machine": [...],
        "data": [...], "code": [...], "measures": [...]}``; each entry has a ``name``, what it is in
        ``a`` and in ``b``, and a measure its ``change`` from a to b.

    Raises:
        RunError: one of them is no run folder.
    """
    places = [find_run(Path(run)) for run in (a, b)]
    settings = [read_json(place / SETTINGS) for place in places]
    environments = [_read(place / ENVIRONMENT) for place in places]
    made: dict[str, Any] = {"a": str(places[0]), "b": str(places[1])}
    first, second = ({"recipe": s.get("recipe"), **s.get("settings", {})} for s in settings)
    made["settings"] = _pairs(first, second)
    for part in ("versions", "machine", "data", "code"):
        made[part] = _pairs(environments[0].get(part), environments[1].get(part))
    measures = [_measures(place, _log(place), everything=True) for place in places]
    made["measures"] = [
        {
            **pair,
            "change": pair["b"] - pair["a"] if None not in (pair["a"], pair["b"]) else None,
        }
        for pair in _pairs(measures[0], measures[1], alike=True)
    ]
    return made


def _pairs(a: Any, b: Any, alike: bool = False) -> list[dict[str, Any]]:
    """Return the places at which two structures differ (or all), with what stands there."""
    first, second = flat(a), flat(b)
    return [
        {"name": name, "a": first.get(name), "b": second.get(name)}
        for name in dict.fromkeys((*first, *second))
        if alike or first.get(name) != second.get(name)
    ]


def _state(folder: Path) -> str:
    if is_locked(folder):
        return RUNNING
    if (folder / METRICS).is_file():
        return FINISHED
    return NOT_FINITE if (folder / NONFINITE).is_file() else STOPPED


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the log; half a line that is being written is left out."""
    if not (folder / LOG).is_file():
        return []
    text = (folder / LOG).read_text(encoding="utf-8")
    lines = text.splitlines()[: None if text.endswith("\n") else -1]
    return [dict(json.loads(line)) for line in lines]


def _measures(
    folder: Path, lines: list[dict[str, Any]], everything: bool = False
) -> dict[str, float]:
    """Return the numbers of the test part, or of all parts; of the last epoch if not finished."""
    if (folder / METRICS).is_file():
        written = read_json(folder / METRICS)
        chosen = written if everything else written.get("test", {})
    else:
        chosen = dict(lines[-1]) if lines else {}
        chosen.pop("epoch", None)
    numbers = flat(chosen)
    return {
        name: float(value)
        for name, value in numbers.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
