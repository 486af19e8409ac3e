"""Search spaces: from which values a setting may be chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ArgumentError, DTypeError


@dataclass(frozen=True)
class Float:
    """A number between two bounds.

    Args:
        low: the least value.
        high: the greatest value, above ``low``.
        log: True draws the logarithm evenly, so that 0.001 to 0.01 is as wide as 0.01 to 0.1; for
            rates and strengths. ``low`` is then above 0.

    >>> Float(1e-4, 1e-1, log=True)
    Float(low=0.0001, high=0.1, log=True)
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        check_range("Float", "low", self.low, 0 if self.log else None, open_low=self.log)
        check_range("Float", "high", self.high, self.low, math.inf, open_low=True, open_high=True)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to try a setting with: both bounds."""
        return self.low, self.high

    def suggest(self, trial: Any, name: str) -> float:
        """Return the value that a trial of Optuna draws."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Int:
    """A whole number between two bounds, both included.

    Args:
        low: the least value.
        high: the greatest value, above ``low``.
        log: True draws the logarithm evenly; ``low`` is then 1 or more.
        step: only low, low + step, low + 2 step, ... are drawn; 1 with ``log``.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise DTypeError(
                    f"Int expected {name} to be a whole number, got {value!r}; use Float."
                )
        check_range("Int", "low", self.low, 1 if self.log else None)
        check_range("Int", "high", self.high, self.low, open_low=True)
        check_positive_int("Int", "step", self.step)
        if self.log and self.step != 1:
            raise ArgumentError("Int expected a step of 1 with log=True; leave one of them out.")

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to try a setting with: both bounds."""
        return self.low, self.high

    def suggest(self, trial: Any, name: str) -> int:
        """Return the value that a trial of Optuna draws."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True)
class Choice:
    """One of several values: text, numbers, true and false, or None.

    Args:
        values: two or more of them.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if len(self.values) < 2:
            raise ArgumentError(
                f"Choice expected two values or more, got {list(self.values)}; a setting of one "
                "value needs no search."
            )
        for value in self.values:
            if value is not None and not isinstance(value, (str, int, float, bool)):
                raise DTypeError(
                    f"Choice expected text, numbers, true, false or None, got {value!r}; choose by "
                    "name."
                )

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values to try a setting with: all of them."""
        return self.values

    def suggest(self, trial: Any, name: str) -> Any:
        """Return the value that a trial of Optuna draws."""
        return trial.suggest_categorical(name, list(self.values))


Range = Float | Int | Choice
Space = Mapping[str, Range]

_KINDS: dict[str, type] = {"float": Float, "int": Int, "choice": Choice}


def checked(space: Any) -> dict[str, Range]:
    """Return a space as a dictionary.

    Raises:
        ArgumentError: it is empty.
        DTypeError: one of its values is no range.
    """
    if not isinstance(space, Mapping) or not space:
        raise ArgumentError(
            "A search expected a space of one setting or more, such as "
            "{'learning_rate': Float(1e-4, 1e-1, log=True)}."
        )
    for name, own in space.items():
        if not isinstance(own, (Float, Int, Choice)):
            raise DTypeError(
                f"The search space expected {name!r} to be a Float, an Int or a Choice, got "
                f"{own!r}; type Choice([...]) for a list of values."
            )
    return dict(space)


def parse(name: str, text: str, kind: type) -> Range:
    """Return the range that a person typed.

    ``1e-4:1e-1`` is a range, ``log:1e-4:1e-1`` the same on a logarithmic scale, ``16,32,64`` a
    choice.

    Args:
        name: the setting, for messages.
        text: what was typed.
        kind: the type of the setting: int, float, bool or str.

    Raises:
        ArgumentError: it is none of these.
    """
    scale, *rest = text.split(":")
    log = scale.strip() == "log"
    bounds = rest if log else [scale, *rest]
    try:
        if len(bounds) == 2 and kind in (int, float):
            low, high = (kind(bound) for bound in bounds)
            return Int(int(low), int(high), log) if kind is int else Float(low, high, log)
        if len(bounds) == 1 and not log and "," in text:
            return Choice(tuple(_value(part.strip(), kind) for part in text.split(",")))
    except (ValueError, KeyError) as error:
        if isinstance(error, ArgumentError):
            raise
    raise ArgumentError(
        f"The search space expected {name!r} as LOW:HIGH, log:LOW:HIGH or A,B,C, each "
        f"{'a number' if kind in (int, float) else 'one of its values'}, got {text!r}; type "
        f"{name}=log:1e-4:1e-1 for instance."
    )


def _value(text: str, kind: type) -> Any:
    return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)


def to_json(space: Space) -> dict[str, Any]:
    """Return a space as plain JSON, which ``from_json`` reads."""
    made = {}
    for name, own in space.items():
        kind = next(word for word, known in _KINDS.items() if type(own) is known)
        made[name] = {"kind": kind, **vars(own)}
    return made


def from_json(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Range]:
    """Return the space that ``to_json`` wrote down."""
    made = {}
    for name, own in described.items():
        settings = {key: value for key, value in own.items() if key != "kind"}
        made[name] = _KINDS[own["kind"]](**settings)
    return made


def suggest(space: Space, trial: Any) -> dict[str, Any]:
    """Return a value for every setting, drawn by a trial of Optuna."""
    return {name: own.suggest(trial, name) for name, own in space.items()}


def around(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Range]:
    """Return a space around known good settings: rates and strengths within a factor of 10.

    Args:
        settings: the present value of every setting.
        names: the settings to look at; only positive floating-point numbers are taken up.
    """
    found: dict[str, Range] = {}
    for name in names:
        value = settings.get(name)
        if type(value) is not float or value <= 0:
            continue
        if "dropout" in name:
            found[name] = Float(0.0, min(0.9, max(0.6, value)))
        else:
            found[name] = Float(value / 10, value * 10, log=True)
    return found
