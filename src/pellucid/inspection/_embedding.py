"""A map of what a layer makes of many samples: by principal components, or by t-SNE."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import DataError, ShapeError
from pellucid.inspection._pictures import plot_map
from pellucid.inspection._plots import INK
from pellucid.inspection._recorded import layer_output
from pellucid.models import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("pca", "tsne")


def principal_components(x: Any, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of rows along the directions in which they vary most.

    With the rows centered, X = U S V^T; the coordinates are the first columns of U S, and the share
    of the variance along each is s_k^2 / sum_j s_j^2. Of both signs of a direction the one is taken
    whose greatest weight is positive.

    Args:
        x: shape (rows, numbers); more axes are flattened.
        count: how many directions.

    Returns:
        Coordinates of shape (rows, count), and the shares of shape (count,).

    Raises:
        DataError: there are fewer than two rows, or fewer numbers than directions.

    References:
        Pearson, On lines and planes of closest fit to systems of points in space (1901).
    """
    check_positive_int("principal_components", "count", count)
    rows = np.asarray(x, np.float64).reshape(len(x), -1)
    if len(rows) < 2 or min(rows.shape) < count:
        raise DataError(
            f"principal_components needs at least two rows, and {count} rows and numbers for "
            f"{count} directions, got shape {rows.shape}."
        )
    u, s, v = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    sign = np.sign(v[np.arange(len(v)), np.abs(v).argmax(axis=1)])
    sign[sign == 0] = 1
    shares = s**2 / max(float(np.sum(s**2)), 1e-300)
    return (u * s * sign)[:, :count], shares[:count]


def embed(x: Any, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
    """Return places in the plane for rows, and with ``"pca"`` the shares of the variance.

    Args:
        x: shape (rows, numbers); more axes are flattened.
        method: ``"pca"``, or ``"tsne"``, which keeps neighbors together and no distances.
        seed: makes the start of t-SNE.
    """
    check_one_of("embed", "method", method, METHODS)
    if method == "pca":
        return principal_components(x)
    from sklearn.manifold import TSNE

    rows = np.asarray(x, np.float64).reshape(len(x), -1)
    if len(rows) < 5:
        raise DataError(f"t-SNE needs at least 5 rows, got {len(rows)}; use method='pca'.")
    perplexity = min(30.0, (len(rows) - 1) / 3)
    start = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    return start.fit_transform(rows), None


def plot_embedding(
    model: Model,
    layer: str,
    x: Any,
    y: Any,
    names: Sequence[str],
    method: str = "pca",
    seed: int = 0,
) -> "Figure":
    """Draw the outputs of a layer for many samples in the plane, colored by class.

    Args:
        model: any model.
        layer: path of the layer, such as the one before the last.
        x: inputs with the batch axis first.
        y: class numbers, shape (rows,).
        names: what the classes are called.
        method: ``"pca"`` or ``"tsne"``.
        seed: makes the start of t-SNE.

    Raises:
        ShapeError: there is not one class for each row.
        UnknownNameError: there is no such layer; the nearest is suggested.
    """
    made = layer_output(model, layer, x)
    labels = np.asarray(y).reshape(-1)
    if len(labels) != len(made):
        raise ShapeError(
            f"plot_embedding expected one class for each of the {len(made)} rows, got "
            f"{len(labels)}."
        )
    points, shares = embed(made, method, seed)
    figure = plot_map(points, labels, names, size=12)
    title = "t-SNE" if shares is None else f"PCA, {shares.sum():.0%} of the variance"
    axes = figure.axes[0]
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    return figure
