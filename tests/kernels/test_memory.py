"""No kernel reads or writes outside its buffers: guard pages, and AddressSanitizer (slow)."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

import pellucid

NATIVE = Path(pellucid.__file__).parent / "kernels" / "native"
BODIES = ("convolution", "few_filters", "winograd", "matrix", "recurrence", "adam", "attention")
BODIES += ("normalization", "layer_norm", "pooling", "local_response")
COMPILER = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
X86 = platform.machine().lower() in ("x86_64", "amd64")
# name: (what the processor must have, compiler flags, floats in a vector, vector registers)
SETS = {
    "avx512": ("avx512vl", ["-mavx512f", "-mavx512vl", "-mfma"], 16, 32),
    "avx2": ("avx2", ["-mavx2", "-mfma"], 8, 16),
    "baseline": ("", [], 4, 16),
}


def processor_has(feature):
    if not feature:
        return True
    information = Path("/proc/cpuinfo")
    return X86 and information.exists() and f" {feature} " in information.read_text()


def run_check(folder, instruction_set, flags, rounds):
    feature, set_flags, width, registers = SETS[instruction_set]
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")
    if not processor_has(feature):
        pytest.skip(f"this processor has no {instruction_set}")
    program = folder / "memory_check"
    sources = [NATIVE / f"{name}.cc" for name in BODIES]
    command = [
        *(COMPILER, "-std=c++17", "-w", "-pthread", *flags, *set_flags, f"-I{NATIVE}"),
        *(f"-DPELLUCID_ISA={instruction_set}", f"-DPELLUCID_WIDTH={width}"),
        *(f"-DPELLUCID_REGISTERS={registers}", Path(__file__).with_name("memory_check.cc")),
        *(*sources, "-o", program),
    ]
    subprocess.run(command, check=True)
    done = subprocess.run([program, "7", str(rounds)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == f"{rounds} rounds\n"


@pytest.mark.slow
@pytest.mark.parametrize("instruction_set", list(SETS))
def test_between_guard_pages(tmp_path, instruction_set):
    run_check(tmp_path, instruction_set, ["-O2"], rounds=300)


@pytest.mark.slow
@pytest.mark.parametrize("instruction_set", list(SETS))
def test_under_address_sanitizer(tmp_path, instruction_set):
    run_check(tmp_path, instruction_set, ["-O1", "-g", "-fsanitize=address,undefined"], rounds=100)
