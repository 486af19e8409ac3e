"""A run folder: what one training wrote down, and how it is found and opened again.

::

    runs/digits-20260131-174502/
        settings.json          the recipe's name and all its settings
        environment.json       versions, machine, seed, hashes of the data, commit of the program
        log.jsonl              one line an epoch, written as it goes
        metrics.json           what was measured on the test part
        model/                 the trained network
        checkpoints/           what `pellucid resume` goes on from, until the end
        recording/             what it takes to go back to any step
        learning_curve.png     and the other figures of the recipe
        report.html            all of it on a page, as `pellucid report` writes it
    runs/latest                points at the newest run that holds a model
"""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._files import DISK, in_words, make_folders, sync_folder, write_text
from pellucid.errors import PellucidError, RunError

if TYPE_CHECKING:
    from pellucid.inspection import Moment, Recording
    from pellucid.recipes._recipe import Answer, Example, Recipe

SETTINGS, ENVIRONMENT, LOG, METRICS, MODEL, RECORDING = (
    "settings.json",
    "environment.json",
    "log.jsonl",
    "metrics.json",
    "model",
    "recording",
)
CHECKPOINTS = "checkpoints"
LATEST = "latest"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what is read from it when it is asked for.

    Attributes:
        folder: the run folder.
        recipe_name: the recipe that was trained.
        recipe: the same with the settings it was trained with.
    """

    folder: Path
    recipe_name: str
    recipe: "Recipe"

    @property
    def metrics(self) -> dict[str, Any]:
        """The numbers of ``metrics.json``."""
        return read_json(self.folder / METRICS)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log, one an epoch."""
        lines = (self.folder / LOG).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @cached_property
    def model(self) -> Any:
        """The trained network.

        Raises:
            RunError: the run stopped before there was one.
        """
        from pellucid import models

        if not (self.folder / MODEL).is_dir():
            raise RunError(
                f"The run {str(self.folder)!r} holds no model, so it stopped before the end of its "
                f"training; go on with `pellucid resume {self.folder}`, or train again with "
                f"`pellucid train {self.recipe_name}`."
            )
        return models.load_model(self.folder / MODEL)

    @cached_property
    def recording(self) -> "Recording":
        """The recording of the training; the data are loaded, and compared by their hashes.

        Raises:
            RunError: there is none, or the data are not those that were trained on.
        """
        from pellucid.recipes._recorded_run import recording_of

        return recording_of(self)

    @property
    def steps(self) -> range:
        """The numbers of the steps of the training."""
        return self.recording.steps

    def at(self, step: int) -> "Moment":
        """Return the moment before a step, with its state, its batch and its trace."""
        return self.recording.at(step)

    def find(self, query: str, between: tuple[int, int] | None = None) -> list[int]:
        """Return the steps that a question such as ``"loss spiked"`` asks for."""
        return self.recording.find(query, between)

    def predict(self, examples: "list[Example]") -> "Sequence[Answer]":
        """Return the model's answer for each example."""
        return self.recipe.predict(self.model, examples)


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Open a run folder, ``runs/latest`` for instance, or a name below ``runs/``.

    Raises:
        RunError: it is no run folder.
    """
    from pellucid import recipes

    place = find_run(Path(folder))
    written = read_json(place / SETTINGS)
    try:
        name, settings = written["recipe"], dict(written["settings"])
        recipe = recipes.make(name, **settings)
    except (KeyError, TypeError, ValueError) as error:
        why = f": {error}" if isinstance(error, PellucidError) else "."
        raise RunError(
            f"The file {str(place / SETTINGS)!r} does not hold the settings of a known recipe{why}"
        ) from error
    return Run(place, name, recipe)


def find_run(folder: Path) -> Path:
    """Return the run folder that a path means; ``latest`` may be a text file with a name in it."""
    for place in (folder, Path("runs") / folder):
        if place.name == LATEST and place.is_file():
            place = place.parent / place.read_text(encoding="utf-8").strip()
        elif place.is_symlink():
            place = place.parent / os.readlink(place)
        if (place / SETTINGS).is_file():
            return place
    if folder.name == LATEST:
        raise RunError(
            f"There is no run {str(folder)!r} yet; make one with `pellucid train digits`."
        )
    what = "holds no settings.json" if folder.is_dir() else "does not exist"
    raise RunError(
        f"{str(folder)!r} is no run folder (it {what}); expected a folder that `pellucid train` "
        "made, such as runs/latest."
    )


def read_json(path: Path) -> Any:
    """Return what a file of a run says.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"The run {str(path.parent)!r} lacks {path.name}, so it stopped before its end; go on "
            f"with `pellucid resume {path.parent}`, or train again."
        ) from None
    except ValueError:
        raise RunError(f"The file {str(path)!r} is damaged: it is not JSON; train again.") from None


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of nested dictionaries by their path, ``"test/accuracy"``."""
    if isinstance(tree, Mapping):
        return {
            name: value
            for key, part in tree.items()
            for name, value in flat(part, f"{path}/{key}" if path else str(key)).items()
        }
    return {path: tree} if path else {}


# Writing


def new_folder(runs: Path, name: str) -> Path:
    """Make and return the folder ``runs/name``; a short number is added where that is taken."""
    with in_words(runs / name):
        make_folders(runs)
        for number in range(1, 10_000):
            folder = runs / (name if number == 1 else f"{name}-{number}")
            try:
                DISK.make_folder(folder)
            except FileExistsError:
                continue
            return folder
    raise RunError(f"The folder {str(runs)!r} is full of runs called {name!r}; clear it out.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to ``path`` when all went well.

    A kill at any moment leaves the old file or the new one, never half of one.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.new{path.suffix}")
    try:
        yield temporary
        with in_words(path):
            descriptor = DISK.open(temporary, os.O_RDONLY)
            try:
                DISK.sync(descriptor)
            finally:
                os.close(descriptor)
            DISK.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def plain(content: Any) -> Any:
    """Return ``content`` as plain JSON: NumPy's numbers as Python's, NaN and infinity as null."""
    if isinstance(content, Mapping):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [plain(value) for value in content]
    if hasattr(content, "tolist"):  # an array or a number of NumPy's
        return plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as readable JSON, whole or not at all."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    # A list of numbers or words fits on a line.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
    write_text(path, text + "\n")


def point_latest(folder: Path) -> None:
    """Let ``latest`` beside the run folder point at it: a link, or a text file with its name."""
    latest = folder.parent / LATEST
    link = folder.parent / f".{LATEST}.{os.getpid()}.new"
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(folder.name, target_is_directory=True)
    except (OSError, NotImplementedError):
        write_text(latest, folder.name + "\n")
        return
    with in_words(latest):
        try:
            DISK.replace(link, latest)
            sync_folder(folder.parent)
        finally:
            link.unlink(missing_ok=True)
