"""scikit-learn's own MLPClassifier."""

from sklearn.neural_network import MLPClassifier

from systems._estimator import prepare_with


def prepare(workload):
    return prepare_with(MLPClassifier, workload)
