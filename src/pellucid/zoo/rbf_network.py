"""The radial basis function network: how near is x to each of some typical examples?

Hidden unit j has a center c_j, a place among the examples, and a width w_j. It answers 1 to an
input at its center and less the further away the input lies; the output weighs these answers::

    h_j = exp(-|x - c_j|^2 / (2 w_j^2))
    z_k = sum_j V_jk h_j + b_k

Where a layer of a multi-layer perceptron cuts space in two with a plane, a unit of this one covers
a ball. Two ways to the centers:

- **k-means** (Moody and Darken): the centers are the means of clusters of the examples, each width
  the distance to the nearest other centers; these stay, and V and b alone are learned, which is a
  problem without local minima: ``rbf_network(..., learned=False)``, then ``place(network, x)``;
- **learned** (Poggio and Girosi): gradient descent moves centers and widths along with V and b,
  best from the places that k-means gives: ``rbf_network(...)``, then ``place`` or not.

Papers: D. Broomhead, D. Lowe, Multivariable functional interpolation and adaptive networks (1988);
J. Moody, C. Darken, Fast learning in networks of locally-tuned processing units (1989); T. Poggio,
F. Girosi, Networks for approximation and learning (1990).

``rbf_network(64, 100, 10)``, for the digits of 8x8 pixels, has 7,510 parameters::

    x                  (64,)
    RadialBasis 100    (100,)     100 * 64 centers and 100 widths = 6,500, of which none is trained
                                  with learned=False
    Dense 10           (10,)      100 * 10 + 10                   = 1,010
"""

from typing import Any

import numpy as np

from pellucid._checks import check_last_axis, check_rank
from pellucid.errors import MismatchError
from pellucid.layers import Dense, Input, RadialBasis, Variables
from pellucid.models import Model

UNITS, SCORES = "units", "scores"


def rbf_network(
    features: int = 64, units: int = 100, classes: int = 10, learned: bool = True, seed: int = 0
) -> Model:
    """Return a radial basis function network; its centers start at random until ``place``.

    Args:
        features: numbers in an example.
        units: Gaussian units.
        classes: size of the output, which is logits.
        learned: True: centers and widths are trained with the rest; False: they stay.
        seed: makes the initial weights.
    """
    x = Input((features,))
    h = RadialBasis(units, trainable=learned, name=UNITS)(x)
    return Model(x, Dense(classes, name=SCORES)(h), name="rbf_network", seed=seed)


def place(network: Any, x: Any, seed: int = 0) -> None:
    """Put the centers of a network at the means of clusters of the examples, with their widths.

    Args:
        network: as ``rbf_network`` makes it; it gets new centers and widths.
        x: examples, shape (samples, features), at least as many different ones as units.
        seed: makes the start of the clusters.

    Raises:
        MismatchError: the network has no radial basis units.
        ShapeError: the examples have not the network's number of features.
        DataError: there are fewer different examples than units.
    """
    layer = network.graph.layers().get(UNITS)
    if not isinstance(layer, RadialBasis):
        raise MismatchError(
            f"place expected a network with a RadialBasis layer named {UNITS!r}, got "
            f"{list(network.graph.layers())}; use rbf_network(features, units, classes)."
        )
    x = np.asarray(x)
    check_rank("place", x.shape, 2, "(samples, features)", "flatten each example to one row")
    check_last_axis("place", x.shape, network.graph.input_symbols[0].shape[-1])
    own = network.variables
    parameters = {**own.parameters, UNITS: layer.place(x, seed)}
    network.variables = Variables(parameters, own.state)
