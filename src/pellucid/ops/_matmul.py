"""The product of two matrices, each as it is or transposed: the arithmetic under ``dense``."""

from typing import Any, NamedTuple

import jax

from pellucid import kernels
from pellucid._checks import check_rank
from pellucid.errors import ShapeError
from pellucid.ops._registry import register

Array = jax.Array


class MatmulSaved(NamedTuple):
    """What the backward pass of ``matmul`` reads."""

    a: Array
    b: Array


def matmul_forward(
    a: Array, b: Array, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Array, MatmulSaved]:
    """Matrix product C = A' B', where A' is A or its transpose, and B' is B or its transpose.

    With C_ij = sum_k A'_ik B'_kj, the loss L depends on A' and B' through C alone::

        dL/dA'_ik = sum_j dC_ij B'_kj      dA' = dC B'^T
        dL/dB'_kj = sum_i A'_ik dC_ij      dB' = A'^T dC

    and the gradient of a transposed matrix is the transposed gradient. Both are products of the
    same kind, so that nothing is ever transposed in memory.

    Args:
        a: shape (rows, depth), or (depth, rows) with ``transpose_a``.
        b: shape (depth, columns), or (columns, depth) with ``transpose_b``.
        transpose_a: take the transpose of a.
        transpose_b: take the transpose of b.

    Returns:
        C of shape (rows, columns), and what the backward pass reads.

    Raises:
        ShapeError: if a or b is no matrix, or the two depths differ.

    References:
        Petersen and Pedersen, The Matrix Cookbook (2012), section 2.5; Giles, Collected matrix
        derivative results for forward and reverse mode algorithmic differentiation (2008).
    """
    check_rank("matmul", a.shape, 2, "(rows, depth)")
    check_rank("matmul", b.shape, 2, "(depth, columns)")
    depth = a.shape[0 if transpose_a else 1]
    other = b.shape[1 if transpose_b else 0]
    if depth != other:
        raise ShapeError(
            f"matmul expected matrices of one depth, got {depth} for a of shape {a.shape} and "
            f"{other} for b of shape {b.shape}; check transpose_a and transpose_b."
        )
    if kernels.matrix.takes(a, b, transpose_a=transpose_a, transpose_b=transpose_b):
        c = kernels.matrix.multiply(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    else:
        c = (a.T if transpose_a else a) @ (b.T if transpose_b else b)
    return c, MatmulSaved(a, b)


def matmul_backward(
    saved: MatmulSaved, dc: Array, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Array, Array]:
    """Return dA = dC B'^T and dB = A'^T dC, transposed where A and B were."""
    a, b = saved
    if transpose_a:
        da = matmul(b, dc, transpose_a=transpose_b, transpose_b=True)
    else:
        da = matmul(dc, b, transpose_b=not transpose_b)
    if transpose_b:
        db = matmul(dc, a, transpose_a=True, transpose_b=transpose_a)
    else:
        db = matmul(a, dc, transpose_a=not transpose_a)
    return da, db


def matmul_flops(
    a: tuple[int, int], b: tuple[int, int], *, transpose_a: bool = False, transpose_b: bool = False
) -> int:
    """Return 2 * rows * depth * columns."""
    return 2 * a[0] * a[1] * b[0 if transpose_b else 1]


def _save(_: Array, a: Array, b: Array, **__: Any) -> MatmulSaved:
    return MatmulSaved(a, b)


matmul = register(
    "matmul",
    matmul_forward,
    matmul_backward,
    formula="C = A' B'",
    gradient="dA' = dC B'^T; dB' = A'^T dC",
    symbols={
        "A'": "(rows, depth): a, or its transpose with transpose_a",
        "B'": "(depth, columns): b, or its transpose with transpose_b",
        "dC": "gradient of the loss with respect to C",
        "C": "product, (rows, columns)",
    },
    reference="Petersen and Pedersen, The Matrix Cookbook (2012), section 2.5",
    flops=matmul_flops,
    save=_save,
)
