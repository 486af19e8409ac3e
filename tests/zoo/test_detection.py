"""Detectors: anchors, matching, mining, drawing, augmentation, learning, and bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import ops
from pellucid.errors import ArgumentError, DataError, MismatchError, ShapeError
from pellucid.layers import Input, RoIAlign
from pellucid.models import load_model
from pellucid.optimizers import Adam
from pellucid.training import train
from pellucid.zoo import faster_rcnn, ssd
from pellucid.zoo._anchors import anchor_grid, match, select
from pellucid.zoo._detector import augmented, packed, seen_through_window

BOTH = {
    "ssd": (ssd.ssd, ssd.SSD, ssd.anchors),
    "faster_rcnn": (faster_rcnn.faster_rcnn, faster_rcnn.FasterRCNN, faster_rcnn.anchors),
}


def test_anchors_by_hand():
    """Two cells of 4 x 4 pixels; size 2 square, and lying: 2 sqrt(4) by 2 / sqrt(4)."""
    found = anchor_grid((4, 8), (1, 2), [2.0], [1.0, 4.0])
    expected = [[1, 1, 3, 3], [0, 1.5, 4, 2.5], [5, 1, 7, 3], [4, 1.5, 8, 2.5]]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("size", [(32, 32), (45, 67), (144, 192)])
@pytest.mark.parametrize("name", BOTH)
def test_one_anchor_for_each_output(name, size):
    make, _, anchors = BOTH[name]
    found = anchors(*size)
    shapes = [s.shape for s in make((*size, 3), width=1).graph.output_symbols[:2]]
    assert {shape[1] for shape in shapes} == {len(found)}
    middles = (found[:, :2] + found[:, 2:]) / 2
    assert (middles > 0).all()
    assert (middles < size[::-1]).all()


def test_shapes():
    shapes = {name: node.outputs[0].shape[1:] for name, _, node in ssd.ssd().graph.calls()}
    assert shapes["stem.pool"] == (36, 48, 32)
    assert shapes["stage2.conv2"] == (18, 24, 128)
    assert shapes["stage3.conv2"] == (9, 12, 128)
    assert shapes["stage4.conv1"] == (5, 6, 128)
    assert shapes["classes"] == shapes["codes"] == (4626, 4)
    whole = faster_rcnn.faster_rcnn().graph
    assert [s.shape[1:] for s in whole.output_symbols] == [
        (3888, 1),
        (3888, 4),
        (96, 4),
        (96, 12),
    ]


ROW = np.array([[0.0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10], [30, 0, 40, 10]])


def test_which_box_an_anchor_stands_for():
    """Box 0 lies on anchor 0 but for a tenth; box 1 over anchors 1 and 2, a little more on 2."""
    boxes = jnp.array([[1.0, 0, 10, 10], [13.0, 0, 28, 10], [0, 0, 0, 0]])
    truth, positive, negative = match(ROW, boxes, jnp.array([2, 0, -1]), 0.5, 0.3)
    assert positive.tolist() == [True, False, True, False]
    assert truth[positive].tolist() == [0, 1]
    # IoU of anchor 1 with box 1 is 7 / (10 + 15 - 7) = 0.39: neither.
    assert negative.tolist() == [False, False, False, True]


def test_without_boxes_every_anchor_is_background():
    _, positive, negative = match(ROW, jnp.zeros((2, 4)), jnp.array([-1, -1]), 0.5, 0.3)
    assert not positive.any()
    assert negative.all()


def test_a_box_apart_from_all_anchors_takes_none():
    boxes = jnp.array([[100.0, 100, 110, 110]])
    assert not match(ROW, boxes, jnp.array([0]), 0.5, 0.3).positive.any()


def test_the_hardest_negatives():
    surprise = jnp.array([5.0, 1, 3, 3, 9, 2])
    negative = jnp.array([True, True, True, True, False, True])
    chosen = [ssd.hardest(surprise, negative, count).tolist() for count in (0, 2, 9)]
    assert not any(chosen[0])
    assert chosen[1] == [True, False, True, False, False, False]
    assert chosen[2] == negative.tolist()


def test_drawing_by_chance():
    allowed = jnp.arange(20) % 2 == 0
    places, real = faster_rcnn.draw(allowed, 6, jax.random.key(0))
    assert real.all()
    assert len(set(places.tolist())) == 6
    assert all(place % 2 == 0 for place in places.tolist())
    _, real = faster_rcnn.draw(allowed, 15, jax.random.key(0))
    assert int(real.sum()) == 10
    positive = jnp.arange(20) < 2
    places, real = faster_rcnn.draw_both(positive, ~positive, 4, 8, jax.random.key(1))
    kept = places[real].tolist()
    assert sorted(kept)[:2] == [0, 1], "both positive ones"
    assert len(set(kept)) == 8, "and negative ones in the room that is left"


def test_of_many_boxes_few_are_kept():
    boxes = jnp.asarray(ROW)[:, None].repeat(2, axis=1)
    scores = jnp.array([[0.9, 0.1], [0.2, 0.8], [0.01, 0.0], [0.5, 0.6]])
    found = select(boxes, scores, candidates=6, overlap=0.5, most=7, least_score=0.15)
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.6, 0.5, 0.2, 0, 0], rtol=1e-6)
    assert found.labels.tolist() == [0, 1, 1, 0, 0, -1, -1]
    np.testing.assert_array_equal(found.boxes[2], ROW[3])
    np.testing.assert_array_equal(found.boxes[5], 0)


def test_a_window_moves_image_and_boxes_alike():
    """A bright square stays where its box says, mirrored and enlarged."""
    images, boxes = np.zeros((4, 12, 16, 3), np.float32), np.zeros((4, 2, 4), np.float32)
    images[:, 4:8, 8:12] = 1
    boxes[:, 0] = [8, 4, 12, 8]
    labels = np.tile([1, -1], (4, 1))
    windows = np.array([[0, 0, 16, 12], [16, 0, 0, 12], [16, 12, 0, 0], [4, 3, 12, 9]], np.float32)
    seen, moved, kept = seen_through_window(images, boxes, labels, windows)
    expected = [[8, 4, 12, 8], [4, 4, 8, 8], [4, 4, 8, 8], [8, 2, 16, 10]]
    np.testing.assert_allclose(moved[:, 0], expected, atol=1e-5)
    np.testing.assert_array_equal(kept, labels)
    for image, (left, top, right, bottom) in zip(np.asarray(seen), expected, strict=True):
        inside = np.zeros((12, 16), bool)
        inside[top:bottom, left:right] = True
        np.testing.assert_array_equal(image[..., 0] > 0.5, inside)
    np.testing.assert_allclose(seen[0], images[0], atol=1e-6)


def test_a_box_outside_the_window_is_gone():
    boxes = np.array([[[0, 0, 4, 4], [6, 6, 10, 10.0]]], np.float32)
    image, labels = np.zeros((1, 16, 16, 3), np.float32), np.array([[0, 1]])
    _, moved, kept = seen_through_window(image, boxes, labels, np.array([[7.0, 7, 16, 16]]))
    assert kept.tolist() == [[-1, 1]], "0.56 of the second is still there"
    np.testing.assert_array_equal(moved[0, 0], 0)
    assert moved[0, 1].tolist()[:2] == [0, 0]


def test_augmented_boxes_lie_inside():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (6, 24, 32, 3)).astype(np.float32)
    near = rng.uniform(0, 20, (6, 5, 2))
    boxes = np.concatenate([near, near + 4], axis=-1).astype(np.float32)
    labels = np.tile([0, 1, 2, 0, -1], (6, 1))
    seen, moved, kept = jax.jit(augmented)(images, boxes, labels, jax.random.key(0))
    assert seen.shape == images.shape
    assert 0 <= seen.min() <= seen.max() <= 255
    real = np.asarray(kept) >= 0
    assert real.sum() > 12
    assert (np.asarray(ops.box_area(moved))[real] > 0).all()
    assert (np.asarray(moved) >= 0).all()
    assert (np.asarray(moved) <= [32, 24, 32, 24]).all()
    assert not np.array_equal(seen[0], seen[1])


def squares(count, seed=0, size=(32, 40)):
    """Return dark images with one bright square (class 0) and one bright bar (class 1) each."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 40, (count, *size, 3)).astype(np.uint8)
    boxes = np.zeros((count, 3, 4), np.float32)
    for row in range(count):
        left, top = rng.integers(0, 8), rng.integers(0, size[0] - 12)
        boxes[row, 0] = left, top, left + 12, top + 12
        left, top = rng.integers(20, 22), rng.integers(0, size[0] - 8)
        boxes[row, 1] = left, top, left + 18, top + 8
        for label, (a, b, c, d) in enumerate(boxes[row, :2].astype(int)):
            x[row, b:d, a:c, label] = 250
    return x, packed(boxes, np.tile([0, 1, -1], (count, 1)))


def little(name, seed=0, **settings):
    make, kind, _ = BOTH[name]
    settings = {"optimizer": Adam(3e-3), "augment": False, **settings}
    return kind(make((32, 40, 3), classes=2, width=4, seed=seed), **settings)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_it_learns_to_find_squares_and_bars(name, tmp_path):
    x, y = squares(64)
    detector = little(name, augment=name == "ssd")
    detector.check(x, y)
    state, history = train(detector.step, detector.start(), (x, y), batch_size=16, epochs=80)
    parts = [values for key, values in history.history.items() if key != "loss"]
    np.testing.assert_allclose(np.sum(parts, axis=0), history.history["loss"], rtol=1e-4)
    detector.keep(state)
    unseen = squares(20, seed=1)
    mean, by_class = detector.evaluate(*unseen)
    assert mean > 0.9
    assert by_class.shape == (2,)
    assert detector.evaluate(*unseen, state).mean == mean
    found = detector(unseen[0])
    assert found.boxes.shape == (20, detector.most, 4)
    assert found.labels[0, :2].tolist() in ([0, 1], [1, 0])
    detector.model.save(tmp_path / "model")
    again = BOTH[name][1](load_model(tmp_path / "model"))
    for a, b in zip(again(unseen[0]), found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", BOTH)
def test_padding_rows_and_absent_boxes_change_nothing(name):
    """Losses of two images, alone, and with a third that does not count."""
    detector = little(name)
    x, y = squares(3)
    boxes, labels = y[..., :4], y[..., 4].astype(np.int32)
    losses = jax.jit(detector.losses, static_argnums=6)

    def measured(real):
        images = jnp.asarray(x, jnp.float32)
        return losses(
            detector.model.variables, images, boxes, labels, real, jax.random.key(0), False
        )[0]

    whole = measured(jnp.array([1.0, 1, 0]))
    boxes[2], labels[2], x[2] = 0, -1, 0
    changed = measured(jnp.array([1.0, 1, 0]))
    for key, value in whole.items():
        np.testing.assert_allclose(changed[key], value, rtol=1e-5)
        assert np.isfinite(measured(jnp.ones(3))[key]), "an image without boxes"
        assert value > 0


def test_images_that_are_too_small():
    for make in (ssd.ssd, faster_rcnn.faster_rcnn):
        with pytest.raises(ShapeError, match="ran out of pixels: images of 31x64 .* 32x32 is the"):
            make((31, 64, 3))
        with pytest.raises(ArgumentError, match=r"input_shape to be \(height, width, channels\)"):
            make((64, 64))
        with pytest.raises(ArgumentError, match="classes to be an integer of 1 or more, got 0"):
            make((64, 64, 3), classes=0)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    ("box", "label", "error", "message"),
    [
        ([0, 0, 41, 9], 0, DataError, "boxes with area inside images of 32x40, got 0, 0, 41, 9"),
        ([5, 5, 5, 9], 0, DataError, "got 5, 5, 5, 9 .* for box 0 of image 0; cut the box"),
        ([5, 9, 8, 7], 0, DataError, "boxes with area inside"),
        ([1, 1, 9, 9], 2, DataError, "classes from 0 to 1, or -1 for no box, got 2 for box 0 of"),
        ([1, 1, 9, 9], -2, DataError, "classes from 0 to 1, or -1 for no box, got -2"),
        ([1, 1, 9, 9], 0.5, DataError, "classes from 0 to 1, or -1 for no box, got 0.5"),
        ([1, 1, 9], 0, ShapeError, r"true boxes of shape \(images, n, 5\), .* got \(1, 1, 4\)"),
    ],
)
def test_true_boxes_that_do_not_fit(name, box, label, error, message):
    x = np.zeros((1, 32, 40, 3), np.uint8)
    with pytest.raises(error, match=f"{BOTH[name][1].__name__} expected .*{message}"):
        little(name).check(x, np.array([[[*box, label]]], np.float32))


def test_images_and_networks_that_do_not_fit():
    detector = little("ssd")
    for x in (np.zeros((2, 40, 32, 3)), np.zeros((32, 40, 3)), np.zeros((0, 32, 40, 3))):
        with pytest.raises(ShapeError, match=r"SSD expected one or more images of shape \(n, 32, "):
            detector(x)
    with pytest.raises(MismatchError, match=r"true boxes of shape \(images, n, 5\), got \(2, 3, 4"):
        train(detector.step, detector.start(), (np.zeros((2, 32, 40, 3)), np.zeros((2, 3, 4))))
    with pytest.raises(ShapeError, match="and a label for each, got"):
        packed(np.zeros((2, 3, 4)), np.zeros((2, 4)))
    with pytest.raises(MismatchError, match="SSD expected a network that gives classes"):
        ssd.SSD(faster_rcnn.faster_rcnn((32, 32, 3), width=1))
    with pytest.raises(MismatchError, match="a proposer and a classifier, got one of scaled, stem"):
        faster_rcnn.FasterRCNN(ssd.ssd((32, 32, 3), width=1))
    with pytest.raises(ArgumentError, match=r"least_score to be a number in \[0, 1\), got 1"):
        little("ssd", least_score=1)


def test_three_inputs_are_too_many():
    parts = [Input(shape) for shape in ((4, 4, 1), (2, 4), (2, 4))]
    with pytest.raises(ShapeError, match="a list of feature maps and boxes, got 3 inputs; write"):
        RoIAlign()(parts)
