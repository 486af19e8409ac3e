"""What holds for every network of the zoo: size, forward, a compiled step, bits, file, summary."""

import importlib
import inspect
import math
import pkgutil

import jax
import numpy as np
import pytest

from pellucid import models, zoo
from pellucid.training import train
from zoo.cases import CASES, GOLDEN, WITHOUT_NETWORKS

MODULES = sorted(m.name for m in pkgutil.iter_modules(zoo.__path__) if not m.name.startswith("_"))


def networks(name):
    """Return the names of the functions of a file that make a network of settings."""
    module = importlib.import_module(f"pellucid.zoo.{name}")
    for own, made in vars(module).items():
        if not inspect.isfunction(made) or made.__module__ != module.__name__ or own[0] == "_":
            continue
        signature = inspect.signature(made)
        returns = getattr(signature.return_annotation, "__name__", signature.return_annotation)
        takes_apart = "model" in signature.parameters
        chooses = "name" in signature.parameters  # resnet("resnet18"): each form has a function
        if returns in ("Model", "Sequential") and not takes_apart and not chooses:
            yield f"{name}.{own}"


def of(rows, name):
    """Return the networks that have a row, without their variants."""
    return {row.partition(",")[0] for row in rows if row.startswith(f"{name}.")}


@pytest.mark.parametrize("name", MODULES)
def test_every_file_has_its_rows(name):
    if name in WITHOUT_NETWORKS:
        assert not list(networks(name))
        assert not of(CASES, name)
        return
    assert of(CASES, name), f"add a row for pellucid.zoo.{name} to tests/zoo/cases.py"
    missing = set(networks(name)) - of(CASES, name)
    assert not missing, f"add rows for {missing} to CASES in tests/zoo/cases.py"


def test_every_row_has_its_file():
    known = {name.partition(".")[0] for name in (*CASES, *GOLDEN)}
    assert known <= set(MODULES)
    assert set(WITHOUT_NETWORKS) <= set(MODULES)


def size(tree):
    return sum(math.prod(spec.shape) for spec in jax.tree.leaves(tree))


@pytest.mark.parametrize("name", GOLDEN)
def test_parameter_count(name):
    make, trained, kept = GOLDEN[name]
    shapes = make().shapes
    assert (size(shapes.parameters), size(shapes.state)) == (trained, kept)


def tried(case, model, start=None):
    """Return all numbers of a network after one compiled step, from its own or a given start."""
    if start is not None:
        model.variables = start
    if case.learner is None:
        model.train_on_batch(case.x, case.y)
        return model.variables
    learner = case.learner(model)
    data = case.data if case.data is None or len(case.data) else (case.x, case.y)
    data = case.x if isinstance(data, tuple) and data[1] is None else data
    steps = 1 if data is None else None
    state, measures = train(learner.step, learner.start(0), data, batch_size=4, steps=steps)
    assert all(np.isfinite(values).all() for values in measures.history.values())
    learner.keep(state)
    return model.variables


def same(a, b):
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * case.slow) for name, case in CASES.items()],
)
def test_forward_backward_bits_file_and_summary(name, tmp_path):
    case = CASES[name]
    model = case.make(0)
    start = model.variables
    if case.learner is None:
        model.compile("sgd", case.loss, verbose=0)

    first = jax.tree.leaves(model.predict(case.x, verbose=0))
    for values, symbol in zip(first, model.graph.output_symbols, strict=True):
        assert values.shape[1:] == symbol.shape[1:] or None in symbol.shape[1:]
        assert np.isfinite(values).all()

    after = tried(case, model)
    pairs = zip(*map(jax.tree.leaves, (start.parameters, after.parameters)), strict=True)
    moved = [not np.array_equal(a, b) for a, b in pairs]
    assert np.mean(moved) >= case.moves
    assert all(np.isfinite(a).all() for a in jax.tree.leaves(after))
    if case.learner is None:
        model._trained = None  # as before the step: by the same program, from the same numbers
    same(tried(case, model, start), after)
    same(case.make(0).variables, start)

    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    same(again.variables, model.variables)
    same(again.predict(case.x, verbose=0), model.predict(case.x, verbose=0))
    shown = []
    model.summary(print_fn=shown.append)
    assert f"{model.count_params():,} parameters" in shown[0]
