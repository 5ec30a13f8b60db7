"""The database as one file, and back: by pg_dump and pg_restore, or by SQLite's online backup. Beside all that writes.

Passwords go to PostgreSQL's programs by the environment, never as arguments, which others on the host can read.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from waadmin.backup import unfinished

POSTGRESQL_FILE, SQLITE_FILE = "database.dump", "database.sqlite3"
#: How the environment names what Django keeps under these names.
_PLACE = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "NAME": "PGDATABASE"}


class DatabaseNotCopied(RuntimeError):
    """The database could not be written to a file, or read from one; the message says why and what to do."""


def dump(folder: Path) -> Path:
    """Write the database as it is at one moment into a file of `folder`, and give the file.

    :raises DatabaseNotCopied: when that fails.
    """
    return _dump_postgresql(folder) if connection.vendor == "postgresql" else _dump_sqlite(folder)


def load(file: Path) -> None:
    """Load a file that `dump` wrote into the empty database, and leave the mark of an unfinished restore in it.

    Killed at any moment it leaves the database empty, or marked.

    :raises DatabaseNotCopied: when that fails.
    """
    if connection.vendor == "postgresql":
        unfinished.mark()
        connection.close()
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run(["pg_restore", *options, "--dbname", str(connection.settings_dict["NAME"]), str(file)])
    else:
        _load_sqlite(file)


def names_of_tables() -> list[str]:
    """Give the tables and views of the database, by name."""
    with connection.cursor() as cursor:
        return sorted(connection.introspection.table_names(cursor, include_views=True))


def program_versions() -> dict[str, str]:
    """Give the versions of what wrote the file."""
    server = ".".join(map(str, connection.get_database_version()))
    if connection.vendor == "sqlite":
        return {"SQLite": server}
    return {"PostgreSQL": server, "pg_dump": _run(["pg_dump", "--version"]).split()[2]}


def _dump_postgresql(folder: Path) -> Path:
    file = folder / POSTGRESQL_FILE
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(file)])
    file.chmod(0o600)
    return file


def _dump_sqlite(folder: Path) -> Path:
    file = folder / SQLITE_FILE
    try:
        with closing(_open_sqlite(_sqlite_name(), "ro")) as source, closing(sqlite3.connect(file)) as copy:
            source.backup(copy)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.execute(unfinished.MARK)
            copy.commit()
            (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise DatabaseNotCopied(f"SQLite cannot copy the database: {error}.") from None
    if said != "ok":
        raise DatabaseNotCopied(f"The database itself is damaged: {said}. Restore an earlier backup.")
    file.chmod(0o600)
    return file


def _load_sqlite(file: Path) -> None:
    name = _sqlite_name()
    connection.close()
    try:
        with closing(_open_sqlite(str(file), "ro")) as source, closing(sqlite3.connect(name)) as target:
            # One transaction of the target; it may not be kept in a log, whose pages can be of another size.
            target.execute("PRAGMA journal_mode=DELETE")
            source.backup(target)
    except sqlite3.Error as error:
        raise DatabaseNotCopied(f"SQLite cannot load {file}: {error}.") from None


def _open_sqlite(name: str, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{Path(name).absolute().as_uri()}?mode={mode}", uri=True, timeout=20)


def _sqlite_name() -> str:
    name = str(connection.settings_dict["NAME"])
    if "memory" in name:
        raise DatabaseNotCopied("The database is kept in memory only. Name a file in DATABASE_URL.")
    return name


def _run(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        raise DatabaseNotCopied(
            f"{command[0]} is not found on PATH. Install PostgreSQL's client programs, not older than the server."
        )
    done = subprocess.run(
        command, env=os.environ | _environment(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"it ended with {done.returncode}"]
        raise DatabaseNotCopied(f"{command[0]} failed: {' '.join(said[:3])}")
    return done.stdout


def _environment() -> dict[str, str]:
    values: dict[str, Any] = connection.settings_dict
    # Django knows how the password and the options of TLS are named there.
    _arguments, environment = DatabaseClient.settings_to_cmd_args_env(values, [])
    place = {name: str(values[key]) for key, name in _PLACE.items() if values.get(key)}
    return {**place, **(environment or {})}
