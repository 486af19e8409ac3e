"""Keras on TensorFlow, 50 steps an execution."""

from systems._keras import prepare_with


def prepare(workload):
    return prepare_with("tensorflow", workload)
