"""Restoring a backup into an empty database: nothing is believed before it was compared, and the end says what held.

From the first row on the database carries a mark that no process starts on; it goes with the last step. So whatever
ends a restore in the middle, nobody works on half of one, or on one in which erased people are back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from audit import ledger, proof, triggers, verify
from contacts.erasure import finishing, journal
from contacts.erasure.replaying import replay
from providers.encryption import WrongEncryptionKey, decrypt
from providers.rotation import samples
from waadmin.backup import database, manifest, unfinished


class RestoreRefused(ValueError):
    """Nothing was restored; the message says what stands against it and what to do."""


class RestoreFailed(RuntimeError):
    """The database was loaded and something did not hold; it keeps its mark, and nothing starts on it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that held, and what it proved."""

    name: str
    proved: str


@dataclass(frozen=True, slots=True)
class _Backup:
    folder: Path
    said: manifest.Manifest
    head: dict[str, Any]
    lines: Sequence[journal.Line]


def restore(*, folder: Path, journals: Sequence[Path], actor: str, now: datetime) -> Iterator[Step]:
    """Restore the backup in `folder`, then erase again whoever the journals name; give each step once it held.

    Beside the backup's own journal and `journals` the one of this host is replayed, where there is one.

    :raises BackupDamaged: before anything is loaded, naming the file.
    :raises RestoreRefused: before anything is loaded: no empty database, other keys, a newer version, a bad journal.
    :raises DatabaseNotCopied: when the file cannot be loaded.
    :raises RestoreFailed: when what was loaded does not hold.
    """
    said = manifest.read(folder)
    manifest.check_files(said, folder)
    head = _head(folder)
    yield Step("files", f"{len(said.files)} files and the manifest give their digests, as of {said.made_at}.")
    yield Step("keys", _needed_keys(said))
    backup = _Backup(folder, said, head, _lines(folder, said, journals))
    _known_migrations(said)
    _empty_database(said)
    yield Step("empty", "The database is empty.")
    database.load(folder / said.files[0].name)
    yield Step("loaded", f"{said.files[0].name} is loaded: {len(database.names_of_tables())} tables.")
    try:
        yield from _finish(backup, actor=actor, now=now)
    except (DatabaseError, WrongEncryptionKey) as error:
        raise RestoreFailed(f"{str(error).splitlines()[0]} {_KEPT}") from None


_KEPT = "The database keeps its mark (waadmin.E008) and nothing starts on it. Drop it, and restore into a new one."


def _finish(backup: _Backup, *, actor: str, now: datetime) -> Iterator[Step]:
    call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    yield Step("migrated", "All migrations of this version are applied.")
    yield Step("secrets", _stored_secrets())
    done = replay(lines=backup.lines, actor=actor, now=now)
    finishing.finish(now=datetime.now(UTC))
    again = sum(one.found for one in done)
    yield Step("erasures", f"{len(done)} lines of journals were replayed: {again} people were in the backup again.")
    if missing := triggers.missing():
        raise RestoreFailed(f"Triggers are missing or changed: {', '.join(missing)}. {_KEPT}")
    yield Step("triggers", "All are there and say what they must.")
    proved = proof.prove(against=backup.head)
    if proved.result is not proof.Result.INTACT or not proved.signatures_checked:
        raise RestoreFailed(f"The ledger does not hold: {' '.join([proved.words(), *proved.notes()])} {_KEPT}")
    yield Step("ledger", f"{proved.words()} The signature of that head holds.")
    with transaction.atomic():
        ledger.record(
            action="backup.restored",
            actor=actor,
            now=now,
            details={"made_at": backup.said.made_at, "sequence": backup.head["sequence"], "lines": len(done)},
        )
        unfinished.clear()
    yield Step("done", "The mark is taken away: start the worker, then `serve`.")


def _head(folder: Path) -> dict[str, Any]:
    path = folder / manifest.HEAD
    try:
        head = verify.read_head(str(path))
    except (verify.CannotTell, OSError):
        raise manifest.BackupDamaged(f"{path} is missing or damaged. Take another backup.") from None
    if not head.get("signature"):
        # It would be compared all the same, and anybody could have written it.
        raise manifest.BackupDamaged(f"{path} is not signed. Take another backup.")
    if head.get("manifest_sha256") != manifest.sha256_of(folder / manifest.MANIFEST):
        path = folder / manifest.MANIFEST
        raise manifest.BackupDamaged(f"{path} is not the one that {manifest.HEAD} was signed for. Take another backup.")
    return head


def _needed_keys(said: manifest.Manifest) -> str:
    here = set(manifest.key_fingerprints())
    missing = [mark for mark in said.key_fingerprints if mark not in here]
    if missing == list(said.key_fingerprints):
        raise RestoreRefused(
            f"FIELD_ENCRYPTION_KEYS holds none of the keys of this backup: {', '.join(missing)}. Put the key back that "
            "was in use then; a new one goes in front of it."
        )
    words = f"FIELD_ENCRYPTION_KEYS has {len(said.key_fingerprints) - len(missing)} of its keys."
    return words + (f" Not here: {', '.join(missing)}." if missing else "")


def _lines(folder: Path, said: manifest.Manifest, journals: Sequence[Path]) -> Sequence[journal.Line]:
    paths = [folder / file.name for file in said.files if file.name == manifest.JOURNAL]
    paths += journals
    if settings.ERASURE_JOURNAL and Path(settings.ERASURE_JOURNAL).exists():
        paths.append(Path(settings.ERASURE_JOURNAL))
    found: dict[tuple[str, str, datetime], journal.Line] = {}
    for path in paths:
        try:
            # The newest journal repeats what an older copy of it holds.
            found.update({(line.erasure, line.kind, line.at): line for line in journal.read(path)})
        except OSError as error:
            raise RestoreRefused(f"{path} cannot be read: {error.strerror}.") from None
        except journal.JournalUnreadable as error:
            raise RestoreRefused(f"{path}: {error} Name another copy of this journal.") from None
    return list(found.values())


def _known_migrations(said: manifest.Manifest) -> None:
    loader = MigrationLoader(connection=None)
    known = {f"{app}.{name}" for app, name in {*loader.disk_migrations, *loader.replacements}}
    ours = tuple(f"{app}." for app in loader.migrated_apps)
    if unknown := sorted(name for name in said.migrations if name.startswith(ours) and name not in known):
        raise RestoreRefused(
            f"The backup was made by a newer version of waadmin ({said.versions.get('waadmin')}): this one does not "
            f"know {unknown[0]}. Install that version first."
        )


def _empty_database(said: manifest.Manifest) -> None:
    if connection.vendor != said.database:
        raise RestoreRefused(f"The backup is of {said.database}, and DATABASE_URL names {connection.vendor}.")
    if unfinished.is_marked():
        raise RestoreRefused("A restore into this database was not finished. Drop it, and restore into a new one.")
    if tables := database.names_of_tables():
        raise RestoreRefused(
            f"The database is not empty: it has {len(tables)} tables, such as {tables[0]}. Make a new one, do not "
            "migrate it, and name it in DATABASE_URL."
        )


def _stored_secrets() -> str:
    columns = 0
    for table, column, tokens in samples():
        columns += bool(tokens)
        try:
            for token in tokens:
                decrypt(token)
        except WrongEncryptionKey:
            raise RestoreFailed(f"No key of FIELD_ENCRYPTION_KEYS reads {table}.{column}. {_KEPT}") from None
    return f"A few values of each were read: {columns} encrypted columns hold something."
