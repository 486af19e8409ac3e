"""The house: a room imports only from rooms above it, and importing Pellucid stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "pellucid"

# Each room, and the rooms above it that it may import. Lowest first.
FOUNDATION = ["errors", "_files", "_checks", "_tree", "_named"]
VOCABULARY = ["activations", "initializers", "regularizers", "constraints", "losses", "metrics"]
ORDER = [*FOUNDATION, "kernels", "ops", *VOCABULARY, "layers"]
BESIDE = {"optimizers": [*FOUNDATION, "kernels"], "data": ["errors", "_checks", "_named"]}
UPPER = ["training", "models", "zoo", "export", "inspection", "sklearn", "recipes", "tuning", "cli"]
# Public names that only re-export what lies in a room.
DOORS = {
    "callbacks": ["training", "inspection"],
    "datasets": ["data"],
    "preprocessing": ["data"],
    "utils": ["data"],
}


def allowed(room: str) -> list[str]:
    if room in DOORS:
        return DOORS[room]
    if room in BESIDE:
        return BESIDE[room]
    if room in ORDER:
        return ORDER[: ORDER.index(room)]
    above = UPPER[: UPPER.index(room)]
    return [*ORDER, *BESIDE, *above, *DOORS]


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "pellucid":
            names = [f"pellucid.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        rooms |= {name.split(".")[1] for name in names if name.startswith("pellucid.")}
    return rooms - {"__version__"}


FILES = [p for p in sorted(SOURCE.rglob("*.py")) if p != SOURCE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_upwards(path):
    room = room_of(path)
    wrong = imported_rooms(path) - {room} - set(allowed(room))
    assert not wrong, f"{room} must not import {', '.join(sorted(wrong))}"


def test_custom_vjp_is_said_in_one_place():
    said = [p for p in FILES if ".custom_vjp(" in p.read_text()]
    assert [p.name for p in said] == ["_registry.py"]


def test_nothing_is_pickled():
    for path in FILES:
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not names & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}, path


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_import_is_light():
    heavy = ["matplotlib", "sklearn", "rich", "typer", "PIL", "safetensors", "pandas", "scipy"]
    code = f"import sys, jax; b = set(sys.modules); import pellucid; print([m for m in {heavy} "
    assert run(code + "if m in sys.modules and m not in b])") == "[]"


def test_public_names_exist():
    import pellucid

    for name in pellucid.__all__:
        assert hasattr(pellucid, name)
        module = getattr(pellucid, name)
        for inner in getattr(module, "__all__", ()):
            assert hasattr(module, inner), f"pellucid.{name}.{inner}"
