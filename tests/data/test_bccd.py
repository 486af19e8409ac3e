"""BCCD: splits, scaling, boxes without area, damaged and hostile files, the real set."""

import re

import numpy as np
import pytest
from PIL import Image

from pellucid import datasets
from pellucid.data import bccd
from pellucid.errors import ArgumentError, DatasetError

BOX = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object>"
)
CELLS = {
    "a": [("WBC", 40, 24, 120, 80), ("RBC", 0, 0, 16, 16), ("RBC", 8, 8, 8, 20)],
    "b": [("Platelets", 150, 100, 160, 120)],
    "c": [("RBC", 0, 0, 160, 120)],
}


def annotation(boxes):
    found = "".join(BOX.format(*box) for box in boxes)
    size = "<size><width>160</width><height>120</height></size>"
    return f"<annotation>{size}{found}</annotation>"


@pytest.fixture
def made(data):
    """Three images of 160 x 120, one in each split; one box has no area."""
    folder = data / "bccd" / "BCCD"
    for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for (name, boxes), split in zip(CELLS.items(), ("train", "val", "test"), strict=True):
        (folder / f"ImageSets/Main/{split}.txt").write_text(f"{name}\n")
        (folder / f"Annotations/{name}.xml").write_text(annotation(boxes))
        red = Image.new("RGB", (160, 120), (200, 40, 40))
        red.save(folder / f"JPEGImages/{name}.jpg")
    return folder


def test_boxes_are_scaled_with_their_images(made, capsys):
    train, validation, test = bccd.load_data((60, 40))
    assert [part.images.shape for part in (train, validation, test)] == [(1, 60, 40, 3)] * 3
    assert train.images.dtype == np.uint8
    assert abs(train.images[0, 30, 20].astype(int) - [200, 40, 40]).max() < 6, "red, green, blue"
    np.testing.assert_array_equal(train.labels, [[1, 0]])
    np.testing.assert_allclose(train.boxes[0], [[10, 12, 30, 40], [0, 0, 4, 8]])
    np.testing.assert_array_equal(validation.labels, [[2, -1]])
    np.testing.assert_allclose(validation.boxes[0, 1], 0)
    np.testing.assert_allclose(test.boxes[0, 0], [0, 0, 40, 60])
    said = capsys.readouterr().err
    assert said.startswith("bccd: a part of the set: 1 training, 1 validation and 1 test images")
    assert "with 4 boxes in" in said
    assert said.endswith("; 1 without area left out\n")


def test_a_set_that_is_not_there(data):
    with pytest.raises(
        DatasetError, match=r"no folder .*bccd/BCCD or .*; get the set with `git cl"
    ):
        bccd.load_data()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation>", "no element found"),
        (annotation([("Virus", 1, 1, 2, 2)]), "no Pascal VOC annotation of blood cells"),
        (annotation([("RBC", 1, 1, 161, 2)]), "the box 1, 1, 161, 2 does not lie inside 160 x 120"),
        (annotation([("RBC", 9, 1, 8, 2)]), "the box 9, 1, 8, 2 does not lie inside"),
        (annotation([("RBC", "nan", 1, 8, 2)]), "the box nan, 1, 8, 2 does not lie inside"),
        (annotation([("RBC", "", 1, 8, 2)]), "could not convert string to float"),
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + annotation([]),
            "larger than an annotation, or declares things of its own",
        ),
    ],
)
def test_damaged_annotations(made, content, message):
    (made / "Annotations/a.xml").write_text(content)
    with pytest.raises(DatasetError, match=f"a.xml is damaged: .*{re.escape(message)}"):
        bccd.load_data()


def test_damaged_images_and_lists(made):
    (made / "JPEGImages/b.jpg").write_bytes(b"no image")
    with pytest.raises(DatasetError, match="b.jpg is damaged: it cannot be read as a JPEG image"):
        bccd.load_data()
    (made / "ImageSets/Main/val.txt").write_text("../b\n")
    with pytest.raises(DatasetError, match="val.txt is damaged: it should hold one image name"):
        bccd.load_data()
    (made / "ImageSets/Main/val.txt").unlink()
    with pytest.raises(DatasetError, match="val.txt is damaged: it is no list of image names"):
        bccd.load_data()


def test_a_size_that_is_none(made):
    with pytest.raises(ArgumentError, match="size to be 1 or 2 integers"):
        bccd.load_data((1, 2, 3))


def test_public_name():
    assert datasets.bccd is bccd


@pytest.mark.parametrize("real", ["bccd"], indirect=True)
@pytest.mark.slow
def test_real_files(real, capsys):
    parts = bccd.load_data((48, 64))
    assert [len(part.images) for part in parts] == [205, 87, 72]
    labels = np.concatenate([part.labels.ravel() for part in parts])
    assert [(labels == kind).sum() for kind in range(3)] == [4155 - 2, 372, 361]
    said = capsys.readouterr().err
    assert said.startswith("bccd: 205 training, 87 validation and 72 test images with 4,886 boxes")
    assert said.endswith("; 2 without area left out\n")
