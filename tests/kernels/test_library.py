"""Finding the kernels: absent, damaged or switched off, programs run all the same."""

import os
import subprocess
import sys

import pytest

CODE = """
import numpy as np, pellucid.kernels._library as library
from pathlib import Path
from pellucid import kernels, ops
if {file!r}:
    library.FILE = Path({file!r})
print(kernels.status().ready, kernels.status().words)
y = ops.conv(np.ones((1, 4, 4, 8), np.float32), np.ones((3, 3, 8, 16), np.float32))
print(float(y[0, 0, 0, 0]))
"""


def run(file="", **environment):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(file=str(file))],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    first, second = done.stdout.splitlines()
    return first, float(second), done.stderr


def test_switched_off():
    words, y, _ = run(PELLUCID_KERNELS="off")
    assert words == "False switched off by PELLUCID_KERNELS"
    assert y == 72


def test_absent(tmp_path):
    words, y, errors = run(tmp_path / "none.so", PELLUCID_KERNELS="")
    assert words.startswith("False not built; install a C++ compiler")
    assert y == 72
    assert "pellucid" not in errors


@pytest.mark.parametrize("content", [b"", b"\x7fELF rubbish"])
def test_a_library_that_does_not_load_is_reported_once(tmp_path, content):
    damaged = tmp_path / "damaged.so"
    damaged.write_bytes(content)
    words, y, errors = run(damaged, PELLUCID_KERNELS="")
    assert "does not load" in words
    assert y == 72
    assert errors.count("the kernels are not used") == 1


@pytest.mark.parametrize("chosen", ["avx2", "baseline"])
def test_lesser_instruction_sets_compute_the_same(chosen):
    words, y, _ = run(PELLUCID_KERNELS=chosen)
    if words.startswith("False"):
        pytest.skip(words)
    assert y == 72
