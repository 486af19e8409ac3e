"""Augmentation of whole batches, inside the compiled step: examples mixed with their labels.

A mixing is a function of a random key and a batch to a batch. ``augmented(step, mixing)`` is the
step that mixes first; the key is the step's, so a training that goes on mixes as it would have.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pellucid._checks import check_range, check_rank
from pellucid._named import Registry
from pellucid._tree import tree_map
from pellucid.errors import ArgumentError, DTypeError
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import Step

Array = jax.Array
Mixing = Callable[[Array, Batch], Batch]

MIXINGS: Registry[Mixing] = Registry("mixing of examples")
"""What a saved model can name as its augmentation of batches."""


def augmented(step: Step, mixing: Mixing) -> Step:
    """Return the step that mixes the examples of its batch first.

    Args:
        step: the training step.
        mixing: ``(key, batch) -> batch``, such as ``MixUp()``.
    """

    def augmented_step(state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        key = jax.random.fold_in(state.step_key(), zlib.crc32(b"augmentation"))
        return step(state, mixing(key, batch))

    return augmented_step


@MIXINGS.register()
@dataclass(frozen=True)
class MixUp:
    """Trains on weighted means of two examples and of their labels.

    Each row i is mixed with another one, j, of its batch, by its own lambda ~ Beta(alpha, alpha)::

        x' = lambda x_i + (1 - lambda) x_j        y' = lambda y_i + (1 - lambda) y_j

    ``model.compile(..., augmentation=MixUp())`` does so while it trains; evaluation and validation
    see the examples themselves. The measures of training are those of the mixed ones.

    Args:
        alpha: above 0: near 0 hardly anything is mixed, 1 takes every lambda equally often.

    Labels are shares of classes (one-hot rows, with a categorical loss) or other floating numbers.

    References:
        Zhang, Cisse, Dauphin, Lopez-Paz, mixup: beyond empirical risk minimization (2018),
        section 2.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        check_range("MixUp", "alpha", self.alpha, 0, open_low=True)

    def __call__(self, key: Array, batch: Batch) -> Batch:
        """Return the batch with its rows mixed.

        Raises:
            DTypeError: if inputs or labels are numbers of words or classes.
            ArgumentError: if the rows have weights.
        """
        _check("MixUp", batch)
        key_partner, key_share = jax.random.split(key)
        partner = _partners(key_partner, batch)
        share = jax.random.beta(key_share, self.alpha, self.alpha, partner.shape)

        def mix(a: Array) -> Array:
            if not jnp.issubdtype(a.dtype, jnp.floating):
                if a.dtype != jnp.uint8:
                    raise DTypeError(
                        f"MixUp expected inputs that can be mixed (pixels, measurements), got "
                        f"{a.dtype}; numbers of words or categories cannot."
                    )
                a = a.astype("float32")
            return _blend(a, share, partner)

        return batch._replace(
            x=tree_map(mix, batch.x), y=tree_map(lambda y: _blend(y, share, partner), batch.y)
        )


@MIXINGS.register()
@dataclass(frozen=True)
class CutMix:
    """Trains on images with a box of another one in them, and on labels in the shares of the areas.

    Each image i gets a box from another one, j, of its batch. The box has a share 1 - lambda of the
    area, lambda ~ Beta(alpha, alpha), the proportions of the image, and its center anywhere; what
    lies beyond the border is cut off. With lambda' the share that is left of image i::

        x' = x_j in the box, x_i elsewhere        y' = lambda' y_i + (1 - lambda') y_j

    ``model.compile(..., augmentation=CutMix())`` does so while it trains.

    Args:
        alpha: above 0; 1 takes every share equally often.

    Images are (batch, height, width, channels), labels as for ``MixUp``.

    References:
        Yun, Han, Oh, Chun, Choe, Yoo, CutMix: regularization strategy to train strong classifiers
        with localizable features (2019), section 3.1.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_range("CutMix", "alpha", self.alpha, 0, open_low=True)

    def __call__(self, key: Array, batch: Batch) -> Batch:
        """Return the batch with boxes of other images.

        Raises:
            ShapeError: if the inputs are no images.
            DTypeError: if the labels are class numbers.
            ArgumentError: if the rows have weights.
        """
        _check("CutMix", batch)
        x = batch.x
        shape: tuple[int, ...] = tuple(getattr(x, "shape", ()))
        check_rank("CutMix", shape, 4, "(batch, height, width, channels)", "use MixUp for others")
        key_partner, key_share, key_place = jax.random.split(key, 3)
        partner = _partners(key_partner, batch)
        share = jax.random.beta(key_share, self.alpha, self.alpha, partner.shape)
        height, width = shape[1:3]
        side = jnp.sqrt(1 - share)
        middle = jax.random.uniform(key_place, (2, len(partner)), "float32")

        def within(size: int, center: Array) -> Array:
            low = jnp.round(center * size - side * size / 2)
            high = jnp.round(center * size + side * size / 2)
            line = jnp.arange(size, dtype="float32")
            return (line >= low[:, None]) & (line < high[:, None])

        box = within(height, middle[0])[:, :, None] & within(width, middle[1])[:, None, :]
        left = 1 - box.mean(axis=(1, 2), dtype="float32")
        return batch._replace(
            x=jnp.where(box[..., None], jnp.take(x, partner, axis=0), x),
            y=tree_map(lambda y: _blend(y, left, partner), batch.y),
        )


def _blend(a: Array, share: Array, partner: Array) -> Array:
    """Return share a_i + (1 - share) a_j for each row i and its partner j."""
    share = share.reshape(-1, *(1,) * (a.ndim - 1)).astype(a.dtype)
    return share * a + (1 - share) * jnp.take(a, partner, axis=0)


def _partners(key: Array, batch: Batch) -> Array:
    """Return a row for each row, in random order; real rows, which come first, keep to themselves.

    A short last batch is padded with rows of weight 0 at its end.
    """
    rows = jax.tree.leaves(batch.x)[0].shape[0]
    places = jax.random.uniform(key, (rows,), "float32")
    if batch.row_weights is not None:
        places = places + 2 * (1 - batch.row_weights)
    return jnp.argsort(places)


def _check(who: str, batch: Batch) -> None:
    if batch.sample_weight is not None:
        raise ArgumentError(
            f"{who} expected rows without weights, got some; leave sample_weight and class_weight "
            "out."
        )
    for y in jax.tree.leaves(batch.y):
        if not jnp.issubdtype(y.dtype, jnp.floating):
            raise DTypeError(
                f"{who} expected labels that can be mixed, got class numbers of type {y.dtype}; "
                "type to_categorical(y, classes) and the loss 'categorical_crossentropy'."
            )
