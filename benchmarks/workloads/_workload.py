"""What a workload is, and the data that most of them learn from."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from types import ModuleType
from typing import Self

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """A network, its data and how it is trained, the same in every system.

    Attributes:
        name: as in ``--workloads``.
        file: the file in this folder that has its data and networks.
        what: the network in a few words, for the results.
        batch_size: rows a step.
        rows: rows an epoch.
        epochs: passes over the rows in a round.
        learning_rate: of Adam, or of SGD where ``momentum`` is given.
        momentum: None for Adam.
        objective: ``"classes"`` (logits and whole numbers), ``"yes or no"`` (a logit and 0 or 1) or
            ``"pixels"`` (logits and the input itself, 0 to 1).
        images: whether inputs are (rows, height, width, channels), which PyTorch is given in its
            ``channels_last`` format.
        convolution_start: the initializer of the convolutions' kernels; all other kernels start
            ``glorot_uniform`` and biases at 0 in every system.
        guess: the loss of who has learned nothing.
        tolerance: how far the losses of the last round may lie from their median, as a share of
            ``guess``.
        torch_more: trained numbers that PyTorch's form has beyond the others'.
        ours: the system that stands for Pellucid.
        only: the systems that are compared; empty for all that train networks.
        why_only: the reason, if there are only some.
        quick: the peers in ``make bench-quick``; empty leaves the workload out of it.
        predicts: whether it is one of those whose predictions are timed.
    """

    name: str
    file: str
    what: str
    batch_size: int
    rows: int
    epochs: int = 1
    learning_rate: float = 1e-3
    momentum: float | None = None
    objective: str = "classes"
    images: bool = False
    convolution_start: str = "glorot_uniform"
    guess: float = log(10)
    tolerance: float = 0.05
    torch_more: int = 0
    ours: str = "pellucid_fit"
    only: tuple[str, ...] = ()
    why_only: str = ""
    quick: tuple[str, ...] = ()
    predicts: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-self.rows // self.batch_size)

    def tiny(self) -> Self:
        """Return the same with two steps an epoch and one epoch a round, to see that it runs."""
        rows = self.rows if self.file == "digits" else 2 * self.batch_size
        return replace(self, rows=rows, epochs=1)

    def networks(self) -> ModuleType:
        """Return the file's module, with ``pellucid()``, ``keras(keras)`` and ``torch(torch)``."""
        return importlib.import_module(f"workloads.{self.file}")

    def data(self) -> Arrays:
        """Return inputs and targets, the same in every process."""
        return self.networks().data(self)

    def missing(self, system: str) -> str | None:
        """Return why a system does not do this workload, None if it does."""
        if self.only:
            return None if system in self.only else self.why_only
        if system in ("sklearn", "pellucid_sklearn"):
            return "has multi-layer perceptrons only; see the workload digits"
        if system == "plain_jax" and self.file != "mlp":
            return "written by hand for the multi-layer perceptron only"
        return self.left_out.get(system)


def clouds(rows: int, shape: tuple[int, ...], patch: int = 1, share: float = 0.1) -> Arrays:
    """Return inputs (rows, *shape) in [0, 1], ten overlapping clouds, and labels, a fifth wrong.

    The wrong labels keep the loss away from 0, so that it can be compared between systems.

    Args:
        rows: how many.
        shape: of one input.
        patch: neighbors along the first two axes that have the same center, as pixels have.
        share: of the center in an input; the rest is noise.
    """
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 10, rows)
    coarse = (-(-shape[0] // patch), *(-(-n // patch) for n in shape[1:2]), *shape[2:])
    centers = rng.random((10, *coarse), np.float32)
    for axis in range(1, min(len(shape), 2) + 1):
        centers = np.repeat(centers, patch, axis).take(range(shape[axis - 1]), axis)
    x = rng.random((rows, *shape), np.float32)
    x *= 1 - share
    x += share * centers[kind]
    wrong = rng.random(rows) < 0.2
    return x, np.where(wrong, rng.integers(0, 10, rows), kind).astype(np.int32)
