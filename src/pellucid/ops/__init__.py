"""The mathematics: differentiable operations on arrays, each with its backward pass by hand."""

from pellucid.ops._activations import (
    exponential,
    hard_sigmoid,
    linear,
    sigmoid,
    softsign,
    tanh,
)
from pellucid.ops._adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from pellucid.ops._additive_attention import additive_scores
from pellucid.ops._attention import (
    attention_scores,
    attention_values,
    attention_weights,
    scaled_dot_product_attention,
)
from pellucid.ops._boxes import (
    Kept,
    box_area,
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    non_maximum_suppression,
)
from pellucid.ops._convolution import (
    conv,
    conv_input_gradient,
    conv_output_shape,
    conv_weight_gradient,
)
from pellucid.ops._convolution_bodies import convolution_body
from pellucid.ops._cropping import crop
from pellucid.ops._ctc import ctc
from pellucid.ops._dense import dense
from pellucid.ops._distance import distance
from pellucid.ops._dropout import dropout, dropout_mask
from pellucid.ops._embedding import embedding
from pellucid.ops._gated import (
    gelu,
    mish,
    silu,
)
from pellucid.ops._group_normalization import group_norm
from pellucid.ops._gru import GRUStates, gru
from pellucid.ops._latent import gaussian_kl, gaussian_sample
from pellucid.ops._local_response_normalization import local_response_norm
from pellucid.ops._losses_binary import (
    binary_crossentropy,
    binary_crossentropy_from_logits,
)
from pellucid.ops._losses_categorical import (
    categorical_crossentropy,
    categorical_crossentropy_from_logits,
    kl_divergence,
    sparse_categorical_crossentropy,
    sparse_categorical_crossentropy_from_logits,
)
from pellucid.ops._losses_margin import (
    categorical_hinge,
    hinge,
    squared_hinge,
)
from pellucid.ops._losses_metric import contrastive, info_nce, triplet
from pellucid.ops._losses_regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    poisson,
)
from pellucid.ops._lstm import LSTMStates, lstm
from pellucid.ops._matmul import matmul
from pellucid.ops._merging import maximum, minimum, subtract
from pellucid.ops._normalization import batch_norm, batch_norm_inference, layer_norm
from pellucid.ops._pooling import average_pool, global_average_pool, global_max_pool, max_pool
from pellucid.ops._radial_basis import gaussian, squared_distance
from pellucid.ops._rectifiers import (
    elu,
    leaky_relu,
    relu,
    relu6,
    selu,
    softplus,
)
from pellucid.ops._registry import REGISTRY, Op
from pellucid.ops._reinforcement import dueling
from pellucid.ops._resampling import resample
from pellucid.ops._rnn import simple_rnn
from pellucid.ops._roi_align import roi_align
from pellucid.ops._rotary import rotary
from pellucid.ops._softmax import (
    log_softmax,
    softmax,
)
from pellucid.ops._sparse_kernel import sparse_kernel
from pellucid.ops._spectral import spectral_normalize
from pellucid.ops._structure import (
    add,
    concatenate,
    multiply,
    permute,
    reshape,
    scale_shift,
    upsample_nearest,
    zero_pad,
)

__all__ = [
    "GRUStates",
    "Kept",
    "LSTMStates",
    "Op",
    "REGISTRY",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "add",
    "additive_scores",
    "attention_scores",
    "attention_values",
    "attention_weights",
    "average_pool",
    "batch_norm",
    "batch_norm_inference",
    "binary_crossentropy",
    "binary_crossentropy_from_logits",
    "box_area",
    "box_iou",
    "categorical_crossentropy",
    "categorical_crossentropy_from_logits",
    "categorical_hinge",
    "clip_boxes",
    "concatenate",
    "contrastive",
    "conv",
    "conv_input_gradient",
    "conv_output_shape",
    "conv_weight_gradient",
    "convolution_body",
    "cosine_similarity",
    "crop",
    "ctc",
    "decode_boxes",
    "dense",
    "distance",
    "dropout",
    "dropout_mask",
    "dueling",
    "elu",
    "embedding",
    "encode_boxes",
    "exponential",
    "gaussian",
    "gaussian_kl",
    "gaussian_sample",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "group_norm",
    "gru",
    "hard_sigmoid",
    "hinge",
    "huber",
    "info_nce",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_cosh",
    "log_softmax",
    "lstm",
    "matmul",
    "max_pool",
    "maximum",
    "mean_absolute_error",
    "mean_squared_error",
    "minimum",
    "mish",
    "multiply",
    "non_maximum_suppression",
    "permute",
    "poisson",
    "relu",
    "relu6",
    "resample",
    "reshape",
    "roi_align",
    "rotary",
    "scale_shift",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "simple_rnn",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_from_logits",
    "sparse_kernel",
    "spectral_normalize",
    "squared_distance",
    "squared_hinge",
    "subtract",
    "tanh",
    "triplet",
    "upsample_nearest",
    "zero_pad",
]
