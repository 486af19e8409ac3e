"""The program of the digits, for whichever estimator the caller has chosen."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from systems import Trainer


def prepare_with(kind, workload):
    digits = workload.networks()
    x, y = workload.data()
    fitted = digits.classifier(kind, 1)

    def run(epochs):
        nonlocal fitted
        fitted = digits.classifier(kind, epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.fit(x, y)
        return fitted.loss_

    run(1)
    numbers = [*fitted.coefs_, *fitted.intercepts_]
    flops = 2 * sum(w.size for w in fitted.coefs_)
    return Trainer(
        run,
        sum(array.size for array in numbers),
        flops,
        accuracy=lambda: fitted.score(*digits.held_out()),
    )
