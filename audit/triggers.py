"""Database triggers that hold our rules against raw SQL too: registered by apps, made after migrate, checked at start.

They use only functions that a bare sqlite3 shell has, so that an auditor can open the file.
"""

import re
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
    """List the triggers that should exist on tables that exist, and do not, are disabled, or say something else."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    expected, found = (_sqlite_expected, _sqlite_found) if connection.vendor == "sqlite" else (_expected, _found)
    present = found(using)
    return sorted(
        name
        for trigger in _registered.values()
        if trigger.table in tables
        for name, rule in expected(trigger).items()
        if present.get(name) != rule
    )


def _sqlite_expected(trigger: Trigger) -> dict[str, object]:
    return {match[1]: statement for statement in trigger.sqlite if (match := _NAME.match(statement))}


def _sqlite_found(using: str) -> dict[str, object]:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a trigger of PostgreSQL does, in the terms of its catalogue."""

    table: str
    moment: int
    columns: frozenset[str]
    condition: str
    enabled: str
    function: str
    body: str


_NAME = re.compile(r"CREATE TRIGGER (\w+) ")
_TRIGGER = re.compile(
    r"CREATE TRIGGER (?P<name>\w+) BEFORE (?P<events>.+?)(?: OF (?P<columns>.+?))? ON (?P<table>\w+) "
    r"FOR EACH (?P<level>ROW|STATEMENT)(?: WHEN \((?P<condition>.+)\))? EXECUTE FUNCTION (?P<function>\w+)\(\)$"
)
_FUNCTION = re.compile(
    r"CREATE OR REPLACE FUNCTION (\w+)\(\) RETURNS trigger LANGUAGE plpgsql AS \$\$(.*)\$\$$", re.DOTALL
)
#: The bits of pg_trigger.tgtype.
_ROW, _BEFORE = 1, 2
_EVENTS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


def _expected(trigger: Trigger) -> dict[str, object]:
    bodies = {match[1]: match[2] for text in trigger.postgresql if (match := _FUNCTION.match(text))}
    rules: dict[str, object] = {}
    for match in filter(None, map(_TRIGGER.match, trigger.postgresql)):
        always = f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {match['name']}" in trigger.postgresql
        rules[match["name"]] = _Rule(
            table=match["table"],
            moment=_BEFORE
            | (_ROW if match["level"] == "ROW" else 0)
            | sum(_EVENTS[event] for event in match["events"].split(" OR ")),
            columns=frozenset((match["columns"] or "").split(", ")) - {""},
            condition=_plain(match["condition"] or ""),
            enabled="A" if always else "O",
            function=match["function"],
            body=bodies[match["function"]],
        )
    return rules


def _found(using: str) -> dict[str, object]:
    with connections[using].cursor() as cursor:
        cursor.execute("""
            SELECT t.tgname, t.tgrelid::regclass::text, t.tgtype, t.tgenabled, p.proname, p.prosrc,
                pg_get_triggerdef(t.oid),
                ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = t.tgrelid AND attnum = ANY (t.tgattr))
            FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE NOT t.tgisinternal AND t.tgrelid IN (
                SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
        """)
        return {
            name: _Rule(table, moment, frozenset(columns), _plain(_condition(text)), enabled, function, body)
            for name, table, moment, enabled, function, body, text, columns in cursor.fetchall()
        }


def _condition(definition: str) -> str:
    match = re.search(r" WHEN \((.*)\) EXECUTE FUNCTION ", definition, re.DOTALL)
    return match[1] if match else ""


def _plain(condition: str) -> str:
    """Write a condition as both we and PostgreSQL would: without casts, brackets and spaces."""
    return re.sub(r"::[a-z ]+|[()\s]", "", condition.replace("NEW.", "new."))


def _drop(trigger: Trigger, using: str) -> None:
    connection = connections[using]
    suffix = "" if connection.vendor == "sqlite" else f" ON {trigger.table}"
    with connection.cursor() as cursor:
        for name in trigger.names:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{suffix}")
