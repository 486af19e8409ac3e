"""How a foreign function is called: as it is, or through its plain form where arrays are mapped."""

from collections.abc import Callable
from typing import Any

import jax


def with_plain(native: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``native``, computed by ``plain`` under ``jax.vmap``.

    XLA cannot look into a foreign function, so a mapped one would be called once for each element;
    the plain form is mapped as a whole.
    """
    call = jax.custom_batching.custom_vmap(native)

    @call.def_vmap
    def mapped(_: int, in_batched: list[Any], *arrays: Any) -> tuple[Any, Any]:
        axes = [0 if batched else None for batched in in_batched]
        result = jax.vmap(plain, in_axes=axes)(*arrays)
        return result, jax.tree.map(lambda _: True, result)

    return call
