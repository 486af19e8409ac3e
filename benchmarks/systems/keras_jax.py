"""Keras on JAX."""

from systems._keras import predictors_with, prepare_with


def prepare(workload):
    return prepare_with("jax", workload)


def predictors(workload):
    return predictors_with("jax", workload)
