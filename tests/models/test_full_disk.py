"""A model is the old or the new one, whatever call of the disk fails while it is saved."""

import numpy as np
import pytest

from faulty_disk import FAULTS, calls_of, failing
from pellucid import Input, Sequential, models
from pellucid.errors import WriteError
from pellucid.layers import Dense


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_is_the_old_or_the_new_one(tmp_path, fault):
    old, new = (Sequential([Input((2,)), Dense(1)], seed=seed) for seed in (0, 1))
    path = tmp_path / "model"
    kernels = [model.get_weights()[0].tobytes() for model in (old, new)]
    old.save(path)
    count = calls_of(lambda: old.save(path))
    assert count > 10
    for at in range(0, count, 2):
        old.save(path)
        error = failing(lambda: new.save(path), at, fault)
        found = models.load_model(path).get_weights()[0].tobytes()
        assert found in kernels
        assert found == kernels[1] or isinstance(error, WriteError)


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_are_the_old_or_the_new_ones(tmp_path, fault):
    model = Sequential([Input((2,)), Dense(1)])
    path = tmp_path / "w.safetensors"
    model.save_weights(path)
    before = path.read_bytes()
    model.set_weights([np.ones((2, 1)), np.zeros(1)])
    for at in range(calls_of(lambda: model.save_weights(tmp_path / "other.safetensors"))):
        path.write_bytes(before)
        error = failing(lambda: model.save_weights(path), at, fault)
        assert (path.read_bytes() == before) <= isinstance(error, WriteError)
        model.load_weights(path)
        model.set_weights([np.ones((2, 1)), np.zeros(1)])
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []
