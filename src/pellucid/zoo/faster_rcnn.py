"""Faster R-CNN: first where something is, then what it is.

S. Ren, K. He, R. Girshick, J. Sun: Faster R-CNN: towards real-time object detection with region
proposal networks, NIPS 2015, here with a small network that learns from nothing, and with RoI align
(K. He and others, Mask R-CNN, 2017) where the paper pools by rounding. Two stages share one map of
features:

1. The **proposer** slides over the map. At each cell it tells for 9 anchors (3 sizes, 3 forms) the
   probability of an object, sigmoid(o), and the code t of its box (``ops.encode_boxes``). The best
   proposals, after non-maximum suppression, are the regions.
2. The **classifier** reads a grid of 5x5 features from each region, whatever its size, and tells
   its class (0 is background) and, for each class, a code that makes the region a better box.

With p the share that the true class gets, all four losses are learned at once (section 3.2 (ii)),
and the regions count as constants::

    L = mean of - log p(object or not)  +  sum of smooth_L1(t - t*) / anchors       the proposer
      + mean of - log p(class)          +  sum of smooth_L1(u - u*) / regions       the classifier

An anchor is an object if its IoU with a true box is 0.6 or more, or the best of that box; it is
none below 0.3. (The paper has 0.7 at sides of 600 pixels. On a map whose cells are as large as the
smallest cells of blood, few anchors lie that well.) Of each image 64 anchors count, drawn by
chance, at most half of them objects; and 96 regions, at most a third of which overlap a true box by
0.5 or more. In training the true boxes are regions too.

``faster_rcnn(classes=3)`` on images of 144x192 has 1,330,205 trained parameters and 896
averages::

    stage                                     shape               parameters
    image from 0 to 255, to -1 ... 1          (144, 192, 3)
    proposer
      stem    Conv 32, 3x3 / 2                (72, 96, 32)        864 + 64
              Conv 32, 3x3; pool 2            (36, 48, 32)        9,216 + 64
      stage1  Conv 64, 3x3, twice; pool 2     (18, 24, 64)        18,432 + 36,864 + 256
      stage2  Conv 128, 3x3, twice            (18, 24, 128)       73,728 + 147,456 + 512
      slide   Conv 128, 3x3                   (18, 24, 128)       147,584
      objects Conv 9, 1x1                     (3888, 1)           1,161
      codes   Conv 36, 1x1                    (3888, 4)           4,644
    classifier
      regions RoI align 5x5                   (96, 5, 5, 128)
      dense   Dense 256, twice                (96, 256)           819,456 + 65,792
      classes                                 (96, 4)             1,028
      codes                                   (96, 12)            3,084

The convolutions down to stage2 have batch normalization and ReLU after them, the others but the
last of each stage ReLU. Both stages are graphs of their own inside one model, so that it is saved
as one::

    detector = FasterRCNN(faster_rcnn(classes=3))
    y = packed(boxes, labels)
    state, history = train(detector.step, detector.start(), (images, y), batch_size=8, epochs=50)
    detector.keep(state)
    boxes, labels, scores = detector(images)
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_positive_int
from pellucid.errors import MismatchError, ShapeError
from pellucid.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Input,
    MaxPooling2D,
    Rescaling,
    Reshape,
    RoIAlign,
    Symbol,
    Variables,
)
from pellucid.models import Graph, Model
from pellucid.models._network import Applied
from pellucid.zoo._anchors import SCALES, Found, anchor_grid, match, select
from pellucid.zoo._detector import Detector, Tree, packed
from pellucid.zoo._pixels import check_image_shape

__all__ = ["ANCHOR_SIZES", "FasterRCNN", "anchors", "faster_rcnn", "packed"]

Array = jax.Array
Shape = tuple[int, int, int]

ANCHOR_SIZES = (12.0, 30.0, 60.0)
"""Pixels; each size comes square, lying and upright."""
KINDS = 9
STRIDE = 8
GRID = 5
LEAST = 32

OBJECT, NOTHING = 0.6, 0.3
"""IoU with a true box from which on an anchor is an object, and below which it is none."""
ANCHORS_DRAWN = 64
REGIONS = 96
"""Regions of an image that the classifier looks at."""
RIGHT = 0.5
"""IoU with a true box from which on a region shows it."""
PROPOSALS_LOOKED_AT = 300
PROPOSAL_OVERLAP = 0.7


def faster_rcnn(
    input_shape: Shape = (144, 192, 3), classes: int = 3, width: int = 32, seed: int = 0
) -> Model:
    """Return both stages as one network.

    From images and regions (96, 4) to objects (anchors, 1), codes (anchors, 4), classes
    (96, 1 + classes) and codes (96, 4 classes).

    Args:
        input_shape: (height, width, channels) of an image, each side 32 or more.
        classes: how many there are, the background not among them.
        width: filters of the first convolutions; the last have 4 times as many.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small.
    """
    check_positive_int("faster_rcnn", "classes", classes)
    height, across, _ = check_image_shape("faster_rcnn", input_shape)
    if min(height, across) < LEAST:
        raise ShapeError(
            f"faster_rcnn ran out of pixels: images of {height}x{across} are too small for regions "
            f"of a map of stride {STRIDE}, {LEAST}x{LEAST} is the least; give larger images."
        )
    image, regions = Input(input_shape, name="image"), Input((REGIONS, 4), name="regions")
    features, objects, codes = proposer(input_shape, width)(image)
    second = classifier(features.shape[1:], classes, 8 * width)
    kinds, boxes = second([features, regions])
    return Model([image, regions], [objects, codes, kinds, boxes], name="faster_rcnn", seed=seed)


def proposer(input_shape: Shape, width: int) -> Graph:
    """Return the first stage: from images to features, objects and codes of all anchors."""
    image = Input(input_shape, name="image")
    x = Rescaling(1 / 127.5, offset=-1, name="scaled")(image)
    x = convolution(x, width, 2, "stem.conv1")
    x = MaxPooling2D(2, name="stem.pool")(convolution(x, width, 1, "stem.conv2"))
    x = convolution(convolution(x, 2 * width, 1, "stage1.conv1"), 2 * width, 1, "stage1.conv2")
    x = MaxPooling2D(2, name="stage1.pool")(x)
    x = convolution(convolution(x, 4 * width, 1, "stage2.conv1"), 4 * width, 1, "stage2.conv2")
    slide = Conv2D(
        4 * width, 3, padding="same", activation="relu", kernel_initializer="he_normal",
        name="slide",
    )(x)  # fmt: skip
    objects = Reshape((-1, 1), name="objects.list")(Conv2D(KINDS, 1, name="objects")(slide))
    codes = Reshape((-1, 4), name="codes.list")(Conv2D(4 * KINDS, 1, name="codes")(slide))
    return Graph(image, [x, objects, codes], name="proposer")


def classifier(features: tuple[Any, ...], classes: int, units: int) -> Graph:
    """Return the second stage: from features and regions to classes and a code for each class."""
    x, regions = Input(features, name="features"), Input((REGIONS, 4), name="regions")
    h = RoIAlign(GRID, stride=STRIDE, name="align")([x, regions])
    h = Reshape((REGIONS, GRID * GRID * features[-1]), name="flat")(h)
    for number in (1, 2):
        h = Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"dense{number}"
        )(h)  # fmt: skip
    outputs = [Dense(1 + classes, name="classes")(h), Dense(4 * classes, name="codes")(h)]
    return Graph([x, regions], outputs, name="classifier")


def convolution(x: Symbol, filters: int, strides: int, name: str) -> Symbol:
    """Return a 3x3 convolution with batch normalization and ReLU."""
    x = Conv2D(
        filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    return Activation("relu", name=f"{name}.relu")(x)


def anchors(height: int, width: int) -> np.ndarray:
    """Return the anchors of the map, in the order of the proposer's outputs."""
    cells = -(-height // 2) // 2 // 2, -(-width // 2) // 2 // 2
    return anchor_grid((height, width), cells, ANCHOR_SIZES)


class Drawn(NamedTuple):
    """Places drawn by chance, and whether there was one to draw."""

    places: Array
    real: Array


def draw(allowed: Array, count: int, key: Array) -> Drawn:
    """Return ``count`` different places where ``allowed`` is True, or all there are."""
    lots = jnp.where(allowed, jax.random.uniform(key, allowed.shape), -1)
    lot, places = jax.lax.top_k(lots, count)
    return Drawn(places, lot >= 0)


def draw_both(positive: Array, negative: Array, most: int, count: int, key: Array) -> Drawn:
    """Return up to ``most`` positive places, and negative ones up to ``count`` in all."""
    first, second = jax.random.split(key)
    some, rest = draw(positive, most, first), draw(negative, count, second)
    is_room = jnp.arange(count) < count - jnp.sum(some.real)
    places = jnp.concatenate([some.places, rest.places])
    return Drawn(places, jnp.concatenate([some.real, rest.real & is_room]))


@dataclass(frozen=True, eq=False)
class FasterRCNN(Detector):
    """The detector around a network that ``faster_rcnn`` made; see ``Detector`` for the settings.

    Raises:
        MismatchError: if the network has not the two stages.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        graph = self.model.graph
        if not {"proposer", "classifier"} <= set(graph.layers()) or len(graph.output_symbols) != 4:
            raise MismatchError(
                "FasterRCNN expected a network of a proposer and a classifier, got one of "
                f"{', '.join(graph.layers())}; make it with faster_rcnn(input_shape, classes)."
            )

    @property
    def classes(self) -> int:
        """How many classes there are, the background not among them."""
        return self.model.graph.output_symbols[2].shape[2] - 1

    @cached_property
    def _stages(self) -> dict[str, Model]:
        graphs = {name: self.model.get_layer(name) for name in ("proposer", "classifier")}
        return {name: Model(graph.inputs, graph.outputs) for name, graph in graphs.items()}

    def _run(self, name: str, variables: Variables, x: Any, training: bool, real: Any) -> Applied:
        """Run one stage with its own numbers."""
        rows = real if training else None
        own = variables.child(name)
        return self._stages[name].apply(own, x, training=training, row_weights=rows)

    def losses(
        self, variables: Variables, images: Array, boxes: Array, labels: Array, real: Array,
        key: Array, training: bool,
    ) -> tuple[dict[str, Array], Tree]:  # fmt: skip
        """Return the four losses, means over the real images."""
        first = self._run("proposer", variables, images, training, real)
        features, objects, codes = first.outputs
        anchor_keys, region_keys = jax.random.split(key, (2, len(images)))
        proposer_losses = jax.vmap(self._of_anchors)(
            objects[..., 0], codes, boxes, labels, anchor_keys
        )
        proposed, scores = jax.lax.stop_gradient(self._proposals(objects, codes))
        regions, truth, used = jax.vmap(self._regions)(proposed, scores, boxes, labels, region_keys)
        second = self._run("classifier", variables, [features, regions], training, real)
        kinds, codes = second.outputs
        classifier_losses = jax.vmap(self._of_regions)(
            kinds, codes, regions, truth, used, boxes, labels
        )
        weights = real / jnp.maximum(jnp.sum(real), 1)
        names = ("objects", "anchor_boxes", "classes", "boxes")
        values = (*proposer_losses, *classifier_losses)
        kept = variables.state | {"proposer": first.state}
        return {n: jnp.sum(weights * v) for n, v in zip(names, values, strict=True)}, kept

    def _of_anchors(
        self, objects: Array, codes: Array, boxes: Array, labels: Array, key: Array
    ) -> tuple[Array, Array]:
        """Return the proposer's two losses for one image, over the anchors drawn."""
        all_anchors = jnp.asarray(anchors(*self.image))
        truth, positive, negative = match(all_anchors, boxes, labels, OBJECT, NOTHING)
        places, real = draw_both(positive, negative, ANCHORS_DRAWN // 2, ANCHORS_DRAWN, key)
        n = jnp.maximum(jnp.sum(real), 1)
        is_object = positive[places].astype(objects.dtype)
        surprise = ops.binary_crossentropy_from_logits(objects[places][:, None], is_object[:, None])
        wanted = jnp.where(positive[places][:, None], boxes[truth[places]], all_anchors[places])
        t = ops.encode_boxes(wanted, all_anchors[places], SCALES)
        distance = 4 * ops.huber(codes[places], t)  # the sum over the four, not their mean
        return jnp.sum(real * surprise) / n, jnp.sum(real * is_object * distance) / n

    def _proposals(self, objects: Array, codes: Array) -> tuple[Array, Array]:
        """Return the best regions of each image, (n, 96, 4), and the probability of an object."""
        all_anchors = jnp.asarray(anchors(*self.image))
        scores = ops.sigmoid(objects[..., 0])
        boxes = ops.clip_boxes(ops.decode_boxes(codes, all_anchors, SCALES), *self.image)

        def of_image(boxes: Array, scores: Array) -> tuple[Array, Array]:
            found = select(
                boxes[:, None],
                scores[:, None],
                candidates=PROPOSALS_LOOKED_AT,
                overlap=PROPOSAL_OVERLAP,
                most=REGIONS,
                least_score=0.0,
            )
            return found.boxes, found.scores

        return jax.vmap(of_image)(boxes, scores)

    def _regions(
        self, proposed: Array, scores: Array, boxes: Array, labels: Array, key: Array
    ) -> tuple[Array, Array, Array]:
        """Return the regions of one image to learn from, the true box of each, and which count.

        The true box is -1 for a region that shows the background.
        """
        candidates = jnp.concatenate([boxes, proposed])
        there = jnp.concatenate([labels >= 0, scores > 0])
        overlap = jnp.where(labels >= 0, ops.box_iou(candidates, boxes), -1)
        right = there & (jnp.max(overlap, axis=1) >= RIGHT)
        truth = jnp.where(right, jnp.argmax(overlap, axis=1), -1)
        right_key, wrong_key = jax.random.split(key)
        some = draw(right, REGIONS // 3, right_key)
        rest = draw(there & ~right, REGIONS - REGIONS // 3, wrong_key)
        places, used = map(jnp.concatenate, zip(some, rest, strict=True))
        return jnp.where(used[:, None], candidates[places], 0), truth[places], used

    def _of_regions(
        self, kinds: Array, codes: Array, regions: Array, truth: Array, used: Array, boxes: Array,
        labels: Array,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Return the classifier's two losses for one image."""
        n = jnp.maximum(jnp.sum(used), 1)
        right = used & (truth >= 0)
        kind = jnp.where(right, labels[truth], 0)
        surprise = ops.sparse_categorical_crossentropy_from_logits(
            kinds, jnp.where(right, 1 + kind, 0)
        )
        own_codes = codes.reshape(REGIONS, self.classes, 4)[jnp.arange(REGIONS), kind]
        whole = jnp.asarray([0, 0, self.image[1], self.image[0]], regions.dtype)
        seen = jnp.where(right[:, None], regions, whole)  # a box with area, where none counts
        wanted = jnp.where(right[:, None], boxes[truth], whole)
        t = ops.encode_boxes(wanted, seen, SCALES)
        distance = 4 * ops.huber(own_codes, t)
        return jnp.sum(used * surprise) / n, jnp.sum(right * distance) / n

    def find(self, variables: Variables, images: Array) -> Found:
        """Return what both stages find, after non-maximum suppression."""
        first = self._run("proposer", variables, images, False, None)
        features, objects, codes = first.outputs
        regions, proposed = self._proposals(objects, codes)
        second = self._run("classifier", variables, [features, regions], False, None)
        logits, codes = second.outputs
        probabilities = jnp.where(proposed[..., None] > 0, ops.softmax(logits)[..., 1:], 0)
        codes = codes.reshape(*probabilities.shape, 4)
        boxes = ops.decode_boxes(codes, regions[:, :, None], SCALES)
        boxes = ops.clip_boxes(boxes, *self.image)
        return jax.vmap(
            lambda boxes, scores: select(
                boxes,
                scores,
                candidates=300,
                overlap=self.overlap,
                most=self.most,
                least_score=self.least_score,
            )
        )(boxes, probabilities)
