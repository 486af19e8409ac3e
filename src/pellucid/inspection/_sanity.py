"""Does an attribution depend on what the network has learned?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.inspection._attribution import Attribution
from pellucid.models import Model


def randomization_check(
    method: Callable[..., Attribution], model: Model, x: Any, seed: int = 1, **settings: Any
) -> float:
    """Return how alike attributions are with the learned weights and with random ones.

    The answer is the rank correlation of the absolute values at the same positions, the mean over
    the rows. Near 0: the method shows the network. Near 1: it shows the picture (as an edge
    detector would) whatever the network has learned.

    Args:
        method: an attribution, such as ``gradient`` or ``integrated_gradients``.
        model: the trained model; it is left as it is.
        x: inputs, batch axis first.
        seed: makes the random weights.
        settings: further arguments of the method. The class explained with random weights is the
            one that is explained with the learned ones.

    References:
        Adebayo et al., Sanity checks for saliency maps (2018), section 4.
    """
    learned = method(model, x, **settings)
    blank = Model(seed=seed)
    blank._set_graph(model.graph)
    shuffled = method(blank, x, **{**settings, "target": learned.target})
    pairs = zip(learned.values, shuffled.values, strict=True)
    return float(np.mean([_rank_correlation(np.abs(a), np.abs(b)) for a, b in pairs]))


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's correlation; equal numbers share the mean of their ranks."""
    ranks = [_ranks(values.reshape(-1)) for values in (a, b)]
    deviations = [rank - rank.mean() for rank in ranks]
    lengths = [np.sqrt((d**2).sum()) for d in deviations]
    if min(lengths) == 0:
        return 0.0
    return float(deviations[0] @ deviations[1] / (lengths[0] * lengths[1]))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
