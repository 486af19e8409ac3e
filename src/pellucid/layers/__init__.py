"""Layers: frozen descriptions of the steps of a network; the numbers live outside them.

Names, arguments and defaults are Keras's. All layers are batch-first, images are (batch, height,
width, channels), sequences (batch, steps, features). ``get`` takes a layer, its name or its
configuration; ``to_config`` writes a layer down as JSON and ``from_config`` builds it again.
"""

from pellucid._named import to_config
from pellucid.layers._activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from pellucid.layers._adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
)
from pellucid.layers._attention import AdditiveAttention, Attention
from pellucid.layers._base import Layer, Spec, Variables
from pellucid.layers._batch_normalization import BatchNormalization
from pellucid.layers._bidirectional import Bidirectional
from pellucid.layers._context import Context
from pellucid.layers._conv import Conv1D, Conv2D
from pellucid.layers._conv_transpose import Conv1DTranspose, Conv2DTranspose
from pellucid.layers._cropping import Cropping1D, Cropping2D, Cropping3D
from pellucid.layers._dense import Dense
from pellucid.layers._depthwise_conv import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from pellucid.layers._dueling import Dueling
from pellucid.layers._embedding import Embedding
from pellucid.layers._gaussian_sampling import GaussianSampling
from pellucid.layers._global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from pellucid.layers._group_normalization import GroupNormalization, InstanceNormalization
from pellucid.layers._gru import GRU
from pellucid.layers._layer_normalization import LayerNormalization
from pellucid.layers._local_response_normalization import LocalResponseNormalization
from pellucid.layers._lstm import LSTM
from pellucid.layers._masking import Masking
from pellucid.layers._merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from pellucid.layers._multi_head_attention import MultiHeadAttention
from pellucid.layers._noise import Dropout, GaussianNoise
from pellucid.layers._normalization import Normalization
from pellucid.layers._pair_distance import PairDistance
from pellucid.layers._pooling import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from pellucid.layers._position import PositionalEncoding, PositionEmbedding, RotaryEmbedding
from pellucid.layers._radial_basis import RadialBasis, SquaredDistance
from pellucid.layers._random_affine import (
    RandomAffine,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from pellucid.layers._random_blur import RandomGaussianBlur
from pellucid.layers._random_colors import RandomHue, RandomSaturation
from pellucid.layers._random_places import ElasticDistortion, RandomCrop, RandomFlip
from pellucid.layers._random_sounds import (
    RandomGain,
    RandomNoise,
    RandomTimeShift,
    SpecAugment,
)
from pellucid.layers._random_values import RandomBrightness, RandomContrast, RandomErasing
from pellucid.layers._registry import REGISTRY
from pellucid.layers._repeating import RepeatVector
from pellucid.layers._rescaling import Rescaling
from pellucid.layers._reshaping import Flatten, Permute, Reshape
from pellucid.layers._resizing import UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D
from pellucid.layers._reversible_embedding import ReversibleEmbedding
from pellucid.layers._roi_align import RoIAlign
from pellucid.layers._simple_rnn import SimpleRNN
from pellucid.layers._sparse_conv import SparseConv2D
from pellucid.layers._spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from pellucid.layers._spectral_normalization import SpectralNormalization
from pellucid.layers._symbol import Input, Symbol
from pellucid.layers._time_distributed import TimeDistributed
from pellucid.layers._transformer import TransformerDecoder, TransformerEncoder
from pellucid.layers._volumes import (
    AveragePooling3D,
    Conv3D,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    MaxPooling3D,
    UpSampling3D,
    ZeroPadding3D,
)
from pellucid.layers._window import Window
from pellucid.layers._word_dropout import WordDropout

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
Convolution3D = Conv3D
MaxPool3D = MaxPooling3D
AvgPool3D = AveragePooling3D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool3D = GlobalAveragePooling3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

get = REGISTRY.get
from_config = REGISTRY.from_config

__all__ = [
    "Bidirectional",
    "ELU",
    "GRU",
    "LSTM",
    "Masking",
    "REGISTRY",
    "Activation",
    "Add",
    "AdditiveAttention",
    "Attention",
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
    "Dueling",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GaussianSampling",
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
    "MultiHeadAttention",
    "Multiply",
    "PReLU",
    "PairDistance",
    "Permute",
    "PositionEmbedding",
    "PositionalEncoding",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "RoIAlign",
    "ReversibleEmbedding",
    "RotaryEmbedding",
    "SimpleRNN",
    "Softmax",
    "Spec",
    "Symbol",
    "TimeDistributed",
    "TransformerDecoder",
    "TransformerEncoder",
    "UpSampling1D",
    "UpSampling2D",
    "Variables",
    "Window",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "from_config",
    "get",
    "to_config",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "GroupNormalization",
    "InstanceNormalization",
    "LocalResponseNormalization",
    "RadialBasis",
    "SquaredDistance",
    "SparseConv2D",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "AveragePooling3D",
    "Conv3D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling3D",
    "MaxPooling3D",
    "UpSampling3D",
    "ZeroPadding3D",
    "Average",
    "Maximum",
    "Minimum",
    "Subtract",
    "Convolution3D",
    "MaxPool3D",
    "AvgPool3D",
    "GlobalMaxPool3D",
    "GlobalAvgPool3D",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "ElasticDistortion",
    "RandomAffine",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Normalization",
    "RandomGain",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomNoise",
    "RandomSaturation",
    "RandomTimeShift",
    "SpecAugment",
    "WordDropout",
]
