"""Folders for the tests of the data room: none of them sees the user's own files."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """An empty folder that PELLUCID_DATA names, beside an empty cache."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PELLUCID_DATA", str(folder))
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def real(request) -> Path:
    """The folder of the set that the test's ``real`` parameter names, or a skip."""
    named = os.environ.get("PELLUCID_DATA", "")
    folder = Path(named) / request.param
    if not named or not folder.is_dir():
        pytest.skip(f"needs PELLUCID_DATA to name a folder that holds {request.param}")
    return folder
