"""Adam's update computed by the compiled kernels, in one pass; see ``native/adam.cc``."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status

LEAST_SIZE = 4096
"""Below so many weights XLA does the update together with its neighbors."""


def takes(w: Array) -> bool:
    """Tell whether the kernels are there and take weights of this type and number."""
    known = w.dtype == jnp.float32 and w.size >= LEAST_SIZE and jax.default_backend() == "cpu"
    return known and status().ready


def step(
    g: Array,
    w: Array,
    m: Array,
    v: Array,
    rates: Array,
    *,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> tuple[Array, Array, Array]:
    """Return the weights, m and v after one step.

    Args:
        g: the gradient, like w.
        w: the weights, any shape.
        m: mean gradient, like w.
        v: mean squared gradient, like w.
        rates: learning rate, 1 / (1 - beta_1^t) and 1 / (1 - beta_2^t), shape (3,).
        beta_1: the fraction of m that is kept.
        beta_2: the fraction of v that is kept.
        epsilon: added to the root.
        weight_decay: decoupled weight decay.
    """
    like = jax.ShapeDtypeStruct(w.shape, jnp.float32)
    # w, m and v are updated in place; vmap maps the call element by element.
    call = jax.ffi.ffi_call(
        "pellucid_adam",
        (like, like, like),
        input_output_aliases={2: 0, 3: 1, 4: 2},
        vmap_method="sequential",
    )
    new_w, new_m, new_v = call(
        *(rates, g, w, m, v),
        beta_1=np.float64(beta_1),
        beta_2=np.float64(beta_2),
        epsilon=np.float64(epsilon),
        weight_decay=np.float64(weight_decay),
    )
    return new_w, new_m, new_v
