"""Layers: frozen descriptions of the steps of a network; the numbers live outside them.

Names, arguments and defaults are Keras's. All layers are batch-first, images are (batch, height,
width, channels), sequences (batch, steps, features). ``get`` takes a layer, its name or its
configuration; ``to_config`` writes a layer down as JSON and ``from_config`` builds it again.
"""

from pellucid._named import to_config
from pellucid.layers._activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._batch_normalization import BatchNormalization
from pellucid.layers._context import Context
from pellucid.layers._conv import Conv1D, Conv2D
from pellucid.layers._dense import Dense
from pellucid.layers._embedding import Embedding
from pellucid.layers._global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from pellucid.layers._layer_normalization import LayerNormalization
from pellucid.layers._merging import Add, Concatenate, Multiply
from pellucid.layers._noise import Dropout, GaussianNoise
from pellucid.layers._pooling import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from pellucid.layers._registry import REGISTRY
from pellucid.layers._rescaling import Rescaling
from pellucid.layers._reshaping import Flatten, Permute, Reshape
from pellucid.layers._resizing import UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D
from pellucid.layers._symbol import Input, Symbol

# Keras's short names.
Convolution1D = Conv1D
Convolution2D = Conv2D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D

get = REGISTRY.get
from_config = REGISTRY.from_config

__all__ = [
    "ELU",
    "REGISTRY",
    "Activation",
    "Add",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Context",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Spec",
    "Symbol",
    "UpSampling1D",
    "UpSampling2D",
    "Variables",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "from_config",
    "get",
    "to_config",
]
