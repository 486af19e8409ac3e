"""What ``compile`` was given, and what its names were resolved to."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pellucid import losses, metrics
from pellucid.models._objective import Objective


@dataclass(frozen=True, eq=False)
class Compiled:
    """The optimizer, and loss and metrics as they were given: names, objects or functions."""

    optimizer: Any
    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    augmentation: Any = None

    def check_names(self) -> None:
        """Raise UnknownNameError for names that no network could make sense of."""
        for name in _strings(self.loss):
            losses.get(name)
        for name in (*_strings(self.metrics), *_strings(self.weighted_metrics)):
            metrics.resolve(name, None, (None, 1))

    def in_words(self, objective: Objective | None) -> str:
        """Return one line for each choice: what a name was resolved to."""
        lines = [("optimizer", describe(self.optimizer))]
        if objective is None:
            lines += [("loss", name) for name in map(describe, _parts(self.loss))]
            lines += [("metrics", "are resolved when the shape of the input is known")]
        else:
            names = objective.graph.output_names
            for number, name in enumerate(names):
                of = f" of {name}" if len(names) > 1 else ""
                lines.append((f"loss{of}", describe(objective.losses[number])))
                for metric in (*objective.metrics[number], *objective.weighted_metrics[number]):
                    lines.append((f"metric{of}", f"{metric.name}: {describe(metric)}"))
        if self.augmentation is not None:
            lines.append(("augmentation", describe(self.augmentation)))
        width = max(len(title) for title, _ in lines)
        return "\n".join(f"{title:<{width}}  {text}" for title, text in lines)


def describe(choice: Any) -> str:
    """Return an object with its settings, those that are None left out."""
    if isinstance(choice, str):
        return describe(losses.get(choice))
    if not is_dataclass(choice) or isinstance(choice, type):
        return getattr(choice, "__name__", None) or type(choice).__name__
    settings = {entry.name: getattr(choice, entry.name) for entry in fields(choice) if entry.repr}
    shown = [
        f"{name}={describe(value) if is_dataclass(value) else repr(value)}"
        for name, value in settings.items()
        if value is not None and name != "name"
    ]
    return f"{type(choice).__name__}({', '.join(shown)})"


def _parts(given: Any) -> list[Any]:
    if isinstance(given, dict):
        given = list(given.values())
    listed = given if isinstance(given, (list, tuple)) else [given]
    return [part for part in listed if part is not None]


def _strings(given: Any) -> list[str]:
    """Return all names in a name, a list, a list of lists or a dictionary."""
    found = []
    for part in _parts(given):
        found += [part] if isinstance(part, str) else []
        found += _strings(part) if isinstance(part, (list, tuple, dict)) else []
    return found
