"""Which program trained: the commit that its files lie in, where they lie in a repository."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pellucid

SECONDS = 5.0
"""How long git may take to answer."""


def code_state() -> dict[str, Any] | None:
    """Return commit and state of the repository of the program, None where there is none.

    The program is the script that was started, or else Pellucid itself; a file that its repository
    does not keep (an installed package below it, for instance) has none.

    Returns:
        ``{"program": file name, "commit": hash, "dirty": whether kept files have been changed}``.
    """
    if shutil.which("git") is None:
        return None
    for file in (Path(sys.argv[0]), Path(pellucid.__file__)):
        if file.is_file() and _git(file, "ls-files", "--error-unmatch", file.name) is not None:
            commit = _git(file, "rev-parse", "HEAD")
            changed = _git(file, "status", "--porcelain", "--untracked-files=no")
            if commit is not None:
                name = file.name if file.name != "__init__.py" else file.parent.name
                return {"program": name, "commit": commit, "dirty": bool(changed)}
    return None


def _git(file: Path, *arguments: str) -> str | None:
    """Return what git says about the folder of a file, None if it says nothing good."""
    try:
        done = subprocess.run(
            ["git", "-C", str(file.resolve().parent), *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
