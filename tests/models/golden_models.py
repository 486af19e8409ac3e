"""The models whose files are kept, one folder for each format version, and how they were made.

``python tests/models/golden_models.py`` writes the folder of the present format version, once: what
an earlier Pellucid has saved is never written again.
"""

import json
import sys
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("golden")
TOLERANCE = 1e-5
"""Relative and absolute: another machine may add in another order."""


def chain():
    """Return a chain of convolution, normalization, pooling and dense layers, trained a little."""
    from pellucid import Sequential, losses, optimizers
    from pellucid.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D

    parts = [
        Conv2D(3, 3, activation="relu", kernel_regularizer="l2", input_shape=(6, 6, 1)),
        BatchNormalization(),
        MaxPooling2D(),
        Flatten(),
        Dropout(0.2),
        Dense(3),
    ]
    model = Sequential(parts, name="chain", seed=1)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(optimizers.Adam(rate), loss, ["accuracy"], verbose=0)
    x = inputs("chain")
    model.fit(x, np.arange(len(x)) % 3, epochs=2, verbose=0)
    return model


def graph():
    """Return a graph with two inputs, a shared layer, a nested model, words and a recurrence."""
    from pellucid import Input, Model
    from pellucid.layers import GRU, Add, Concatenate, Dense, Embedding

    words, numbers = Input((5,), "int32", "words"), Input((4,), name="numbers")
    shared = Dense(4, activation="tanh", name="shared")
    h = Input((4,))
    nested = Model(h, Dense(4, activation="gelu")(h), name="nested", seed=3)
    read = GRU(4)(Embedding(9, 3)(words))
    total = Add()([shared(numbers), shared(read)])
    joined = Concatenate()([nested(total), read])
    return Model(
        {"words": words, "numbers": numbers},
        {"a": Dense(2, name="a")(joined), "b": Dense(1, name="b")(total)},
        name="graph",
        seed=2,
    )


MODELS = {"chain": chain, "graph": graph}


def inputs(name):
    """Return the rows that the predictions are of."""
    rng = np.random.default_rng(0)
    if name == "chain":
        return rng.standard_normal((9, 6, 6, 1)).astype(np.float32)
    return {
        "words": rng.integers(0, 9, (3, 5)).astype(np.int32),
        "numbers": rng.standard_normal((3, 4)).astype(np.float32),
    }


def predictions(name, model):
    """Return the outputs as plain lists by name."""
    y = model.predict(inputs(name))
    named = y if isinstance(y, dict) else {"y": y}
    return {output: np.asarray(array, float).tolist() for output, array in named.items()}


def main():
    """Write the folder of the present format version."""
    from pellucid.models._saving import FORMAT_VERSION

    folder = GOLDEN / f"version-{FORMAT_VERSION}"
    if folder.exists():
        sys.exit(f"{folder} exists; golden files are written once.")
    expected = {}
    for name, make in MODELS.items():
        model = make()
        model.save(folder / name)
        expected[name] = predictions(name, model)
    (folder / "predictions.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
