"""Made digits and a small network, so that the digits recipe trains in a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest


def made_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, 8, 8) of ten patterns with noise, and their classes."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(0).integers(0, 17, (10, 8, 8))
    y = np.arange(count) % 10
    x = np.clip(patterns[y] + rng.integers(-2, 3, (count, 8, 8)), 0, 16)
    return x.astype(np.uint8), y.astype(np.uint8)


@contextmanager
def quick_recipe() -> Iterator[None]:
    """Let the digits recipe learn from 80 made images, test on 30, and have one dense layer."""
    from pellucid.datasets import digits
    from pellucid.layers import Dense, Flatten
    from pellucid.models import Sequential
    from pellucid.recipes.digits import Digits

    def model(self, data):
        return Sequential([Flatten(input_shape=(8, 8, 1)), Dense(10)], seed=self.seed)

    split = made_digits(80, seed=1), made_digits(30, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load_data", lambda: split)
        patch.setattr(Digits, "model", model)
        yield
