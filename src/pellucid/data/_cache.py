"""Where the files of a data set come from: a folder of one's own, the cache, the network.

Search order for a file ``F`` of the set ``S``:

1. ``<PELLUCID_DATA>/S/F``, where the environment variable names a folder that holds sets;
2. ``<cache>/S/F``, where the cache is ``$PELLUCID_CACHE``, else ``$XDG_CACHE_HOME/pellucid``, else
   ``~/.cache/pellucid``, each with ``data`` below it;
3. the public homes of the set, from which the file is brought into the cache.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import DatasetError


@dataclass(frozen=True)
class RemoteFile:
    """One published file of a data set.

    Args:
        name: the file's name, the same at home and here.
        urls: where it is published, tried in turn.
        size: its bytes; a download that grows beyond them is stopped.
        sha256: its SHA-256 in hexadecimal digits, if known.
        md5: its MD5 in hexadecimal digits, if known. At least one of the two must be given.
    """

    name: str
    urls: tuple[str, ...]
    size: int
    sha256: str = ""
    md5: str = ""


def data_folder() -> Path | None:
    """Return the folder that ``PELLUCID_DATA`` names, or ``None`` where it is not set.

    Raises:
        DatasetError: if the variable is set and names no folder.
    """
    named = os.environ.get("PELLUCID_DATA")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise DatasetError(
            f"PELLUCID_DATA expected a folder that holds data sets, got {named!r}, which is no "
            "folder; correct the environment variable or unset it."
        )
    return folder


def cache_folder() -> Path:
    """Return the folder that downloaded data sets are kept in; it need not exist yet."""
    own, shared = os.environ.get("PELLUCID_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own) / "data"
    if shared:
        return Path(shared) / "pellucid" / "data"
    try:
        return Path.home() / ".cache" / "pellucid" / "data"
    except RuntimeError as error:
        raise DatasetError(
            "There is no home folder to keep data sets in; set PELLUCID_CACHE to a folder that "
            "can be written."
        ) from error


def places(set_name: str) -> list[Path]:
    """Return the folders in which a set's files are looked for, in order."""
    folder = data_folder()
    own = [] if folder is None else [folder / set_name]
    return [*own, cache_folder() / set_name]


def find(set_name: str, *names: str) -> Path | None:
    """Return the first file of one of these names in the set's folders, or ``None``."""
    for place in places(set_name):
        for name in names:
            if os.path.isfile(place / name):
                return place / name
    return None


def obtain(set_name: str, file: RemoteFile, *other_names: str) -> Path:
    """Return the path of a set's file, downloading it into the cache if it is nowhere here.

    Args:
        set_name: the set's folder name, such as ``"fashion-mnist"``.
        file: the published file.
        other_names: names under which the same content may lie in the set's folders.

    Raises:
        DatasetError: if the file is neither here nor to be had.
    """
    found = find(set_name, file.name, *other_names)
    if found is not None:
        return found
    from pellucid.data._download import download  # the network code loads when it is needed

    return download(set_name, file, cache_folder() / set_name)


def named_file(set_name: str, path: str) -> Path | None:
    """Return the file that a caller named: a path, or a bare name in the set's folders.

    Raises:
        DatasetError: if ``path`` has a folder part and is no file.
    """
    if not os.path.dirname(path):
        return find(set_name, path)
    if not os.path.isfile(path):
        raise DatasetError(f"{set_name}: there is no file {path!r}; correct the path or leave it.")
    return Path(path)


def announce(
    set_name: str, unit: str, found: tuple[int, int], whole: tuple[int, int], folder: Path
) -> None:
    """Say on standard error how many (training, test) records were found, and where."""
    if found == whole:
        counts = f"{found[0]:,} training and {found[1]:,} test {unit}"
    else:
        counts = (
            f"a part of the set: {found[0]:,} of {whole[0]:,} training and "
            f"{found[1]:,} of {whole[1]:,} test {unit}"
        )
    print(f"{set_name}: {counts} in {folder}", file=sys.stderr)


def damaged(path: Path, what: str) -> DatasetError:
    """Return the error for a file that is not what it should be."""
    return DatasetError(f"{path} is damaged: {what}; delete or replace it and load again.")
