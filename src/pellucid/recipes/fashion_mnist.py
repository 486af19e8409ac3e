"""Clothing on 28x28 pixels (Fashion-MNIST): which of ten kinds is it?

Task: classification of a small grey image into ten classes, by a residual network of 8 layers with
    16, 32 and 64 filters (75,482 parameters, 480 of them moving averages); ``depth`` and ``width``
    make others.
Data: Fashion-MNIST: 60,000 training images, of which 2,000, drawn by the seed, are kept for
    validation, and 10,000 test images.
Command: pellucid train fashion_mnist
    pellucid train fashion_mnist --set width=32 --set augment=shift --set epochs=12
Time: half a minute an epoch on two cores, a minute and a half with 32 filters.
Expected: test accuracy 0.932 with seed 0 (0.934 of the validation part) after 20 epochs. The second
    command: 0.934 (0.936), by 298,410 parameters.

Your own images: ``pellucid predict runs/latest photo.png``: one piece on an even background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.data.fashion_mnist import class_names
from pellucid.datasets import fashion_mnist
from pellucid.layers import (
    Input,
    Layer,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    Rescaling,
    ZeroPadding2D,
)
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model
from pellucid.optimizers import AdamW
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._image_classes import (
    class_answers,
    classes_report,
    with_truth,
    with_validation,
)
from pellucid.recipes._ink import SUFFIXES, bright_ink, read_grey
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Prediction,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import resnet

AUGMENTS = ("none", "flip", "shift", "erase")
SIDE = 28


@dataclass(frozen=True)
class FashionMnist(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    depth: int = setting(8, "layers with weights, 6 n + 2")
    width: int = setting(16, "filters at first, then 2 and 4 times as many")
    epochs: int = setting(20, "passes over the training part")
    batch_size: int = setting(128, "examples per step")
    learning_rate: float = setting(4e-3, "AdamW's rate after the warm-up; it ends at 0")
    weight_decay: float = setting(0.05, "AdamW's share of each weight taken away, times the rate")
    label_smoothing: float = setting(0.05, "share of a label that is spread over all classes")
    augment: str = setting("flip", "change the training images: none, flip, shift or erase")
    validation: int = setting(2000, "examples of the training part kept for validation")

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "Recipe 'fashion_mnist'"
        check_one_of(who, "augment", self.augment, AUGMENTS)
        check_positive_int(who, "width", self.width)
        check_range(who, "learning_rate", self.learning_rate, 0, open_low=True)
        check_range(who, "weight_decay", self.weight_decay, 0)
        check_range(who, "label_smoothing", self.label_smoothing, 0, 1)
        check_range(who, "validation", self.validation, 1)

    def data(self) -> Data:
        """Return the images as (samples, 28, 28, 1) of whole numbers from 0 to 255."""
        return with_validation(*fashion_mnist.load_data(), self.validation, self.seed, class_names)

    def model(self, data: Data) -> Model:
        """Return the network, which takes pixels from 0 to 255."""
        # About mean 0 and variance 1 over the training part: (x / 255 - 0.286) / 0.353.
        scaling = Rescaling(1 / (255 * 0.353), offset=-0.286 / 0.353)
        shape = (SIDE, SIDE, 1)
        network = resnet.resnet_cifar(self.depth, shape, width=self.width, seed=self.seed)
        image = Input(shape)
        x = image
        for change in changes(self.augment):
            x = change(x)
        return Model(image, network(scaling(x)), name="residual", seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and AdamW, its rate warmed up and then let down on a cosine."""
        steps = self.epochs * -(-len(data.train.x) // self.batch_size)
        warm_up = max(1, steps // 10)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 10,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(
                from_logits=True, label_smoothing=self.label_smoothing
            ),
            optimizer=AdamW(rate, weight_decay=self.weight_decay),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, accuracy and confusion matrix of the test part."""
        return classes_report(model, data)

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the most probable kind of each example, with all probabilities."""
        return class_answers(model, examples, class_names)

    def example(self, source: str) -> Example:
        """Return the piece that an image file shows, bright on dark, on 28x28 pixels."""
        from PIL import Image

        grey = bright_ink(read_grey(source), source)
        image = Image.fromarray(grey.astype(np.float32)).resize((SIDE, SIDE))
        picture = np.clip(np.asarray(image), 0, 255) / 255
        return Example(source, np.round(255 * picture).astype(np.uint8)[..., None], picture)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return with_truth(super().sample(data, number), data, number)


def changes(augment: str) -> list[Layer]:
    """Return the layers that change the images at random while the network learns.

    Each choice adds to the one before: mirrored, shifted by up to 2 pixels, a box erased.
    """
    steps: list[list[Layer]] = [
        [],
        [RandomFlip("horizontal")],
        [ZeroPadding2D(2), RandomCrop(SIDE, SIDE)],
        [RandomErasing(0.5, scale=(0.02, 0.25))],
    ]
    return [layer for step in steps[: AUGMENTS.index(augment) + 1] for layer in step]
