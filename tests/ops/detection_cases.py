"""Inputs for the pooling of regions."""

import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal
from pellucid.ops._resampling import resample_forward


def read_and_averaged(x, boxes, *, size, stride, samples):
    """Return every reading by ``resample``'s forward body, pixel by pixel, and their mean."""
    rows, columns = (size, size) if isinstance(size, int) else size
    left, top, right, bottom = (boxes[..., k, None] for k in range(4))

    def places(low, high, bins):
        share = (jnp.arange(bins * samples) + 0.5) / (bins * samples)
        return (low + (high - low) * share) / stride - 0.5

    r, s = places(top, bottom, rows), places(left, right, columns)
    batch, count = boxes.shape[:2]
    grid = (batch, count, rows * samples, columns * samples)
    r = jnp.broadcast_to(r[..., :, None], grid).reshape(batch, -1, grid[-1])
    s = jnp.broadcast_to(s[..., None, :], grid).reshape(batch, -1, grid[-1])
    read, _ = resample_forward(x, r, s, fill_mode="nearest")
    bins = read.reshape(batch, count, rows, samples, columns, samples, x.shape[-1])
    return bins.mean(axis=(3, 5))


def boxes_inside(batch, count, height, width):
    """Return a maker of boxes (batch, count, 4) inside an image, at no round numbers."""

    def draw(rng):
        low = rng.uniform(0.05, 0.45, (batch, count, 2))
        high = rng.uniform(0.55, 0.95, (batch, count, 2))
        return np.concatenate([low, high], axis=-1) * [width, height, width, height]

    return draw


def boxes_beyond(rng):
    """Return boxes of which one reaches over every border."""
    boxes = boxes_inside(2, 2, 20, 24)(rng)
    boxes[0, 0] = [-7.3, -5.1, 30.7, 27.9]
    return boxes


CASES = {
    "roi_align": [
        Case(
            make(normal(2, 5, 6, 3), boxes_inside(2, 3, 20, 24)),
            {"size": 3, "stride": 4.0, "samples": 2},
            read_and_averaged,
            label="square",
        ),
        Case(
            make(normal(1, 4, 7, 2), boxes_inside(1, 2, 32, 56)),
            {"size": (2, 3), "stride": 8.0, "samples": 1},
            read_and_averaged,
            label="oblong",
        ),
        Case(
            make(normal(2, 5, 6, 1), boxes_beyond),
            {"size": (1, 4), "stride": 4.0, "samples": 3},
            read_and_averaged,
            label="over the border",
        ),
    ]
}
