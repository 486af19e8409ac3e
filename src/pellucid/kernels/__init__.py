"""Kernels for the CPU, compiled from C++ and called through XLA; they know nothing of ``ops``."""

from pellucid.kernels import _adam as adam
from pellucid.kernels import _attention as attention
from pellucid.kernels import _convolution as convolution
from pellucid.kernels import _local_response as local_response
from pellucid.kernels import _matrix as matrix
from pellucid.kernels import _normalization as normalization
from pellucid.kernels import _pooling as pooling
from pellucid.kernels import _recurrence as recurrence
from pellucid.kernels import _rows as rows
from pellucid.kernels._call import with_plain
from pellucid.kernels._library import Status, status

__all__ = [
    "Status",
    "adam",
    "attention",
    "convolution",
    "local_response",
    "matrix",
    "normalization",
    "pooling",
    "recurrence",
    "rows",
    "status",
    "with_plain",
]
