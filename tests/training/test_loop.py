"""The compiled loop on a plain step: no layers, no model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid import optimizers
from pellucid.errors import DataError
from pellucid.training import (
    ArraySource,
    Batch,
    CompiledSteps,
    StreamSource,
    make_train_step,
    read_sums,
    start_state,
)
from pellucid.training._fit import Pace
from pellucid.training._loop import add_sums, batch_order


def objective(parameters, layer_state, batch, key):
    """Squared distance of the rows to w; the mean is the minimum."""
    rows = jnp.float32(len(batch.x)) if batch.row_weights is None else jnp.sum(batch.row_weights)
    values = jnp.sum(jnp.square(batch.x - parameters["w"]), axis=-1)
    real = jnp.ones(len(values)) if batch.row_weights is None else batch.row_weights
    loss = jnp.sum(values * real) / rows
    sums = {"loss": {"total": loss * rows, "count": rows}}
    return loss, (layer_state, sums)


def make(parameters, optimizer=None):
    optimizer = optimizer or optimizers.SGD(0.1)
    step = make_train_step(objective, optimizer)
    steps = CompiledSteps(step, lambda p, s, batch: objective(p, s, batch, None)[1][1])
    return steps, start_state(parameters, {}, optimizer, seed=0)


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)


def run(steps, state, source, cuts):
    """Run an epoch in pieces that end at ``cuts``."""
    chunk = next(source.epoch(None))
    totals, start = None, 0
    for stop in (*cuts, chunk.steps):
        state, totals = steps.train(
            state,
            totals,
            chunk.data,
            chunk.order,
            range(start, stop),
            source.batch_size,
            chunk.padded,
        )
        start = stop
    return state, read_sums(totals)


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2), (2,)])
def test_where_the_host_looks_in_changes_no_bit(rows, cuts):
    source = ArraySource(Batch(rows, None), batch_size=4)
    results = []
    for pieces in ((), cuts):
        steps, state = make({"w": jnp.zeros(3)})
        results.append(run(steps, state, source, pieces))
    (a, sums_a), (b, sums_b) = results
    np.testing.assert_array_equal(a.parameters["w"], b.parameters["w"])
    np.testing.assert_array_equal(sums_a["loss"]["total"], sums_b["loss"]["total"])
    assert int(a.step) == 3


def test_steps_follow_the_formula(rows):
    """w <- w - lr * 2 (w - mean of the batch), for each batch in turn."""
    steps, state = make({"w": jnp.zeros(3)})
    state, _ = run(steps, state, ArraySource(Batch(rows, None), batch_size=4), ())
    w = np.zeros(3)
    for start in (0, 4, 8):
        w -= 0.1 * 2 * (w - rows[start : start + 4].mean(0))
    np.testing.assert_allclose(state.parameters["w"], w, rtol=1e-5)


def test_a_short_last_batch_is_padded_with_absent_rows():
    order, padded = batch_order(np.arange(5), 3)
    assert padded
    assert order.tolist() == [0, 1, 2, 3, 4, -1]
    order, padded = batch_order(np.arange(6), 3)
    assert not padded
    assert order.tolist() == [0, 1, 2, 3, 4, 5]


def test_sums_count_beyond_what_float32_can():
    """2^24 + 1 does not exist in float32; the part that rounding loses is kept beside the sum."""
    big = {"m": {"count": jnp.float32(2**24)}}
    one = {"m": {"count": jnp.float32(1)}}
    totals = (big, jax.tree.map(jnp.zeros_like, big))
    for _ in range(3):
        totals = jax.jit(add_sums)(totals, one)
    assert read_sums(totals)["m"]["count"] == 2**24 + 3


def test_every_epoch_has_its_own_order(rows):
    source = ArraySource(Batch(rows, None), batch_size=5)
    orders = [np.asarray(next(source.epoch((0, step))).order) for step in (0, 2, 0)]
    assert sorted(orders[0]) == list(range(10))
    assert orders[0].tolist() != orders[1].tolist()
    assert orders[0].tolist() == orders[2].tolist()


def test_a_stream_gives_chunks_of_one_shape(rows):
    def batches():
        for start in range(0, 10, 3):
            yield Batch(rows[start : start + 3], None)

    source = StreamSource(batches, chunk=2)
    chunks = list(source.epoch(None))
    assert [chunk.steps for chunk in chunks] == [2, 2]
    assert {chunk.data.x.shape for chunk in chunks} == {(6, 3)}
    assert np.asarray(chunks[1].order).tolist() == [0, 1, 2, 3, -1, -1]
    again = list(source.epoch(None))
    np.testing.assert_array_equal(again[0].data.x, chunks[0].data.x)


def test_a_stream_with_growing_batches_is_refused(rows):
    source = StreamSource(lambda: iter([Batch(rows[:2], None), Batch(rows, None)]))
    with pytest.raises(DataError, match="has 10 rows and the first one had 2"):
        list(source.epoch(None))


def test_an_empty_stream_is_refused():
    with pytest.raises(DataError, match="no batch at all"):
        StreamSource(lambda: iter([]))


def test_the_pace_grows_to_a_few_looks_a_second():
    pace = Pace()
    for _ in range(10):
        pace.took(pace.steps, pace.steps * 0.001)
    assert pace.steps == 250
    pace.took(250, 25.0)
    assert pace.steps == 2


def test_parameters_that_are_not_trained_stay(rows):
    optimizer = optimizers.Adam(0.1)

    def two(parameters, layer_state, batch, key):
        return objective({"w": parameters["a"]["w"] + parameters["b"]["w"]}, {}, batch, key)

    def keep(path):
        return path.startswith("a/")

    step = make_train_step(two, optimizer, keep)
    parameters = {"a": {"w": jnp.zeros(3)}, "b": {"w": jnp.ones(3)}}
    state = start_state(parameters, {}, optimizer, 0, keep)
    assert list(state.optimizer_state["slots"]["m"]) == ["a"]
    state, _ = step(state, Batch(rows, None))
    np.testing.assert_array_equal(state.parameters["b"]["w"], np.ones(3))
    assert not np.array_equal(state.parameters["a"]["w"], np.zeros(3))
