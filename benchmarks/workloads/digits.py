"""scikit-learn's digits through scikit-learn's estimator and ours, which has its arguments.

A round is a whole ``fit`` of 100 passes, as a user writes it: the estimator is new each time.
"""

from workloads._workload import Workload

WORKLOADS = (
    Workload(
        "digits",
        file="digits",
        what="MLPClassifier, hidden 128, SGD 0.01, 100 passes of digits",
        batch_size=200,
        rows=1_437,
        epochs=100,
        learning_rate=0.01,
        momentum=0.9,
        ours="pellucid_sklearn",
        only=("pellucid_sklearn", "sklearn"),
        why_only="no scikit-learn estimator",
    ),
)


def data(workload):
    """Return the images standardized, and the classes."""
    x, y = _parts()[:2]
    return x, y


def held_out():
    """Return a fifth of the images, not among those of ``data``, and their classes."""
    return _parts()[2:]


def classifier(kind, epochs):
    """Return an estimator of ``kind``, scikit-learn's class or ours, with the same arguments."""
    return kind(
        hidden_layer_sizes=(128,),
        activation="relu",
        solver="sgd",
        learning_rate_init=0.01,
        max_iter=epochs,
        n_iter_no_change=epochs,  # all passes, whether or not the loss still falls
        random_state=0,
    )


def _parts():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    x, y = load_digits(return_X_y=True)
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), y, scaler.transform(x_held), y_held
