"""What the recipes that tell classes of images share."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid import activations, metrics
from pellucid.inspection._plots import plot_confusion_matrix
from pellucid.recipes._recipe import Data, Example, Part, Prediction, Report

Split = tuple[np.ndarray, np.ndarray]


def with_validation(
    train: Split, test: Split, held_out: int, seed: int, labels: Sequence[str]
) -> Data:
    """Return the data, ``held_out`` examples of the training part drawn by the seed to validate on.

    Images are (samples, height, width, channels) of whole numbers from 0 to 255; a network scales
    them itself, so that they take a quarter of the room.
    """
    x, y = train
    order = np.random.default_rng(seed).permutation(len(x))
    drawn, kept = np.split(order, [min(held_out, len(x) // 2)])
    return Data(
        train=Part(with_channels(x[kept]), y[kept].ravel()),
        validation=Part(with_channels(x[drawn]), y[drawn].ravel()),
        test=Part(with_channels(test[0]), test[1].ravel()),
        labels=tuple(labels),
    )


def with_channels(images: np.ndarray) -> np.ndarray:
    """Return images with a channel axis."""
    return images if images.ndim == 4 else images[..., None]


def classes_report(model: Any, data: Data) -> Report:
    """Return loss and accuracy of test and validation part, and the test's confusion matrix."""
    parts = data.parts()
    measures = {
        name: model.evaluate(*parts[name], batch_size=256, return_dict=True, verbose=0)
        for name in ("test", "validation")
    }
    counts = metrics.ConfusionMatrix(len(data.labels))(data.test.y, model.predict(data.test.x))
    matrix = np.asarray(counts).astype(int)
    return Report(
        measures={**measures, "labels": list(data.labels), "confusion_matrix": matrix},
        figures={"confusion_matrix.png": plot_confusion_matrix(matrix, data.labels)},
    )


def class_answers(
    model: Any, examples: Sequence[Example], labels: Sequence[str]
) -> list[Prediction]:
    """Return the most probable class of each example, with all probabilities.

    The outputs are logits, unless the model ends in a softmax.
    """
    outputs = model.predict(np.stack([example.x for example in examples]))
    if model.layers[-1].output_activation() != "softmax":
        outputs = np.asarray(activations.softmax(outputs))
    answers = []
    for example, shares in zip(examples, outputs, strict=True):
        probabilities = dict(zip(labels, shares.astype(float).tolist(), strict=True))
        label = max(probabilities, key=lambda name: probabilities[name])
        answers.append(Prediction(example, label, probabilities))
    return answers


def with_truth(example: Example, data: Data, number: int) -> Example:
    """Return test sample ``number``, counted from 1, with its picture and its true class."""
    grey = example.x.astype(np.float64).mean(axis=-1) / 255
    return replace(example, picture=grey, truth=data.labels[int(data.test.y[number - 1])])
