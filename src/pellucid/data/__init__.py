"""Data sets and the shape in which data reaches the training loop; NumPy alone.

- Loaders: ``mnist``, ``fashion_mnist``, ``cifar10``, ``imdb``, ``tiny_shakespeare``,
  ``bccd``, ``oxford_iiit_pet``, ``orl_faces`` (files), ``digits``, ``iris``, ``diabetes``
  (inside scikit-learn), each with ``load_data()``; also under ``pellucid.datasets``.
- ``Dataset``: checked arrays, or a stream of checked batches, for ``fit``.
- ``pad_sequences`` and ``to_categorical``; also under ``pellucid.preprocessing.sequence`` and
  ``pellucid.utils``.
- ``data_folder()`` and ``cache_folder()``: where files are looked for.
"""

from pellucid.data import (
    bccd,
    cifar10,
    diabetes,
    digits,
    fashion_mnist,
    imdb,
    iris,
    mnist,
    orl_faces,
    oxford_iiit_pet,
    tiny_shakespeare,
)
from pellucid.data._arrays import ArrayDataset, Arrays, Batch, BatchDataset, Dataset
from pellucid.data._cache import cache_folder, data_folder
from pellucid.data._categorical import to_categorical
from pellucid.data._sequences import pad_sequences

__all__ = [
    "ArrayDataset",
    "Arrays",
    "Batch",
    "BatchDataset",
    "Dataset",
    "bccd",
    "cache_folder",
    "cifar10",
    "data_folder",
    "diabetes",
    "digits",
    "fashion_mnist",
    "imdb",
    "iris",
    "mnist",
    "orl_faces",
    "oxford_iiit_pet",
    "pad_sequences",
    "tiny_shakespeare",
    "to_categorical",
]
