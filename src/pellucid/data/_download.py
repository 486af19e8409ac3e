"""Bring one published file into the cache: resumed after a cut, verified before it counts.

The bytes go to ``<name>.part``. A connection that breaks is taken up again with a ``Range``
request where it stopped, in the same call or in a later one; a server that ignores the request
simply starts over. Only a file whose checksum is right is renamed to its final name, so a file in
the cache is whole. Two processes that want one file wait for each other.
"""

import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pellucid.data._cache import RemoteFile, places
from pellucid.errors import DatasetError

try:
    import fcntl
except ImportError:  # a system without file locks: two downloads at once are not kept apart
    fcntl = None  # type: ignore[assignment]

Progress = Callable[[int, int | None], None]

_TIMEOUT = 15.0  # seconds without a single byte
_BLOCK = 1 << 16
_CONTINUATIONS = 20  # how often one mirror may break off, each time after some new bytes


class _MirrorError(Exception):
    """A mirror cannot give the file; the next one may."""


class _CutError(Exception):
    """The connection broke; the rest may be asked for."""


def download(
    set_name: str,
    file: RemoteFile,
    folder: Path,
    progress: Progress | None = None,
    timeout: float = _TIMEOUT,
) -> Path:
    """Download ``file`` into ``folder``, verify its checksums and return its path.

    Args:
        set_name: the set it belongs to, for messages.
        file: name, homes, size and checksums.
        folder: where it goes; made if absent.
        progress: called as ``progress(done, total)`` with bytes, ``total`` being ``None`` where the
            server does not say; by default a line on standard error.
        timeout: seconds without a byte after which a connection counts as broken.

    Raises:
        DatasetError: if no mirror gave the right file (each one's reason is named), or if the
            folder cannot be written.
    """
    final, part = folder / file.name, folder / f"{file.name}.part"
    report = progress or _line(f"{set_name}: downloading {file.name}")
    reasons: list[str] = []
    cause: Exception | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            if final.is_file():  # another process was faster
                return final
            for url in file.urls:
                try:
                    _fetch(url, part, file.size, report, timeout)
                    _verify(part, file)
                except _MirrorError as error:
                    reasons.append(f"{url}: {error}")
                    cause = error
                else:
                    os.replace(part, final)
                    return final
    except OSError as error:  # the network's own errors have become _MirrorError above
        raise DatasetError(
            f"{set_name}: {file.name} cannot be written to {folder} "
            f"({error.strerror or error}); set PELLUCID_CACHE to a folder with room that can be "
            "written."
        ) from error
    raise DatasetError(
        f"{set_name}: {file.name} is not in {' or '.join(map(str, places(set_name)))} and cannot "
        f"be downloaded ({'; '.join(reasons)}); connect to the network, or set the environment "
        f"variable PELLUCID_DATA to a folder that holds {set_name}/{file.name}."
    ) from cause


def _fetch(url: str, part: Path, size: int, report: Progress, timeout: float) -> None:
    """Bring the whole of ``url`` to ``part``, going on as often as a cut left something new."""
    for _ in range(_CONTINUATIONS):
        before = _size(part)
        try:
            _receive(url, part, size, report, timeout)
        except _CutError as error:
            if _size(part) <= before:
                raise _MirrorError(error) from error
        else:
            return
    raise _MirrorError(f"broken off {_CONTINUATIONS} times")


def _receive(url: str, part: Path, size: int, report: Progress, timeout: float) -> None:
    """Ask once for what ``part`` lacks and append what comes."""
    start = _size(part)
    headers = {"User-Agent": "pellucid", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = urllib.request.urlopen(  # the addresses are constants of the loaders
            urllib.request.Request(url, headers=headers), timeout=timeout
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not start:
            raise _MirrorError(f"the server answered {error.code} {error.reason}") from error
        if error.headers.get("Content-Range", "").strip() == f"bytes */{start}":
            return  # there is nothing beyond what is here: it is whole
        part.unlink()
        return _receive(url, part, size, report, timeout)
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(_reason(error)) from error

    with response:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if response.status == 206 and (span is None or int(span[1]) != start):
            raise _MirrorError("the server sent another range than the one asked for")
        resumed = response.status == 206
        total: int | None = None
        if resumed and span is not None and span[2] != "*":
            total = int(span[2])
        elif not resumed and response.headers.get("Content-Length", "").isdigit():
            total = int(response.headers["Content-Length"])
        done = start if resumed else 0
        with open(part, "ab" if resumed else "wb") as target:
            for block in _blocks(response):
                done += len(block)
                if max(done, total or 0) > size:
                    break
                target.write(block)
                report(done, total)
    if max(done, total or 0) > size:
        part.unlink()
        raise _MirrorError(
            f"the server sends more than the {size:,} bytes of the published file; what had come "
            "was deleted"
        )
    if total is not None and done < total:
        raise _CutError(f"the connection broke after {done:,} of {total:,} bytes")


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield what the network gives; its errors become _CutError, the disk's stay OSError."""
    try:
        while block := response.read(_BLOCK):
            yield block
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(_reason(error)) from error


def _verify(part: Path, file: RemoteFile) -> None:
    """Raise _MirrorError and delete ``part`` unless its checksums are the published ones."""
    for kind, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if not expected:
            continue
        got = _digest(part, kind)
        if got != expected:
            part.unlink()
            raise _MirrorError(
                f"wrong {kind} checksum, expected {expected}, got {got}, so what had come was "
                "deleted"
            )


def _digest(path: Path, kind: str) -> str:
    """Return a file's checksum; MD5, where it is one, guards against damage alone."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.new(kind, usedforsecurity=False)
        ).hexdigest()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads into ``folder``; a killed one holds nothing."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network folders know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _line(label: str) -> Progress:
    """Return a progress callback that keeps one line on standard error up to date.

    Where standard error is no terminal, it writes the line once.
    """
    last = -1.0

    def report(done: int, total: int | None) -> None:
        nonlocal last
        whole = f" of {total / 1e6:.1f}" if total is not None else ""
        now, finished = time.monotonic(), done == total
        if not sys.stderr.isatty():
            if last < 0:
                size = f" ({total / 1e6:.1f} MB)" if total is not None else ""
                print(f"{label}{size}", file=sys.stderr)
        elif finished or now - last >= 0.1:
            end = "\n" if finished else ""
            print(f"\r{label} {done / 1e6:.1f}{whole} MB", end=end, file=sys.stderr, flush=True)
        else:
            return
        last = now

    return report


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _reason(error: Exception) -> str:
    """Return what went wrong in plain words, without the wrappers of the network library."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    text = (inner.strerror if isinstance(inner, OSError) else None) or str(inner)
    return text or type(inner).__name__
