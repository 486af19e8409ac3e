"""Keras on PyTorch."""

from systems._keras import predictors_with, prepare_with


def prepare(workload):
    return prepare_with("torch", workload)


def predictors(workload):
    return predictors_with("torch", workload)
