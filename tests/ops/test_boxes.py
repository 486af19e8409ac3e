"""Boxes: overlap, coding, suppression, pooling of regions, each against a plain second way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, ShapeError


def some_boxes(count, seed=0, side=60.0):
    rng = np.random.default_rng(seed)
    near = rng.uniform(0, side, (count, 2))
    return np.concatenate([near, near + rng.uniform(1, side / 2, (count, 2))], -1).astype("float32")


def iou_of_two(a, b):
    """Return the overlap of two boxes, case by case."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_overlap_by_hand():
    """A quarter of each square of area 4 is common: 1 / (4 + 4 - 1)."""
    squares = jnp.array([[0.0, 0, 2, 2], [1, 1, 3, 3], [2, 0, 4, 2], [1, 1, 1, 1]])
    np.testing.assert_allclose(
        ops.box_iou(squares[:1], squares), [[1, 1 / 7, 0, 0]], rtol=1e-6, atol=0
    )
    assert ops.box_area(squares).tolist() == [4, 4, 4, 0]
    assert ops.box_iou(squares[3:], squares[3:]).tolist() == [[0]], "no area, no overlap"
    assert ops.box_area(jnp.array([3.0, 0, 1, 2])) == 0, "turned inside out"


def test_overlap_of_many():
    a, b = some_boxes(6), some_boxes(5, seed=1)
    expected = [[iou_of_two(p, q) for q in b] for p in a]
    np.testing.assert_allclose(ops.box_iou(a, b), expected, rtol=1e-5, atol=1e-7)
    both = ops.box_iou(np.stack([a, a]), np.stack([b, b[::-1]]))
    np.testing.assert_allclose(both, [expected, np.array(expected)[:, ::-1]], rtol=1e-5, atol=1e-7)


def test_a_code_by_hand():
    """One anchor width to the right, half a height down, twice as wide, as high."""
    anchor, box = jnp.array([10.0, 10, 20, 30]), jnp.array([15.0, 20, 35, 40])
    code = ops.encode_boxes(box, anchor)
    np.testing.assert_allclose(code, [1, 0.5, np.log(2), 0], atol=1e-6)
    scaled = ops.encode_boxes(box, anchor, (0.1, 0.1, 0.2, 0.2))
    np.testing.assert_allclose(scaled, [10, 5, np.log(2) / 0.2, 0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scales", [(1, 1, 1, 1), (0.1, 0.1, 0.2, 0.2)])
def test_there_and_back_again(scales):
    boxes, anchors = some_boxes(20), some_boxes(20, seed=1)
    code = ops.encode_boxes(boxes, anchors, scales)
    np.testing.assert_allclose(ops.decode_boxes(code, anchors, scales), boxes, rtol=1e-4, atol=1e-4)
    moved = ops.encode_boxes(3 * boxes + 5, 3 * anchors + 5, scales)
    np.testing.assert_allclose(moved, code, rtol=1e-3, atol=1e-3)


def test_a_wild_code_stays_finite():
    box = ops.decode_boxes(jnp.full(4, 1e4), jnp.array([0.0, 0, 10, 10]))
    slope = jax.grad(lambda t: ops.decode_boxes(t, jnp.array([0.0, 0, 10, 10])).sum())
    assert np.isfinite(box).all()
    assert np.isfinite(slope(jnp.full(4, 1e4))).all()


def test_boxes_are_cut_at_the_border():
    boxes = jnp.array([[-3.0, 2, 50, 70], [5, 5, 6, 6]])
    assert ops.clip_boxes(boxes, 40, 30).tolist() == [[0, 2, 30, 40], [5, 5, 6, 6]]


def suppressed_by_hand(boxes, scores, labels, iou, most):
    """Return the places that are kept: sorted once, each compared with those kept before it."""
    kept = []
    for place in np.argsort(-scores, kind="stable"):
        rivals = [k for k in kept if labels[k] == labels[place]]
        clear = all(iou_of_two(boxes[k], boxes[place]) <= iou for k in rivals)
        if scores[place] > 0 and clear:
            kept.append(place)
    return kept[:most]


@pytest.mark.parametrize("most", [3, 40])
@pytest.mark.parametrize("iou", [0.0, 0.3, 0.7])
def test_suppression_against_brute_force(iou, most):
    for seed in range(3):
        boxes, rng = some_boxes(40, seed), np.random.default_rng(seed)
        scores = rng.uniform(-0.2, 1, 40).astype("float32")
        labels = rng.integers(0, 3, 40)
        suppress = jax.jit(ops.non_maximum_suppression, static_argnames=("iou", "most"))
        places, kept = suppress(boxes, scores, labels, iou=iou, most=most)
        assert places.shape == kept.shape == (most,)
        expected = suppressed_by_hand(boxes, scores, labels, iou, most)
        assert places[kept].tolist() == expected
        alone, kept = suppress(boxes, scores, iou=iou, most=most)
        assert alone[kept].tolist() == suppressed_by_hand(boxes, scores, 0 * labels, iou, most)


def test_of_equal_boxes_the_first_is_kept():
    boxes = jnp.tile(jnp.array([0.0, 0, 4, 4]), (3, 1))
    places, kept = ops.non_maximum_suppression(boxes, jnp.ones(3), most=2)
    assert places[0] == 0
    assert kept.tolist() == [True, False]


def test_a_region_of_a_slope_by_hand():
    """On a map that is its own column number + 1/2, a bin's mean is the column of its middle."""
    x = jnp.broadcast_to(jnp.arange(8.0)[None, None, :, None] + 0.5, (1, 6, 8, 1))
    y = ops.roi_align(x, jnp.array([[[8.0, 4, 24, 16]]]), size=(1, 2), stride=4.0, samples=4)
    np.testing.assert_allclose(y.reshape(-1), [3, 5], rtol=1e-6)


def test_a_region_against_loops():
    rng = np.random.default_rng(0)
    x, box = rng.standard_normal((5, 6)), np.array([3.1, 2.2, 20.9, 17.3])
    size, stride, n = 3, 4.0, 2

    def read(r, s):
        r, s = np.clip(r, 0, 4), np.clip(s, 0, 5)
        i, j = min(int(r), 3), min(int(s), 4)
        a, b = r - i, s - j
        upper, lower = ((1 - b) * x[k, j] + b * x[k, j + 1] for k in (i, i + 1))
        return (1 - a) * upper + a * lower

    expected = np.zeros((size, size))
    bin_width, bin_height = (box[2] - box[0]) / size, (box[3] - box[1]) / size
    for p in range(size):
        for q in range(size):
            for i in range(n):
                for j in range(n):
                    r = (box[1] + bin_height * (p + (i + 0.5) / n)) / stride - 0.5
                    s = (box[0] + bin_width * (q + (j + 0.5) / n)) / stride - 0.5
                    expected[p, q] += read(r, s) / n**2
    y = ops.roi_align(
        jnp.asarray(x, "float32")[None, :, :, None],
        jnp.asarray(box, "float32")[None, None],
        size=size,
        stride=stride,
        samples=n,
    )
    np.testing.assert_allclose(y[0, 0, :, :, 0], expected, rtol=1e-4, atol=1e-5)


BOX = jnp.zeros((2, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: ops.box_iou(jnp.zeros((2, 3)), BOX),
            ShapeError,
            r"last axis has size 4, got shape \(2, 3\); a box is left, top, right, bottom",
        ),
        (lambda: ops.decode_boxes(jnp.zeros(3), BOX), ShapeError, "two shifts and two growths"),
        (
            lambda: ops.non_maximum_suppression(jnp.zeros((1, 2, 4)), jnp.zeros((1, 2))),
            ShapeError,
            r"rank 2 \(boxes, 4\), got shape \(1, 2, 4\); several images go through jax.vmap",
        ),
        (
            lambda: ops.non_maximum_suppression(BOX, jnp.zeros(3)),
            ShapeError,
            r"one of the scores for each box, shape \(2,\), got \(3,\)",
        ),
        (
            lambda: ops.non_maximum_suppression(BOX, jnp.zeros(2), jnp.zeros((2, 1))),
            ShapeError,
            "one of the labels for each box",
        ),
        (
            lambda: ops.non_maximum_suppression(BOX, jnp.zeros(2), iou=1.5),
            ArgumentError,
            r"iou to be a number in \[0, 1\], got 1.5",
        ),
        (
            lambda: ops.non_maximum_suppression(BOX, jnp.zeros(2), most=0),
            ArgumentError,
            "most to be an integer of 1 or more, got 0",
        ),
        (
            lambda: ops.roi_align(jnp.zeros((2, 5, 5, 1)), BOX),
            ShapeError,
            r"boxes of shape \(2, n, 4\), some for each of the 2 maps, got \(2, 4\)",
        ),
        (
            lambda: ops.roi_align(jnp.zeros((2, 5, 5)), BOX),
            ShapeError,
            "roi_align expected an input of rank 4",
        ),
        (
            lambda: ops.roi_align(jnp.zeros((1, 5, 5, 1)), BOX[None], stride=0.0),
            ArgumentError,
            "roi_align expected stride to be a number in",
        ),
        (
            lambda: ops.roi_align(jnp.zeros((1, 5, 5, 1)), BOX[None], size=(3, 0)),
            ArgumentError,
            "roi_align expected size to be an integer of 1 or more, got 0",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
