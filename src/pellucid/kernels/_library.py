"""The library of compiled kernels: found, loaded and registered with XLA, or not, and why.

The library is built from ``native/`` when Pellucid is installed on a machine with a C++ compiler.
It is optional: without it everything works through XLA. ``PELLUCID_KERNELS=off`` leaves it out.
"""

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax

FILE = Path(__file__).with_name("libpellucid_kernels.so")
TARGETS = {
    "pellucid_conv_forward",
    "pellucid_conv_input_gradient",
    "pellucid_conv_weight_gradient",
    "pellucid_multiply",
    "pellucid_adam",
    "pellucid_attention",
    "pellucid_attention_gradient",
    "pellucid_take_rows",
    "pellucid_take_host_rows",
    "pellucid_simple_rnn",
    "pellucid_simple_rnn_gradient",
    "pellucid_lstm",
    "pellucid_lstm_gradient",
    "pellucid_gru",
    "pellucid_gru_gradient",
    "pellucid_batch_norm",
    "pellucid_batch_norm_gradient",
    "pellucid_layer_norm",
    "pellucid_layer_norm_gradient",
    "pellucid_local_response_norm",
    "pellucid_local_response_gradient",
    "pellucid_max_pool",
    "pellucid_max_pool_gradient",
    "pellucid_average_pool",
    "pellucid_average_pool_gradient",
}


class Status(NamedTuple):
    """Whether the kernels are in use, and in words what they are or why they are not."""

    ready: bool
    words: str


@cache
def status() -> Status:
    """Load the library at the first call; a library that does not load is reported once."""
    if os.environ.get("PELLUCID_KERNELS", "").lower() in ("off", "0", "no"):
        return Status(False, "switched off by PELLUCID_KERNELS")
    if not FILE.exists():
        return Status(
            False, "not built; install a C++ compiler (g++ or clang++) and install Pellucid again"
        )
    try:
        library = ctypes.CDLL(str(FILE))
        for name in sorted(TARGETS):
            target = jax.ffi.pycapsule(getattr(library, name))
            jax.ffi.register_ffi_target(name, target, platform="cpu")
        library.pellucid_instruction_set.restype = ctypes.c_char_p
        instruction_set = library.pellucid_instruction_set().decode()
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        words = f"{FILE} does not load ({error}); install Pellucid again to rebuild it"
        print(f"pellucid: the kernels are not used: {words}", file=sys.stderr)
        return Status(False, words)
    return Status(True, f"compiled for the CPU, using {instruction_set}")
