"""Test inputs for every operation in the registry: the one table that drives the gradient suite.

A new operation needs a row in one of the ``*_cases.py`` tables here; one without fails the suite.
Inputs are drawn away from kinks (relu at 0, equal maxima), where no derivative exists; the
convention there is pinned by a golden test beside the operation's own tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One set of inputs for one operation.

    ``arrays`` makes the arguments from a generator: float64 arrays are differentiated, integer
    arrays and None are not. ``reference`` is a plain JAX function of the same arrays and settings,
    written independently of the operation (None: the operation's own forward body serves).
    """

    arrays: Callable[[np.random.Generator], tuple[Any, ...]]
    settings: dict[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    label: str = ""


def normal(*shape: int) -> Callable[[np.random.Generator], Any]:
    """Return a maker of standard normal numbers."""
    return lambda rng: rng.standard_normal(shape)


def make(*makers: Any) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Join makers (or constants, such as None) into one maker of all arguments."""
    return lambda rng: tuple(m(rng) if callable(m) else m for m in makers)
