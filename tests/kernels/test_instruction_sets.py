"""The bodies for lesser instruction sets pass the same tests as the best one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid import kernels

FILES = ["test_normalization.py", "test_layer_norm.py", "test_pooling.py", "test_local_response.py"]


@pytest.mark.slow
@pytest.mark.skipif(not kernels.status().ready, reason=kernels.status().words)
@pytest.mark.parametrize("chosen", ["avx2", "baseline"])
@pytest.mark.parametrize("file", FILES)
def test_lesser_instruction_sets(file, chosen):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name(file))],
        env={**os.environ, "PELLUCID_KERNELS": chosen},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout
