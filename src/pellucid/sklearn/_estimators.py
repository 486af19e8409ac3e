"""The two estimators: what they predict, from which targets they learn, and how they score."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags
from sklearn.utils.extmath import softmax
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from pellucid import losses
from pellucid.errors import ArgumentError, DataError
from pellucid.sklearn._perceptron import Perceptron

Array = np.ndarray


class MLPClassifier(ClassifierMixin, Perceptron):
    """A multi-layer perceptron that predicts classes.

    z(l) = a(l-1) W(l) + b(l), a(l) = f(z(l)); the output layer ends in a softmax over the classes,
    or in a sigmoid for two classes and for several labels at once. What is minimised is the
    cross-entropy, plus alpha / 2 sum ||W||^2 divided by the batch size.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: f: ``"identity"``, ``"logistic"``, ``"tanh"`` or ``"relu"``.
        solver: ``"adam"`` or ``"sgd"``.
        alpha: strength of the penalty on the weights, 0 or more.
        batch_size: examples a step; ``"auto"`` is 200, or all if they are fewer.
        learning_rate: for ``"sgd"``: ``"constant"``; ``"invscaling"``, learning_rate_init /
            t^power_t after t examples; ``"adaptive"``, divided by 5 when the loss no longer falls.
        learning_rate_init: the learning rate at the start.
        power_t: the exponent of ``"invscaling"``.
        max_iter: epochs at most.
        shuffle: draw a new order of the examples for each epoch.
        random_state: makes initial weights, order and validation split; an integer repeats them.
        tol: the least improvement that counts.
        verbose: print the loss of each epoch.
        warm_start: ``fit`` goes on from the last weights.
        momentum: for ``"sgd"``, in [0, 1).
        nesterovs_momentum: for ``"sgd"``: look ahead.
        early_stopping: stop by the score on ``validation_fraction`` of the examples, held out, and
            keep the best weights.
        validation_fraction: the share that is held out.
        beta_1, beta_2, epsilon: for ``"adam"``.
        n_iter_no_change: epochs without improvement before the end.
        max_fun: not used; it belongs to scikit-learn's solver ``"lbfgs"``, which is refused.

    Attributes:
        classes_: the labels, in the order of the columns of ``predict_proba``.
        model_: the network, a ``pellucid.Sequential``.
        coefs_, intercepts_: weight matrix (inputs, units) and biases (units,) of each layer.
        loss_, best_loss_, loss_curve_: mean loss of the last, the best and every epoch.
        validation_scores_, best_validation_score_: accuracies, with ``early_stopping``.
        n_iter_: epochs of the last fit. t_: examples seen.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: as they say.

    References:
        Rumelhart, Hinton, Williams (1986); Glorot and Bengio (2010); Kingma and Ba (2015).
    """

    _numeric = False

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each example, shape (n,) (or labels (n, outputs))."""
        return self._decide(self._checked_outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n, classes)."""
        z = self._checked_outputs(X)
        if self.out_activation_ == "softmax":
            return softmax(z)
        p = np.exp(-np.logaddexp(0.0, -z))  # 1 / (1 + exp(-z)), without overflow
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class, shape (n, classes)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch, going on from the last call.

        Args:
            X: inputs, shape (n, features).
            y: labels, shape (n,) or (n, outputs).
            sample_weight: weight of each example in the loss, shape (n,), or None.
            classes: all labels that will ever come; needed in the first call.
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ArgumentError(
                    "classes must be passed on the first call to partial_fit; give all labels, "
                    "such as np.unique(y)."
                )
            self._label_binarizer = LabelBinarizer().fit(y if np.ndim(y) == 2 else classes)
            self.classes_ = self._label_binarizer.classes_
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ArgumentError(
                f"classes={classes!r} is not the same as on last call to partial_fit, which was "
                f"{self.classes_!r}."
            )
        return self._fit(X, y, sample_weight, incremental=True)

    def _targets(self, y: Array, first: bool, incremental: bool) -> Array:
        check_classification_targets(y)
        if first and not incremental:
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise DataError(
                f"MLPClassifier knows the classes {self.classes_} and got the label "
                f"{unknown.tolist()[0]!r}; name all classes in the first call, or fit anew with "
                "warm_start=False."
            )
        multiclass = self._label_binarizer.y_type_ == "multiclass"
        self.out_activation_ = "softmax" if multiclass else "logistic"
        return self._label_binarizer.transform(y).astype(np.float32)

    def _loss(self) -> tuple[Any, float]:
        if self.out_activation_ == "softmax":
            return losses.CategoricalCrossentropy(from_logits=True), 1.0
        # scikit-learn adds the cross-entropies of several labels up.
        return losses.BinaryCrossentropy(from_logits=True), float(self.n_outputs_)

    def _decide(self, outputs: Array) -> Array:
        return self._label_binarizer.inverse_transform(outputs, threshold=0.0)

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        labels = self._label_binarizer.inverse_transform(targets)
        return float(accuracy_score(labels, self._decide(outputs), sample_weight=weights))

    def _strata(self, targets: Array) -> Array | None:
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return None
        return self._label_binarizer.inverse_transform(targets)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, Perceptron):
    """A multi-layer perceptron that predicts numbers.

    z(l) = a(l-1) W(l) + b(l), a(l) = f(z(l)); the output layer has no activation. What is minimised
    is half the squared error, summed over the outputs, plus alpha / 2 sum ||W||^2 divided by the
    batch size.

    Numbers are float32, and one learning rate serves all outputs: standardise inputs and targets
    (``StandardScaler``, ``TransformedTargetRegressor``).

    Args:
        hidden_layer_sizes: units of each hidden layer; the arguments are those of
            ``MLPClassifier``.
        activation: f: ``"identity"``, ``"logistic"``, ``"tanh"`` or ``"relu"``.

    Attributes:
        model_: the network, a ``pellucid.Sequential``; the others are those of ``MLPClassifier``,
            without ``classes_``. Validation scores are R^2.

    References:
        Rumelhart, Hinton, Williams (1986); Glorot and Bengio (2010); Kingma and Ba (2015).
    """

    _numeric = True

    def predict(self, X: Any) -> Array:
        """Return the predicted numbers, shape (n,) or (n, outputs)."""
        return self._decide(self._checked_outputs(X))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch, going on from the last call.

        Args:
            X: inputs, shape (n, features).
            y: targets, shape (n,) or (n, outputs).
            sample_weight: weight of each example in the loss, shape (n,), or None.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _targets(self, y: Array, first: bool, incremental: bool) -> Array:
        self.out_activation_ = "identity"
        return np.asarray(y, np.float32).reshape(len(y), -1)

    def _loss(self) -> tuple[Any, float]:
        return losses.MeanSquaredError(), 0.5 * self.n_outputs_

    def _decide(self, outputs: Array) -> Array:
        return outputs[:, 0] if self.n_outputs_ == 1 else outputs

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        return float(r2_score(targets, outputs, sample_weight=weights))

    def _strata(self, targets: Array) -> Array | None:
        return None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
