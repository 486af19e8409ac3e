"""BCCD: blood under the microscope, with a box around every red cell, white cell and platelet.

- Records: 364 photographs of 640 x 480 pixels, split into 205 to train, 87 to validate and 72 to
  test; 4,155 boxes of red cells (two of them without area), 372 of white cells, 361 of platelets.
- Source: "BCCD dataset" (2017), https://github.com/Shenggan/BCCD_Dataset.
- Licence: MIT.
- Files: the repository's folder ``BCCD`` (JPEG files, and a Pascal VOC XML file for each), in
  ``<PELLUCID_DATA>/bccd`` or the cache. They are single files in a repository without releases, so
  they are not downloaded by the loader.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from pellucid._checks import as_tuple
from pellucid.data._cache import damaged, places
from pellucid.errors import DatasetError

__all__ = ["BoxedImages", "class_names", "load_data"]

class_names = ("RBC", "WBC", "Platelets")
"""Red blood cells, white blood cells, platelets; a class is its place here."""

HEIGHT, WIDTH = 480, 640
_SPLITS = {"train": 205, "val": 87, "test": 72}
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LARGEST_XML = 1_000_000
"""Bytes; the set's own files have up to 10,000."""


class BoxedImages(NamedTuple):
    """Images and what is on them.

    Attributes:
        images: uint8 of shape (n, height, width, 3), red, green, blue.
        boxes: float32 of shape (n, most, 4): left, top, right, bottom in pixels of these images; 0
            where an image has fewer boxes than the one that has most.
        labels: int32 of shape (n, most), places in ``class_names``; -1 where there is no box.
    """

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


def load_data(
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> tuple[BoxedImages, BoxedImages, BoxedImages]:
    """Return the images and boxes to train, to validate and to test, as the set is split.

    Args:
        size: height and width that the images, and the boxes with them, are brought to; the whole
            set takes 335 MB in its own size, and 30 MB at (144, 192).

    Returns:
        Three ``BoxedImages``. A box without area is left out; how many there were is said on
        standard error, with the number of records.

    Raises:
        DatasetError: if the set is not here, or if a file of it is damaged.

    Example::

        train, validation, test = pellucid.datasets.bccd.load_data((144, 192))
        print(train.images.shape, (train.labels >= 0).sum())
    """
    height, width = as_tuple("bccd.load_data", "size", size, 2)
    folder = _folder()
    read = {split: [_read(folder, name) for name in _names(folder, split)] for split in _SPLITS}
    records = [record for split in read.values() for record in split]
    most = max(len(boxes) for _, boxes, _ in records)
    parts = [_padded(folder, split, most, (height, width)) for split in read.values()]
    _announce(folder, parts, sum(empty for _, _, empty in records))
    return parts[0], parts[1], parts[2]


Box = tuple[int, float, float, float, float]
Record = tuple[str, list[Box], int]
"""An image's name, its boxes with their classes, and how many were left out."""


def _folder() -> Path:
    """Return the folder that holds ``Annotations``, ``ImageSets`` and ``JPEGImages``."""
    looked = [place / "BCCD" for place in places("bccd")]
    for place in looked:
        if place.is_dir():
            return place
    raise DatasetError(
        f"bccd: there is no folder {' or '.join(map(str, looked))}; get the set with `git clone "
        "https://github.com/Shenggan/BCCD_Dataset` and copy its folder BCCD there, or set the "
        "environment variable PELLUCID_DATA to a folder that holds bccd/BCCD."
    )


def _names(folder: Path, split: str) -> list[str]:
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    try:
        names = path.read_text("ascii").split()
    except (OSError, ValueError) as error:
        raise damaged(path, f"it is no list of image names ({error})") from error
    if not names or any(os.path.basename(name) != name for name in names):
        raise damaged(path, "it should hold one image name in a line")
    return names


def _read(folder: Path, name: str) -> Record:
    """Return what an XML file says about an image, in pixels of the whole image."""
    path = folder / "Annotations" / f"{name}.xml"
    boxes, empty = [], 0
    try:
        content = path.read_bytes()
        # Entities are declared in a DOCTYPE; these files have none and need none.
        if len(content) > _LARGEST_XML or b"<!" in content.replace(b"<!--", b""):
            raise ValueError("it is larger than an annotation, or declares things of its own")
        root = ElementTree.fromstring(content)
        limits = [float(root.findtext(f"size/{side}", "")) for side in ("width", "height")]
        for entry in root.iter("object"):
            kind = class_names.index(entry.findtext("name", ""))
            left, top, right, bottom = (
                float(entry.findtext(f"bndbox/{side}", "")) for side in _SIDES
            )
            if not (0 <= left <= right <= limits[0] and 0 <= top <= bottom <= limits[1]):
                raise ValueError(
                    f"the box {left:g}, {top:g}, {right:g}, {bottom:g} does not lie inside "
                    f"{limits[0]:g} x {limits[1]:g} pixels"
                )
            if left < right and top < bottom:
                boxes.append(
                    (kind, left / limits[0], top / limits[1], right / limits[0], bottom / limits[1])
                )
            else:
                empty += 1
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise damaged(path, f"it is no Pascal VOC annotation of blood cells ({error})") from error
    return name, boxes, empty


def _padded(folder: Path, records: list[Record], most: int, size: tuple[int, int]) -> BoxedImages:
    height, width = size
    made = BoxedImages(
        np.zeros((len(records), height, width, 3), np.uint8),
        np.zeros((len(records), most, 4), np.float32),
        np.full((len(records), most), -1, np.int32),
    )
    for row, (name, boxes, _) in enumerate(records):
        made.images[row] = _image(folder / "JPEGImages" / f"{name}.jpg", size)
        for place, (kind, *sides) in enumerate(boxes):
            made.labels[row, place] = kind
            made.boxes[row, place] = np.array(sides) * (width, height, width, height)
    return made


def _image(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return a JPEG file as pixels, brought to this height and width."""
    from PIL import Image

    try:
        with Image.open(path, formats=("JPEG",)) as file:
            image = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(path, f"it cannot be read as a JPEG image ({error})") from error
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _announce(folder: Path, parts: list[BoxedImages], empty: int) -> None:
    counts = [len(part.images) for part in parts]
    words = "{:,} training, {:,} validation and {:,} test images".format(*counts)
    if counts != list(_SPLITS.values()):
        words = f"a part of the set: {words}"
    boxes = sum(int((part.labels >= 0).sum()) for part in parts)
    left_out = f"; {empty:,} without area left out" if empty else ""
    print(f"bccd: {words} with {boxes:,} boxes in {folder}{left_out}", file=sys.stderr)
