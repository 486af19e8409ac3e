"""PyTorch, eager, with the loss alone and the optimizer's fused form: the least an expert does."""

from systems._torch import prepare_with


def prepare(workload):
    return prepare_with(workload, fused=True)
