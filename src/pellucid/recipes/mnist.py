"""Handwritten digits of 28x28 pixels (MNIST), by LeNet-5 and its company.

Task: classification of a small grey image into ten classes.
Data: MNIST: 60,000 training images, of which 2,000, drawn by the seed, are kept for validation, and
    10,000 test images.
Command: pellucid train mnist
    pellucid train mnist --set network=lenet5_1998
    pellucid train mnist --set network=lenet5_dense
    pellucid train mnist --set network=mlp
    pellucid train mnist --set augment=none
    pellucid train mnist --set epochs=40
Time: a few minutes on two cores.
Expected: test accuracy after 12 epochs

    network         parameters    accuracy
    lenet5              61,706    at least 0.991    the form of the textbooks
    lenet5_1998         60,840    at least 0.989    the paper's: sparse C3, distances as outputs
    lenet5_dense       139,414                      tanh convolutions, dense 256 and 128, softmax
    mlp                636,010    at least 0.984    one hidden layer of 800 units

    Every training image is rotated, shifted, zoomed and slanted anew in every epoch
    (``augment=affine``); ``augment=elastic`` distorts it like rubber as well, ``augment=none``
    leaves it as it is. With seed 0 and 10,000 images kept for validation, the share of them read
    right after 12 epochs:

    network         none      affine
    lenet5          0.9909    0.9925    (test part: 0.9914 and 0.9946)
    lenet5_1998               0.9903    (test part: 0.9907)
    mlp             0.9835    0.9861    (test part: 0.9835 and 0.9874)

    LeNet-5 with ``epochs=40``: 0.9959 of the test part (0.9945 of 2,000 images kept for validation,
    seed 0).

Your own images: ``pellucid predict runs/latest photo.png``. They are brought to the form of the
data set: the digit's box is scaled to 20 pixels on its longer side and set into 28x28 with its
center of mass in the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_range
from pellucid.datasets import mnist
from pellucid.layers import (
    ElasticDistortion,
    Input,
    Layer,
    RandomAffine,
    Rescaling,
)
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Sequential
from pellucid.optimizers import AdamW
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._image_classes import (
    class_answers,
    classes_report,
    with_truth,
    with_validation,
)
from pellucid.recipes._ink import SUFFIXES, bright_ink, cut_to_box, read_grey
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import lenet, mlp

LABELS = tuple("0123456789")
NETWORKS = ("lenet5", "lenet5_1998", "lenet5_dense", "mlp")
AUGMENTS = ("none", "affine", "elastic")
SIDE, BOX = 28, 20


@dataclass(frozen=True)
class Mnist(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    network: str = setting("lenet5", f"one of {', '.join(NETWORKS)}")
    epochs: int = setting(12, "passes over the training part")
    batch_size: int = setting(64, "examples per step")
    learning_rate: float = setting(2e-3, "AdamW's rate after the warm-up; it ends at 0")
    weight_decay: float = setting(0.02, "AdamW's share of each weight taken away, times the rate")
    dropout: float = setting(0.5, "fraction of the 800 units dropped (mlp)")
    augment: str = setting("affine", "change the training images: none, affine, elastic (both)")
    validation: int = setting(2000, "examples of the training part kept for validation")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("Recipe 'mnist'", "network", self.network, NETWORKS)
        check_one_of("Recipe 'mnist'", "augment", self.augment, AUGMENTS)
        check_range("Recipe 'mnist'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'mnist'", "weight_decay", self.weight_decay, 0)
        check_range("Recipe 'mnist'", "dropout", self.dropout, 0, 1, open_high=True)
        check_range("Recipe 'mnist'", "validation", self.validation, 1)

    def data(self) -> Data:
        """Return the images as (samples, 28, 28, 1) of whole numbers from 0 to 255."""
        return with_validation(*mnist.load_data(), self.validation, self.seed, LABELS)

    def model(self, data: Data) -> Sequential:
        """Return the network, which takes pixels from 0 to 255."""
        image = [Input((SIDE, SIDE, 1)), *distortions(self.augment)]
        start = [*image, Rescaling(1 / 255)]
        if self.network == "lenet5":
            layers = [*start, *lenet.lenet5().layers]
        elif self.network == "lenet5_dense":
            layers = [*start, *lenet.lenet5_dense().layers]
        elif self.network == "lenet5_1998":
            # It scales its input itself: the frame around the image is paper as well.
            layers = [*image, *lenet.lenet5_1998().layers]
        else:
            layers = [*start, *mlp.mlp((SIDE, SIDE, 1), dropout=self.dropout).layers]
        return Sequential(layers, name=self.network, seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and AdamW, its rate warmed up and then let down on a cosine."""
        steps = self.epochs * -(-len(data.train.x) // self.batch_size)
        warm_up = max(1, steps // 20)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 10,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=self.network != "lenet5_dense"),
            optimizer=AdamW(rate, weight_decay=self.weight_decay),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, accuracy and confusion matrix of the test part."""
        return classes_report(model, data)

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the most probable digit of each example, with all probabilities."""
        return class_answers(model, examples, LABELS)

    def example(self, source: str) -> Example:
        """Return the digit that an image file shows, brought to the form of the data set."""
        ink = cut_to_box(bright_ink(read_grey(source), source))
        picture = in_the_middle(scaled(ink))
        return Example(source, np.round(255 * picture).astype(np.uint8)[..., None], picture)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return with_truth(super().sample(data, number), data, number)


def distortions(augment: str) -> list[Layer]:
    """Return the layers that change the images at random while the network learns."""
    if augment == "none":
        return []
    affine = RandomAffine(
        rotation=12 / 360,
        height_shift=2 / SIDE,
        width_shift=2 / SIDE,
        zoom=0.12,
        x_shear=0.2,
        fill_mode="constant",
    )
    if augment == "affine":
        return [affine]
    return [affine, ElasticDistortion(25, 4, fill_mode="constant")]


def scaled(ink: np.ndarray) -> np.ndarray:
    """Return a digit's box with 20 pixels on its longer side, its proportions kept."""
    from PIL import Image

    height, width = ink.shape
    longer = max(height, width)
    size = max(1, round(width * BOX / longer)), max(1, round(height * BOX / longer))
    image = Image.fromarray(ink.astype(np.float32))
    return np.clip(np.asarray(image.resize(size, Image.Resampling.BILINEAR)), 0, 1)


def in_the_middle(ink: np.ndarray) -> np.ndarray:
    """Return a digit of at most 20x20 in 28x28, its center of mass in the middle."""
    height, width = ink.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    top = round(SIDE / 2 - float((rows * ink).sum() / ink.sum()))
    left = round(SIDE / 2 - float((columns * ink).sum() / ink.sum()))
    top, left = np.clip(top, 0, SIDE - height), np.clip(left, 0, SIDE - width)
    picture = np.zeros((SIDE, SIDE))
    picture[top : top + height, left : left + width] = ink
    return picture
