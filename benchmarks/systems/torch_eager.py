"""PyTorch as its tutorials write it, showing what Keras shows: loss and accuracy of every step."""

from systems._torch import predictors_with, prepare_with


def prepare(workload):
    return prepare_with(workload, with_accuracy=True)


def predictors(workload):
    return predictors_with(workload)
