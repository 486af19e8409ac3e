"""Handwritten digits, 8x8 pixels: which of the ten digits is it?

Task: classification of one small grey image into ten classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import metrics
from pellucid._checks import check_range
from pellucid.datasets import digits
from pellucid.inspection._plots import plot_confusion_matrix
from pellucid.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from pellucid.losses import CategoricalCrossentropy
from pellucid.models import Sequential
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._ink import counts_of_ink, read_grey
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Part,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.utils import to_categorical

LABELS = tuple("0123456789")
INK = 16.0
"""The count of a block that is all ink."""


@dataclass(frozen=True)
class Digits(Recipe):
    """The settings, and the five parts."""

    epochs: int = setting(30, "passes over the training part")
    learning_rate: float = setting(2e-3, "Adam's rate after warm-up; it falls to 0 on a cosine")
