"""Pellucid: deep learning in which nothing is a black box.

The mathematics that is shown is the code that runs. Names are Keras's wherever Keras has one::

    import pellucid
    from pellucid.layers import Dense, Flatten

    (x, y), (x_test, y_test) = pellucid.datasets.mnist.load_data()
    model = pellucid.Sequential([Flatten(input_shape=(28, 28)), Dense(128, "relu"), Dense(10)])
    model.compile("adam", pellucid.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x / 255, y, epochs=10, validation_data=(x_test / 255, y_test))

Rooms are imported when they are first used: ``pellucid --help`` does not wait for JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pellucid import (
        activations,
        callbacks,
        constraints,
        data,
        datasets,
        errors,
        export,
        initializers,
        inspection,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        preprocessing,
        regularizers,
        training,
        tuning,
        utils,
        zoo,
    )
    from pellucid.layers import Input
    from pellucid.models import Model, Sequential
    from pellucid.recipes import open

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
    "export",
    "initializers",
    "inspection",
    "layers",
    "losses",
    "metrics",
    "models",
    "open",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "training",
    "tuning",
    "utils",
    "zoo",
]

_ROOM_OF = {"Input": "layers", "Model": "models", "Sequential": "models", "open": "recipes"}


def __getattr__(name: str) -> Any:
    """Import a room, or the room of a name, when it is first asked for."""
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    elif name in __all__:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
