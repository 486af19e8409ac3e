"""Word dropout: words of a text taken for unknown at random."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank, check_range
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.layers._base import Layer, Variables
from pellucid.layers._context import Context
from pellucid.layers._registry import REGISTRY

Array = jax.Array


@REGISTRY.register()
class WordDropout(Layer):
    """Takes a random part of the words of a text for unknown while the network learns.

    Each word that is no padding is replaced with probability rate, r = 1::

        y = token where r = 1, else x

    The network learns to understand texts with words that it does not know. It stands between the
    word numbers and the ``Embedding``. When the network is evaluated y = x.

    Args:
        rate: the fraction that is replaced, in [0, 1).
        token: the number of the unknown word; 1 in ``TextVectorization``.
        padding: the number that is never replaced.

    Input shape (batch, ...), word numbers; output shape and type the same.

    Raises:
        NotReadyError: if it is applied in training without a random key.

    Example:
        >>> from pellucid.layers import Input, WordDropout
        >>> WordDropout(0.1)(Input((20,), dtype="int32"))
        <Symbol shape=(None, 20) dtype=int32>

    References:
        Iyyer, Manjunatha, Boyd-Graber, Daume, Deep unordered composition rivals syntactic methods
        for text classification (2015), section 3.1.
    """

    rate: float
    token: int = 1
    padding: int = 0

    formula: ClassVar[str] = "y = token where r = 1, else x"
    symbols: ClassVar[Symbols] = {
        "x": "word numbers, (batch, ...)",
        "y": "word numbers, (batch, ...)",
        "r": "1 with probability rate, else 0; drawn for every word",
    }
    gradient: ClassVar[str] = "none: word numbers have no slope"
    by_position: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("WordDropout", "rate", self.rate, 0, 1, open_high=True)
        for name in ("token", "padding"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ArgumentError(
                    f"WordDropout expected {name} to be a word number of 0 or more, got {value!r}."
                )

    def apply(self, variables: Variables, x: Array, context: Context) -> Array:
        """Return the word numbers, some of them replaced."""
        check_min_rank("WordDropout", x.shape, 1, "(batch, ...)", "add a batch axis with x[None]")
        if not context.training or self.rate == 0:
            return x
        r = jax.random.bernoulli(context.make_key(), self.rate, x.shape)
        return jnp.where(r & (x != self.padding), jnp.asarray(self.token, x.dtype), x)

    def unit_steps(
        self, seen: Mapping[str, Array], index: tuple[int, ...]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return which of the two a word is."""
        x, y = seen["input"][index], seen["output"][index]
        return [("y = x", {"x": x})] if x == y else [("y = token", {"token": y})]
