"""Kernels for the CPU, compiled from C++ and called through XLA; they know nothing of ``ops``."""

from pellucid.kernels import _convolution as convolution
from pellucid.kernels._library import Status, status

__all__ = ["Status", "convolution", "status"]
