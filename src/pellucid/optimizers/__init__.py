"""Optimizers: how gradients become steps.

Each optimizer is a frozen description with the pair of pure functions that Optax uses,
``init(params) -> state`` and ``update(grads, state, params) -> (updates, state)``; the updates are
what is *added* to the parameters. Optax's own transformations go wherever these go.

>>> import jax.numpy as jnp
>>> from pellucid.optimizers import SGD, apply_updates
>>> optimizer = SGD(learning_rate=0.5)
>>> params = {"w": jnp.array([1.0, 2.0])}
>>> state = optimizer.init(params)
>>> updates, state = optimizer.update({"w": jnp.array([0.5, -0.5])}, state, params)
>>> apply_updates(params, updates)["w"].tolist()
[0.75, 2.25]
"""

from pellucid.optimizers import schedules
from pellucid.optimizers._adagrad import Adadelta, Adagrad, RMSprop
from pellucid.optimizers._adam import Adam, AdamW, Nadam
from pellucid.optimizers._base import REGISTRY, Optimizer, apply_updates
from pellucid.optimizers._duck import as_optimizer, learning_rate_of, with_learning_rate
from pellucid.optimizers._lion import Lion
from pellucid.optimizers._sgd import SGD

get = REGISTRY.get

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "apply_updates",
    "as_optimizer",
    "get",
    "learning_rate_of",
    "schedules",
    "with_learning_rate",
]
