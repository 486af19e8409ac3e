"""What the two estimators share: their arguments, the network, and the fit."""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from pellucid import optimizers, regularizers
from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import Dense, Input
from pellucid.models import Sequential
from pellucid.sklearn._watch import Watch

Array = np.ndarray

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
"""scikit-learn's names of activations, and ours."""

OPTIMIZER = {"adam": ("beta_1", "beta_2", "epsilon"), "sgd": ("momentum", "nesterovs_momentum")}
"""The settings of each solver that its program depends on; each fit sets its learning rate."""


class Perceptron(BaseEstimator, ABC):
    """A multi-layer perceptron with scikit-learn's arguments; see ``MLPClassifier``."""

    _numeric: bool
    coefs_: list[Array]
    intercepts_: list[Array]
    loss_: float
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    best_validation_score_: Any
    n_iter_: int
    t_: int
    n_outputs_: int
    out_activation_: str

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

    @abstractmethod
    def _targets(self, y: Array, first: bool, incremental: bool) -> Array:
        """Return the targets as numbers of shape (n, outputs)."""

    @abstractmethod
    def _loss(self) -> tuple[Any, float]:
        """Return the loss of the output layer's values, and the factor that makes it scikit's."""

    @abstractmethod
    def _decide(self, outputs: Array) -> Array:
        """Return the predictions that values of the output layer stand for."""

    @abstractmethod
    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the validation score."""

    @abstractmethod
    def _strata(self, targets: Array) -> Array | None:
        """Return what the validation split keeps the shares of, or None."""

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
            widths = [len(self.coefs_[0]), *(len(b) for b in self.intercepts_)]
            self._model = self._new_network(widths, self._last_weights())
        return self._model

    def _new_network(self, widths: list[int], weights: list[Array]) -> Sequential:
        """Return a compiled network with these numbers of units and these weights."""
        optimizer = {name: getattr(self, name) for name in OPTIMIZER[self.solver]}
        compiled = _compiled_network(
            *(tuple(widths), self.activation, self._penalty, *self._loss()),
            *(self.solver, tuple(optimizer.items())),
        )
        network = compiled._sibling()
        network.set_weights(weights)
        return network

    def _first_weights(self, widths: list[int], random: np.random.RandomState) -> list[Array]:
        """Return W and b of each layer, drawn as scikit-learn draws them.

        W, b ~ U(-r, r), r = sqrt(6 / (inputs + units)), or sqrt(2 / ...) for the logistic function
        (Glorot and Bengio, 2010). The same ``random_state`` gives scikit-learn's own numbers.
        """
        factor = 2.0 if self.activation == "logistic" else 6.0
        drawn: list[Array] = []
        for inputs, units in pairwise(widths):
            r = math.sqrt(factor / (inputs + units))
            drawn.append(random.uniform(-r, r, (inputs, units)).astype(np.float32))
            drawn.append(random.uniform(-r, r, units).astype(np.float32))
        return drawn

    def _last_weights(self) -> list[Array]:
        """Return W and b of each layer, as the last fit left them."""
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
        y = self._targets(y, first, incremental)
        w = _weights(sample_weight, len(X))
        held_out = None
        if self.early_stopping:
            X, y, w, held_out = self._hold_out(X, y, w)
        rows = len(X)
        batch_size = self._batch_size(rows)
        if batch_size == rows:
            X, y, w = _united(X, y, w)
            batch_size = len(X)
        random = check_random_state(self.random_state)
        self.n_outputs_ = y.shape[1]
        widths = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._start(widths)
        if first or not incremental or not hasattr(self, "_model"):
            # scikit-learn: alpha / 2 ||W||^2, divided by the sum of the batch's weights.
            self._penalty = self.alpha / 2 / (batch_size * (1.0 if w is None else float(w.mean())))
            self._rate = self.learning_rate_init
            weights = self._first_weights(widths, random) if first else self._last_weights()
            self._model = self._new_network(widths, weights)
        watch = Watch(self, rows, held_out)
        self.n_iter_ = 0
        self._model.fit(
            X,
            y,
            batch_size=batch_size,
            epochs=1 if incremental else self.max_iter,
            shuffle=self.shuffle,
            seed=int(random.randint(np.iinfo(np.int32).max)),
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
        self.loss_curve_ = []
        self.best_loss_ = None if self.early_stopping else math.inf
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -math.inf if self.early_stopping else None

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
        if isinstance(self.batch_size, str):
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
        check_one_of(who, "activation", self.activation, tuple(ACTIVATIONS))
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


@lru_cache(maxsize=32)
def _compiled_network(
    widths: tuple[int, ...],
    activation: str,
    penalty: float,
    loss: Any,
    share: float,
    solver: str,
    settings: tuple[tuple[str, Any], ...],
) -> Sequential:
    """Return a network for others to share its programs: a second fit alike compiles nothing.

    Args:
        widths: inputs, and units of each layer.
        activation: scikit-learn's name of the hidden layers' activation.
        penalty: strength of the L2 penalty.
        loss: the loss.
        share: what its value is multiplied by.
        solver: ``"adam"`` or ``"sgd"``.
        settings: the optimizer's, but for the learning rate.
    """
    given = dict(settings)
    optimizer: Any
    if solver == "adam":
        optimizer = optimizers.Adam(**given)
    else:
        nesterov = bool(given["nesterovs_momentum"] and given["momentum"] > 0)
        optimizer = optimizers.SGD(momentum=given["momentum"], nesterov=nesterov)
    activations = [ACTIVATIONS[activation]] * (len(widths) - 2) + [None]
    regularizer = regularizers.L2(penalty)
    hidden_and_last = zip(widths[1:], activations, strict=True)
    dense = [Dense(n, activation=f, kernel_regularizer=regularizer) for n, f in hidden_and_last]
    network = Sequential([Input((widths[0],)), *dense])
    network.compile(optimizer, loss, loss_weights=[share], verbose=0)
    return network


def _united(X: Array, y: Array, w: Array | None) -> tuple[Array, Array, Array | None]:
    """Return the different examples in a fixed order, each with the sum of its weights.

    Where all examples make one batch, the gradient is a sum over them: an example of weight 3 is
    then the same as three of weight 1, to the last bit, and one of weight 0 is none.
    """
    if w is None:
        w = np.ones(len(X), np.float32)
    X, y, w = X[w > 0], y[w > 0], w[w > 0]
    _, firsts, which = np.unique(np.hstack([X, y]), axis=0, return_index=True, return_inverse=True)
    sums = np.bincount(which.ravel(), w).astype(np.float32)
    return X[firsts], y[firsts], None if (sums == 1).all() else sums


def _weights(sample_weight: Any, rows: int) -> Array | None:
    """Return sample weights as an array, checked; None if all are alike."""
    if sample_weight is None:
        return None
    w = np.asarray(sample_weight, np.float32)
    if w.shape != (rows,):
        raise ShapeError(
            f"sample_weight expected one number for each example, shape ({rows},), got shape "
            f"{w.shape}; leave it out to count all alike."
        )
    if not np.isfinite(w).all() or w.min() < 0:
        raise DataError(
            f"sample_weight expected numbers of 0 or more, got {w[~(w >= 0) | np.isinf(w)][0]}; "
            "leave it out to count all alike."
        )
    if not w.any():
        raise DataError(
            "sample_weight expected some weight above zero, and all are zero; leave it out to "
            "count all alike."
        )
    return w
