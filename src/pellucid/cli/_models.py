"""What a command means by the name of a model: a run, a saved model, or a network of the zoo."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pellucid
from pellucid import recipes
from pellucid.errors import UnknownNameError

if TYPE_CHECKING:
    from pellucid.models import Model


def open_model(name: str) -> "Model":
    """Return the model of a run, the saved model, or the network that a name means."""
    known = _networks()
    if name in known:
        return known[name]()
    folder = Path(name)
    is_run = (folder / "settings.json").is_file() or folder.name == "latest"
    if folder.is_dir() and not is_run:
        return pellucid.models.load_model(folder)
    if not is_run and len(folder.parts) == 1 and not (Path("runs") / folder).exists():
        raise UnknownNameError("run, saved model or network", name, known)
    opened: Model = recipes.open_run(name).model
    return opened


def _networks() -> "dict[str, Callable[[], Model]]":
    """Return the networks of the zoo that can be made without being told anything."""
    found: dict[str, Callable[[], Model]] = {}
    for module in pkgutil.iter_modules(pellucid.zoo.__path__):
        if module.name.startswith("_"):
            continue
        part = importlib.import_module(f"pellucid.zoo.{module.name}")
        for name, make in inspect.getmembers(part, inspect.isfunction):
            signature = inspect.signature(make)
            makes = signature.return_annotation
            needed = [
                p
                for p in signature.parameters.values()
                if p.default is p.empty and p.kind is not p.VAR_KEYWORD
            ]
            own = make.__module__ == part.__name__ and inspect.isclass(makes)
            if own and not needed and issubclass(makes, pellucid.Model):
                found[name] = make
    return found
