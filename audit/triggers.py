"""Database triggers that hold our rules against raw SQL too: registered by apps, made after migrate, checked at start.

They use only functions that a bare sqlite3 shell has, so that an auditor can open the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connections


@dataclass(frozen=True, slots=True)
class Trigger:
    """One rule on one table: the statements that make it on each database, and the trigger names that must exist."""

    table: str
    names: tuple[str, ...]
    sqlite: tuple[str, ...]
    postgresql: tuple[str, ...]


_registered: dict[tuple[str, tuple[str, ...]], Trigger] = {}


def register(trigger: Trigger) -> None:
    """Add a trigger to those that are made after migrate and checked at start; a second time changes nothing."""
    _registered[(trigger.table, trigger.names)] = trigger


def register_append_only(table: str, *, unique: tuple[str, ...] = ()) -> None:
    """Let the rows of `table` be inserted and never changed, removed, replaced or truncated.

    `unique` names its unique columns beside `id`: on SQLite a replacement may go by any of them.
    """
    message = f"{table} is append-only"
    function = f"waadmin_append_only_{table}"
    names = (f"{table}_no_update", f"{table}_no_delete", f"{table}_no_replace")
    same_row = " OR ".join(f"{column} = NEW.{column}" for column in ("id", *unique))
    postgresql_names = (f"{table}_no_update", f"{table}_no_truncate")
    register(
        Trigger(
            table=table,
            names=tuple(dict.fromkeys((*names, *postgresql_names))),
            sqlite=(
                f"CREATE TRIGGER {names[0]} BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"CREATE TRIGGER {names[1]} BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END",
                # INSERT OR REPLACE deletes without firing the delete trigger.
                f"CREATE TRIGGER {names[2]} BEFORE INSERT ON {table} "
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same_row}) BEGIN SELECT RAISE(ABORT, '{message}'); END",
            ),
            postgresql=(
                f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
                f"CREATE TRIGGER {postgresql_names[0]} BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {function}()",
                f"CREATE TRIGGER {postgresql_names[1]} BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
                # ALWAYS: a session in replica mode must not slip past it.
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {postgresql_names[0]}",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {postgresql_names[1]}",
            ),
        )
    )


def install(using: str = "default") -> None:
    """Drop and make every registered trigger whose table exists."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for trigger in _registered.values():
            if trigger.table not in tables:
                continue
            _drop(trigger, using)
            for statement in trigger.sqlite if connection.vendor == "sqlite" else trigger.postgresql:
                cursor.execute(statement)


def lift(using: str = "default") -> None:
    """Drop every registered trigger: for a migrate, or a test's flush of the database; nothing else."""
    tables = set(connections[using].introspection.table_names())
    for trigger in _registered.values():
        if trigger.table in tables:
            _drop(trigger, using)


def missing(using: str = "default") -> list[str]:
    """List the triggers that should exist on tables that exist, and do not."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
        present = {name for (name,) in cursor.fetchall()}
    return sorted(
        name
        for trigger in _registered.values()
        if trigger.table in tables
        for name in _made_names(trigger, connection.vendor)
        if name not in present
    )


def _made_names(trigger: Trigger, vendor: str) -> Iterable[str]:
    statements = trigger.sqlite if vendor == "sqlite" else trigger.postgresql
    return [name for name in trigger.names if any(f"CREATE TRIGGER {name} " in text for text in statements)]


def _drop(trigger: Trigger, using: str) -> None:
    connection = connections[using]
    suffix = "" if connection.vendor == "sqlite" else f" ON {trigger.table}"
    with connection.cursor() as cursor:
        for name in trigger.names:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{suffix}")
