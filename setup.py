"""Builds the optional kernels; everything else is in pyproject.toml.

One source is compiled once for each instruction set, and the library chooses at run time, so that a
wheel built on one machine runs on an older one. Without a C++ compiler nothing is built, and
Pellucid works through XLA alone.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("src/pellucid/kernels/native")
COMMON = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast"]
COMMON += ["-fno-math-errno", "-fno-trapping-math", "-w"]
BODIES = ["convolution", "few_filters", "winograd", "matrix", "recurrence", "adam", "attention"]
BODIES += ["normalization", "layer_norm", "pooling", "local_response"]

# name: (compiler flags, floats in a vector, vector registers)
X86 = {
    "avx512": (["-mavx512f", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"], 16, 32),
    "avx2": (["-mavx2", "-mfma"], 8, 16),
    "baseline": ([], 4, 16),
}
OTHER = {"baseline": ([], 4, 32)}


class BuildKernels(build_ext):
    """Compiles the kernels with whatever C++ compiler there is."""

    def get_ext_filename(self, name: str) -> str:
        """Return the plain name: the library is no Python module."""
        return str(Path(*name.split("."))) + ".so"

    def build_extension(self, extension: Extension) -> None:
        """Build the library, or say why it is left out."""
        target = Path(self.get_ext_fullpath(extension.name))
        compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            print("No C++ compiler was found: the kernels are not built.")
            return
        objects = Path(self.build_temp)
        objects.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.compile(compiler, objects, target)
        except (OSError, subprocess.CalledProcessError, ImportError) as error:
            target.unlink(missing_ok=True)
            print(f"The kernels are not built: {error}")

    def compile(self, compiler: str, objects: Path, target: Path) -> None:
        """Compile the bodies once for each instruction set, and link them with the handlers."""
        from jax import ffi

        sets = X86 if platform.machine().lower() in ("x86_64", "amd64") else OTHER
        made = []
        for name, (flags, width, registers) in sets.items():
            defines = [
                f"-DPELLUCID_ISA={name}",
                f"-DPELLUCID_WIDTH={width}",
                f"-DPELLUCID_REGISTERS={registers}",
            ]
            for body in BODIES:
                made.append(str(objects / f"{body}_{name}.o"))
                source = str(NATIVE / f"{body}.cc")
                run([compiler, *COMMON, *flags, *defines, "-c", source, "-o", made[-1]])
        for name in ("crew", "pages", "handlers", "handlers_attention", "handlers_layers"):
            made.append(str(objects / f"{name}.o"))
            include = f"-I{ffi.include_dir()}"
            run([compiler, *COMMON, include, "-c", str(NATIVE / f"{name}.cc"), "-o", made[-1]])
        run([compiler, "-shared", "-o", str(target), *made, "-lpthread"])


def run(command: list[str]) -> None:
    """Run the compiler."""
    print(" ".join(command))
    subprocess.run(command, check=True)


setup(
    ext_modules=[Extension("pellucid.kernels.libpellucid_kernels", [str(NATIVE / "handlers.cc")])],
    cmdclass={"build_ext": BuildKernels},
)
