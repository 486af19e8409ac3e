"""A disk whose n-th call fails, so that every single call can be made to fail in turn."""

import errno
import os

import pytest

from pellucid import _files

FAULTS = ("no space", "broken", "read only", "short")


class FaultyDisk(_files.Disk):
    """Counts the calls, and lets one of them fail.

    Args:
        at: the number of the call that fails, from 0; None for none.
        fault: ``"no space"``, ``"broken"`` (an I/O error), ``"read only"``, or ``"short"``: a write
            that writes half of what it is given and lets the next one find no space.
    """

    def __init__(self, at=None, fault="no space"):
        self.at, self.fault, self.calls = at, fault, 0

    def _count(self):
        number, self.calls = self.calls, self.calls + 1
        if number != self.at:
            return False
        if self.fault == "short":
            return True
        code = {"no space": errno.ENOSPC, "broken": errno.EIO, "read only": errno.EROFS}[self.fault]
        raise OSError(code, os.strerror(code))

    def open(self, path, flags):
        self._count()
        return super().open(path, flags)

    def write(self, descriptor, data):
        if self._count():
            self.at, self.fault = self.calls, "no space"
            return super().write(descriptor, data[: max(1, len(data) // 2)])
        return super().write(descriptor, data)

    def sync(self, descriptor):
        self._count()
        super().sync(descriptor)

    def replace(self, old, new):
        self._count()
        super().replace(old, new)

    def make_folder(self, path):
        self._count()
        super().make_folder(path)

    def truncate(self, descriptor, size):
        self._count()
        super().truncate(descriptor, size)


def calls_of(action):
    """Return how many calls an action makes when all goes well."""
    disk = FaultyDisk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_files, "DISK", disk)
        action()
    return disk.calls


def failing(action, at, fault):
    """Run an action whose call number ``at`` fails; return what it raised, None if nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_files, "DISK", FaultyDisk(at, fault))
        try:
            action()
        except OSError as error:
            return error
    return None
