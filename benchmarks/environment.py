"""The Pythons that the systems run in, and what the machine is."""

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers"
OWN = ("pellucid_fit", "pellucid_sklearn", "plain_jax", "sklearn")
"""The systems that run in Pellucid's own environment, which has scikit-learn and JAX."""
PEER_SYSTEMS = (
    "torch_eager",
    "torch_lean",
    "torch_compile",
    "keras_tensorflow",
    "keras_jax",
    "keras_torch",
)
SYSTEMS = (*OWN, *PEER_SYSTEMS)
PACKAGES = ("jax", "torch", "keras", "tensorflow", "scikit-learn", "numpy", "pellucid")


def python_of(system: str) -> Path:
    """Return the Python that a system runs in."""
    return Path(sys.executable) if system in OWN else peers_python()


def peers_python() -> Path:
    """Return the Python of the peers' environment, which is made when it is missing."""
    python = PEERS / "bin" / "python"
    wanted = (HERE / "requirements-peers.txt").read_text()
    stamp = PEERS / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Installing the peers into .venv-peers (several minutes) ...", file=sys.stderr)
        venv.create(PEERS, with_pip=True)
        command = [python, "-m", "pip", "install", "-q", "-r", HERE / "requirements-peers.txt"]
        subprocess.run(command, check=True)
        stamp.write_text(wanted)
    return python


def machine() -> str:
    """Return processor, cores and versions in one paragraph."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    code = (
        "import importlib.metadata as m\n"
        f"for n in {PACKAGES!r}:\n"
        "    try: print(n, m.version(n), end='; ')\n"
        "    except m.PackageNotFoundError: pass"
    )
    versions = [
        subprocess.run([python, "-I", "-c", code], capture_output=True, text=True).stdout.rstrip(
            "; "
        )
        for python in (sys.executable, PEERS / "bin" / "python")
        if Path(python).exists()
    ]
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}. Ours: {versions[0]}."
        + (f" Peers: {versions[1]}." if len(versions) > 1 else "")
    )
