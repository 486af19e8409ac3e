"""When a fit ends, and what it leaves in the estimator: scikit-learn's rules as a callback."""

import math
from typing import TYPE_CHECKING, Any

from pellucid.callbacks import Callback

if TYPE_CHECKING:
    from pellucid.sklearn._perceptron import Perceptron

SMALLEST_RATE = 1e-6
"""Below it the schedule ``"adaptive"`` gives up."""


class Watch(Callback):
    """Keeps the record of a fit, follows the learning rate schedule, and ends the fit.

    An epoch counts as no improvement if its loss (or validation score) is not better than the best
    so far by ``tol``. After more than ``n_iter_no_change`` such epochs in a row the fit ends; with
    ``learning_rate="adaptive"`` the rate is divided by 5 instead, down to 1e-6.

    Args:
        estimator: whose attributes are written.
        rows: how many examples an epoch has.
        held_out: (X, y, weights) for the validation score, or None.
    """

    def __init__(
        self, estimator: "Perceptron", rows: int, held_out: tuple[Any, Any, Any] | None
    ) -> None:
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
        rate = net._rate
        if net.solver == "sgd" and net.learning_rate == "invscaling":
            net._rate = net.learning_rate_init / (net.t_ + 1) ** net.power_t
        if self.waited > net.n_iter_no_change:
            adaptive = net.solver == "sgd" and net.learning_rate == "adaptive"
            if adaptive and net._rate > SMALLEST_RATE:
                net._rate /= 5
                self.waited = 0
            else:
                self.converged = True
                self.record.stop("The loss no longer improves.")
        if net._rate != rate:
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
