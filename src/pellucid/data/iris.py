"""Iris: four measures of flowers of three species; inside scikit-learn.

- Records: 150 flowers, 50 of each species; split here, see ``load_data``.
- Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics
  7 (1936); measured by E. Anderson.
- Licence: Creative Commons Attribution 4.0, as the UCI Machine Learning Repository states it.
"""

import numpy as np

from pellucid.data._split import Split, fixed_split

__all__ = ["class_names", "feature_names", "load_data"]

class_names = ("setosa", "versicolor", "virginica")
feature_names = ("sepal length", "sepal width", "petal length", "petal width")


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Split, Split]:
    """Return the flowers as ``(x_train, y_train), (x_test, y_test)``, without any network.

    The set has no test part of its own. Of each species a share of ``test_split``, rounded, is
    drawn at random for the test part; the default arguments always give the same 120 training and
    30 test flowers in the same order.

    Args:
        test_split: the fraction for the test part, between 0 and 1.
        seed: of the draw.

    Returns:
        x: float32 of shape ``(n, 4)``, centimetres, in the order of ``feature_names``.
        y: uint8 of shape ``(n,)``, 0 to 2, places in ``class_names``.

    Raises:
        ArgumentError: if ``test_split`` is not between 0 and 1, or leaves one part empty.
    """
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    x, y = x.astype(np.float32), y.astype(np.uint8)
    return fixed_split(x, y, y, test_split, seed)
