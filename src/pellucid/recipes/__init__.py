"""Recipes: whole tasks from data to prediction, one file each, one runner for all.

>>> from pellucid import recipes
>>> "digits" in recipes.names()
True

``recipes.train(recipes.make("digits", epochs=5))`` trains one and returns its run;
``recipes.open_run("runs/latest")`` opens a finished one, ``recipes.resume(folder)`` goes on with
one that stopped; ``recipes.train_seeds(recipe, 5)`` says how far its figures spread. The command
line does the same.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import UnknownNameError
from pellucid.recipes._recipe import (
    Answer,
    BoxesAnswer,
    Data,
    Example,
    FoundBox,
    Learning,
    Objective,
    Part,
    PictureAnswer,
    Prediction,
    Recipe,
    Report,
    TextAnswer,
    build,
    setting,
    settings_of,
)
from pellucid.recipes._resume import resume
from pellucid.recipes._run import Run, open_run
from pellucid.recipes._runner import train
from pellucid.recipes._runs import Listed, compare, list_runs
from pellucid.recipes._seeds import Spread, train_seeds

if TYPE_CHECKING:
    from pellucid.recipes._open import open
    from pellucid.recipes._page import write_page

__all__ = [
    "Answer",
    "BoxesAnswer",
    "Data",
    "Example",
    "FoundBox",
    "Learning",
    "Listed",
    "Objective",
    "Part",
    "PictureAnswer",
    "Prediction",
    "Recipe",
    "Report",
    "Run",
    "Spread",
    "TextAnswer",
    "compare",
    "description",
    "find",
    "list_runs",
    "make",
    "names",
    "open",
    "open_run",
    "resume",
    "setting",
    "settings_of",
    "summary",
    "train",
    "train_seeds",
    "write_page",
]

_HOME = Path(__file__).parent


def __getattr__(name: str) -> Any:
    """Import what needs inspection when it is asked for: a list of the recipes does not wait."""
    if name == "open":
        from pellucid.recipes import _open

        return _open.open
    if name == "write_page":
        from pellucid.recipes import _page

        return _page.write_page
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names() -> list[str]:
    """Return the names of all recipes: every file of this folder that is not private."""
    found = (module.name for module in pkgutil.iter_modules([str(_HOME)]))
    return sorted(name for name in found if not name.startswith("_"))


def description(name: str) -> str:
    """Return what a recipe's file says about it on top; nothing is imported for that.

    Raises:
        UnknownNameError: there is no such recipe; the nearest name is suggested.
    """
    source = (_HOME / f"{_known(name)}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def summary(name: str) -> str:
    """Return what a recipe is about, in one line."""
    return description(name).partition("\n")[0]


def find(name: str) -> type[Recipe]:
    """Return the class of the recipe called ``name``.

    Raises:
        UnknownNameError: there is no such recipe; the nearest name is suggested.
    """
    module = importlib.import_module(f"{__name__}.{_known(name)}")
    own = (
        kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__
    )
    return next(kind for kind in own if isinstance(kind, type) and issubclass(kind, Recipe))


def make(name: str, **settings: Any) -> Recipe:
    """Return the recipe called ``name`` with some of its settings changed.

    Args:
        name: one of ``names()``.
        **settings: settings by name; text is read as the setting's type, ``epochs="5"``.

    Raises:
        UnknownNameError: there is no such recipe or no such setting; the nearest is suggested.
        ArgumentError: a setting has the wrong type or is outside its domain.
    """
    return build(name, find(name), settings)


def _known(name: str) -> str:
    if name not in names():
        raise UnknownNameError("recipe", name, names())
    return name
