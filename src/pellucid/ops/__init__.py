"""The mathematics: differentiable operations on arrays, each with its backward pass by hand."""

from pellucid.ops._activations import (
    exponential,
    hard_sigmoid,
    linear,
    sigmoid,
    softsign,
    tanh,
)
from pellucid.ops._convolution import (
    conv,
    conv_input_gradient,
    conv_output_shape,
    conv_weight_gradient,
)
from pellucid.ops._convolution_bodies import convolution_body
from pellucid.ops._dense import dense
from pellucid.ops._dropout import dropout, dropout_mask
from pellucid.ops._embedding import embedding
from pellucid.ops._gated import (
    gelu,
    mish,
    silu,
)
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
from pellucid.ops._losses_regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    poisson,
)
from pellucid.ops._normalization import batch_norm, batch_norm_inference, layer_norm
from pellucid.ops._pooling import average_pool, global_average_pool, global_max_pool, max_pool
from pellucid.ops._rectifiers import (
    elu,
    leaky_relu,
    relu,
    relu6,
    selu,
    softplus,
)
from pellucid.ops._registry import REGISTRY, Op
from pellucid.ops._softmax import (
    log_softmax,
    softmax,
)
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
    "Op",
    "REGISTRY",
    "add",
    "average_pool",
    "batch_norm",
    "batch_norm_inference",
    "binary_crossentropy",
    "binary_crossentropy_from_logits",
    "categorical_crossentropy",
    "categorical_crossentropy_from_logits",
    "categorical_hinge",
    "concatenate",
    "conv",
    "conv_input_gradient",
    "conv_output_shape",
    "conv_weight_gradient",
    "convolution_body",
    "cosine_similarity",
    "dense",
    "dropout",
    "dropout_mask",
    "elu",
    "embedding",
    "exponential",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "hard_sigmoid",
    "hinge",
    "huber",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_cosh",
    "log_softmax",
    "max_pool",
    "mean_absolute_error",
    "mean_squared_error",
    "mish",
    "multiply",
    "permute",
    "poisson",
    "relu",
    "relu6",
    "reshape",
    "scale_shift",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_from_logits",
    "squared_hinge",
    "tanh",
    "upsample_nearest",
    "zero_pad",
]
