"""Inputs for every layer in the registry: the one table that drives the contract suite.

A new layer needs a row here; one without fails the suite.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import layers


@dataclass(frozen=True, eq=False)
class Case:
    """One layer with inputs.

    Args:
        layer: the layer.
        shape: shape of one sample, or a list of shapes for several inputs.
        wrong: a whole input shape, batch included, that the layer must refuse.
        message: what the refusal must say.
        words: number of words where the input is word numbers; None for floating numbers.
        label: what is special about the case.
        keras: False where Keras's layer of this name cannot do the same.
    """

    layer: layers.Layer
    shape: Any
    wrong: Any = None
    message: str = ""
    words: int | None = None
    label: str = ""
    keras: bool = True

    @property
    def id(self) -> str:
        name = type(self.layer).__name__
        return f"{name}-{self.label}" if self.label else name

    @property
    def several(self) -> bool:
        return isinstance(self.shape, list)

    def inputs(self, batch: int = 3, dtype: Any = "float32", seed: int = 0) -> Any:
        rng = np.random.default_rng(seed)

        def draw(shape: tuple[int, ...]) -> jax.Array:
            if self.words is not None:
                return jnp.asarray(rng.integers(0, self.words, (batch, *shape)), "int32")
            if jnp.issubdtype(dtype, jnp.integer):
                return jnp.asarray(rng.integers(0, 100, (batch, *shape)), dtype)
            return jnp.asarray(rng.standard_normal((batch, *shape)), dtype)

        return [draw(shape) for shape in self.shape] if self.several else draw(self.shape)

    def symbols(self, dtype: Any = "float32") -> Any:
        kind = "int32" if self.words is not None else dtype
        if self.several:
            return [layers.Input(shape, dtype=kind) for shape in self.shape]
        return layers.Input(self.shape, dtype=kind)

    def start(self, x: Any, seed: int = 0) -> layers.Variables:
        return self.layer.make_variables(jax.random.key(seed), specs(x))


@cache
def _compiled_start(layer: layers.Layer, leaves: tuple[Any, ...], tree: Any) -> Any:
    return jax.jit(lambda key: layer.make_variables(key, jax.tree.unflatten(tree, leaves)))


def specs(x: Any) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)


RANK_3 = "expected an input of rank 3"
RANK_4 = "expected an input of rank 4"

CASES = [
    # Neurons
    Case(layers.Dense(4, activation="tanh"), (5,), (3,), "rank 2 or more"),
    Case(layers.Dense(3, use_bias=False), (2, 5), (2, 2, 4), "last axis has size 5", label="steps"),
    Case(layers.Embedding(7, 4), (5,), (), "rank 1 or more", words=7),
    Case(layers.Embedding(7, 4, mask_zero=True), (3, 5), (), "rank 1", words=7, label="mask"),
    # Activations
    Case(layers.Activation("sigmoid"), (5, 3)),
    Case(layers.ReLU(), (5, 3)),
    Case(layers.ReLU(max_value=1.0, negative_slope=0.1), (5, 3), label="capped and leaky"),
    Case(layers.ReLU(max_value=0.7), (5, 3), label="capped"),
    Case(layers.ReLU(negative_slope=0.1), (5, 3), label="leaky"),
    Case(layers.LeakyReLU(), (5, 3)),
    Case(layers.PReLU("ones"), (5, 3), (2, 4, 3), "PReLU expected samples of shape"),
    Case(
        layers.PReLU("ones", shared_axes=(1, 2)),
        (5, 4, 3),
        (2, 5, 4, 2),
        "PReLU expected samples",
        label="shared",
    ),
    Case(layers.ELU(alpha=0.5), (5, 3)),
    Case(layers.Softmax(), (5, 3), (3,), "an axis -1 beside the batch"),
    Case(layers.Softmax(axis=1), (5, 3), (3,), "an axis 1 beside the batch", label="axis"),
    # The order of numbers
    Case(layers.Flatten(), (4, 3, 2), (), "rank 1 or more"),
    Case(layers.Flatten(), (), (), "rank 1 or more", label="numbers"),
    Case(layers.Reshape((2, 6)), (3, 4), (2, 3, 5), "numbers in a sample to be 12 for"),
    Case(layers.Reshape((2, -1)), (3, 4), (2, 3, 5), "to be a multiple of 2 for", label="rest"),
    Case(layers.Permute((2, 1)), (3, 4), (2, 3), RANK_3),
    Case(layers.Permute((3, 1, 2)), (3, 4, 5), (2, 3), RANK_4, label="image"),
    # Noise
    Case(layers.Dropout(0.4), (5, 3)),
    Case(layers.GaussianNoise(0.5), (5, 3)),
    # Normalization
    Case(layers.BatchNormalization(), (5,), (3,), "rank 2 or more"),
    Case(
        layers.BatchNormalization(momentum=0.8, epsilon=1e-2, scale=False),
        (5, 4, 3),
        (2, 5, 4, 2),
        "3",
        label="image",
    ),
    Case(layers.BatchNormalization(center=False), (5, 3), (2,), "rank 2 or more", label="steps"),
    Case(layers.LayerNormalization(), (5, 3), (3,), "rank 2 or more"),
    Case(layers.LayerNormalization(epsilon=1e-2, center=False), (5,), (2, 4), "5", label="no beta"),
    # Convolution
    Case(layers.Conv1D(4, 3, activation="relu"), (8, 3), (2, 8), RANK_3),
    Case(layers.Conv1D(4, 3, 2, "same"), (7, 3), (2, 7, 3, 1), RANK_3, label="same"),
    Case(
        layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        (7, 3),
        (2, 7, 2),
        "3",
        label="causal",
    ),
    Case(layers.Conv1D(4, 3, padding=((2, 1),)), (7, 3), (2, 7), RANK_3, label="own", keras=False),
    Case(layers.Conv2D(4, 3, activation="elu"), (5, 6, 3), (2, 5, 6), RANK_4),
    Case(layers.Conv2D(4, (3, 2), (2, 1), "same"), (7, 5, 3), (2, 7, 5), RANK_4, label="same"),
    Case(
        layers.Conv2D(6, 3, groups=2, use_bias=False),
        (5, 7, 4),
        (2, 5, 7, 6),
        "4",
        label="groups",
    ),
    Case(
        layers.Conv2D(2, (2, 3), dilation_rate=(2, 1)),
        (6, 5, 3),
        (2, 2, 5, 3),
        "2",
        label="dilated",
    ),
    Case(
        layers.Conv2D(2, 3, padding=((0, 1), (2, 0))),
        (5, 5, 1),
        (2, 5, 5),
        RANK_4,
        label="own",
        keras=False,
    ),
    # Pooling
    Case(layers.MaxPooling1D(3, 2), (9, 4), (2, 9), RANK_3),
    Case(layers.MaxPooling1D(2, padding="same"), (9, 4), (2, 9), RANK_3, label="same"),
    Case(layers.MaxPooling2D(), (6, 4, 3), (2, 6, 4), RANK_4),
    Case(layers.MaxPooling2D((3, 2), (2, 1), "same"), (7, 5, 3), (2, 7, 5), RANK_4, label="same"),
    Case(layers.AveragePooling1D(3, 2), (9, 4), (2, 9), RANK_3),
    Case(layers.AveragePooling1D(2, padding="same"), (9, 4), (2, 9), RANK_3, label="same"),
    Case(layers.AveragePooling2D(2), (6, 5, 3), (2, 6, 4), RANK_4),
    Case(
        layers.AveragePooling2D((3, 2), (2, 1), "same"), (7, 5, 3), (2, 7, 5), RANK_4, label="same"
    ),
    Case(layers.GlobalMaxPooling1D(), (5, 3), (2, 3), RANK_3),
    Case(layers.GlobalMaxPooling2D(keepdims=True), (5, 4, 3), (2, 5, 3), RANK_4),
    Case(layers.GlobalAveragePooling1D(), (5, 3), (2, 3), RANK_3),
    Case(layers.GlobalAveragePooling1D(keepdims=True), (5, 3), (2, 3), RANK_3, label="keepdims"),
    Case(layers.GlobalAveragePooling2D(), (5, 4, 3), (2, 5, 3), RANK_4),
    # Several inputs
    Case(layers.Add(), [(4, 3), (4, 3), (4, 3)], [(2, 3), (2, 4, 3)], "inputs of one rank"),
    Case(layers.Add(), [(4, 3), (1, 3)], [(2, 4, 3), (2, 2, 3)], "equal shape", label="stretched"),
    Case(layers.Multiply(), [(4, 3), (4, 3)], [(2, 4, 3), (2, 4, 2)], "differ on axis 2"),
    Case(
        layers.Multiply(),
        [(5, 4, 3), (1, 1, 3)],
        [(2, 5, 4, 3), (1, 1, 1, 3)],
        "differ on axis 0",
        label="gate",
    ),
    Case(layers.Concatenate(), [(4, 3), (4, 2)], [(2, 4, 3), (2, 5, 3)], "equal shape but"),
    Case(
        layers.Concatenate(axis=1), [(4, 3), (2, 3)], [(2, 4), (2, 4, 3)], "one rank", label="time"
    ),
    # Size
    Case(layers.ZeroPadding1D((2, 1)), (4, 3), (2, 4), RANK_3),
    Case(layers.ZeroPadding2D(((1, 0), (2, 3))), (4, 3, 2), (2, 4, 3), RANK_4),
    Case(layers.ZeroPadding2D((1, 2)), (4, 3, 2), (2, 4, 3), RANK_4, label="pairs"),
    Case(layers.UpSampling1D(3), (4, 3), (2, 4), RANK_3),
    Case(layers.UpSampling2D((2, 3)), (4, 3, 2), (2, 4, 3), RANK_4),
    Case(layers.Rescaling(1 / 127.5, offset=-1.0), (4, 3, 2)),
    Case(
        layers.Normalization((0.5, -1.0, 2.0), (4.0, 0.25, 1.0)),
        (5, 3),
        (2, 5, 4),
        "last axis has size 3",
    ),
    Case(layers.Normalization(3.0, 0.25), (4,), (4,), "rank 2 or more", label="one"),
    Case(layers.WordDropout(0.4), (6,), (), "rank 1 or more", words=7, keras=False),
]

from layers.attention_cases import CASES as ATTENTION  # noqa: E402  (it takes Case from here)

CASES += ATTENTION

from layers.convolution_cases import CASES as CONVOLUTION  # noqa: E402

CASES += CONVOLUTION

from layers.recurrent_cases import CASES as RECURRENT  # noqa: E402

CASES += RECURRENT

from layers.latent_cases import CASES as LATENT  # noqa: E402

CASES += LATENT

from layers.augmentation_cases import CASES as AUGMENTATION  # noqa: E402

CASES += AUGMENTATION

from layers.detection_cases import CASES as DETECTION  # noqa: E402

CASES += DETECTION
