"""Pipelines: stages by hand, orders and seeds, exact going on, and refusals."""

import json

import numpy as np
import pytest

from pellucid.data import Dataset, Pipeline
from pellucid.errors import ArgumentError, DataError, DTypeError, ShapeError

N = 50
X = np.arange(2 * N, dtype=np.float32).reshape(N, 2)
Y = (np.arange(N) % 5 == 0).astype(np.int32)  # 10 of class 1, 40 of class 0


def arrays():
    return Dataset.from_arrays(X, np.arange(N)).pipeline()


def one_after_another(count=N):
    def samples():
        for row in range(count):
            yield X[row], row

    return Dataset.from_generator(samples)


def ragged():
    """Rows of 1 to 7 steps whose numbers are their own."""
    return Dataset.from_generator(lambda: ((np.full(1 + r % 7, r), r) for r in range(40)))


def rows(pipeline, reading=(0,)):
    """Return the targets of a pass, and check that the inputs are theirs."""
    found = []
    for batch in pipeline.read(reading):
        np.testing.assert_array_equal(np.ravel(batch.x[..., 0]) // 2, batch.y)
        found += batch.y.tolist()
    return found


BOTH = pytest.mark.parametrize("make", [arrays, one_after_another], ids=["any order", "in order"])


@BOTH
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d, list(range(N))),
        (lambda d: d.take(7), list(range(7))),
        (lambda d: d.skip(45), list(range(45, N))),
        (lambda d: d.skip(3).take(4).skip(1), [4, 5, 6]),
        (lambda d: d.take(3).repeat(3), [0, 1, 2] * 3),
        (lambda d: d.repeat().take(2 * N + 1), [*range(N), *range(N), 0]),
        (lambda d: d.filter(lambda x, y: y % 10 == 3), [3, 13, 23, 33, 43]),
        (lambda d: d.filter(lambda x, y: y < 5).repeat(2), [*range(5), *range(5)]),
        (lambda d: d.cache().take(4), [0, 1, 2, 3]),
    ],
)
def test_stages_by_hand(make, change, expected):
    pipeline = change(make())
    assert rows(pipeline) == expected
    assert rows(pipeline.batch(4)) == expected


@BOTH
def test_map_changes_rows_one_by_one_or_many_at_once(make):
    one = make().map(lambda x, y: (x.sum(), y)).batch(N)
    many = make().map(lambda x, y: (x.sum(axis=1), y), batched=True).batch(N)
    for pipeline in (one, many):
        (batch,) = pipeline.batches()
        np.testing.assert_array_equal(batch.x, X.sum(axis=1))
    (alone,) = make().map(lambda x, y: x).batch(N).batches()
    assert alone.y is None
    (weighted,) = make().map(lambda x, y: (x, y, 2.0)).batch(N).batches()
    assert weighted.sample_weight.tolist() == [2.0] * N


def test_rows_of_several_inputs_by_name():
    data = Dataset.from_arrays({"a": X, "b": Y}, Y).pipeline()
    changed = data.map(lambda x, y: ({"a": x["a"] + 1, "b": x["b"]}, y)).batch(20)
    first = next(changed.batches())
    np.testing.assert_array_equal(first.x["a"], X[:20] + 1)


def test_nothing_runs_before_it_is_read():
    def never():
        raise AssertionError

    Dataset.from_generator(never).map(lambda x: x).shuffle(10).batch(3)


@pytest.mark.parametrize(
    ("size", "drop", "counts"), [(20, False, [20, 20, 10]), (20, True, [20, 20]), (50, True, [50])]
)
def test_batches_and_what_is_left(size, drop, counts):
    for make in (arrays, one_after_another):
        batches = list(make().batch(size, drop_remainder=drop).batches())
        assert [len(batch.y) for batch in batches] == counts
    assert arrays().batch(size, drop).steps() == len(counts)
    assert arrays().batch(size, drop).may_be_short == (counts[-1] != size)


# Orders


@BOTH
def test_a_shuffle_gives_every_row_once_in_an_order_of_its_seed_and_pass(make):
    shuffled = make().shuffle(20, seed=3)
    orders = {reading: rows(shuffled, reading) for reading in [(0,), (1,), (7, 2)]}
    for order in orders.values():
        assert sorted(order) == list(range(N))
    assert len({tuple(order) for order in orders.values()}) == 3
    assert rows(make().shuffle(20, seed=3), (1,)) == orders[1,]
    assert rows(make().shuffle(20, seed=4), (1,)) != orders[1,]


def test_all_rows_are_permuted_where_they_can_be_read_in_any_order():
    places = np.array([rows(arrays().shuffle(seed=seed)).index(0) for seed in range(400)])
    assert abs(places.mean() - 24.5) < 3  # the standard error is 0.72
    assert sorted(rows(one_after_another().cache().shuffle(seed=1))) == list(range(N))


def test_a_repeated_shuffle_is_another_one_each_time():
    twice = rows(arrays().shuffle(seed=1).repeat(2))
    assert sorted(twice[:N]) == sorted(twice[N:]) == list(range(N))
    assert twice[:N] != twice[N:]


def test_balanced_classes():
    data = Dataset.from_arrays(X, Y).pipeline().balanced(seed=2)
    order = np.concatenate([batch.x[:, 0] // 2 for batch in data.batch(8).batches()])
    labels = Y[order.astype(int)]
    assert len(order) == N
    assert labels.sum() == 25
    counts = np.bincount(order.astype(int), minlength=N)
    assert set(counts[Y == 0]) == {0, 1}  # 25 of 40
    assert set(counts[Y == 1]) == {2, 3}  # 25 of 10
    again = np.concatenate([batch.x[:, 0] // 2 for batch in data.batch(8).read((1,))])
    assert not np.array_equal(order, again)


def test_a_cache_reads_once_and_keeps_what_was_drawn():
    reads = []

    def samples():
        reads.append(1)
        yield from range(10)

    drawn = Dataset.from_generator(samples).map(lambda x, rng: x + rng.random(), seed=1).cache()
    first, second = (
        np.concatenate([batch.x for batch in drawn.batch(3).read(reading)])
        for reading in [(0,), (5,)]
    )
    np.testing.assert_array_equal(first, second)
    assert len(reads) == 1


# Lengths


def test_buckets_hold_rows_that_fit_and_are_filled_up():
    pipeline = ragged().bucket_by_length((2, 4, 7), 4, value=-1)
    seen = []
    for batch in pipeline.batches():
        bound = batch.x.shape[1]
        assert bound in (2, 4, 7)
        for x, y in zip(batch.x, batch.y, strict=True):
            length = 1 + y % 7
            assert length <= bound
            assert bound == 2 or length > {4: 2, 7: 4}[bound]
            assert x.tolist() == [y] * length + [-1] * (bound - length)
            seen.append(y)
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize(
    ("longer", "rows_left"), [("cut", 40), ("skip", sum(1 + r % 7 <= 4 for r in range(40)))]
)
def test_rows_longer_than_every_bucket(longer, rows_left):
    batches = list(ragged().bucket_by_length((2, 4), 4, longer=longer).batches())
    assert sum(len(batch.y) for batch in batches) == rows_left
    with pytest.raises(DataError, match="at most 4 steps, got 5 in row 4; add a larger bound"):
        list(ragged().bucket_by_length((2, 4), 4).batches())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[6, 6, 6, 6, 6], [7, 0, 0, 0, 0]]),
        ({"padding": "pre", "value": 9}, [[6, 6, 6, 6, 6], [9, 9, 9, 9, 7]]),
    ],
)
def test_pad_makes_one_length(settings, expected):
    (batch,) = ragged().pad(5, **settings).skip(6).take(2).batch(2).batches()
    assert batch.x.tolist() == expected
    (cut,) = (
        Dataset.from_generator(lambda: iter([np.arange(4), np.arange(2)]))
        .pad(3, truncating="pre")
        .batch(2)
        .batches()
    )
    assert cut.x.tolist() == [[1, 2, 3], [0, 1, 0]]


def test_rows_of_one_shape_need_no_padding():
    """Rows of different length of which each batch has one."""
    assert [b.x.tolist() for b in ragged().take(3).batch(1).batches()] == [
        [[0]],
        [[1] * 2],
        [[2] * 3],
    ]


# Going on


def noisy(x, y, rng):
    return x + rng.normal(), y


def noisy_together(x, y, rng):
    return x + rng.normal(size=x.shape), y


CHAINS = {
    "arrays": lambda: arrays().shuffle(seed=1).map(noisy, seed=2).batch(4),
    "together": lambda: arrays().shuffle(seed=1).map(noisy_together, 2, batched=True).batch(4),
    "in order": lambda: one_after_another().shuffle(11, seed=1).map(noisy, seed=2).batch(4),
    "filter": lambda: arrays().shuffle(9).filter(lambda x, y: y % 3 > 0).map(noisy, 5).batch(7),
    "balanced": lambda: Dataset.from_arrays(X, Y).pipeline().balanced().batch(6),
    "repeated": lambda: arrays().shuffle(seed=3).repeat(2).skip(3).take(90).batch(8),
    "unknown length": lambda: one_after_another().filter(lambda x, y: y > 9).repeat(2).batch(8),
    "cache": lambda: one_after_another().map(noisy, seed=4).cache().shuffle(8, 5).batch(5),
    "buckets": lambda: ragged().shuffle(8).bucket_by_length((3, 7), 4),
    "dropped": lambda: arrays().shuffle(seed=2).batch(8, drop_remainder=True),
    "no batch": arrays,
}


@pytest.mark.parametrize("chain", CHAINS)
def test_going_on_is_bit_equal(chain):
    """Stopped after each number of batches of two passes, in a new process's pipeline."""
    whole = CHAINS[chain]()
    everything = [*whole, *whole]
    assert len(everything) > 1
    for stop in range(0, len(everything), 3):
        first = CHAINS[chain]()
        seen = []
        while len(seen) < stop:
            for batch in first:
                seen.append(batch)
                if len(seen) == stop:
                    break
        state = json.loads(json.dumps(first.state()))
        second = CHAINS[chain]()
        second.restore(state)
        while len(seen) < len(everything):
            seen += list(second)
        for a, b in zip(everything, seen, strict=True):
            np.testing.assert_array_equal(a.x, b.x)
            np.testing.assert_array_equal(a.y, b.y)
    assert len(json.dumps(state)) < 120


def test_going_on_reads_no_row_twice_where_rows_can_be_read_in_any_order():
    read = []

    def seen(x, y):
        read.append(int(y))
        return x, y

    pipeline = arrays().shuffle(seed=1).map(seen).batch(4)
    order = rows(pipeline)
    read.clear()
    pipeline.restore({**pipeline.state(), "pass": [0], "batch": 11})
    assert [y for batch in pipeline for y in batch.y.tolist()] == order[44:]
    assert read == order[44:]


def test_looking_at_batches_leaves_the_position_alone():
    pipeline = arrays().batch(20)
    iterator = iter(pipeline)
    next(iterator)
    before = pipeline.state()
    assert len(list(pipeline.batches())) == 3
    assert pipeline.state() == before
    assert before["batch"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pass": "x"}, r"restore expected what state\(\) returned"),
        ({"batch": -1}, r"restore expected what state\(\) returned"),
        ({"batch": None}, r"restore expected what state\(\) returned"),
        ({"pipeline": 1}, "same source and stages as this one, 'arrays → shuffle"),
    ],
)
def test_a_state_of_something_else_is_refused(change, message):
    pipeline = arrays().shuffle(seed=1).batch(4)
    with pytest.raises(DataError, match=message):
        pipeline.restore({**pipeline.state(), **change})
    other = arrays().shuffle(seed=2).batch(4)
    with pytest.raises(DataError, match="build the pipeline as it was"):
        other.restore(pipeline.state())


# Split


def test_split_keeps_the_shares_of_the_classes():
    data = Dataset.from_arrays(X, Y).pipeline()
    front, back = data.split(0.2, seed=1)
    assert (front.length(), back.length()) == (40, 10)
    parts = [np.concatenate([batch.x[:, 0] for batch in p.batches()]) for p in (front, back)]
    assert sorted(np.concatenate(parts)) == X[:, 0].tolist()
    assert Y[(parts[1] // 2).astype(int)].sum() == 2
    other = data.split(0.2, seed=2)[1]
    assert not np.array_equal(next(other.batches()).x, next(back.batches()).x)
    assert front.batch(4).state()["pipeline"] != data.batch(4).state()["pipeline"]


def test_split_keeps_groups_together():
    groups = np.arange(N) // 10
    front, back = Dataset.from_arrays(X, Y).pipeline().split(0.4, groups=groups)
    sides = [set(groups[(next(p.batches()).x[:, 0] // 2).astype(int)]) for p in (front, back)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(5))


def test_split_refused():
    data = Dataset.from_arrays(X, Y).pipeline()
    for groups in (range(N - 1), range(N + 1)):
        with pytest.raises(ShapeError, match="split expected as many rows everywhere, got 50, "):
            data.split(0.5, groups=groups)
    with pytest.raises(ArgumentError, match="split expected a share that leaves rows on both"):
        data.split(0.99)


# Refusals


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: arrays().map(3), DTypeError, "map expected a function of a row, got 3"),
        (lambda: arrays().filter(None), DTypeError, "filter expected a function"),
        (lambda: arrays().shuffle(0), ArgumentError, "shuffle expected buffer to be an integer"),
        (lambda: arrays().shuffle(seed=-1), ArgumentError, "seed to be an integer of 0 or more"),
        (
            lambda: one_after_another().shuffle(seed=5),
            ArgumentError,
            r"type shuffle\(10_000, seed=5\), or cache\(\) before it",
        ),
        (lambda: arrays().take(0), ArgumentError, "take expected count"),
        (lambda: arrays().batch(0), ArgumentError, "batch expected batch_size"),
        (
            lambda: arrays().batch(3).map(lambda x, y: x),
            ArgumentError,
            "as its last stage, got map after it; move that in front",
        ),
        (lambda: arrays().batch(3).batch(4), ArgumentError, "got batch after it"),
        (
            lambda: one_after_another().balanced(),
            ArgumentError,
            "class numbers are known before they are read",
        ),
        (
            lambda: Dataset.from_arrays(X).pipeline().balanced(),
            ArgumentError,
            "use class_weight= of fit",
        ),
        (
            lambda: ragged().bucket_by_length((4, 2), 3),
            ArgumentError,
            r"bounds in ascending order, got \(4, 2\); type \(2, 4\)",
        ),
        (lambda: arrays().take(3).split(0.5), ArgumentError, "before any other stage"),
        (lambda: one_after_another().split(0.5), ArgumentError, "for others use take and skip"),
        (lambda: arrays().pad(3, padding="left"), ArgumentError, "padding to be one of 'pre'"),
        (
            lambda: Dataset.from_generator(iter([1])),
            DTypeError,
            "pass the generator function itself, without calling it",
        ),
    ],
)
def test_chains_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize(
    ("pipeline", "error", "message"),
    [
        (
            ragged().batch(4),
            ShapeError,
            r"one shape in x, got \(1,\) and \(2,\) in batch 0; write pad\(length\)",
        ),
        (
            arrays().map(lambda x, y: (x / (y != 30), y)).batch(4),
            DataError,
            "numbers in x, got 2 that are NaN or infinite, the first in row 2 in batch 7",
        ),
        (
            arrays().map(lambda x, y: (x[:5], y[:5]), batched=True),
            DataError,
            r"as many rows back, got 5 of 50; leave rows out with filter",
        ),
        (
            arrays().map(lambda x, y: (x, y) if y < 3 else x).batch(4),
            DataError,
            "the same inputs and outputs in every row, got one array and nothing",
        ),
        (
            arrays().filter(lambda x, y: False).repeat().batch(4),
            DataError,
            "at least one row each time, got none",
        ),
        (
            Dataset.from_generator(lambda: iter(["a", "b"])).batch(2),
            DTypeError,
            "x to hold numbers, got strings in batch 0",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_bad_rows_are_named(pipeline, error, message):
    with pytest.raises(error, match=message):
        list(pipeline.batches())


def test_it_says_what_it_is():
    pipeline = arrays().shuffle(20, seed=1).batch(4)
    assert isinstance(pipeline, Pipeline)
    assert repr(pipeline) == "Pipeline(arrays → shuffle(20, seed=1) → batch(4, False))"
