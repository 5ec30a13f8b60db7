"""The database: whether it answers, what it is, whether its tables are those of this version, and how it is set."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit import triggers
from waadmin.backup import unfinished
from waadmin.doctor.finding import Finding, bad, not_checked, ok, warn

_NAME, _MIGRATIONS, _SETTINGS = "database", "migrations", "database settings"
_TRIGGERS, _RESTORE = "triggers", "restore"
_MOST = "max_connections"
_OLDEST_POSTGRESQL = 14
#: What an acknowledged webhook and the gate rest on: the value, and what happens otherwise.
POSTGRESQL = {
    "fsync": ({"on"}, "a power cut may destroy the database"),
    "full_page_writes": ({"on"}, "a power cut may destroy the database"),
    "synchronous_commit": ({"on", "remote_apply", "remote_write", "local"}, "a webhook that was answered may be lost"),
    "default_transaction_isolation": ({"read committed"}, "statements that wait for a row would fail instead"),
}
_SQLITE = {
    "synchronous": ({"2", "3"}, "a webhook that was answered may be lost in a power cut"),
    "journal_mode": ({"wal", "memory"}, "readers hold writers up"),
    "foreign_keys": ({"1"}, "rows may name what is gone"),
}
#: The share of connections from which on another process may find none.
_NEARLY_ALL = 0.9


def words_of(error: Exception) -> str:
    """Give the first line of what a database said, without the password if it should stand there."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    password = str(settings.DATABASES["default"].get("PASSWORD") or "")
    return said.replace(password, "…") if password else said


def is_there() -> bool:
    """Tell whether there is a database to open: SQLite makes the file of one that there is not."""
    name = str(connection.settings_dict["NAME"])
    return connection.vendor != "sqlite" or "memory" in name or Path(name).exists()


def answers(now: datetime) -> Iterator[Finding]:
    """Open the database and read its version."""
    if not is_there():
        yield bad(
            _NAME, f"There is no file {connection.settings_dict['NAME']}.", "Run `migrate`, or mend DATABASE_URL."
        )
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            version = connection.get_database_version()
    except (DatabaseError, ImproperlyConfigured, OSError) as error:
        mend = "Start the database, and compare host, port, name, user and password with DATABASE_URL."
        yield bad(_NAME, f"It does not answer: {words_of(error)}", mend)
        return
    name = f"{connection.display_name} {'.'.join(map(str, version))}"
    if connection.vendor == "postgresql" and version[0] < _OLDEST_POSTGRESQL:
        yield bad(_NAME, f"{name} is too old.", f"Upgrade to PostgreSQL {_OLDEST_POSTGRESQL} or newer.")
        return
    yield ok(_NAME, f"{name} answers.")


def migrations(now: datetime) -> Iterator[Finding]:
    """Compare the migrations that were applied with those of this version."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        first = f"{plan[0][0].app_label}.{plan[0][0].name}"
        yield bad(_MIGRATIONS, f"{len(plan)} are not applied, the first is {first}.", "Run `migrate`, then restart.")
    ours = set(executor.loader.migrated_apps)
    unknown = sorted(
        f"{app}.{name}"
        for app, name in set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
        if app in ours and (app, name) not in executor.loader.replacements
    )
    if unknown:
        seen = f"The database knows {len(unknown)} that this version does not: {unknown[0]}."
        yield warn(_MIGRATIONS, seen, "Go back to the newer version of waadmin that made them (docs/deploy.md).")
    if not plan and not unknown:
        yield ok(_MIGRATIONS, "All are applied.")


def restore(now: datetime) -> Iterator[Finding]:
    """Look for the mark of a restore that did not come to its end."""
    if unfinished.is_marked():
        mend = "Make a new empty database, and run `restore` into that."
        yield bad(_RESTORE, "A restore into this database was not finished.", mend)
    else:
        yield ok(_RESTORE, "No restore is half done.")


def values(now: datetime) -> Iterator[Finding]:
    """Look at the settings of the database that promises rest on."""
    found = list(differing(_sqlite_values(), _SQLITE) if connection.vendor == "sqlite" else _postgresql())
    yield from found or [ok(_SETTINGS, "What was answered is on the disk, and isolation is as it must be.")]


def trigger_bodies(now: datetime) -> Iterator[Finding]:
    """Compare every trigger, its body too, with what it must say."""
    if "audit_auditevent" not in connection.introspection.table_names():
        yield not_checked(_TRIGGERS, "There are no tables yet.", "Run `migrate`.")
    elif missing := triggers.missing():
        mend = "Run `migrate`, which makes them anew; then find out who dropped or changed them."
        yield bad(_TRIGGERS, f"Missing, disabled or saying something else: {', '.join(missing)}.", mend)
    else:
        yield ok(_TRIGGERS, "All are there and say what they must.")


def _postgresql() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [[*POSTGRESQL, _MOST]])
        said = dict(cursor.fetchall())
        cursor.execute("SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL)")
        stands_by, connected = cursor.fetchone()
    yield from differing(said, POSTGRESQL)
    if stands_by:
        yield bad(_SETTINGS, "This server is a standby: nothing can be written.", "Name the primary in DATABASE_URL.")
    if connected > _NEARLY_ALL * int(said[_MOST]):
        seen = f"{connected} of {said[_MOST]} connections are taken."
        yield warn(_SETTINGS, seen, "Raise max_connections, or run fewer processes (17 connections each of `serve`).")


def differing(said: Mapping[str, str], wanted: Mapping[str, tuple[set[str], str]]) -> Iterator[Finding]:
    """Name the values that are not among the right ones."""
    for name, (right, otherwise) in wanted.items():
        if (value := said.get(name)) not in right:
            mend = f"Set {name} to {_usual(right)} for this database."
            yield bad(_SETTINGS, f"{name} is {value}: {otherwise}.", mend)


def _usual(right: set[str]) -> str:
    return next((value for value in ("on", "wal", "2") if value in right), min(right))


def _sqlite_values() -> dict[str, str]:
    found = {}
    with connection.cursor() as cursor:
        for name in _SQLITE:
            cursor.execute(f"PRAGMA {name}")
            found[name] = str(cursor.fetchone()[0])
    return found
