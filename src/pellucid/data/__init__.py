"""Data sets and the shape in which data reaches the training loop; NumPy alone.

- Loaders: ``mnist``, ``fashion_mnist``, ``cifar10``, ``imdb``, ``tiny_shakespeare``,
  ``bccd``, ``oxford_iiit_pet``, ``orl_faces`` (files), ``digits``, ``iris``, ``diabetes``
  (inside scikit-learn), each with ``load_data()``; also under ``pellucid.datasets``.
- ``Dataset``: checked arrays, or a stream of checked batches, for ``fit``.
- ``Pipeline``: rows from files larger than memory (``Dataset.from_npy``, ``from_folder``,
  ``from_csv``, ``from_parquet``, ``from_text``, ``from_audio``, ``from_generator``), mapped,
  filtered, shuffled, balanced, in batches; gone on with exactly after a stop.
- ``Preprocessing`` that a saved model carries: ``TextVectorization``, ``TableColumns``,
  ``StandardScaler``, ``LabelNames``, ``ImageFiles``, ``RawData``.
- ``describe``, ``draw_data``, ``open_data``: what a data set holds, before training.
- ``train_test_split`` and ``folds``: by class, by group, in time.
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
from pellucid.data._describe import ColumnFacts, DataFacts, describe, open_data
from pellucid.data._drawing import draw_data
from pellucid.data._pipeline import Pipeline
from pellucid.data._preprocessing import (
    PREPROCESSING,
    ImageFiles,
    LabelNames,
    Preprocessing,
    RawData,
    StandardScaler,
    TableColumns,
)
from pellucid.data._sequences import pad_sequences
from pellucid.data._splitting import folds, train_test_split
from pellucid.data._text import TextVectorization

__all__ = [
    "ArrayDataset",
    "Arrays",
    "Batch",
    "BatchDataset",
    "ColumnFacts",
    "DataFacts",
    "Dataset",
    "ImageFiles",
    "LabelNames",
    "PREPROCESSING",
    "Pipeline",
    "Preprocessing",
    "RawData",
    "StandardScaler",
    "TableColumns",
    "TextVectorization",
    "bccd",
    "cache_folder",
    "cifar10",
    "data_folder",
    "diabetes",
    "describe",
    "digits",
    "draw_data",
    "fashion_mnist",
    "folds",
    "imdb",
    "iris",
    "mnist",
    "open_data",
    "orl_faces",
    "oxford_iiit_pet",
    "pad_sequences",
    "tiny_shakespeare",
    "to_categorical",
    "train_test_split",
]
