"""SSD: one network, one look, and from every cell of several maps boxes of several kinds.

W. Liu and others: SSD: single shot multibox detector, ECCV 2016, here with a small network that
learns from nothing. Over an image lie thousands of anchors, boxes of fixed sizes and forms. For
each of them the network says in one pass which class is there (or that it is background, class 0),
and how the anchor is to be moved and stretched to become the box: four numbers t, the code of
``pellucid.ops.encode_boxes``. Fine maps have small anchors, coarse maps large ones.

An anchor stands for a true box if their IoU is 0.5 or more, and for each box the best anchor does.
With N anchors that stand for a box (section 2.2, equations 1 to 3)::

    L = (1 / N) (L_classes + L_boxes)

    L_boxes   = sum over the N of smooth_L1(t - t*)            t* the code of the true box
    L_classes = sum over the N, and over 3 N of the background, of - log p(true class)

The background anchors that count are those with the greatest loss in each image, three for each
that stands for a box (hard negative mining); there are a hundred times as many others, and all
easy. What is found: for every anchor and class the probability and the decoded box; of boxes of one
class that overlap, the best.

``ssd(classes=3)`` on images of 144x192 has 896,624 trained parameters and 1,664 averages::

    stage                                     shape           parameters
    image from 0 to 255, to -1 ... 1          (144, 192, 3)
    stem    Conv 32, 3x3 / 2                  (72, 96, 32)    864 + 64
            Conv 32, 3x3; pool 2              (36, 48, 32)    9,216 + 64
    stage1  Conv 64, 3x3, twice; pool 2       (18, 24, 64)    18,432 + 36,864 + 256
    stage2  Conv 128, 3x3, twice: map 1       (18, 24, 128)   73,728 + 147,456 + 512
    stage3  Conv 128, 3x3 / 2; 3x3: map 2     (9, 12, 128)    147,456 + 147,456 + 512
    stage4  Conv 128, 3x3 / 2: map 3          (5, 6, 128)     147,456 + 256
    classes 3x3 of each map: 9, 6 and 3 kinds
            of anchors, 4 classes of each     (4626, 4)       41,508 + 27,672 + 13,836
    codes   likewise, 4 numbers of each       (4626, 4)       41,508 + 27,672 + 13,836

Every convolution but those of the last two lines has batch normalization and ReLU after it::

    detector = SSD(ssd(classes=3))
    y = packed(boxes, labels)
    state, history = train(detector.step, detector.start(), (images, y), batch_size=8, epochs=50)
    detector.keep(state)
    boxes, labels, scores = detector(images)
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid._checks import check_positive_int
from pellucid.errors import MismatchError, ShapeError
from pellucid.layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Input,
    MaxPooling2D,
    Rescaling,
    Reshape,
    Symbol,
    Variables,
)
from pellucid.models import Model
from pellucid.zoo._anchors import SCALES, Found, anchor_grid, match, select
from pellucid.zoo._detector import Detector, Tree, packed
from pellucid.zoo._pixels import check_image_shape

__all__ = ["ANCHOR_SIZES", "SSD", "anchors", "packed", "ssd"]

Array = jax.Array
Shape = tuple[int, int, int]

ANCHOR_SIZES = ((12.0, 19.0, 30.0), (42.0, 60.0), (80.0,))
"""Pixels, for each of the three maps; each size comes square, lying and upright."""
KINDS = 3
STRIDES = (8, 16, 32)
LEAST = 32
POSITIVE = 0.5
NEGATIVES = 3
"""Background anchors that count, for each that stands for a box."""


def ssd(
    input_shape: Shape = (144, 192, 3), classes: int = 3, width: int = 32, seed: int = 0
) -> Model:
    """Return the network: from images to classes (anchors, 1 + classes) and codes (anchors, 4).

    Args:
        input_shape: (height, width, channels) of an image, each side 32 or more.
        classes: how many there are, the background not among them.
        width: filters of the first convolutions; the last have 4 times as many.
        seed: makes the initial weights.

    Raises:
        ShapeError: if the images are too small for three maps.
    """
    check_positive_int("ssd", "classes", classes)
    height, across, _ = check_image_shape("ssd", input_shape)
    if min(height, across) < LEAST:
        raise ShapeError(
            f"ssd ran out of pixels: images of {height}x{across} are too small for maps of strides "
            f"8, 16 and 32, {LEAST}x{LEAST} is the least; give larger images."
        )
    image = Input(input_shape)
    x = Rescaling(1 / 127.5, offset=-1, name="scaled")(image)
    x = convolution(x, width, 2, "stem.conv1")
    x = MaxPooling2D(2, name="stem.pool")(convolution(x, width, 1, "stem.conv2"))
    x = convolution(convolution(x, 2 * width, 1, "stage1.conv1"), 2 * width, 1, "stage1.conv2")
    x = MaxPooling2D(2, name="stage1.pool")(x)
    fine = convolution(convolution(x, 4 * width, 1, "stage2.conv1"), 4 * width, 1, "stage2.conv2")
    x = convolution(fine, 4 * width, 2, "stage3.conv1")
    middle = convolution(x, 4 * width, 1, "stage3.conv2")
    coarse = convolution(middle, 4 * width, 2, "stage4.conv1")

    heads: dict[str, list[Symbol]] = {"classes": [], "codes": []}
    for number, (features, sizes) in enumerate(
        zip((fine, middle, coarse), ANCHOR_SIZES, strict=True), start=1
    ):
        for what, numbers in (("classes", 1 + classes), ("codes", 4)):
            made = Conv2D(
                KINDS * len(sizes) * numbers, 3, padding="same", name=f"map{number}.{what}"
            )(features)
            heads[what].append(Reshape((-1, numbers), name=f"map{number}.{what}.list")(made))
    outputs = [Concatenate(axis=1, name=what)(parts) for what, parts in heads.items()]
    return Model(image, outputs, name="ssd", seed=seed)


def convolution(x: Symbol, filters: int, strides: int, name: str) -> Symbol:
    """Return a 3x3 convolution with batch normalization and ReLU."""
    x = Conv2D(
        filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    return Activation("relu", name=f"{name}.relu")(x)


def anchors(height: int, width: int) -> np.ndarray:
    """Return the anchors of all three maps, in the order of the network's outputs."""
    return np.concatenate(
        [
            anchor_grid((height, width), (cells_of(height, stride), cells_of(width, stride)), sizes)
            for stride, sizes in zip(STRIDES, ANCHOR_SIZES, strict=True)
        ]
    )


def cells_of(pixels: int, stride: int) -> int:
    """Return the rows of a map: two halvings that leave out, one that keeps, a last odd row."""
    cells = -(-pixels // 2) // 2 // 2
    for _ in range(STRIDES.index(stride)):
        cells = -(-cells // 2)
    return cells


@dataclass(frozen=True, eq=False)
class SSD(Detector):
    """The detector around a network that ``ssd`` made; see ``Detector`` for the settings.

    Raises:
        MismatchError: if the network does not give classes and a code for each anchor.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        shapes = [symbol.shape for symbol in self.model.graph.output_symbols]
        count = len(anchors(*self.image))
        if len(shapes) != 2 or [s[1] for s in shapes] != [count] * 2 or shapes[1][2] != 4:
            raise MismatchError(
                f"SSD expected a network that gives classes (n, {count}, 1 + classes) and codes "
                f"(n, {count}, 4), got {shapes}; make it with ssd(input_shape, classes)."
            )

    @property
    def classes(self) -> int:
        """How many classes there are, the background not among them."""
        return self.model.graph.output_symbols[0].shape[2] - 1

    def losses(
        self, variables: Variables, images: Array, boxes: Array, labels: Array, real: Array,
        key: Array, training: bool,
    ) -> tuple[dict[str, Array], Tree]:  # fmt: skip
        """Return L_classes / N and L_boxes / N over the batch."""
        row_weights = real if training else None
        applied = self.model.apply(variables, images, training=training, row_weights=row_weights)
        logits, codes = applied.outputs
        all_anchors = jnp.asarray(anchors(*self.image))

        def of_image(logits: Array, codes: Array, boxes: Array, labels: Array) -> Array:
            truth, positive, negative = match(all_anchors, boxes, labels, POSITIVE, POSITIVE)
            kind = jnp.where(positive, 1 + labels[truth], 0)
            surprise = ops.sparse_categorical_crossentropy_from_logits(logits, kind)
            hard = hardest(surprise, negative, NEGATIVES * jnp.sum(positive))
            wanted = jnp.where(positive[:, None], boxes[truth], all_anchors)
            t = ops.encode_boxes(wanted, all_anchors, SCALES)
            distance = 4 * ops.huber(codes, t)  # the sum over the four, not their mean
            return jnp.stack(
                [
                    jnp.sum(surprise * (positive | hard)),
                    jnp.sum(distance * positive),
                    jnp.sum(positive),
                ]
            )

        sums = jnp.sum(real[:, None] * jax.vmap(of_image)(logits, codes, boxes, labels), axis=0)
        l_classes, l_boxes, n = sums
        n = jnp.maximum(n, 1)
        return {"classes": l_classes / n, "boxes": l_boxes / n}, applied.state

    def find(self, variables: Variables, images: Array) -> Found:
        """Return what one pass finds, after non-maximum suppression."""
        logits, codes = self.model.apply(variables, images).outputs
        all_anchors = jnp.asarray(anchors(*self.image))
        probabilities = ops.softmax(logits)[..., 1:]
        boxes = ops.clip_boxes(ops.decode_boxes(codes, all_anchors, SCALES), *self.image)
        boxes = jnp.broadcast_to(boxes[:, :, None], (*probabilities.shape, 4))
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


def hardest(surprise: Array, negative: Array, count: Array) -> Array:
    """Return True for the ``count`` negatives with the greatest loss; of equal ones, the first."""
    ranked = jnp.argsort(-jnp.where(negative, surprise, -1))
    rank = jnp.zeros(len(ranked), jnp.int32).at[ranked].set(jnp.arange(len(ranked)))
    return negative & (rank < count)
