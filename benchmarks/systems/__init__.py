"""The systems: one file each, with ``prepare(workload)``; a process imports the one it measures.

A system whose predictions are timed has ``predictors(workload)`` as well: what its users call to
get the answer for one sample, by name.
"""

from collections.abc import Callable
from typing import NamedTuple


class Trainer(NamedTuple):
    """What ``prepare`` gives.

    Attributes:
        run: trains for some epochs and returns the loss of the last.
        parameters: trained numbers of the network.
        forward_flops: of one sample, where the system knows it.
        accuracy: gives the share of right answers on data held out, where that is compared.
    """

    run: Callable[[int], float]
    parameters: int
    forward_flops: int | None = None
    accuracy: Callable[[], float] | None = None
