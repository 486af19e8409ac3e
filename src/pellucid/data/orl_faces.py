"""ORL faces: ten grey pictures each of 40 people, 112 x 92 pixels.

- Records: 400 pictures: other times, light, expressions, with and without glasses.
- Source: F. Samaria, A. Harter, "Parameterisation of a stochastic model for human face
  identification", 2nd IEEE Workshop on Applications of Computer Vision (1994); Olivetti Research
  Laboratory, later AT&T Laboratories Cambridge, "The Database of Faces".
- Licence: none stated; the set's README asks to credit Olivetti Research Laboratory.
- Files: ``att_faces/s1/1.pgm`` to ``att_faces/s40/10.pgm``, in ``<PELLUCID_DATA>/orl-faces``. They
  are not downloaded: the laboratory's page is gone.
"""

from pathlib import Path

import numpy as np

from pellucid._checks import check_range
from pellucid.data._cache import announce, damaged, places
from pellucid.data._photos import read_image
from pellucid.errors import DatasetError

__all__ = ["load_data"]

_SET, _FOLDER = "orl-faces", "att_faces"
_PEOPLE, _PICTURES = 40, 10
_SHAPE = (112, 92)

Split = tuple[np.ndarray, np.ndarray]


def load_data(test_people: int = 10) -> tuple[Split, Split]:
    """Return the pictures as ``(x_train, y_train), (x_test, y_test)``, other people in each part.

    Args:
        test_people: how many people, the last ones, are in the test part alone; 1 to 39.

    Returns:
        x: uint8 of shape ``(n, 112, 92)``, 0 (black) to 255 (white).
        y: uint8 of shape ``(n,)``, the number of the person, from 0.

    Raises:
        DatasetError: if the set is not here, or if a file is damaged or missing.
    """
    check_range("orl_faces.load_data", "test_people", test_people, 1, _PEOPLE - 1)
    folder = _folder()
    pictures = [
        _read(folder / f"s{person}" / f"{number}.pgm")
        for person in range(1, _PEOPLE + 1)
        for number in range(1, _PICTURES + 1)
    ]
    x = np.stack(pictures)
    y = np.repeat(np.arange(_PEOPLE, dtype=np.uint8), _PICTURES)
    kept = (_PEOPLE - int(test_people)) * _PICTURES
    counts = (kept, len(x) - kept)
    announce("orl_faces", "pictures", counts, counts, folder)
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])


def _folder() -> Path:
    for place in places(_SET):
        for folder in (place / _FOLDER, place):
            if (folder / "s1" / "1.pgm").is_file():
                return folder
    raise DatasetError(
        f"orl_faces: there is no {_FOLDER}/s1/1.pgm in {' or '.join(map(str, places(_SET)))}; set "
        f"the environment variable PELLUCID_DATA to a folder that holds {_SET}/{_FOLDER}."
    )


def _read(path: Path) -> np.ndarray:
    pixels = np.asarray(read_image(path, "L"))
    if pixels.shape != _SHAPE:
        raise damaged(path, f"it should be 112 x 92 pixels and is {pixels.shape}")
    return pixels
