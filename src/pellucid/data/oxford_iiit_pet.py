"""Oxford-IIIT Pet: photographs of cats and dogs of 37 breeds, each with its outline.

- Records: 7,349 photographs of many sizes, about 200 of each breed: 3,680 for training and 3,669
  for the test. Those are read that the lists name and that are there.
- Source: O. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and dogs", CVPR 2012,
  https://www.robots.ox.ac.uk/~vgg/data/pets/.
- Licence: the page is quoted with Creative Commons Attribution-ShareAlike 4.0; the photographs
  belong to their owners, and the set's own README asks for use in research only.
- Files: ``images/*.jpg`` and ``annotations/`` with ``trainval.txt``, ``test.txt`` and
  ``trimaps/*.png``, in ``<PELLUCID_DATA>/oxford-iiit-pet``. They are not downloaded (800 MB in
  thousands of files): unpack ``images.tar.gz`` and ``annotations.tar.gz`` of that page there.

A line of a list is ``NAME CLASS SPECIES BREED``, with classes from 1. In a trimap 1 is the animal,
2 is background, and 3 the border between them, which is not told apart.
"""

from pathlib import Path

import numpy as np

from pellucid._checks import check_positive_int
from pellucid.data._cache import announce, damaged, places
from pellucid.data._photos import middle, read_image
from pellucid.errors import DatasetError

__all__ = ["class_names", "load_data", "load_outlines", "pixel_names"]

class_names = (
    *("Abyssinian", "American bulldog", "American pit bull terrier", "Basset hound", "Beagle"),
    *("Bengal", "Birman", "Bombay", "Boxer", "British shorthair", "Chihuahua", "Egyptian Mau"),
    *("English cocker spaniel", "English setter", "German shorthaired", "Great Pyrenees"),
    *("Havanese", "Japanese chin", "Keeshond", "Leonberger", "Maine Coon", "Miniature pinscher"),
    *("Newfoundland", "Persian", "Pomeranian", "Pug", "Ragdoll", "Russian blue", "Saint Bernard"),
    *("Samoyed", "Scottish terrier", "Shiba Inu", "Siamese", "Sphynx"),
    *("Staffordshire bull terrier", "Wheaten terrier", "Yorkshire terrier"),
)
"""The 37 breeds; the number of one is its place here."""

pixel_names = ("animal", "background", "border")
"""What a pixel of an outline shows; its number is its place here."""

_SET = "oxford-iiit-pet"
_HOME = "https://www.robots.ox.ac.uk/~vgg/data/pets/"
_LISTS = ("trainval.txt", "test.txt")
_WHOLE = (3680, 3669)

Split = tuple[np.ndarray, np.ndarray]


def load_data(size: int = 256) -> tuple[Split, Split]:
    """Return the photographs and their breeds as ``(x_train, y_train), (x_test, y_test)``.

    Args:
        size: height and width of a photograph: its shorter side is scaled to it, and the middle
            square is kept.

    Returns:
        x: uint8 of shape ``(n, size, size, 3)``, red, green, blue, 0 to 255.
        y: uint8 of shape ``(n,)``, 0 to 36, places in ``class_names``.

    Raises:
        DatasetError: if the set is not here, or if a file is damaged or missing.
    """
    check_positive_int("oxford_iiit_pet.load_data", "size", size)
    folder, lists = _found()
    train, test = (
        (
            _stacked([_photo(folder, name, size) for name, _ in entries], (size, size, 3)),
            np.array([breed for _, breed in entries], np.uint8),
        )
        for entries in lists
    )
    return train, test


def load_outlines(size: int = 128) -> tuple[Split, Split]:
    """Return the photographs and what each of their pixels shows.

    Args:
        size: height and width, as in ``load_data``.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, with x as in ``load_data`` and y of uint8 and
        shape ``(n, size, size)``, 0 to 2, places in ``pixel_names``.

    Raises:
        DatasetError: if the set is not here, or if a file is damaged or missing.
    """
    check_positive_int("oxford_iiit_pet.load_outlines", "size", size)
    folder, lists = _found()
    train, test = (
        (
            _stacked([_photo(folder, name, size) for name, _ in entries], (size, size, 3)),
            _stacked([_outline(folder, name, size) for name, _ in entries], (size, size)),
        )
        for entries in lists
    )
    return train, test


def _found() -> tuple[Path, list[list[tuple[str, int]]]]:
    """Return the set's folder, and name and breed of each photograph of both lists."""
    for folder in places(_SET):
        if (folder / "annotations" / _LISTS[0]).is_file():
            break
    else:
        raise DatasetError(
            f"oxford_iiit_pet: there is no annotations/{_LISTS[0]} in "
            f"{' or '.join(map(str, places(_SET)))}; unpack images.tar.gz and annotations.tar.gz "
            f"of {_HOME} into one of these folders."
        )
    lists = [_read_list(folder / "annotations" / name) for name in _LISTS]
    announce("oxford_iiit_pet", "photographs", (len(lists[0]), len(lists[1])), _WHOLE, folder)
    return folder, lists


def _read_list(path: Path) -> list[tuple[str, int]]:
    """Return name and breed of each line."""
    entries = []
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, ValueError) as error:
        raise damaged(path, f"it cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.partition(" ")
        breed = rest.partition(" ")[0]
        known = breed.isdecimal() and 1 <= int(breed) <= len(class_names)
        if not known or not name.replace("_", "").isalnum():
            raise damaged(
                path, f"line {number} should be a name and a class from 1 to 37, and is {line!r}"
            )
        entries.append((name, int(breed) - 1))
    if not entries:
        raise damaged(path, "it names no photograph")
    return entries


def _photo(folder: Path, name: str, size: int) -> np.ndarray:
    return middle(read_image(folder / "images" / f"{name}.jpg", "RGB"), size, size)


def _outline(folder: Path, name: str, size: int) -> np.ndarray:
    path = folder / "annotations" / "trimaps" / f"{name}.png"
    pixels = middle(read_image(path, "L"), size, size, smooth=False)
    if pixels.min() < 1 or pixels.max() > len(pixel_names):
        raise damaged(path, f"its pixels should be 1 to 3 and one is {pixels.max()}")
    return pixels - 1


def _stacked(images: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.array(images, np.uint8).reshape(len(images), *shape)
