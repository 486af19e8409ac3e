"""Blood under the microscope: where are red and white cells, platelets?

Task: detection of objects of three classes, by one look at the image (SSD, 896,624 trained
    parameters) or by two (Faster R-CNN).
Data: BCCD: 205 training, 87 validation and 72 test images with 13 cells on the mean, brought to
    144x192 pixels (its own files; see ``pellucid.data.bccd``).
Command: pellucid train blood_cells
    pellucid train blood_cells --set network=faster_rcnn
Time: under two minutes on two cores; Faster R-CNN five, other work beside it.
Expected: mean average precision of the 72 test images with seed 0 (after 30 epochs):

    network        mean    red     white   platelets    (validation part)
    ssd            0.866   0.834   0.962   0.802        (0.855)
    faster_rcnn    0.874   0.832   0.980   0.809        (0.882)

The measure is the mean over the classes of the average precision at IoU 0.5, the whole area under
the curve of precision over recall (``pellucid.metrics.mean_average_precision``). In the run folder:
``detections.png``, what is there and what was found in four test images.

Your own images: ``pellucid predict runs/latest blood.jpg`` lists every cell that is found with its
class, its score and its box. The image is brought to 144x192 pixels: it should show about as much
of a smear as those of the data set do, where a red cell is a sixth of the width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_range
from pellucid.data.bccd import class_names
from pellucid.datasets import bccd
from pellucid.inspection import plot_boxes
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._ink import SUFFIXES
from pellucid.recipes._photos import read_photo
from pellucid.recipes._recipe import (
    BoxesAnswer,
    Data,
    Example,
    FoundBox,
    Learning,
    Part,
    Recipe,
    Report,
    setting,
)
from pellucid.zoo import faster_rcnn, ssd
from pellucid.zoo.ssd import packed

NETWORKS = ("ssd", "faster_rcnn")
HEIGHT, WIDTH = 144, 192
SHOWN = 4
"""Test images in the figure."""


@dataclass(frozen=True)
class BloodCells(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    network: str = setting("ssd", f"one of {', '.join(NETWORKS)}")
    epochs: int = setting(30, "passes over the training part")
    batch_size: int = setting(8, "images per step")
    learning_rate: float = setting(2e-3, "Adam's greatest rate")
    weight_decay: float = setting(1e-2, "share of each weight taken away, times the rate")
    least_score: float = setting(0.4, "the score that a box needs to be listed by predict")

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "Recipe 'blood_cells'"
        check_one_of(who, "network", self.network, NETWORKS)
        check_range(who, "learning_rate", self.learning_rate, 0, open_low=True)
        check_range(who, "weight_decay", self.weight_decay, 0)
        check_range(who, "least_score", self.least_score, 0, 1)

    def data(self) -> Data:
        """Return images (n, 144, 192, 3) and boxes (n, most, 5): four sides and a class."""
        parts = [
            Part(part.images, packed(part.boxes, part.labels))
            for part in bccd.load_data((HEIGHT, WIDTH))
        ]
        return Data(parts[0], parts[1], parts[2], class_names)

    def model(self, data: Data) -> Any:
        """Return the network, which takes pixels from 0 to 255."""
        make = ssd.ssd if self.network == "ssd" else faster_rcnn.faster_rcnn
        return make((HEIGHT, WIDTH, 3), classes=len(class_names), seed=self.seed)

    def objective(self, data: Data) -> Learning:
        """Return the detector's own step, and its mean average precision after every epoch."""
        steps = self.epochs * -(-data.train.rows // self.batch_size)
        warm_up = max(1, steps // 20)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 20,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
        )
        optimizer = Adam(rate, weight_decay=self.weight_decay, global_clipnorm=10.0)

        def learner(model: Any) -> Any:
            made = self.detector(model, optimizer)
            made.check(*data.train)
            return made

        def validate(detector: Any, state: Any) -> Mapping[str, float]:
            held_out = data.validation or data.test
            return {"mean_average_precision": detector.evaluate(*held_out, state).mean}

        return Learning(learner, validate=validate)

    def detector(self, model: Any, optimizer: Any = "adam") -> Any:
        """Return the network with what it takes to train it and to find boxes with it."""
        kind = ssd.SSD if self.network == "ssd" else faster_rcnn.FasterRCNN
        return kind(model, optimizer)

    def report(self, model: Any, data: Data) -> Report:
        """Return the average precision of each class, and test images with what was found."""
        detector = self.detector(model)
        measures = {}
        for name, part in data.parts().items():
            if name != "train":
                mean, by_class = detector.evaluate(*part)
                each = dict(zip(data.labels, by_class.tolist(), strict=True))
                measures[name] = {"mean_average_precision": mean, **each}
        images, y = data.test.x[:SHOWN], data.test.y[:SHOWN]
        true = y[..., :4], y[..., 4].astype(int)
        figure = plot_boxes(images, true, detector(images), data.labels, self.least_score)
        return Report(measures, {"detections.png": figure})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[BoxesAnswer]:
        """Return what is found in each example, in pixels of the image as it was given."""
        found = self.detector(model)(np.stack([example.x for example in examples]))
        answers = []
        for example, boxes, labels, scores in zip(examples, *found, strict=True):
            height, width = example.size or (HEIGHT, WIDTH)
            boxes = boxes * np.array([width / WIDTH, height / HEIGHT] * 2)
            listed = tuple(
                FoundBox(class_names[label], float(score), *map(float, box))
                for box, label, score in zip(boxes, labels, scores, strict=True)
                if label >= 0 and score >= self.least_score
            )
            answers.append(BoxesAnswer(example, listed))
        return answers

    def example(self, source: str) -> Example:
        """Return an image file, scaled to 144x192."""
        from PIL import Image

        image = read_photo(source)
        small = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))
        return Example(source, small, size=(image.height, image.width))

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with what is on it; the first one is number 1."""
        labels = data.test.y[number - 1 : number, :, 4].ravel()
        counts = [f"{(labels == k).sum()} {name}" for k, name in enumerate(data.labels)]
        return replace(super().sample(data, number), truth=", ".join(counts))
