"""Photographs of cats and dogs by AlexNet at 227x227: which breed is it?

Task: classification of a photograph into 37 breeds, by AlexNet with batch normalization; in one
    column or as the paper of 2012 has it with ``--set network=...``. By default it is trained on 64
    photographs alone, to show that it can learn them by heart.
Data: Oxford-IIIT Pet, photographs scaled to 256x256, their middle squares, of which the middle
    227x227 are read, or with ``augment=shift`` mirrored and shifted squares of 227x227.
Command: pellucid train pets
    pellucid train pets --set network=one_column
    pellucid train pets --set network=2012
    pellucid train pets --set photographs=0 --set augment=shift --epochs 60    (all that there are)
Time: half an hour on two cores that had much other work beside it.
Expected: all 64 photographs of the training part right (top-1 and top-5 of 1.0, seed 0, 30 epochs).
    Of the 30 test photographs 0.70 are right: 64 are too few to learn breeds from. The networks in
    one column and of 2012 have not been measured.

A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet classification with deep convolutional neural
networks, NIPS 2012, section 4.1 for the squares, section 6 for top-1 and top-5.

In the run folder: ``photographs.png``, photographs of the test part, each with the breed that the
network names. Your own photograph: ``pellucid predict runs/latest photo.jpg``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_range
from pellucid.data._photos import middle
from pellucid.data.oxford_iiit_pet import class_names
from pellucid.datasets import oxford_iiit_pet
from pellucid.inspection import plot_pictures
from pellucid.layers import Cropping2D, Input, RandomCrop, RandomFlip, Rescaling
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.metrics import SparseTopKCategoricalAccuracy
from pellucid.models import Model
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._image_classes import class_answers, with_truth
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._photos import read_photo
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
from pellucid.zoo import alexnet

NETWORKS: dict[str, Any] = {
    "batch_normalized": alexnet.alexnet_batch_normalized,
    "one_column": alexnet.alexnet,
    "2012": alexnet.alexnet_2012,
}
AUGMENTS = ("none", "shift")
LARGE, SIDE = 256, 227
MOMENTUM = 0.9
"""Of the moving averages: with 4 steps an epoch, 0.99 would still remember how they began."""
SHOWN = 12
"""Photographs in the figure."""


@dataclass(frozen=True)
class Pets(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(30, "passes over the training part")
    batch_size: int = setting(16, "photographs per step")
    network: str = setting("batch_normalized", f"one of {', '.join(NETWORKS)}")
    photographs: int = setting(64, "photographs to learn from, drawn by the seed; 0: all")
    augment: str = setting("none", "none, or shift: mirrored and shifted squares")
    outputs: int = setting(len(class_names), "scores: one a breed, or more, such as 1000")
    hidden: int = setting(4096, "units of each of the two hidden dense layers")
    dropout: float = setting(0.5, "fraction dropped after each of them")
    learning_rate: float = setting(1e-4, "Adam's rate at first; it ends at 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("Recipe 'pets'", "network", self.network, tuple(NETWORKS))
        check_one_of("Recipe 'pets'", "augment", self.augment, AUGMENTS)
        check_range("Recipe 'pets'", "photographs", self.photographs, 0)
        check_range("Recipe 'pets'", "outputs", self.outputs, len(class_names))
        check_range("Recipe 'pets'", "hidden", self.hidden, 1)
        check_range("Recipe 'pets'", "dropout", self.dropout, 0, 1, open_high=True)
        check_range("Recipe 'pets'", "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return the photographs as (samples, 256, 256, 3) of whole numbers from 0 to 255."""
        (x, y), test = oxford_iiit_pet.load_data(LARGE)
        if self.photographs:
            order = np.random.default_rng(self.seed).permutation(len(x))
            chosen = order[: self.photographs]
            x, y = x[chosen], y[chosen]
        return Data(Part(x, y), None, Part(*test), labels=self.labels())

    def labels(self) -> tuple[str, ...]:
        """Return the name of each output."""
        more = range(len(class_names) + 1, self.outputs + 1)
        return (*class_names, *(f"output {number}" for number in more))

    def model(self, data: Data) -> Model:
        """Return the network, which takes pixels from 0 to 255."""
        image = Input((LARGE, LARGE, 3))
        before = (LARGE - SIDE) // 2
        after = LARGE - SIDE - before
        x = Rescaling(1 / 127.5, offset=-1.0)(image)
        if self.augment == "shift":
            x = RandomCrop(SIDE, SIDE)(RandomFlip("horizontal")(x))
        else:
            x = Cropping2D(((before, after), (before, after)))(x)
        settings: dict[str, Any] = {"hidden": self.hidden, "dropout": self.dropout}
        if self.network == "batch_normalized":
            settings["momentum"] = MOMENTUM
        network = NETWORKS[self.network]((SIDE, SIDE, 3), self.outputs, seed=self.seed, **settings)
        return Model(image, network(x), name=f"alexnet_{self.network}", seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and Adam, its rate let down on a cosine; top-1 and top-5."""
        steps = self.epochs * -(-data.train.rows // self.batch_size)
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=self.network != "batch_normalized"),
            optimizer=Adam(CosineDecay(self.learning_rate, decay_steps=steps)),
            metrics=["accuracy", SparseTopKCategoricalAccuracy(5, name="top_5")],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, top-1 and top-5 of test and training part, and some photographs."""
        measures = {
            name: model.evaluate(*part, batch_size=16, return_dict=True, verbose=0)
            for name, part in reversed(data.parts().items())
        }
        chosen = np.linspace(0, data.test.rows - 1, min(SHOWN, data.test.rows)).astype(int)
        photos = data.test.x[chosen]
        names = [data.labels[k] for k in model.predict(photos).argmax(axis=1)]
        figure = plot_pictures(photos / 255, columns=4, titles=names, side=1.5)
        return Report(measures, {"photographs.png": figure})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return the most probable breed of each example, with all probabilities."""
        return class_answers(model, examples, self.labels())

    def example(self, source: str) -> Example:
        """Return the middle square of an image file, scaled to 256x256."""
        x = middle(read_photo(source), LARGE, LARGE)
        return Example(source, x, x.mean(axis=-1) / 255)

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with picture and truth; the first one is number 1."""
        return with_truth(super().sample(data, number), data, number)
