"""Diabetes: ten measures of patients and how far the disease went in a year; inside scikit-learn.

- Records: 442 patients; split here, see ``load_data``.
- Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least Angle Regression", Annals of
  Statistics 32 (2004).
- Licence: none stated; published with the paper and distributed with scikit-learn.
"""

import numpy as np

from pellucid.data._split import Split, fixed_split

__all__ = ["feature_names", "load_data"]

feature_names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Split, Split]:
    """Return the patients as ``(x_train, y_train), (x_test, y_test)``, without any network.

    The set has no test part of its own. A share of ``test_split``, rounded, is drawn at random for
    the test part; the default arguments always give the same 354 training and 88 test patients in
    the same order.

    Args:
        test_split: the fraction for the test part, between 0 and 1.
        seed: of the draw.

    Returns:
        x: float32 of shape ``(n, 10)`` in the order of ``feature_names``, each measure shifted to
            mean 0 and scaled to sum of squares 1 over the whole set.
        y: float32 of shape ``(n,)``, 25 to 346, the measured progression.

    Raises:
        ArgumentError: if ``test_split`` is not between 0 and 1, or leaves one part empty.
    """
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    x, y = x.astype(np.float32), y.astype(np.float32)
    return fixed_split(x, y, np.zeros(len(y)), test_split, seed)
