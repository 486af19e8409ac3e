"""Outlines of cats and dogs by a U-Net: which pixels are the animal?

Task: segmentation of a photograph of 128x128 pixels into animal, background and the border between
    them, by a U-Net with 16 filters at first (1,941,139 parameters).
Data: Oxford-IIIT Pet, photographs and their trimaps, middle squares scaled to 128x128; a sixth of
    the training part, drawn by the seed, is kept for validation, and the others are there twice:
    as they are and mirrored.
Command: pellucid train pets_unet
Time: over an hour on two cores that had much other work beside it.
Expected: mean IoU 0.458 on 30 test photographs (animal 0.515, background 0.623, border 0.234), and
    0.545 on the validation part, with seed 0 and 30 epochs; 90 photographs are few.

The intersection over union (IoU) of a class is the number of pixels that are of the class and are
called so, over the number of those that are one or the other; the mean is that of the classes.

In the run folder: ``outlines.png``, test photographs with the true outline (above) and the found
one (below): the animal in orange, its border in white. Your own photograph: ``pellucid predict
runs/latest photo.jpg``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid import activations
from pellucid._checks import check_positive_int, check_range
from pellucid.data._photos import middle
from pellucid.data.oxford_iiit_pet import pixel_names
from pellucid.datasets import oxford_iiit_pet
from pellucid.inspection import plot_pictures
from pellucid.layers import Input, Rescaling
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._photos import read_photo
from pellucid.recipes._recipe import (
    Answer,
    Data,
    Example,
    Objective,
    Part,
    PictureAnswer,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo.unet import unet

SIDE = 128
HELD_OUT = 6
"""One photograph in so many is kept for validation."""
SHOWN = 6
"""Photographs in the figure."""
ANIMAL, BORDER = pixel_names.index("animal"), pixel_names.index("border")
COLORS = {ANIMAL: (1.0, 0.55, 0.0), BORDER: (1.0, 1.0, 1.0)}


@dataclass(frozen=True)
class PetsUNet(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(30, "passes over the training part")
    batch_size: int = setting(10, "photographs per step")
    width: int = setting(16, "filters of the first stage; each stage down has twice as many")
    learning_rate: float = setting(1e-3, "Adam's rate after the warm-up; it ends at 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int("Recipe 'pets_unet'", "width", self.width)
        check_range("Recipe 'pets_unet'", "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return photographs (samples, 128, 128, 3), 0 to 255, and a class for each pixel."""
        (x, y), (x_test, y_test) = oxford_iiit_pet.load_outlines(SIDE)
        order = np.random.default_rng(self.seed).permutation(len(x))
        drawn, kept = np.split(order, [max(1, len(x) // HELD_OUT)])
        return Data(
            train=Part(with_mirrored(x[kept]), with_mirrored(y[kept])),
            validation=Part(x[drawn], y[drawn]),
            test=Part(x_test, y_test),
            labels=pixel_names,
        )

    def model(self, data: Data) -> Model:
        """Return the U-Net, which takes pixels from 0 to 255."""
        shape = (SIDE, SIDE, 3)
        image = Input(shape)
        network = unet(shape, len(pixel_names), self.width, padding="same", seed=self.seed)
        x = Rescaling(1 / 127.5, offset=-1.0)(image)
        return Model(image, network(x), name="pets_unet", seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return the cross-entropy of each pixel, and Adam with warm-up and cosine."""
        steps = self.epochs * -(-data.train.rows // self.batch_size)
        warm_up = max(1, steps // 20)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 10,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=Adam(rate, global_clipnorm=1.0),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, accuracy of the pixels and IoU of each class, and some outlines."""
        parts, measures = data.parts(), {}
        for name in ("test", "validation"):
            part = parts[name]
            found = model.predict(part.x, batch_size=self.batch_size).argmax(axis=-1)
            numbers = model.evaluate(*part, batch_size=self.batch_size, return_dict=True, verbose=0)
            measures[name] = {**numbers, **overlaps(part.y, found)}
            if name == "test":
                shown = np.linspace(0, part.rows - 1, min(SHOWN, part.rows)).astype(int)
                rows = [painted(part.x[shown], y[shown]) for y in (part.y, found)]
        figure = plot_pictures(np.concatenate(rows), columns=len(shown), side=1.3)
        return Report(measures, {"outlines.png": figure})

    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return how probable it is for each pixel that it is of the animal."""
        logits = model.predict(np.stack([example.x for example in examples]))
        probable = np.asarray(activations.softmax(logits))[..., ANIMAL]
        shares = (logits.argmax(axis=-1) == ANIMAL).mean(axis=(1, 2))
        return [
            PictureAnswer(example, picture, {"share of the animal": round(float(share), 3)})
            for example, picture, share in zip(examples, probable, shares, strict=True)
        ]

    def example(self, source: str) -> Example:
        """Return the middle square of an image file, scaled to 128x128."""
        x = middle(read_photo(source), SIDE, SIDE)
        return Example(source, x, x.mean(axis=-1) / 255)

    def sample(self, data: Data, number: int) -> Example:
        """Return a photograph of the test part; the first one is number 1."""
        example = super().sample(data, number)
        return replace(example, picture=example.x.mean(axis=-1) / 255)


def with_mirrored(images: np.ndarray) -> np.ndarray:
    """Return images, and after them the same with left and right exchanged."""
    return np.concatenate([images, images[:, :, ::-1]])


def overlaps(y: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Return the intersection over union of each class, and their mean.

    Args:
        y: the true class of each pixel, shape (samples, height, width).
        found: the class that each was called, of the same shape.
    """
    shares = {}
    for number, name in enumerate(pixel_names):
        true, called = y == number, found == number
        shares[f"iou_{name}"] = float(np.sum(true & called) / max(1, np.sum(true | called)))
    return {**shares, "mean_iou": float(np.mean(list(shares.values())))}


def painted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return photographs in [0, 1] with animal and border in colors over them."""
    pictures = x / 255
    for number, color in COLORS.items():
        here = (y == number)[..., None]
        pictures = np.where(here, 0.5 * pictures + 0.5 * np.array(color), pictures)
    return pictures
