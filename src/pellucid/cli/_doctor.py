"""``pellucid doctor``: what is installed, what it runs on, and where data is looked for."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.table import Table

import pellucid
from pellucid.cli._app import AsJson, guarded, print_json, screen
from pellucid.errors import DatasetError

NEEDED = ("jax", "jaxlib", "numpy", "scikit-learn", "safetensors", "matplotlib", "rich", "typer")


@guarded
def doctor(json: AsJson = False) -> None:
    """Say what is installed, what the training runs on, and which data sets are found."""
    findings = examine()
    if json:
        print_json(findings)
        return
    out = screen()
    for title, section in findings.items():
        out.print(f"[bold]{title}[/bold]")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="cyan", min_width=16)
        table.add_column(overflow="fold")
        for key, value in section.items():
            table.add_row(f"  {key}", _in_words(value))
        out.print(table)
        out.print()


def examine() -> dict[str, dict[str, Any]]:
    """Return what was found, in sections, as plain JSON."""
    return {
        "versions": _versions(),
        "machine": _machine(),
        "kernels": _kernels(),
        "data": _data(),
    }


def _versions() -> dict[str, str]:
    found: dict[str, str] = {
        "pellucid": pellucid.__version__,
        "python": platform.python_version(),
    }
    for package in NEEDED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def _machine() -> dict[str, Any]:
    import jax

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": usable,
        "jax backend": jax.default_backend(),
        "devices": [
            f"{device.platform} {device.id}: {device.device_kind}" for device in jax.devices()
        ],
        "executable": sys.executable,
    }


def _kernels() -> dict[str, Any]:
    from pellucid import kernels

    status = kernels.status()
    on_cpu = (
        "compiled kernels (float32), patches times a matrix where they do not fit"
        if status.ready
        else "patches times a matrix"
    )
    return {
        "native kernels": status.words,
        "convolution on the CPU": on_cpu,
        "convolution elsewhere": "XLA's own",
    }


def _data() -> dict[str, Any]:
    from pellucid.data import cache_folder, data_folder

    found: dict[str, Any] = {}
    try:
        own = data_folder()
        found["PELLUCID_DATA"] = None if own is None else str(own)
        places = [cache_folder()] if own is None else [own, cache_folder()]
        found["cache"] = str(places[-1])
    except DatasetError as error:
        return {"trouble": str(error)}
    names = sorted({name for place in places for name in _folders(place)})
    found["sets found"] = names
    return found


def _folders(place: Path) -> list[str]:
    if not place.is_dir():
        return []
    return [entry.name for entry in place.iterdir() if entry.is_dir() and any(entry.iterdir())]


def _in_words(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
