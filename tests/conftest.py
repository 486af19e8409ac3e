"""What holds for all tests."""

import ctypes
import gc
import resource
import signal
from contextlib import suppress
from pathlib import Path

import jax
import pytest

MOST_MEMORY = 2 << 20
"""KiB of a test process from which on compiled programs of earlier files are given up."""


@pytest.fixture(autouse=True, scope="module")
def memory_of_earlier_files():
    """Give up the compiled programs of earlier files when they have come to gigabytes."""
    yield
    if memory_in_use() > MOST_MEMORY:
        jax.clear_caches()
        gc.collect()
        with suppress(OSError, AttributeError):  # glibc alone has it, and keeps what is free
            ctypes.CDLL(None).malloc_trim(0)


def memory_in_use():
    """Return the KiB of this process, or the most it has had where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize() // 1024


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard():
    """Hear Ctrl-C as a program in the foreground does; one in the background is born deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their length: compressed ones differ from run to run by the time in them."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) else None
