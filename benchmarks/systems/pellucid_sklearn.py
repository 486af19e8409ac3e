"""Pellucid's MLPClassifier, an estimator for scikit-learn."""

from pellucid.sklearn import MLPClassifier
from systems._estimator import prepare_with


def prepare(workload):
    return prepare_with(MLPClassifier, workload)
