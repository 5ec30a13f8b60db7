"""Making a backup: database, journal of erasures, manifest and a signed head, in a folder, whole or not at all."""

import platform
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import django
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from audit import heads, ledger
from audit.export.folder import new_folder
from contacts.erasure import journal
from waadmin import BASE_DIR
from waadmin.backup import database, manifest


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is on the disk."""

    place: Path
    files: tuple[manifest.File, ...]
    sequence: int
    key_fingerprints: tuple[str, ...]
    has_journal: bool


def back_up(*, place: Path, actor: str, now: datetime) -> Made:
    """Back up into the new folder `place`, which only its owner reads, and record it.

    :raises FolderTaken: when `place` is there and is anything but an empty folder.
    :raises DatabaseNotCopied: when the database cannot be read out.
    :raises JournalUnreadable: when the journal of erasures has a line that is none.
    :raises OSError: when the disk is full or broken.
    """
    made = make(place=place, actor=actor, now=now)
    details = {"sequence": made.sequence, "bytes": sum(file.bytes for file in made.files)}
    with transaction.atomic():
        ledger.record(action="backup.made", actor=actor, now=now, details=details)
    return made


def make(*, place: Path, actor: str, now: datetime) -> Made:
    """Make the folder, and sign a head for it; the same errors."""
    # Taken before the database is read out, so that the file holds this event for certain.
    head = heads.head()
    with new_folder(place) as folder:
        files = [manifest.describe(database.dump(folder))]
        # After the database: whoever is erased between the two stands in the journal's copy.
        if has_journal := _copy_journal(folder / manifest.JOURNAL):
            files.append(manifest.describe(folder / manifest.JOURNAL))
        said = manifest.Manifest(
            made_at=now.isoformat(),
            database=connection.vendor,
            files=tuple(files),
            versions=_versions(),
            migrations=_migrations(),
            key_fingerprints=manifest.key_fingerprints(),
        )
        written = manifest.write(said, folder)
        signed = heads.sign_head(actor=actor, now=now, of=head, manifest_sha256=manifest.sha256_of(written))
        (folder / manifest.HEAD).write_text(heads.head_json(signed), encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o600)
    return Made(place, tuple(files), head.sequence, tuple(said.key_fingerprints), has_journal)


def _copy_journal(to: Path) -> bool:
    """Copy the lines of this host's journal, and tell whether there is one."""
    path = Path(settings.ERASURE_JOURNAL)
    if not settings.ERASURE_JOURNAL or not path.exists():
        return False
    whole, _newline, _cut_short = path.read_bytes().rpartition(b"\n")
    to.write_bytes(whole + b"\n" if whole else b"")
    # A journal that cannot be read is found now, and not when it is needed.
    for _line in journal.read(to):
        pass
    return True


def _versions() -> dict[str, str]:
    ours = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    named = {"waadmin": ours, "Django": django.get_version(), "Python": platform.python_version()}
    return {**named, **database.program_versions()}


def _migrations() -> list[str]:
    applied = MigrationRecorder.Migration.objects.values_list("app", "name")
    return sorted(f"{app}.{name}" for app, name in applied)
