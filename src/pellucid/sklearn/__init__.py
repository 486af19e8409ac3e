"""Multi-layer perceptrons as scikit-learn estimators, with scikit-learn's own argument names.

They go wherever scikit-learn's estimators go (``Pipeline``, ``GridSearchCV``, ``cross_val_score``),
and train on Pellucid's ``Sequential``; the network is in the attribute ``model_``.

>>> from pellucid.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> network = MLPClassifier(hidden_layer_sizes=(16,), max_iter=300, tol=0.001, random_state=0)
>>> bool(network.fit(X, y).score(X, y) > 0.9)
True

The same ``random_state`` starts from the same weights as scikit-learn's, and with whole batches in
order each step is the same. What differs: numbers are float32; the order of shuffled examples is
another; sparse matrices and the solver ``"lbfgs"`` are refused; the penalty and the sample weights
are divided by the sum of weights of a mean batch, where scikit-learn takes each batch's own;
after a change of learning rate the momentum of ``"sgd"`` follows the new rate at once; and the
epsilon of ``"adam"`` stands where the paper's does (scikit-learn's counts for more at first).
"""

from pellucid.sklearn._estimators import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
