"""Keras on JAX, 50 steps an execution."""

from systems._keras import prepare_with


def prepare(workload):
    return prepare_with("jax", workload)
