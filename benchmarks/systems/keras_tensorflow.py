"""Keras on TensorFlow."""

from systems._keras import predictors_with, prepare_with


def prepare(workload):
    return prepare_with("tensorflow", workload)


def predictors(workload):
    return predictors_with("tensorflow", workload)
