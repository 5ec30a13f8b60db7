"""Append-only means append-only: the ORM and raw SQL fail alike, on whichever database runs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import IntegrityError, connection, transaction

from audit import ledger, triggers
from audit.models import AuditEvent
from contacts.models import OptIn
from providers.models import Business
from tests.factories import opted_in, withdrawn

pytestmark = pytest.mark.django_db

TABLES = {"audit_auditevent": AuditEvent, "contacts_optin": OptIn}
SQLITE = "INSERT OR REPLACE is SQLite's"
POSTGRESQL = "TRUNCATE and replica mode are PostgreSQL's"


@pytest.fixture(autouse=True)
def two_events(acme: Business, now: datetime) -> None:
    opted_in("+16315551002", acme)
    withdrawn("+16315551002", acme, now=now)
    connection.check_constraints()  # deferred ones are pending, and PostgreSQL then alters no table


def run(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def refused(statement: str, *values: Any) -> None:
    table = next(table for table in TABLES if table in statement)
    before = rows(table)
    with pytest.raises(IntegrityError, match="append-only"):
        run(statement, *values)
    assert rows(table) == before


def rows(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return list(cursor.fetchall())


def only_on(vendor: str, why: str) -> None:
    if connection.vendor != vendor:
        pytest.skip(why)


def trigger_names() -> list[tuple[str, str]]:
    """Every trigger on the protected tables, as the database knows it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal")
        return sorted(cursor.fetchall())


@pytest.mark.parametrize("table", TABLES)
def test_a_row_cannot_be_changed(table: str) -> None:
    refused(f"UPDATE {table} SET id = id")
    refused(f"UPDATE {table} SET recorded_at = recorded_at WHERE id = (SELECT MIN(id) FROM {table})")


@pytest.mark.parametrize("table", TABLES)
def test_a_row_cannot_be_removed(table: str) -> None:
    if table == "contacts_optin":
        run("DELETE FROM contacts_optinevidence")
    refused(f"DELETE FROM {table}")
    refused(f"DELETE FROM {table} WHERE id = (SELECT MAX(id) FROM {table})")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "act",
    [
        lambda model: model.objects.update(recorded_at=None),
        lambda model: model.objects.first().save(),
        lambda model: model.objects.filter(pk=model.objects.first().pk)._raw_delete("default"),
    ],
    ids=["update", "save", "raw delete"],
)
def test_the_orm_cannot_either(table: str, act: Callable[[Any], Any]) -> None:
    before = rows(table)
    with pytest.raises(IntegrityError), transaction.atomic():
        act(TABLES[table])
    assert rows(table) == before


@pytest.mark.parametrize("table", TABLES)
def test_a_row_cannot_be_replaced_under_its_id(table: str) -> None:
    only_on("sqlite", SQLITE)
    for verb in ("INSERT OR REPLACE INTO", "REPLACE INTO"):
        refused(f"{verb} {table} SELECT * FROM {table} WHERE id = (SELECT MIN(id) FROM {table})")


def test_a_row_cannot_be_replaced_by_another_unique_column(acme: Business, now: datetime) -> None:
    only_on("sqlite", SQLITE)
    columns = [field.column for field in AuditEvent._meta.concrete_fields if field.column != "id"]
    picked = ", ".join(columns)
    # Without an id: SQLite would delete the old event for its sequence, and fire no delete trigger.
    refused(f"INSERT OR REPLACE INTO audit_auditevent ({picked}) SELECT {picked} FROM audit_auditevent")
    columns = [field.column for field in OptIn._meta.concrete_fields if field.column not in ("id", "decides_id")]
    picked = ", ".join(columns)
    first = OptIn.objects.order_by("pk")[0].pk
    take = f"INSERT OR REPLACE INTO contacts_optin ({picked}, decides_id) SELECT {picked}, %s FROM contacts_optin"
    run(f"{take} WHERE id = %s", first, first)
    refused(f"{take} WHERE id = %s", first, first)


@pytest.mark.parametrize("table", TABLES)
def test_an_insert_that_turns_into_an_update_is_refused(table: str) -> None:
    picked = ", ".join(field.column for field in TABLES[table]._meta.concrete_fields)
    refused(
        f"INSERT INTO {table} ({picked}) SELECT {picked} FROM {table} WHERE true "
        "ON CONFLICT (id) DO UPDATE SET recorded_at = excluded.recorded_at"
    )


@pytest.mark.parametrize("table", TABLES)
def test_a_table_cannot_be_truncated(table: str) -> None:
    only_on("postgresql", POSTGRESQL)
    refused(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", TABLES)
def test_replica_mode_does_not_slip_past(table: str) -> None:
    only_on("postgresql", POSTGRESQL)
    run("SET LOCAL session_replication_role = replica")
    refused(f"UPDATE {table} SET id = id")
    refused(f"DELETE FROM {table}")
    refused(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_still_added(table: str, acme: Business, now: datetime) -> None:
    before = len(rows(table))
    opted_in("+16315551003", acme)
    ledger.record(action="opt_in.recorded", actor="ada", now=now)
    assert len(rows(table)) > before


def test_nothing_is_missing_after_migrate() -> None:
    assert triggers.missing() == []
    names = {name for _, name in trigger_names()}
    expected = {"sqlite": {"no_update", "no_delete", "no_replace"}, "postgresql": {"no_update", "no_truncate"}}
    for table in TABLES:
        assert {f"{table}_{ending}" for ending in expected[connection.vendor]} <= names


def test_a_dropped_trigger_is_named() -> None:
    for table, name in trigger_names():
        run(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
        assert name in triggers.missing()
    assert len(triggers.missing()) == len(set(triggers.missing()))


def test_a_disabled_trigger_is_named() -> None:
    only_on("postgresql", "only PostgreSQL can disable a trigger")
    run("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_auditevent_no_update")
    assert triggers.missing() == ["audit_auditevent_no_update"]


def test_a_trigger_that_was_made_harmless_under_its_name_is_named() -> None:
    """The name stands, the rule does not: bodies are compared as well."""
    if connection.vendor == "sqlite":
        run("DROP TRIGGER audit_auditevent_no_update")
        run("CREATE TRIGGER audit_auditevent_no_update BEFORE UPDATE ON audit_auditevent BEGIN SELECT 1; END")
        assert triggers.missing() == ["audit_auditevent_no_update"]
        return
    run("DROP TRIGGER audit_auditevent_no_update ON audit_auditevent")
    made = (
        "CREATE TRIGGER audit_auditevent_no_update BEFORE {} ON audit_auditevent FOR EACH ROW {}EXECUTE FUNCTION {}()"
    )
    always = "ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_auditevent_no_update"
    run("CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$")
    function = "waadmin_append_only_audit_auditevent"
    for harmless in (
        made.format("UPDATE OR DELETE", "", "harmless"),
        made.format("DELETE", "", function),
        made.format("UPDATE OF actor OR DELETE", "", function),
        made.format("UPDATE OR DELETE", "WHEN (OLD.id < 0) ", function),
    ):
        run(harmless)
        run(always)
        assert triggers.missing() == ["audit_auditevent_no_update"], harmless
        run("DROP TRIGGER audit_auditevent_no_update ON audit_auditevent")
    run(made.format("UPDATE OR DELETE", "", function))
    assert triggers.missing() == ["audit_auditevent_no_update"], "a session in replica mode would slip past it"
    run(always)
    assert triggers.missing() == []


def test_an_emptied_function_is_named_by_each_trigger_that_calls_it() -> None:
    only_on("postgresql", "SQLite's triggers hold their own body")
    run(
        "CREATE OR REPLACE FUNCTION waadmin_append_only_audit_auditevent() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NEW; END $$"
    )
    assert triggers.missing() == ["audit_auditevent_no_truncate", "audit_auditevent_no_update"]


def test_installing_again_changes_nothing_and_heals_what_is_missing() -> None:
    names = trigger_names()
    triggers.install()
    assert trigger_names() == names
    table, name = names[0]
    run(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    triggers.install()
    triggers.install()
    assert trigger_names() == names
    assert triggers.missing() == []


def test_migrate_installs_them() -> None:
    names = trigger_names()
    triggers.lift()
    assert trigger_names() == []
    assert {name for _, name in names} == set(triggers.missing())
    emit_post_migrate_signal(0, False, "default")
    assert trigger_names() == names


def test_a_table_that_does_not_exist_yet_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "_registered", dict(triggers._registered))
    triggers.register_append_only("no_such_table")
    triggers.register_append_only("no_such_table")
    triggers.install()
    assert triggers.missing() == []
    triggers.lift()
