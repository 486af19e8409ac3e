"""One wording for every check of an argument or a shape.

Checks look at shapes and settings only, so under ``jit`` they run while tracing and cost nothing
at run time. ``who`` names the layer, operation or argument that complains.
"""

from collections.abc import Sequence
from typing import Any

from pellucid.errors import ArgumentError, ShapeError

Shape = tuple[int, ...]


def check_rank(who: str, shape: Sequence[int], rank: int, axes: str, hint: str = "") -> None:
    """Raise ShapeError unless ``shape`` has ``rank`` axes; ``axes`` names them in words."""
    if len(shape) != rank:
        raise ShapeError(
            f"{who} expected an input of rank {rank} {axes}, got shape {tuple(shape)}"
            + (f"; {hint}." if hint else ".")
        )


def check_min_rank(who: str, shape: Sequence[int], rank: int, axes: str, hint: str = "") -> None:
    """Raise ShapeError unless ``shape`` has at least ``rank`` axes."""
    if len(shape) < rank:
        raise ShapeError(
            f"{who} expected an input of rank {rank} or more {axes}, got shape {tuple(shape)}"
            + (f"; {hint}." if hint else ".")
        )


def check_last_axis(who: str, shape: Sequence[int], size: int, hint: str = "") -> None:
    """Raise ShapeError unless the last axis of ``shape`` has ``size`` entries."""
    if not shape or shape[-1] != size:
        raise ShapeError(
            f"{who} expected an input whose last axis has size {size}, got shape {tuple(shape)}"
            + (f"; {hint}." if hint else ".")
        )


def check_same_shape(
    who: str, name_a: str, a: Sequence[int], name_b: str, b: Sequence[int], hint: str = ""
) -> None:
    """Raise ShapeError unless two shapes are equal; nothing is broadcast silently."""
    if tuple(a) != tuple(b):
        if not hint and tuple(a) == (*b, 1):
            hint = f"add the missing axis with {name_b}[:, None]"
        elif not hint and tuple(b) == (*a, 1):
            hint = f"drop the extra axis with {name_b}[:, 0]"
        raise ShapeError(
            f"{who} expected {name_a} and {name_b} of equal shape, got {tuple(a)} and {tuple(b)}"
            + (f"; {hint}." if hint else ".")
        )


def check_divisible(who: str, name: str, value: int, by_name: str, by: int) -> None:
    """Raise ArgumentError unless ``value`` is a multiple of ``by``."""
    if value % by:
        raise ArgumentError(
            f"{who} expected {name} to be a multiple of {by_name}={by}, got {value}."
        )


def check_one_of(who: str, name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Raise ArgumentError unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        options = ", ".join(repr(option) for option in allowed)
        raise ArgumentError(f"{who} expected {name} to be one of {options}, got {value!r}.")


def check_positive_int(who: str, name: str, value: Any) -> None:
    """Raise ArgumentError unless ``value`` is an integer of 1 or more."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise ArgumentError(f"{who} expected {name} to be an integer of 1 or more, got {value!r}.")


def check_count(who: str, name: str, value: Any) -> None:
    """Raise ArgumentError unless ``value`` is an integer of 0 or more."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 0:
        raise ArgumentError(f"{who} expected {name} to be an integer of 0 or more, got {value!r}.")


def check_range(
    who: str,
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raise ArgumentError unless ``value`` is a number in the interval from low to high.

    ``open_low`` and ``open_high`` leave the bound itself out; ``None`` means no bound.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    above = number and (low is None or (value > low if open_low else value >= low))
    below = number and (high is None or (value < high if open_high else value <= high))
    if not (above and below):
        left = "(-inf" if low is None else f"{'(' if open_low else '['}{low}"
        right = "inf)" if high is None else f"{high}{')' if open_high else ']'}"
        raise ArgumentError(
            f"{who} expected {name} to be a number in {left}, {right}, got {value!r}."
        )


def as_tuple(who: str, name: str, value: Any, length: int) -> tuple[int, ...]:
    """Return ``value`` as ``length`` integers of 1 or more: one integer stands for all axes."""
    values = (value,) * length if hasattr(value, "__index__") else tuple(value)
    if len(values) != length:
        raise ArgumentError(f"{who} expected {name} to be 1 or {length} integers, got {value!r}.")
    for entry in values:
        check_positive_int(who, name, entry)
    return tuple(int(entry) for entry in values)
