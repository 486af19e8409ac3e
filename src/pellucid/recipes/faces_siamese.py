"""Two pictures of faces by a siamese network: is it the same person?

Task: verification of a pair of grey pictures of 56x46 pixels, of people who were never seen in
    training, by the distance of the two points that one network makes of them
    (``pellucid.zoo.siamese``; 377,952 parameters).
Data: ORL faces: 10 pictures each of 40 people. The last 10 people are the test part, all 4,950
    pairs of their pictures; 6 of the other 30, drawn by the seed, are kept for validation, and the
    rest give the training pairs, half of them alike.
Command: pellucid train faces_siamese
Time: about ten minutes on two cores that had much other work beside it.
Expected: area under the curve (AUC) 0.928 and balanced accuracy 0.876 on the test pairs, of people
    never seen (seed 0; 0.999 and 0.969 on the validation pairs, of six other people).

A pair is called alike if its distance is below half the margin, where both sides of the contrastive
loss cost the same. The area under the curve (AUC) is the probability that of two test pairs, one
alike and one not, the one that is alike is the nearer one; the balanced accuracy is the mean of the
shares of right answers among pairs alike and among the others.

In the run folder: ``pairs.png``, pairs of the test part, each with its distance: the nearest and
furthest of one person, then the nearest and furthest of two. Your own: ``pellucid predict
runs/latest first.png,second.png``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.data._photos import middle
from pellucid.datasets import orl_faces
from pellucid.errors import DataError
from pellucid.inspection import plot_pictures
from pellucid.layers import Input, RandomAffine, RandomFlip, Rescaling
from pellucid.losses import Contrastive
from pellucid.models import Model
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
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
from pellucid.zoo.siamese import make_pairs, siamese

SHAPE = (56, 46, 1)
HELD_OUT = 6
"""People kept for validation."""
LABELS = ("same person", "two people")
MARGIN = 1.0
SHOWN = 5
"""Pairs of each of the four kinds in the figure."""


@dataclass(frozen=True)
class FacesSiamese(Recipe):
    """Settings and the five parts."""

    epochs: int = setting(20, "passes over the training part")
    batch_size: int = setting(32, "pairs per step")
    pairs: int = setting(3000, "training pairs, every second one alike")
    features: int = setting(32, "numbers of the point that each picture becomes")
    learning_rate: float = setting(1e-3, "Adam's rate at first; it ends at 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("pairs", "features"):
            check_positive_int("Recipe 'faces_siamese'", name, getattr(self, name))
        check_range("Recipe 'faces_siamese'", "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return pairs of pictures (pairs, 56, 46, 1), 0 to 255, with 1 for those alike."""
        (x, y), (x_test, y_test) = orl_faces.load_data()
        x, x_test = halved(x), halved(x_test)
        people = np.random.default_rng(self.seed).permutation(np.unique(y))
        held_out = np.isin(y, people[:HELD_OUT])
        first, second, alike = make_pairs(x[~held_out], y[~held_out], self.pairs, self.seed)
        return Data(
            train=Part([first, second], alike),
            validation=all_pairs(x[held_out], y[held_out]),
            test=all_pairs(x_test, y_test),
            labels=LABELS,
        )

    def model(self, data: Data) -> Model:
        """Return the siamese network, which takes pixels from 0 to 255."""
        given = [Input(SHAPE, name=name) for name in ("first", "second")]
        # Each picture is turned, shifted and zoomed a little anew in every epoch.
        mirrored = RandomFlip("horizontal")
        moved = RandomAffine(rotation=10 / 360, height_shift=0.05, width_shift=0.05, zoom=0.1)
        scaled = Rescaling(1 / 127.5, offset=-1.0)
        both = [scaled(moved(mirrored(picture))) for picture in given]
        distance = siamese(self.features, self.seed, SHAPE)(both)
        return Model(given, distance, name="faces_siamese", seed=self.seed)

    def objective(self, data: Data) -> Objective:
        """Return the contrastive loss and Adam, its rate let down on a cosine."""
        steps = self.epochs * -(-data.train.rows // self.batch_size)
        return Objective(
            loss=Contrastive(MARGIN),
            optimizer=Adam(CosineDecay(self.learning_rate, decay_steps=steps)),
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss, balanced accuracy and AUC of test and validation pairs, and some pairs."""
        from sklearn.metrics import balanced_accuracy_score, roc_auc_score

        parts, measures = data.parts(), {}
        for name in ("test", "validation"):
            (first, second), alike = parts[name]
            distance = model.predict([first, second], batch_size=256)
            measures[name] = {
                "loss": float(Contrastive(MARGIN)(alike, distance)),
                "balanced_accuracy": float(balanced_accuracy_score(alike, distance < MARGIN / 2)),
                "auc": float(roc_auc_score(alike, -distance)),
            }
            if name == "test":
                figure = shown(first, second, alike[:, 0], distance[:, 0])
        return Report(measures, {"pairs.png": figure})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[Prediction]:
        """Return whether each pair is one person; the shares follow the loss of either answer."""
        x = np.stack([example.x for example in examples])
        d = model.predict([x[:, 0], x[:, 1]])[:, 0].astype(float)
        same = 1 / (1 + np.exp(d**2 - np.maximum(MARGIN - d, 0) ** 2))
        answers = []
        for example, share in zip(examples, same.tolist(), strict=True):
            probabilities = dict(zip(LABELS, (share, 1 - share), strict=True))
            answers.append(Prediction(example, LABELS[int(share <= 0.5)], probabilities))
        return answers

    def example(self, source: str) -> Example:
        """Return the pair of faces in two image files, with a comma between their names.

        Raises:
            DataError: there are not two names, or one of them is no image file.
        """
        names = source.split(",")
        if len(names) != 2:
            raise DataError(
                f"Expected two image files with a comma between them, such as a.png,b.png, got "
                f"{source!r}."
            )
        pictures = [middle(read_photo(name.strip(), "L"), *SHAPE[:2]) for name in names]
        return pair(source, np.stack(pictures)[..., None])

    def sample(self, data: Data, number: int) -> Example:
        """Return a pair of the test part with its truth; the first one is number 1."""
        count = data.test.rows
        if not 1 <= number <= count:
            return super().sample(data, number)  # which says what is wrong with it
        x = np.stack([pictures[number - 1] for pictures in data.test.inputs])
        truth = LABELS[int(data.test.y[number - 1, 0] == 0)]
        return pair(f"test sample {number}", x, truth)


def halved(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (count, 112, 92) as (count, 56, 46, 1), means of 2x2 pixels."""
    rows, columns = SHAPE[:2]
    blocks = pictures.reshape(len(pictures), rows, 2, columns, 2)
    return np.round(blocks.mean(axis=(2, 4))).astype(np.uint8)[..., None]


def all_pairs(x: np.ndarray, y: np.ndarray) -> Part:
    """Return every pair of two pictures, with 1 for those of one person, shape (pairs, 1)."""
    first, second = np.array(list(combinations(range(len(x)), 2))).T
    alike = (y[first] == y[second]).astype(np.float32)[:, None]
    return Part([x[first], x[second]], alike)


def pair(source: str, x: np.ndarray, truth: str | None = None) -> Example:
    """Return two pictures (2, 56, 46, 1) as one example, drawn beside each other."""
    return Example(source, x, np.concatenate(list(x[..., 0]), axis=1) / 255, truth)


def shown(first: np.ndarray, second: np.ndarray, alike: np.ndarray, distance: np.ndarray) -> Any:
    """Return a figure of the nearest and furthest pairs, of one person and of two."""
    chosen: list[int] = []
    for kind in (1, 0):
        rows = np.flatnonzero(alike == kind)
        order = rows[np.argsort(distance[rows], kind="stable")]
        chosen += [*order[:SHOWN], *order[-SHOWN:]]
    pictures = np.concatenate([first[chosen], second[chosen]], axis=2)[..., 0] / 255
    titles = [f"{'one' if alike[row] else 'two'}, {distance[row]:.2f}" for row in chosen]
    return plot_pictures(pictures, columns=SHOWN, titles=titles, side=1.3)
