"""Made digits, so that a recipe trains in a moment."""

import numpy as np


def made_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, 8, 8) of ten patterns with noise, and their classes."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(0).integers(0, 17, (10, 8, 8))
    y = np.arange(count) % 10
    x = np.clip(patterns[y] + rng.integers(-2, 3, (count, 8, 8)), 0, 16)
    return x.astype(np.uint8), y.astype(np.uint8)
