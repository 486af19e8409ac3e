"""PyTorch with ``torch.compile`` over network and loss, forward and backward; otherwise lean."""

import torch

from systems._torch import predictors_with, prepare_with


def compiled(function):
    # A short last batch is compiled as well, for its own size.
    return torch.compile(function, dynamic=False)


def prepare(workload):
    return prepare_with(workload, fused=True, wrap=compiled)


def predictors(workload):
    return predictors_with(workload, wrap=compiled)
