"""A folder that is there as a whole or not at all: a full disk or a kill in the middle leaves nothing half done.

Files go to a hidden folder beside its place, which only its owner may read, and that is renamed in the end. What a
killed process left behind is removed by the next one: a lock that died with its process tells it apart.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderTaken(ValueError):
    """There is something already where the folder should be."""


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give an empty folder to write into, which is at `place` once all of it is on the disk.

    :raises FolderTaken: when `place` is there and is anything but an empty folder.
    """
    if place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir()))):
        raise FolderTaken(str(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(place.parent, f".{place.name}.partial-") as partial:
        yield partial
        for path in partial.iterdir():
            _flush(path)
        _flush(partial)
        try:
            partial.rename(place)
        except OSError:
            raise FolderTaken(str(place)) from None
        _flush(place.parent)


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give an empty folder that is removed in the end, if need be by the next process that wants one like it."""
    remove_left_behind(parent, prefix)
    folder, descriptor = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = parent / f"{prefix}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():
            return folder, descriptor
        # Before the lock was there, another process took the folder for left behind.
        os.close(descriptor)


def remove_left_behind(parent: Path, prefix: str) -> None:
    """Remove what killed processes left of such folders; what a living one works in stays."""
    for folder in parent.glob(f"{_literally(prefix)}*"):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or gone meanwhile
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # its process is alive
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _literally(text: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
