"""Multi-layer perceptrons as scikit-learn estimators, with scikit-learn's own argument names.

They go wherever scikit-learn's estimators go (``Pipeline``, ``GridSearchCV``, ``cross_val_score``),
and train on Pellucid's ``Sequential``; the network is in the attribute ``model_``.

>>> from pellucid.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> network = MLPClassifier(hidden_layer_sizes=(16,), max_iter=300, tol=0.001, random_state=0)
>>> bool(network.fit(X, y).score(X, y) > 0.9)
True

What differs from scikit-learn's: numbers are float32; sparse matrices are refused; the solver
``"lbfgs"`` is refused; the penalty and the sample weights of a batch are divided by their mean over
all batches, so a short last batch is not penalised more.
"""

import math
import warnings
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid import initializers, losses, optimizers, regularizers
from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.callbacks import Callback
from pellucid.errors import ArgumentError, DataError
from pellucid.layers import Dense, Input
from pellucid.models import Sequential

__all__ = ["MLPClassifier", "MLPRegressor"]

Array = np.ndarray

_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_SMALLEST_RATE = 1e-6
"""Below it the schedule ``"adaptive"`` gives up."""


class _Watch(Callback):
    """Keeps the record of a fit, follows the learning rate schedule, and ends the fit.

    An epoch counts as no improvement if its loss (or validation score) is not better than the best
    so far by ``tol``. After more than ``n_iter_no_change`` such epochs in a row the fit ends; with
    ``learning_rate="adaptive"`` the rate is divided by 5 instead, down to 1e-6.

    Args:
        estimator: whose attributes are written.
        rows: how many examples an epoch has.
        held_out: (X, y, weights) for the validation score, or None.
    """

    def __init__(self, estimator: "_MLP", rows: int, held_out: tuple[Any, Any, Any] | None) -> None:
        self.estimator = estimator
        self.rows = rows
        self.held_out = held_out
        self.waited = 0
        self.converged = False
        self.best_parameters: Any = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Take the learning rate up where the last fit left it."""
        self.record.learning_rate = self.estimator._rate

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the loss, compare, and set the next rate."""
        net = self.estimator
        net.loss_ = float((logs or {})["loss"])
        net.loss_curve_.append(net.loss_)
        net.n_iter_ += 1
        net.t_ += self.rows
        if net.verbose:
            print(f"Iteration {net.n_iter_}, loss = {net.loss_:.8f}")
        if not math.isfinite(net.loss_):
            self.record.stop("The loss is not finite.")
            return
        self.waited = 0 if self._improved() else self.waited + 1
        if net.solver == "sgd" and net.learning_rate == "invscaling":
            net._rate = net.learning_rate_init / (net.t_ + 1) ** net.power_t
        if self.waited > net.n_iter_no_change:
            adaptive = net.solver == "sgd" and net.learning_rate == "adaptive"
            if adaptive and net._rate > _SMALLEST_RATE:
                net._rate /= 5
                self.waited = 0
            else:
                self.converged = True
                self.record.stop("The loss no longer improves.")
        self.record.learning_rate = net._rate

    def _improved(self) -> bool:
        """Compare this epoch with the best so far, and keep it if it is better."""
        net = self.estimator
        if self.held_out is None:
            improved = net.loss_ <= net.best_loss_ - net.tol
            net.best_loss_ = min(net.best_loss_, net.loss_)
            return improved
        x, y, weights = self.held_out
        score = net._score_outputs(net._outputs(x), y, weights)
        net.validation_scores_.append(score)
        if net.verbose:
            print(f"Validation score: {score:f}")
        improved = score >= net.best_validation_score_ + net.tol
        if score > net.best_validation_score_:
            net.best_validation_score_ = score
            self.best_parameters = self.record.parameters
        return improved

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Put the best parameters back, where a validation score chose them."""
        if self.best_parameters is not None:
            self.record.replace(self.best_parameters)


class _MLP(BaseEstimator):
    """What the two estimators share: their arguments, the network, and the fit."""

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    # What the two estimators differ in

    def _targets(self, y: Array, first: bool) -> Array:
        """Return the targets as numbers of shape (n, outputs)."""
        raise NotImplementedError

    def _loss(self) -> tuple[Any, float]:
        """Return the loss of the output layer's values, and the factor that makes it scikit's."""
        raise NotImplementedError

    def _decide(self, outputs: Array) -> Array:
        """Return the predictions that values of the output layer stand for."""
        raise NotImplementedError

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the validation score."""
        raise NotImplementedError

    # The network

    @property
    def model_(self) -> Sequential:
        """The network: a ``pellucid.Sequential`` from the inputs to the values of the output layer.

        It ends before the softmax or sigmoid. It is not pickled with the estimator, but made anew
        from ``coefs_`` and ``intercepts_``.
        """
        check_is_fitted(self)
        return self._network()

    def _network(self) -> Sequential:
        if not hasattr(self, "_model"):
            self._model = self._new_network([w.shape for w in self.coefs_], seed=0)
            self._model.set_weights(self._interleaved())
        return self._model

    def _new_network(self, shapes: list[tuple[int, int]], seed: int) -> Sequential:
        """Return a compiled network with these weight shapes and scikit-learn's start."""
        # Glorot and Bengio (2010), as scikit-learn applies it: biases start like weights.
        factor = 2 if self.activation == "logistic" else 6
        layers: list[Any] = [Input((shapes[0][0],))]
        for number, (inputs, units) in enumerate(shapes, start=1):
            bound = math.sqrt(factor / (inputs + units))
            start = initializers.RandomUniform(-bound, bound)
            layers.append(
                Dense(
                    units,
                    activation=_ACTIVATIONS[self.activation] if number < len(shapes) else None,
                    kernel_initializer=start,
                    bias_initializer=start,
                    kernel_regularizer=regularizers.L2(self._penalty),
                )
            )
        network = Sequential(layers, seed=seed)
        loss, factor = self._loss()
        network.compile(self._optimizer(), loss, loss_weights=[factor], verbose=0)
        return network

    def _optimizer(self) -> Any:
        if self.solver == "adam":
            return optimizers.Adam(
                self.learning_rate_init, self.beta_1, self.beta_2, epsilon=self.epsilon
            )
        nesterov = bool(self.nesterovs_momentum and self.momentum > 0)
        return optimizers.SGD(self.learning_rate_init, momentum=self.momentum, nesterov=nesterov)

    def _interleaved(self) -> list[Array]:
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]

    def _outputs(self, X: Array) -> Array:
        """Return the values of the output layer, shape (n, outputs)."""
        return self._network().predict(X, verbose=0).astype(np.float64)

    def _checked_outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return self._outputs(validate_data(self, X, dtype=np.float32, reset=False))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_model", None)
        return state

    # Fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on all examples until the loss no longer improves, or for ``max_iter`` epochs.

        Args:
            X: inputs, shape (n, features).
            y: targets, shape (n,) or (n, outputs).
            sample_weight: weight of each example in the loss, shape (n,), or None.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        hidden = self._check_arguments(incremental)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = validate_data(
            self, X, y, dtype=np.float32, multi_output=True, reset=first, y_numeric=self._numeric
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = self._targets(y, first)
        w = _weights(sample_weight, len(X))
        held_out = None
        if self.early_stopping:
            X, y, w, held_out = self._hold_out(X, y, w)
        batch_size = self._batch_size(len(X))
        random = check_random_state(self.random_state)
        seed = int(random.randint(np.iinfo(np.int32).max))
        self.n_outputs_ = y.shape[1]
        widths = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._start(widths)
        if first or not incremental or not hasattr(self, "_model"):
            # scikit-learn: alpha / 2 ||W||^2, divided by the sum of the batch's weights.
            self._penalty = self.alpha / 2 / (batch_size * (1.0 if w is None else float(w.mean())))
            self._rate = self.learning_rate_init
            self._model = self._new_network(list(pairwise(widths)), seed)
            if not first:
                self._model.set_weights(self._interleaved())
        watch = _Watch(self, len(X), held_out)
        self.n_iter_ = 0
        self._model.fit(
            X,
            y,
            batch_size=batch_size,
            epochs=1 if incremental else self.max_iter,
            shuffle=self.shuffle,
            seed=seed,
            sample_weight=None if w is None else w / w.mean(),
            callbacks=[watch],
            verbose=0,
        )
        weights = self._model.get_weights()
        self.coefs_, self.intercepts_ = weights[0::2], weights[1::2]
        if not all(np.isfinite(array).all() for array in weights):
            raise DataError(
                f"{type(self).__name__} ended with weights that are not finite; standardise X, as "
                "in make_pipeline(StandardScaler(), ...), or lower learning_rate_init."
            )
        if not incremental and not watch.converged and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"The loss was still improving when max_iter={self.max_iter} was reached; "
                "raise max_iter to train on.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _start(self, widths: list[int]) -> None:
        """Forget all that an earlier fit left."""
        self.n_layers_ = len(widths)
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self.best_loss_: float | None = None if self.early_stopping else math.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_: float | None = -math.inf if self.early_stopping else None

    def _hold_out(
        self, X: Array, y: Array, w: Array | None
    ) -> tuple[Array, Array, Array | None, tuple[Array, Array, Array | None]]:
        """Split ``validation_fraction`` of the examples off for the validation score."""
        train, held = train_test_split(
            np.arange(len(X)),
            test_size=self.validation_fraction,
            random_state=check_random_state(self.random_state),
            stratify=self._strata(y),
        )
        if len(held) < 2:
            raise DataError(
                f"{type(self).__name__} kept {len(held)} of {len(X)} examples for validation and "
                "needs 2 or more; raise validation_fraction or give more examples."
            )
        of = (lambda rows: None) if w is None else w.__getitem__
        return X[train], y[train], of(train), (X[held], y[held], of(held))

    def _batch_size(self, rows: int) -> int:
        if self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {rows} examples; all of them make "
                "one batch.",
                stacklevel=4,
            )
        return min(int(self.batch_size), rows)

    def _check_arguments(self, incremental: bool) -> list[int]:
        """Raise ArgumentError unless all arguments are in their domains; returns hidden sizes."""
        who = type(self).__name__
        if self.solver == "lbfgs":
            raise ArgumentError(
                f"{who} trains on batches and has no solver 'lbfgs'; use solver='adam' or 'sgd'."
            )
        check_one_of(who, "solver", self.solver, ("adam", "sgd"))
        check_one_of(who, "activation", self.activation, tuple(_ACTIVATIONS))
        rates = ("constant", "invscaling", "adaptive")
        check_one_of(who, "learning_rate", self.learning_rate, rates)
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if isinstance(sizes, Iterable) else [sizes]
        for size in hidden:
            check_positive_int(who, "hidden_layer_sizes", size)
        if self.batch_size != "auto":
            check_positive_int(who, "batch_size", self.batch_size)
        check_positive_int(who, "max_iter", self.max_iter)
        check_range(who, "n_iter_no_change", self.n_iter_no_change, 1)
        check_range(who, "alpha", self.alpha, 0)
        check_range(who, "tol", self.tol, 0)
        check_range(who, "learning_rate_init", self.learning_rate_init, 0, open_low=True)
        check_range(who, "validation_fraction", self.validation_fraction, 0, 1, open_high=True)
        if self.early_stopping and incremental:
            raise ArgumentError(
                f"{who}.partial_fit cannot stop early; use early_stopping=False, or fit."
            )
        return [int(size) for size in hidden]


class MLPClassifier(ClassifierMixin, _MLP):
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
            return softmax(z, axis=1)
        p = expit(z)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class, shape (n, classes)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> Self:
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

    def _targets(self, y: Array, first: bool) -> Array:
        check_classification_targets(y)
        if first and not hasattr(self, "coefs_") and hasattr(self, "classes_"):
            first = False  # The classes came with the first partial_fit.
