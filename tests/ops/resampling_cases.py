"""Inputs for the reading of images between their pixels."""

import jax.numpy as jnp

from ops.cases import Case, make, normal


def off_the_grid(*shape, low, high):
    """Return a maker of places that keep away from whole numbers, where the surface has kinks."""
    return lambda rng: rng.integers(low, high, shape) + rng.uniform(0.1, 0.9, shape)


def hats(pad_mode):
    """Return equation 5 of the paper: every pixel of the wider image times a hat around it."""

    def reference(x, rows, columns, *, fill_mode, fill_value=0.0):
        margin = 4  # as far as the places of the cases reach
        values = {"constant_values": fill_value} if pad_mode == "constant" else {}
        frame = ((0, 0), (margin, margin), (margin, margin), (0, 0))
        wide = jnp.pad(x, frame, mode=pad_mode, **values)

        def hat(places, size):
            return jnp.maximum(0, 1 - jnp.abs(places[..., None] + margin - jnp.arange(size)))

        by_row, by_column = hat(rows, wide.shape[1]), hat(columns, wide.shape[2])
        return jnp.einsum("nhwc,npqh,npqw->npqc", wide, by_row, by_column)

    return reference


PLACES = (off_the_grid(2, 3, 4, low=-3, high=5), off_the_grid(2, 3, 4, low=-3, high=4))

CASES = {
    "resample": [
        Case(
            make(normal(2, 4, 3, 2), *PLACES),
            {"fill_mode": "constant", "fill_value": 0.7},
            hats("constant"),
            label="constant",
        ),
        Case(
            make(normal(2, 4, 3, 1), *PLACES), {"fill_mode": "nearest"}, hats("edge"), label="near"
        ),
        Case(
            make(normal(2, 4, 3, 2), *PLACES),
            {"fill_mode": "reflect"},
            hats("symmetric"),
            label="reflect",
        ),
        Case(make(normal(2, 4, 3, 2), *PLACES), {"fill_mode": "wrap"}, hats("wrap"), label="wrap"),
    ],
}
