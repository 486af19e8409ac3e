"""Inputs for the three convolutions, under every body.

The reference gathers every window by plain indexing and sums products, for any rank and groups.
"""

import jax
import jax.numpy as jnp
import numpy as np

from ops.cases import Case, make, normal


def pairs(padding, spatial, kernel, strides, dilation):
    """Return the padding of each axis, from the definitions of "valid" and "same"."""
    if padding == "valid":
        return [(0, 0)] * len(spatial)
    if padding == "same":
        needed = [
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            for n, k, s, d in zip(spatial, kernel, strides, dilation, strict=True)
        ]
        return [(p // 2, p - p // 2) for p in needed]
    return padding


def each(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def reference(x, w, b=None, *, strides=1, padding="valid", dilation=1, groups=1, body=None):
    """Gather what every window meets, x[n, o s + k d - lo, c], and sum its products with W."""
    rank = w.ndim - 2
    spatial, kernel = x.shape[1:-1], w.shape[:-2]
    strides, dilation = each(strides, rank), each(dilation, rank)
    margins = pairs(padding, spatial, kernel, strides, dilation)
    met = jnp.pad(x, [(0, 0), *margins, (0, 0)])
    for axis in range(rank):  # axis 1 + 2 axis becomes the two axes o and k
        n, k, s, d = met.shape[1 + 2 * axis], kernel[axis], strides[axis], dilation[axis]
        o = (n - (k - 1) * d - 1) // s + 1
        places = np.arange(o)[:, None] * s + np.arange(k) * d
        met = jnp.take(met, places, axis=1 + 2 * axis)
    met = met.reshape(*met.shape[:-1], groups, w.shape[-2])
    w = w.reshape(*w.shape[:-1], groups, w.shape[-1] // groups)
    o, k = "xyz"[:rank], "ijk"[:rank]
    between = "".join(p + q for p, q in zip(o, k, strict=True))
    y = jnp.einsum(f"n{between}gc,{k}cgf->n{o}gf", met, w)
    y = y.reshape(*y.shape[:-2], y.shape[-2] * y.shape[-1])
    return y if b is None else y + b


# label, input shape, kernel shape, settings
SHAPES = [
    ("2d", (2, 5, 6, 3), (3, 2, 3, 4), {}),
    ("2d same, even kernel", (2, 5, 4, 2), (4, 2, 2, 3), {"padding": "same"}),
    ("2d same, strides", (2, 6, 5, 2), (3, 3, 2, 3), {"padding": "same", "strides": (2, 3)}),
    ("2d stride beyond kernel", (2, 7, 8, 2), (2, 1, 2, 2), {"strides": 3}),
    (
        "2d strides, dilation, explicit padding",
        (2, 7, 6, 2),
        (3, 2, 2, 2),
        {"dilation": (2, 3), "strides": (2, 1), "padding": ((0, 2), (3, 1))},
    ),
    ("2d padding beyond kernel", (1, 2, 3, 1), (1, 2, 1, 2), {"padding": ((2, 3), (4, 0))}),
    ("2d one by one, strides", (2, 4, 5, 3), (1, 1, 3, 2), {"strides": 2}),
    ("2d kernel as large as input", (2, 3, 4, 2), (3, 4, 2, 3), {}),
    ("2d size one", (1, 1, 1, 1), (3, 3, 1, 1), {"padding": "same"}),
    ("2d groups", (2, 4, 5, 4), (2, 3, 2, 6), {"groups": 2, "padding": "same", "strides": 2}),
    ("2d depthwise", (2, 5, 4, 3), (3, 2, 1, 3), {"groups": 3, "padding": "same"}),
    (
        "2d depthwise, two filters a channel",
        (2, 5, 6, 3),
        (2, 3, 1, 6),
        {"groups": 3, "strides": 2, "dilation": (1, 2)},
    ),
    ("1d same, strides", (2, 7, 3), (4, 3, 2), {"padding": "same", "strides": 2}),
    ("1d groups, dilation", (2, 6, 4), (3, 2, 4), {"groups": 2, "dilation": 2}),
    ("1d depthwise, causal", (2, 6, 2), (3, 1, 2), {"groups": 2, "padding": ((2, 0),)}),
    ("3d same", (1, 3, 4, 3, 2), (2, 3, 1, 2, 2), {"padding": "same", "strides": (1, 2, 2)}),
    ("3d depthwise", (1, 3, 3, 2, 2), (2, 2, 2, 1, 2), {"groups": 2}),
]

# The second order of conv runs through the other two operations on all shapes already.
OF_ALL_KINDS = {
    "2d same, strides",
    "2d strides, dilation, explicit padding",
    "2d groups",
    "2d depthwise, two filters a channel",
    "1d same, strides",
    "3d same",
}

BODIES = ("patches", "xla")


def conv_cases(x, w, settings, label):
    bias = normal(w[-1]) if "depthwise" not in label else None
    return [
        Case(
            make(normal(*x), normal(*w), bias),
            settings={**settings, "body": body},
            reference=reference,
            label=f"{label} {body}",
        )
        for body in BODIES
    ]


def output_shape(x, w, settings):
    return jnp.shape(reference(jnp.zeros(x), jnp.zeros(w), **settings))


def transposed_reference(dy, w, *, spatial, groups=1, **settings):
    """The transpose of a convolution by its definition: the derivative of <dy, conv(x, w)>."""
    x = jnp.zeros((dy.shape[0], *spatial, w.shape[-2] * groups))
    return jax.grad(lambda x: jnp.sum(dy * reference(x, w, groups=groups, **settings)))(x)


def input_gradient_cases(x, w, settings, label):
    return [
        Case(
            make(normal(*output_shape(x, w, settings)), normal(*w)),
            settings={**settings, "body": body, "spatial": x[1:-1]},
            reference=transposed_reference,
            label=f"{label} {body}",
        )
        for body in BODIES
    ]


def weight_gradient_reference(x, dy, *, kernel, groups=1, **settings):
    """The kernel's gradient by its definition: the derivative of <dy, conv(x, w)>."""
    w = jnp.zeros((*kernel, x.shape[-1] // groups, dy.shape[-1]))
    return jax.grad(lambda w: jnp.sum(dy * reference(x, w, groups=groups, **settings)))(w)


def weight_gradient_cases(x, w, settings, label):
    return [
        Case(
            make(normal(*x), normal(*output_shape(x, w, settings))),
            settings={**settings, "body": body, "kernel": w[:-2]},
            reference=weight_gradient_reference,
            label=f"{label} {body}",
        )
        for body in BODIES
    ]


ALL = [case for label, x, w, at in SHAPES for case in conv_cases(x, w, at, label)]
SOME = [(label, x, w, at) for label, x, w, at in SHAPES if label in OF_ALL_KINDS]

CASES = {
    "conv": [
        *ALL,
        Case(
            make(normal(2, 5, 5, 2), normal(3, 3, 2, 3)),
            reference=reference,
            label="no bias, the backend's body",
        ),
    ],
    "conv_input_gradient": [
        case for label, x, w, at in SOME for case in input_gradient_cases(x, w, at, label)
    ],
    "conv_weight_gradient": [
        case for label, x, w, at in SOME for case in weight_gradient_cases(x, w, at, label)
    ],
}
