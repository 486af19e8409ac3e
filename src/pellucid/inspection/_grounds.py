"""In words, what an attribution says: where the evidence lies, and how much speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.inspection._page_words import tell

WHOLE = 1e-30


@dataclass(frozen=True)
class Grounds:
    """What the attribution of one sample comes to.

    Attributes:
        half: how few positions hold half of what speaks for the class.
        count: how many positions there are.
        against: share of all evidence that speaks against the class, in [0, 1].
        strongest: (name, share of what speaks for it), the strongest first.
        opposing: (name, share of what speaks against it), the strongest first.
    """

    half: int
    count: int
    against: float
    strongest: tuple[tuple[str, float], ...]
    opposing: tuple[tuple[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "half_of_the_evidence_in": self.half,
            "of": self.count,
            "against": self.against,
            "for": [{"what": name, "share": share} for name, share in self.strongest],
            "opposing": [{"what": name, "share": share} for name, share in self.opposing],
        }


def grounds_of_picture(values: Any, language: str = "en", most: int = 3) -> Grounds:
    """Return where in a picture the evidence lies, by ninths of it.

    Args:
        values: attribution of each pixel, shape (height, width).
        language: ``"en"`` or ``"zh"``.
        most: how many places are named on each side.
    """
    values = np.asarray(values, float)
    if values.ndim != 2:
        raise ShapeError(
            f"grounds_of_picture expected one number for each pixel, got shape {values.shape}; sum "
            "over the channels with values.sum(axis=-1)."
        )
    rows = np.minimum(np.arange(values.shape[0]) * 3 // values.shape[0], 2)
    columns = np.minimum(np.arange(values.shape[1]) * 3 // values.shape[1], 2)
    places = rows[:, None] * 3 + columns
    names = [tell(f"place {n // 3} {n % 3}", language) for n in range(9)]
    return _grounds(values.reshape(-1), places.reshape(-1), names, most)


def grounds_of_parts(values: Any, names: Sequence[str], most: int = 5) -> Grounds:
    """Return which words, or which numbers of a table, the evidence lies in.

    The same word in several places counts together.

    Args:
        values: attribution of each part, shape (parts,).
        names: what they are called.
        most: how many are named on each side.
    """
    values = np.asarray(values, float)
    if values.shape != (len(names),):
        raise ShapeError(
            f"grounds_of_parts expected one number for each of the {len(names)} names, got shape "
            f"{values.shape}."
        )
    known = list(dict.fromkeys(names))
    places = np.array([known.index(name) for name in names], int)
    return _grounds(values, places, known, most)


def _grounds(values: np.ndarray, places: np.ndarray, names: Sequence[str], most: int) -> Grounds:
    good, bad = np.maximum(values, 0), np.maximum(-values, 0)
    falling = np.sort(good)[::-1].cumsum()
    half = int(np.searchsorted(falling, falling[-1] / 2)) + 1 if falling[-1] > 0 else 0

    def shares(part: np.ndarray) -> tuple[tuple[str, float], ...]:
        sums = np.bincount(places, weights=part, minlength=len(names)) / max(part.sum(), WHOLE)
        order = np.argsort(-sums, kind="stable")[:most]
        return tuple((names[n], float(sums[n])) for n in order if sums[n] > 0)

    against = float(bad.sum() / max(np.abs(values).sum(), WHOLE))
    return Grounds(half, len(values), against, shares(good), shares(bad))
