"""Small recorded trainings, with the states that a fit of single steps captured."""

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import Sequential, losses, optimizers
from pellucid.callbacks import Callback, LambdaCallback, Recorder
from pellucid.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    RandomFlip,
    RandomTranslation,
)


class Keep(Callback):
    """Keeps the states before some steps; it has the host look at every step."""

    def __init__(self, steps):
        self.wanted, self.states = set(steps), {}

    def on_train_batch_begin(self, batch, logs=None):
        step = int(self.record.live.step)
        if step in self.wanted:
            self.states[step] = self.record.state


def pictures(rows=50):
    """Return pictures (rows, 6, 6, 1) whose class is the half in which they are bright."""
    rng = np.random.default_rng(3)
    y = (np.arange(rows) % 2).astype(np.int32)
    x = rng.normal(0, 0.5, (rows, 6, 6, 1)).astype(np.float32)
    x[y == 0, :3] += 1
    x[y == 1, 3:] += 1
    return x, y


def network(optimizer=None, seed=0):
    """Return a small network with augmentation, batch normalization and dropout, compiled."""
    parts = [
        RandomFlip("horizontal", input_shape=(6, 6, 1)),
        RandomTranslation(0.1, 0.1),
        Conv2D(4, 3),
        BatchNormalization(),
        Dropout(0.3),
        Flatten(),
        Dense(2),
    ]
    model = Sequential(parts, seed=seed)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or optimizers.Adam(0.01), loss, ["accuracy"], verbose=0)
    return model


def assert_equal_bits(a, b):
    """Assert that two training states are the same in every bit."""

    def plain(leaf):
        key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if key else leaf)

    assert jax.tree.structure(a) == jax.tree.structure(b)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert plain(one).tobytes() == plain(other).tobytes()


def often(folder, **settings):
    """Return a recorder that makes a checkpoint at every look."""
    return Recorder(folder, **{"share": 1.0, **settings})


def changing_rate(at, factor):
    """Return a callback that changes the rate at the beginning of an epoch."""

    def change(epoch, logs):
        if epoch == at:
            callback.record.learning_rate = callback.record.learning_rate * factor

    callback = LambdaCallback(on_epoch_begin=change)
    return callback
