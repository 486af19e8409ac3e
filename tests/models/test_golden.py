"""Files that an earlier Pellucid has saved are loaded, and predict what they predicted."""

import json

import numpy as np
import pytest

from models.golden_models import GOLDEN, MODELS, TOLERANCE, inputs, predictions
from pellucid import models
from pellucid.models._saving import FORMAT_VERSION

VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


def test_there_are_files_of_every_version():
    assert [f"version-{n}" for n in range(1, FORMAT_VERSION + 1)] == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_what_they_were(version, name):
    expected = json.loads((GOLDEN / version / "predictions.json").read_text())[name]
    model = models.load_model(GOLDEN / version / name)
    found = predictions(name, model)
    assert set(found) == set(expected)
    for output, rows in expected.items():
        np.testing.assert_allclose(found[output], rows, rtol=TOLERANCE, atol=TOLERANCE)
    if name == "chain":
        x = inputs(name)
        model.fit(x, np.arange(len(x)) % 3, epochs=1, verbose=0)
        assert int(model._trained.step) == 3, "two steps were taken before it was saved"
