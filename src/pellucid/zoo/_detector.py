"""What detectors share: augmentation, the step, and what is found and how well."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid.errors import DataError, MismatchError, ShapeError
from pellucid.layers import Variables
from pellucid.metrics import AveragePrecision, mean_average_precision
from pellucid.optimizers import Adam, apply_updates, as_optimizer
from pellucid.training import Batch, TrainingState, mean_of
from pellucid.zoo._anchors import Found

Array = jax.Array
Tree = Any


# Augmentation

LEAST_LEFT = 0.3
"""A box of which less than this share stays inside the image is no longer looked for."""


def seen_through_window(
    images: Array, boxes: Array, labels: Array, windows: Array
) -> tuple[Array, Array, Array]:
    """Return what windows of images show, as images of the old size, with boxes and labels.

    A window whose left is right of its right (or top below its bottom) shows the image mirrored. A
    point u becomes (u - left) / (right - left) of the width.

    Args:
        images: shape (n, height, width, channels).
        boxes: shape (n, m, 4).
        labels: shape (n, m).
        windows: left, top, right, bottom in pixels, shape (n, 4).
    """
    size = images.shape[1], images.shape[2]
    seen = ops.roi_align(images, windows[:, None], size=size, stride=1.0, samples=1)[:, 0]
    low, span = windows[:, None, :2], windows[:, None, 2:] - windows[:, None, :2]
    scale = jnp.asarray(size[::-1], boxes.dtype) / span
    near, far = (boxes[..., :2] - low) * scale, (boxes[..., 2:] - low) * scale
    moved = jnp.concatenate([jnp.minimum(near, far), jnp.maximum(near, far)], axis=-1)
    inside = ops.clip_boxes(moved, *size)
    stays = ops.box_area(inside) >= LEAST_LEFT * ops.box_area(moved)
    labels = jnp.where(stays & (ops.box_area(inside) > 0), labels, -1)
    return seen, jnp.where(labels[..., None] >= 0, inside, 0), labels


def augmented(images: Array, boxes: Array, labels: Array, key: Array) -> tuple[Array, Array, Array]:
    """Return images mirrored, moved, scaled and in another light, each by chance in its own way.

    The window has 0.75 to 1.1 times the sides of the image, lies anywhere near it, and is mirrored
    in either direction in half of all images; every color is made up to a tenth brighter or darker.
    """
    count, height, width, channels = images.shape
    size_key, place_key, flip_key, light_key = jax.random.split(key, 4)
    whole = jnp.array([width, height], jnp.float32)
    share = jax.random.uniform(size_key, (count, 1), minval=0.75, maxval=1.1)
    low = jax.random.uniform(place_key, (count, 2)) * (1 - share) * whole
    high = low + share * whole
    mirrored = jax.random.bernoulli(flip_key, 0.5, (count, 2))
    windows = jnp.concatenate(
        [jnp.where(mirrored, high, low), jnp.where(mirrored, low, high)], axis=-1
    )
    light = jax.random.uniform(light_key, (count, 1, 1, channels), minval=0.9, maxval=1.1)
    seen, boxes, labels = seen_through_window(images, boxes, labels, windows)
    return jnp.clip(seen * light, 0, 255), boxes, labels


# The detector


def packed(boxes: Any, labels: Any) -> np.ndarray:
    """Return true boxes and labels as the ``y`` of a training part, shape (images, n, 5).

    Args:
        boxes: left, top, right, bottom, shape (images, n, 4).
        labels: classes, shape (images, n), -1 where there is no box.
    """
    boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels, np.float32)
    if boxes.ndim != 3 or boxes.shape != (*labels.shape, 4):
        raise ShapeError(
            "Expected boxes of shape (images, n, 4) and a label for each, got "
            f"{boxes.shape} and {labels.shape}."
        )
    return np.concatenate([boxes, labels[..., None]], axis=-1)


def check_truth(who: str, y: Any, image: tuple[int, int], classes: int) -> None:
    """Raise DataError unless true boxes lie inside the image and their labels are classes.

    Args:
        who: the detector, for messages.
        y: what ``packed`` gave, shape (images, n, 5).
        image: height and width in pixels.
        classes: how many classes there are.
    """
    y = np.asarray(y)
    if y.ndim != 3 or y.shape[2] != 5:
        raise ShapeError(
            f"{who} expected true boxes of shape (images, n, 5), left, top, right, bottom and "
            f"class, got {y.shape}; make them with packed(boxes, labels)."
        )
    labels = y[..., 4]
    wrong = (labels < -1) | (labels >= classes) | (labels != np.round(labels))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise DataError(
            f"{who} expected classes from 0 to {classes - 1}, or -1 for no box, got "
            f"{labels[row, place]:g} for box {place} of image {row}."
        )
    height, width = image
    left, top, right, bottom = np.moveaxis(y[..., :4], -1, 0)
    fits = (left >= 0) & (left < right) & (right <= width) & (top >= 0) & (top < bottom)
    bad = (labels >= 0) & ~(fits & (bottom <= height))
    if bad.any():
        row, place = np.argwhere(bad)[0]
        raise DataError(
            f"{who} expected boxes with area inside images of {height}x{width}, got "
            f"{', '.join(f'{side:g}' for side in y[row, place, :4])} (left, top, right, bottom) "
            f"for box {place} of image {row}; cut the box at the border, or leave it out."
        )


@dataclass(frozen=True, eq=False)
class Detector(ABC):
    """A network that finds boxes, and the step in which it learns to.

    A subclass says what its losses are and how it finds boxes.

    Args:
        model: the network.
        optimizer: makes the updates.
        augment: True trains on images that are mirrored, moved, scaled and lit by chance.
        overlap: the IoU that two boxes found of one class may have.
        most: boxes that are found in an image at most.
        least_score: the score that a box needs to be found, in [0, 1).
    """

    model: Any
    optimizer: Any = field(default_factory=lambda: Adam(1e-3, global_clipnorm=10.0))
    augment: bool = True
    overlap: float = 0.4
    most: int = 60
    least_score: float = 0.02

    def __post_init__(self) -> None:
        who = type(self).__name__
        check_positive_int(who, "most", self.most)
        check_range(who, "overlap", self.overlap, 0, 1)
        check_range(who, "least_score", self.least_score, 0, 1, open_high=True)

    # What a subclass writes

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes there are, the background not among them."""

    @abstractmethod
    def losses(
        self, variables: Variables, images: Array, boxes: Array, labels: Array, real: Array,
        key: Array, training: bool,
    ) -> tuple[dict[str, Array], Tree]:  # fmt: skip
        """Return the parts of the loss, by name, and the layers' new averages.

        Args:
            variables: the network's numbers.
            images: shape (n, height, width, 3), from 0 to 255.
            boxes: true boxes, shape (n, m, 4).
            labels: their classes, shape (n, m), -1 where there is no box.
            real: 1 for images, 0 for the padding of a short batch, shape (n,).
            key: for what is drawn by chance.
            training: False takes the layers' averages.
        """

    @abstractmethod
    def find(self, variables: Variables, images: Array) -> Found:
        """Return what the network finds in images (n, height, width, 3)."""

    # The step

    @property
    def image(self) -> tuple[int, int]:
        """Height and width of the images that the network takes."""
        shape = self.model.graph.input_symbols[0].shape
        return shape[1], shape[2]

    def start(self, seed: int = 0) -> TrainingState:
        """Return the state before the first step."""
        variables = self.model.variables
        optimizer_state = as_optimizer(self.optimizer).init(variables.parameters)
        return TrainingState.start(variables.parameters, variables.state, optimizer_state, seed)

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Make one update: ``batch.x`` holds images, ``batch.y`` what ``packed`` gives."""
        chance_key, loss_key = jax.random.split(state.step_key())
        images, boxes, labels, real = self._taken(batch.x, batch.y, batch.row_weights)
        if self.augment:
            images, boxes, labels = augmented(images, boxes, labels, chance_key)

        def loss(parameters: Tree) -> tuple[Array, tuple[dict[str, Array], Tree]]:
            variables = Variables(parameters, state.layer_state)
            parts, kept = self.losses(variables, images, boxes, labels, real, loss_key, True)
            return jnp.sum(jnp.stack(list(parts.values()))), (parts, kept)

        (total, (parts, kept)), slope = jax.value_and_grad(loss, has_aux=True)(state.parameters)
        updates, optimizer_state = as_optimizer(self.optimizer).update(
            slope, state.optimizer_state, state.parameters
        )
        state = state.replace(
            parameters=apply_updates(state.parameters, updates),
            layer_state=kept,
            optimizer_state=optimizer_state,
        )
        count = jnp.sum(real)
        measures = {"loss": total, **parts}
        return state, {name: mean_of(value, count) for name, value in measures.items()}

    def keep(self, state: TrainingState) -> None:
        """Put what was learned into the network."""
        self.model.variables = Variables(state.parameters, state.layer_state)

    def check(self, images: Any, y: Any) -> None:
        """Raise an error unless images and true boxes are what this detector can learn from.

        Raises:
            ShapeError: the images or the boxes have another shape.
            DataError: a box is outside its image or has no area, or a label is no class.
        """
        self._check_images(images)
        check_truth(type(self).__name__, y, self.image, self.classes)

    # What has been learned

    def __call__(self, images: Any, batch_size: int = 16) -> Found:
        """Return what the network finds in images (n, height, width, 3), from 0 to 255."""
        return self._found(self.model.variables, images, batch_size)

    def evaluate(
        self, images: Any, y: Any, state: TrainingState | None = None, iou: float = 0.5
    ) -> AveragePrecision:
        """Return the average precision of each class, and the mean.

        Args:
            images: shape (n, height, width, 3), from 0 to 255.
            y: what ``packed`` gives.
            state: what is known; by default what the network holds.
            iou: the overlap that counts as found.
        """
        known = self.model.variables
        if state is not None:
            known = Variables(state.parameters, state.layer_state)
        found = self._found(known, images, batch_size=16)
        return mean_average_precision(
            y[..., :4], y[..., 4].astype(np.int32), *found, classes=self.classes, iou=iou
        )

    @cached_property
    def _compiled_find(self) -> Any:
        return jax.jit(self.find)

    def _found(self, variables: Variables, images: Any, batch_size: int) -> Found:
        self._check_images(images)
        images = np.asarray(images)
        parts: list[list[Any]] = []
        for first in range(0, len(images), batch_size):
            batch = images[first : first + batch_size]
            missing = batch_size - len(batch)  # one shape for all, compiled once
            filled = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), batch.dtype)])
            found = self._compiled_find(variables, filled)
            parts.append([np.asarray(array)[: len(batch)] for array in found])
        boxes, labels, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Found(boxes, labels, scores)

    def _check_images(self, images: Any) -> None:
        shape = np.shape(images)
        if len(shape) != 4 or not len(images) or shape[1:] != (*self.image, 3):
            height, width = self.image
            raise ShapeError(
                f"{type(self).__name__} expected one or more images of shape (n, {height}, "
                f"{width}, 3), got {shape}; resize them, and their boxes with them."
            )

    def _taken(
        self, x: Array, y: Array, row_weights: Array | None
    ) -> tuple[Array, Array, Array, Array]:
        """Return images as floats, true boxes, labels and which rows are real."""
        if y.ndim != 3 or y.shape[2] != 5:
            raise MismatchError(
                f"{type(self).__name__} expected true boxes of shape (images, n, 5), got "
                f"{y.shape}; make them with packed(boxes, labels)."
            )
        real = jnp.ones(len(x)) if row_weights is None else row_weights
        return x.astype(jnp.float32), y[..., :4], y[..., 4].astype(jnp.int32), real
