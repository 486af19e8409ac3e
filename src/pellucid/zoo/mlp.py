"""The multi-layer perceptron: dense layers one after another.

Each layer is a matrix product, a bias and a function that bends, f; the last one has no f, and its
outputs are logits::

    a(0) = x
    a(l) = f(a(l-1) W(l) + b(l))        l = 1 ... L - 1
    z    = a(L-1) W(L) + b(L)

It learns by back-propagation: the error of the last layer, d(L), is carried back through the same
weights, d(l) = (d(l+1) W(l+1)^T) * f'(.), and dJ/dW(l) = a(l-1)^T d(l).

Papers: D. Rumelhart, G. Hinton, R. Williams, Learning representations by back-propagating errors,
Nature 323 (1986); G. Cybenko, Approximation by superpositions of a sigmoidal function (1989): one
hidden layer is enough to come as near to any continuous function as one likes; P. Simard, D.
Steinkraus, J. Platt, Best practices for convolutional neural networks applied to visual document
analysis (2003), for 800 hidden units on MNIST.

``mlp()`` has 636,010 parameters::

    image       (28, 28, 1)
    Flatten     (784,)
    Dense 800   (800,)       784 * 800 + 800 = 628,000, ReLU
    Dense 10    (10,)        800 * 10 + 10   =   8,010

``mlp(hidden=(128,))``, the textbooks' 784-128-10, has 101,770, and ``mlp((2,), (2,), 1)``, small
enough to be calculated by hand, has 9.
"""

from collections.abc import Sequence

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ArgumentError
from pellucid.layers import Dense, Dropout, Flatten, Input
from pellucid.models import Sequential


def mlp(
    input_shape: Sequence[int] = (28, 28, 1),
    hidden: Sequence[int] = (800,),
    classes: int = 10,
    activation: str = "relu",
    dropout: float = 0.0,
    seed: int = 0,
) -> Sequential:
    """Return a multi-layer perceptron.

    Args:
        input_shape: of an example, without the batch axis; it is made one row of numbers.
        hidden: units of each hidden layer, in order; ``()`` leaves a linear classifier.
        classes: size of the output, which is logits.
        activation: f of the hidden layers, by name.
        dropout: fraction dropped after each hidden layer while it learns, in [0, 1).
        seed: makes the initial weights.

    Raises:
        ArgumentError: if a size is no integer of 1 or more.
    """
    if isinstance(hidden, int) or isinstance(input_shape, int):
        name = "hidden" if isinstance(hidden, int) else "input_shape"
        raise ArgumentError(
            f"mlp expected {name} to be a list of integers, got one number; type {name}=(800,), "
            "for example."
        )
    for units in hidden:
        check_positive_int("mlp", "every hidden size", units)
    check_range("mlp", "dropout", dropout, 0, 1, open_high=True)
    layers: list[Dense | Dropout | Flatten] = [Flatten()] if len(input_shape) > 1 else []
    for units in hidden:
        layers.append(Dense(units, activation))
        if dropout:
            layers.append(Dropout(dropout))
    layers.append(Dense(classes))
    return Sequential([Input(tuple(input_shape)), *layers], name="mlp", seed=seed)
