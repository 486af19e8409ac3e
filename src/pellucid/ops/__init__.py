"""The mathematics: differentiable operations on arrays, each with its backward pass by hand."""

from pellucid.ops._activations import (
    exponential,
    hard_sigmoid,
    linear,
    sigmoid,
    softsign,
    tanh,
)
from pellucid.ops._dense import dense
from pellucid.ops._gated import (
    gelu,
    mish,
    silu,
)
from pellucid.ops._losses_crossentropy import (
    binary_crossentropy,
    binary_crossentropy_from_logits,
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

__all__ = [
    "REGISTRY",
    "Op",
    "binary_crossentropy",
    "binary_crossentropy_from_logits",
    "categorical_crossentropy",
    "categorical_crossentropy_from_logits",
    "categorical_hinge",
    "cosine_similarity",
    "dense",
    "elu",
    "exponential",
    "gelu",
    "hard_sigmoid",
    "hinge",
    "huber",
    "kl_divergence",
    "leaky_relu",
    "linear",
    "log_cosh",
    "log_softmax",
    "mean_absolute_error",
    "mean_squared_error",
    "mish",
    "poisson",
    "relu",
    "relu6",
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
]
