"""Pooling: hand calculations, ties, NaN and padding, errors, PyTorch as an oracle."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError
from pellucid.ops import average_pool, global_average_pool, global_max_pool, max_pool

POOLS = [max_pool, average_pool]
FLOAT32 = {"rtol": 1e-5, "atol": 1e-6}


def image(rows):
    """Return rows of numbers as one image of one channel."""
    return jnp.asarray(rows, jnp.float32)[None, ..., None]


def gradient(function, x, dy):
    return jax.vjp(function, x)[1](dy)[0]


class TestMaxPool:
    def test_by_hand(self):
        """By hand: the largest of each quarter, and dy put where it stands."""
        x = image([[1, 2, 5, 4], [3, 0, 6, 8], [9, 1, 2, 3], [4, 7, 1, 0]])
        y, pullback = jax.vjp(lambda x: max_pool(x, pool_size=2), x)
        np.testing.assert_array_equal(y, image([[3, 8], [9, 3]]))
        (dx,) = pullback(image([[10, 20], [30, 40]]))
        expected = image([[0, 0, 0, 0], [10, 0, 0, 20], [30, 0, 0, 40], [0, 0, 0, 0]])
        np.testing.assert_array_equal(dx, expected)

    def test_overlapping_windows_add_up(self):
        """By hand: the 9 in the middle is the maximum of all four windows of 2x2."""
        x = image([[1, 2, 3], [4, 9, 5], [6, 7, 8]])
        dx = gradient(lambda x: max_pool(x, pool_size=2, strides=1), x, image([[1, 2], [3, 4]]))
        np.testing.assert_array_equal(dx, image([[0, 0, 0], [0, 10, 0], [0, 0, 0]]))

    @pytest.mark.parametrize(
        ("x", "expected"),
        [
            ([[7, 7], [7, 7]], [[1, 0], [0, 0]]),
            ([[0, 7], [7, 0]], [[0, 1], [0, 0]]),
            ([[0, 0], [7, 7]], [[0, 0], [1, 0]]),
        ],
    )
    def test_of_equal_maxima_the_first_in_row_major_order_gets_the_gradient(self, x, expected):
        dx = gradient(lambda x: max_pool(x, pool_size=2), image(x), image([[1]]))
        np.testing.assert_array_equal(dx, image(expected))

    def test_ties_in_the_second_order(self):
        """f = sum y^2 / 2 has the gradient y at the first maximum, and there alone a curvature."""
        x = image([[7, 7], [7, 7]])

        def slope(x):
            return jax.grad(lambda x: jnp.sum(max_pool(x, pool_size=2) ** 2) / 2)(x)

        weights = image([[2, 3], [5, 7]])
        curvature = jax.grad(lambda x: jnp.sum(weights * slope(x)))(x)
        np.testing.assert_array_equal(curvature, image([[2, 0], [0, 0]]))

    def test_nan_is_the_maximum(self):
        x = image([[1, 2, 3, 4], [np.nan, 9, 5, np.nan]])
        y, pullback = jax.vjp(lambda x: max_pool(x, pool_size=2), x)
        np.testing.assert_array_equal(y, image([[np.nan, np.nan]]))
        (dx,) = pullback(image([[10, 20]]))
        np.testing.assert_array_equal(dx, image([[0, 0, 0, 0], [10, 0, 0, 20]]))

    def test_padding_is_never_the_maximum(self):
        """By hand: windows of 2 by steps of 2 over three numbers; the last window has one."""
        x = image([[-1, -2, -3]])
        pool = {"pool_size": (1, 2), "padding": "same"}
        np.testing.assert_array_equal(max_pool(x, **pool), image([[-1, -3]]))
        dx = gradient(lambda x: max_pool(x, **pool), x, image([[10, 20]]))
        np.testing.assert_array_equal(dx, image([[10, 0, 20]]))


class TestAveragePool:
    def test_by_hand(self):
        x = image([[1, 2, 5, 4], [3, 2, 7, 8]])
        y, pullback = jax.vjp(lambda x: average_pool(x, pool_size=2), x)
        np.testing.assert_array_equal(y, image([[2, 6]]))
        (dx,) = pullback(image([[4, 8]]))
        np.testing.assert_array_equal(dx, image([[1, 1, 2, 2], [1, 1, 2, 2]]))

    def test_padding_is_not_averaged_over(self):
        """By hand: windows of 3 by steps of 1 over 2, 4, 9; the outer two have two numbers."""
        x = image([[2, 4, 9]])
        pool = {"pool_size": (1, 3), "strides": 1, "padding": "same"}
        np.testing.assert_allclose(average_pool(x, **pool), image([[3, 5, 6.5]]), **FLOAT32)
        dx = gradient(lambda x: average_pool(x, **pool), x, image([[6, 6, 6]]))
        # 6/2 + 6/3 at the ends, 6/2 + 6/3 + 6/2 in the middle
        np.testing.assert_allclose(dx, image([[5, 8, 5]]), **FLOAT32)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
class TestBoth:
    def test_strides_are_the_window_by_default(self, pool):
        x = jnp.zeros((2, 9, 7, 3))
        assert pool(x, pool_size=(3, 2)).shape == (2, 3, 3, 3)
        assert pool(x, pool_size=(3, 2), padding="same").shape == (2, 3, 4, 3)

    def test_jit_equals_eager(self, pool):
        x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 7, 6, 3)), jnp.float32)
        pool_of = lambda x: pool(x, pool_size=3, strides=2, padding="same")  # noqa: E731
        np.testing.assert_allclose(jax.jit(pool_of)(x), pool_of(x), **FLOAT32)

    def test_bfloat16_is_kept(self, pool):
        x = jnp.ones((1, 4, 4, 2), jnp.bfloat16)
        y, pullback = jax.vjp(lambda x: pool(x, pool_size=2), x)
        assert y.dtype == pullback(y)[0].dtype == jnp.bfloat16

    def test_window_larger_than_input(self, pool):
        expected = (
            f"{pool.name}: the input is 3x3 but the window covers 4x4; use padding='same', a "
            "smaller window, or larger inputs."
        )
        with pytest.raises(ShapeError, match=re.escape(expected)):
            pool(jnp.zeros((1, 3, 3, 1)), pool_size=4)

    def test_wrong_rank(self, pool):
        expected = f"{pool.name} expected an input of rank 3 or more (batch, spatial..., channels)"
        with pytest.raises(ShapeError, match=re.escape(expected)):
            pool(jnp.zeros((3, 3)), pool_size=2)

    def test_wrong_settings(self, pool):
        x = jnp.zeros((1, 4, 4, 1))
        with pytest.raises(ArgumentError, match="the window size to be an integer of 1 or more"):
            pool(x, pool_size=0)
        with pytest.raises(ArgumentError, match="strides to be 1 or 2 integers"):
            pool(x, pool_size=2, strides=(1, 2, 3))
        with pytest.raises(ArgumentError, match="padding to be 'same', 'valid', or a tuple of 2"):
            pool(x, pool_size=2, padding=1)

    def test_padding_as_large_as_the_window(self, pool):
        expected = (
            f"{pool.name} expected padding smaller than the window (2, 2), so that no window lies "
            "in the padding alone, got ((2, 0), (0, 0))."
        )
        with pytest.raises(ArgumentError, match=re.escape(expected)):
            pool(jnp.zeros((1, 4, 4, 1)), pool_size=2, padding=((2, 0), (0, 0)))


class TestGlobal:
    def test_maximum_by_hand(self):
        x = image([[1, 2], [8, 4]])
        np.testing.assert_array_equal(global_max_pool(x), [[8]])
        dx = gradient(global_max_pool, x, jnp.array([[5.0]]))
        np.testing.assert_array_equal(dx, image([[0, 0], [5, 0]]))

    @pytest.mark.parametrize("large", [7, np.nan])
    def test_the_first_maximum_or_nan_gets_the_gradient(self, large):
        x = image([[1, large], [large, 4]])
        np.testing.assert_array_equal(global_max_pool(x), [[large]])
        dx = gradient(global_max_pool, x, jnp.array([[5.0]]))
        np.testing.assert_array_equal(dx, image([[0, 5], [0, 0]]))

    def test_average_by_hand(self):
        x = image([[1, 2], [8, 5]])
        np.testing.assert_array_equal(global_average_pool(x), [[4]])
        dx = gradient(global_average_pool, x, jnp.array([[8.0]]))
        np.testing.assert_array_equal(dx, image([[2, 2], [2, 2]]))

    def test_average_of_the_real_steps(self):
        """By hand: two sequences of three steps, the second with one real step."""
        x = jnp.array([[[1.0], [2.0], [6.0]], [[4.0], [5.0], [9.0]]])
        mask = jnp.array([[True, True, True], [True, False, False]])
        np.testing.assert_allclose(global_average_pool(x, mask), [[3], [4]], **FLOAT32)
        dx = gradient(lambda x: global_average_pool(x, mask), x, jnp.array([[3.0], [3.0]]))
        np.testing.assert_allclose(dx[..., 0], [[1, 1, 1], [3, 0, 0]], **FLOAT32)

    def test_a_sample_without_real_steps_is_zero(self):
        x, mask = jnp.ones((1, 3, 2)), jnp.zeros((1, 3), bool)
        y, pullback = jax.vjp(lambda x: global_average_pool(x, mask), x)
        np.testing.assert_array_equal(y, [[0, 0]])
        np.testing.assert_array_equal(pullback(y + 1)[0], jnp.zeros((1, 3, 2)))

    def test_wrong_mask(self):
        with pytest.raises(ShapeError, match=re.escape("got (2, 3) and (2, 4)")):
            global_average_pool(jnp.zeros((2, 3, 1)), jnp.zeros((2, 4), bool))


TORCH = [
    ("1d", (2, 9, 3), {"pool_size": 3, "strides": 2, "padding": ((1, 1),)}),
    ("2d", (2, 8, 7, 3), {"pool_size": (2, 3)}),
    (
        "2d overlap",
        (2, 8, 7, 3),
        {"pool_size": 3, "strides": (2, 1), "padding": ((1, 1), (1, 1))},
    ),
    ("3d", (1, 4, 5, 4, 2), {"pool_size": 2, "strides": (1, 2, 2)}),
]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
@pytest.mark.parametrize(
    ("shape", "settings"), [pytest.param(*row[1:], id=row[0]) for row in TORCH]
)
def test_equals_pytorch(shape, settings, pool):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal(shape), jnp.float32)
    y, pullback = jax.vjp(lambda x: pool(x, **settings), x)
    dy = jnp.asarray(rng.standard_normal(y.shape), jnp.float32)

    kind = "max" if pool is max_pool else "avg"
    function = getattr(torch.nn.functional, f"{kind}_pool{len(shape) - 2}d")
    leaf = torch.tensor(np.moveaxis(np.asarray(x), -1, 1), requires_grad=True)
    theirs = function(
        leaf,
        settings["pool_size"],
        settings.get("strides"),
        tuple(low for low, _ in settings.get("padding", ((0, 0),) * (len(shape) - 2))),
        **({} if pool is max_pool else {"count_include_pad": False}),
    )
    theirs.backward(torch.tensor(np.moveaxis(np.asarray(dy), -1, 1)))
    np.testing.assert_allclose(y, np.moveaxis(theirs.detach().numpy(), 1, -1), **FLOAT32)
    np.testing.assert_allclose(
        pullback(dy)[0], np.moveaxis(leaf.grad.numpy(), 1, -1), rtol=1e-5, atol=1e-6
    )
