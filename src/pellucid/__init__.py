"""Pellucid: deep learning in which nothing is a black box.

The mathematics that is shown is the code that runs. Names are Keras's wherever Keras has one::

    import pellucid
    from pellucid.layers import Dense, Flatten

    (x, y), (x_test, y_test) = pellucid.datasets.mnist.load_data()
    model = pellucid.Sequential([Flatten(input_shape=(28, 28)), Dense(128, "relu"), Dense(10)])
    model.compile("adam", pellucid.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x / 255, y, epochs=10, validation_data=(x_test / 255, y_test))
"""

__version__ = "0.1.0"

from pellucid import (
    activations,
    callbacks,
    constraints,
    data,
    datasets,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    regularizers,
    utils,
)
from pellucid.layers import Input
from pellucid.models import Model, Sequential

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "data",
    "datasets",
    "errors",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "utils",
]
