"""Made digits in the place of the real ones."""

import pytest

from made_digits import made_digits
from pellucid.datasets import digits


@pytest.fixture
def few_digits(monkeypatch):
    """The digits recipe learns from 80 made images and is tested on 30."""
    split = made_digits(80, seed=1), made_digits(30, seed=2)
    monkeypatch.setattr(digits, "load_data", lambda: split)
