"""The fixed split of the small sets that come whole, without a test part of their own."""

import numpy as np

from pellucid._checks import check_range
from pellucid.errors import ArgumentError

Split = tuple[np.ndarray, np.ndarray]


def fixed_split(
    x: np.ndarray, y: np.ndarray, groups: np.ndarray, test_split: float, seed: int
) -> tuple[Split, Split]:
    """Split records so that each group keeps its share.

    Of a group with m records, round(test_split m) go to the test part. Records are drawn and
    ordered by ``RandomState(seed)``, whose numbers NumPy keeps the same for ever.

    Args:
        x: records, shape ``(n, ...)``.
        y: their labels, shape ``(n,)``.
        groups: the group of each record, shape ``(n,)``: its class, or zeros for no groups.
        test_split: the fraction for the test part, between 0 and 1.
        seed: of the draw.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``.

    Raises:
        ArgumentError: if ``test_split`` is not between 0 and 1, or leaves one part empty.
    """
    check_range("load_data", "test_split", test_split, 0, 1, open_low=True, open_high=True)
    random = np.random.RandomState(seed)
    in_test = np.zeros(len(y), bool)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        in_test[random.permutation(rows)[: round(test_split * len(rows))]] = True
    train = random.permutation(np.flatnonzero(~in_test))
    test = random.permutation(np.flatnonzero(in_test))
    if not len(train) or not len(test):
        raise ArgumentError(
            f"load_data expected test_split to leave records on both sides, got {test_split} of "
            f"{len(y)} records; take it closer to 0.2."
        )
    return (x[train], y[train]), (x[test], y[test])
