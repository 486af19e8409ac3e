"""Digits: small scanned handwritten digits, 8 x 8 grey pixels, 10 classes; inside scikit-learn.

- Records: 1,797 images, 174 to 183 of each digit; split here, see ``load_data``.
- Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
  Repository (1998), the test part; 32 x 32 bitmaps counted in blocks of 4 x 4.
- Licence: Creative Commons Attribution 4.0, as the repository states it.
"""

import numpy as np

from pellucid.data._split import Split, fixed_split

__all__ = ["load_data"]


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[Split, Split]:
    """Return the digits as ``(x_train, y_train), (x_test, y_test)``, without any network.

    The set has no test part of its own. Of each digit a share of ``test_split``, rounded, is drawn
    at random for the test part; the default arguments always give the same 1,438 training and 359
    test images in the same order.

    Args:
        test_split: the fraction for the test part, between 0 and 1.
        seed: of the draw.

    Returns:
        x: uint8 of shape ``(n, 8, 8)``, 0 (paper) to 16 (ink).
        y: uint8 of shape ``(n,)``, the digits 0 to 9.

    Raises:
        ArgumentError: if ``test_split`` is not between 0 and 1, or leaves one part empty.

    Example::

        (x_train, y_train), (x_test, y_test) = pellucid.datasets.digits.load_data()
        x_train, x_test = x_train / 16.0, x_test / 16.0
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = x.reshape(-1, 8, 8).astype(np.uint8), y.astype(np.uint8)
    return fixed_split(x, y, y, test_split, seed)
