"""Large results lie in memory for which large pages were asked."""

from pathlib import Path

import jax.numpy as jnp
import pytest

from pellucid import kernels, ops

SMAPS = Path("/proc/self/smaps")
PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def flags_of(address):
    """Return the kernel's flags of the region of memory that holds an address."""
    inside = False
    for line in SMAPS.read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            start, end = (int(number, 16) for number in first.split("-"))
            inside = start <= address < end
        elif inside and first == "VmFlags:":
            return rest
    raise AssertionError("no such region")


@pytest.mark.skipif(not kernels.status().ready, reason=kernels.status().words)
@pytest.mark.skipif(not (SMAPS.exists() and PAGES.exists()), reason="Linux gives no large pages")
@pytest.mark.parametrize("make", ["convolution", "rows"])
def test_the_memory_of_a_large_result_is_marked(make):
    if make == "rows":
        y = kernels.rows.take(jnp.zeros((8, 1 << 20)), jnp.arange(8, dtype=jnp.int32))
    else:
        y = ops.conv(jnp.zeros((8, 64, 64, 8)), jnp.zeros((1, 1, 8, 256)), body="native")
    assert y.nbytes == 1 << 25
    assert "hg" in flags_of(y.unsafe_buffer_pointer() + (1 << 24))
