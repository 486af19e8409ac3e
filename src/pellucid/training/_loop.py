"""Many steps in one compiled program: the loop that the host only looks into.

The data of an epoch (or of a chunk of a stream) lies on the device, with the order in which its
rows are taken. One program runs the steps ``start`` to ``stop`` of that order, whatever the two
are, so it is compiled once and the host may look in as often as it likes: the steps, and their
bits, are the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pellucid import kernels
from pellucid._tree import tree_map
from pellucid.errors import ArgumentError
from pellucid.training._state import Batch, TrainingState
from pellucid.training._step import Step, Sums

Array = jax.Array
Tree = Any
Totals = tuple[Sums, Sums]
"""Running sums and what rounding lost of them."""
Measure = Callable[[Tree, Tree, Batch], Sums]

PADDING = -1
"""The row number that stands for no row, in the short last batch of an epoch."""


def batch_order(rows: np.ndarray, batch_size: int) -> tuple[np.ndarray, bool]:
    """Return row numbers padded to whole batches, and whether there is any padding.

    A short last batch keeps the shape of the others: its missing rows have the number -1, are
    given the weight 0, and so change neither loss nor gradient nor measures.
    """
    short = -len(rows) % batch_size
    padding = np.full(short, PADDING, rows.dtype)
    return np.concatenate([rows, padding]).astype(np.int32), short > 0


def take_batch(
    data: Batch, order: Array, number: Array | int, batch_size: int, padded: bool
) -> Batch:
    """Return batch ``number`` of the order: its rows gathered from the data."""
    rows = lax.dynamic_slice_in_dim(order, number * batch_size, batch_size)

    def take(array: Any) -> Array:
        # Padding takes row 0, whose values then have the weight 0.
        if kernels.rows.takes(array):
            return kernels.rows.take(array, rows)
        return jnp.take(array, jnp.maximum(rows, 0) if padded else rows, axis=0, mode="clip")

    real = (rows != PADDING).astype(jnp.float32) if padded else None
    parts = (data.x, data.y, data.sample_weight)
    x, y, sample_weight = jax.tree.map(take, parts, is_leaf=kernels.rows.is_in_place)
    return Batch(x, y, sample_weight, real)


def add_sums(totals: Totals, new: Sums) -> Totals:
    """Add a batch's sums to the running ones, and keep what rounding loses (Knuth's two-sum).

    A float32 stops counting at 2^24; with the lost part kept beside it, an epoch of any length is
    counted exactly. Knuth, The Art of Computer Programming, volume 2, section 4.2.2, theorem B.
    """

    def lost_of(a: Array, b: Array) -> Array:
        total = a + b
        b_seen = total - a
        return (a - (total - b_seen)) + (b - b_seen)

    total, lost = totals
    new_lost = tree_map(lambda part, a, b: part + lost_of(a, b), lost, total, new)
    return tree_map(jnp.add, total, new), new_lost


def read_sums(totals: Totals) -> dict[str, dict[str, np.ndarray]]:
    """Return the sums of the totals on the host, in float64."""
    total, lost = jax.device_get(totals)
    return tree_map(lambda a, b: np.asarray(a, np.float64) + np.asarray(b, np.float64), total, lost)


class CompiledSteps:
    """The compiled forms of a training step and of a measuring step.

    Args:
        step: the training step, any pure function of a state and a batch. The loop itself counts
            ``state.step``.
        measure: ``(parameters, layer_state, batch) -> sums``, for evaluation.
    """

    def __init__(self, step: Step, measure: Measure = lambda *_: {}) -> None:
        self._given_step = step
        self.measure = measure
        # Totals of zero; the shapes of the sums, the same for every batch, are traced once.
        self._train_zeros: Callable[[], Totals] | None = None
        self._measure_zeros: Callable[[], Totals] | None = None
        static = ("batch_size", "padded")
        self._train = jax.jit(self._train_steps, static_argnames=static, donate_argnums=(0, 1))
        self._evaluate = jax.jit(self._measure_steps, static_argnames=static, donate_argnums=(2,))

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, Sums]:
        """Take one step: count it, and give the sums of its measures."""
        new, measures = self._given_step(state, batch)
        return new.replace(step=state.step + 1), {
            name: dict(value) if isinstance(value, Mapping) else mean_of(value)
            for name, value in measures.items()
        }

    def train(
        self,
        state: TrainingState,
        totals: Totals | None,
        data: Batch,
        order: Array,
        steps: range,
        batch_size: int,
        padded: bool,
    ) -> tuple[TrainingState, Totals]:
        """Run the training steps numbered ``steps`` of the order; the arguments are used up.

        Args:
            state: the state before them.
            totals: the running sums, None at the start of an epoch.
            data: all rows that the order speaks of.
            order: row numbers, a whole number of batches.
            steps: which batches of the order, a range with step 1.
            batch_size: rows a step.
            padded: whether the order may hold padding.

        Returns:
            The state after them and the new running sums.
        """
        if totals is None:
            if self._train_zeros is None:
                new, sums = jax.eval_shape(
                    lambda state, data, order: self.step(
                        state, take_batch(data, order, 0, batch_size, padded)
                    ),
                    *(state, data, order),
                )
                _check_same_form(state, new)
                self._train_zeros = _zeros(sums)
            totals = self._train_zeros()
        return self._train(
            *(state, totals, data, order, steps.start, steps.stop),
            batch_size=batch_size,
            padded=padded,
        )

    def evaluate(
        self,
        parameters: Tree,
        layer_state: Tree,
        data: Batch,
        order: Array,
        count: int,
        batch_size: int,
        padded: bool,
    ) -> Totals:
        """Return the running sums of the first ``count`` batches of the order."""
        if self._measure_zeros is None:
            sums = jax.eval_shape(
                lambda parameters, layer_state, data, order: self.measure(
                    parameters, layer_state, take_batch(data, order, 0, batch_size, padded)
                ),
                *(parameters, layer_state, data, order),
            )
            self._measure_zeros = _zeros(sums)
        return self._evaluate(
            *(parameters, layer_state, self._measure_zeros(), data, order, count),
            batch_size=batch_size,
            padded=padded,
        )

    def _train_steps(
        self,
        state: TrainingState,
        totals: Totals,
        data: Batch,
        order: Array,
        start: Array,
        stop: Array,
        *,
        batch_size: int,
        padded: bool,
    ) -> tuple[TrainingState, Totals]:
        def body(number: Array, carry: tuple[TrainingState, Totals]) -> Any:
            state, totals = carry
            state, sums = self.step(state, take_batch(data, order, number, batch_size, padded))
            return state, add_sums(totals, sums)

        return lax.fori_loop(start, stop, body, (state, totals))

    def _measure_steps(
        self,
        parameters: Tree,
        layer_state: Tree,
        totals: Totals,
        data: Batch,
        order: Array,
        count: Array,
        *,
        batch_size: int,
        padded: bool,
    ) -> Totals:
        def body(number: Array, totals: Totals) -> Totals:
            batch = take_batch(data, order, number, batch_size, padded)
            return add_sums(totals, self.measure(parameters, layer_state, batch))

        return lax.fori_loop(0, count, body, totals)


def mean_of(value: Any, count: Any = 1.0) -> dict[str, Array]:
    """Return the sums of a mean over ``count`` rows; steps of many rows then weigh more.

    ``mean_of(loss, rows)`` in a step reports sum loss rows / sum rows.
    """
    count = jnp.asarray(count, jnp.float32)
    return {"total": jnp.asarray(value, jnp.float32) * count, "count": count}


def _check_same_form(state: TrainingState, new: TrainingState) -> None:
    """Raise ArgumentError unless a step gave back the names, shapes and types that it was given."""

    def forms(tree: Any) -> dict[str, str]:
        leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
        return {
            jax.tree_util.keystr(path): f"{jnp.result_type(leaf)} of shape {jnp.shape(leaf)}"
            for path, leaf in leaves
        }

    before, after = forms(state), forms(new)
    for name in (*before, *after):
        was, came = before.get(name, "nothing"), after.get(name, "nothing")
        if was != came:
            raise ArgumentError(
                f"A step expected to give back state{name} as it came, {was}, but gave {came}; "
                "keep names, shapes and types the same from step to step."
            )


def _zeros(shapes: Sums) -> Callable[[], Totals]:
    """Return what makes totals of zero, two trees of arrays that share no memory."""
    zeros = tree_map(lambda s: np.zeros(s.shape, s.dtype), shapes)

    @jax.jit
    def make() -> Totals:
        return tree_map(jnp.asarray, zeros), tree_map(jnp.asarray, zeros)

    return make
