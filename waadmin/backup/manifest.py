"""What a backup says of itself: its files with their SHA-256, what made it, and which keys it needs. Never a key.

`head.json` is a signed head of the ledger whose signature covers the manifest's SHA-256, and so every file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

MANIFEST, HEAD, JOURNAL = "manifest.json", "head.json", "erasures.jsonl"
_KIND, _VERSION = "waadmin backup", 1
_BLOCK = 1024 * 1024


class BackupDamaged(ValueError):
    """A backup is not what it says; the message names the file."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup's own account of what it holds."""

    made_at: str
    #: `postgresql` or `sqlite`.
    database: str
    files: tuple[File, ...]
    #: Name of a program -> its version.
    versions: Mapping[str, str]
    #: The migrations that were applied, as app.name.
    migrations: Sequence[str]
    #: Of FIELD_ENCRYPTION_KEYS, newest first.
    key_fingerprints: Sequence[str]


def key_fingerprints() -> list[str]:
    """Give by what each of FIELD_ENCRYPTION_KEYS is known again, newest first; a key cannot be found from it."""
    return [hashlib.sha256(f"waadmin key {key}".encode()).hexdigest()[:16] for key in settings.FIELD_ENCRYPTION_KEYS]


def describe(path: Path) -> File:
    """Give a file's entry."""
    return File(path.name, path.stat().st_size, sha256_of(path))


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write(manifest: Manifest, folder: Path) -> Path:
    """Write manifest.json and give its path."""
    path = folder / MANIFEST
    path.write_text(json.dumps({"kind": _KIND, "version": _VERSION, **asdict(manifest)}, indent=2) + "\n", "utf-8")
    return path


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    :raises BackupDamaged: where there is none, or none that this version reads.
    """
    path = folder / MANIFEST
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if values.pop("kind") != _KIND or values.pop("version") != _VERSION:
            raise ValueError("of another kind")
        return Manifest(**{**values, "files": tuple(File(**file) for file in values["files"])})
    except FileNotFoundError:
        raise BackupDamaged(f"{folder} is no backup: it has no {MANIFEST}.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BackupDamaged(f"{path} is damaged, or of another version: it cannot be read.") from None


def check_files(manifest: Manifest, folder: Path) -> None:
    """Compare every file with its digest.

    :raises BackupDamaged: naming the first that is gone or was changed.
    """
    for file in manifest.files:
        path = folder / file.name
        if Path(file.name).name != file.name or not path.is_file():
            raise BackupDamaged(f"{path} is missing. Take another backup.")
        if path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise BackupDamaged(f"{path} is damaged: it does not give the digest of the manifest. Take another backup.")
