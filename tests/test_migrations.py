"""Migrations: models and migrations agree, and an empty database becomes a whole one."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit import triggers
from waadmin import BASE_DIR

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)

    assert "No changes detected" in out.getvalue()


@pytest.mark.django_db
def test_a_new_database_has_every_migration_and_every_trigger() -> None:
    executor = MigrationExecutor(connection)

    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert triggers.missing() == []


def test_migrate_makes_an_empty_file_whole_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    runs = [
        subprocess.run(
            [sys.executable, "manage.py", "migrate"],
            cwd=BASE_DIR,
            env=os.environ
            | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}", "DJANGO_SETTINGS_MODULE": "tests.settings"},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for _run in range(2)
    ]

    assert "Applying contacts.0001_initial... OK" in runs[0]
    assert "No migrations to apply." in runs[1]


@pytest.mark.django_db(transaction=True)
def test_consent_that_was_stored_by_purpose_is_grouped_by_grant_and_back() -> None:
    one, two = [7, "2026-01-05T09:30:00+00:00", None], [9, "2026-02-05T09:30:00+00:00", "2027-02-05T09:30:00+00:00"]
    by_purpose = {"service": one, "utility": one, "marketing": two}
    grouped = [[*one, "service", "utility"], [*two, "marketing"]]
    try:
        apps = _migrate_contacts("0001_initial")
        contact = apps.get_model("contacts", "Contact").objects.create(
            e164="+447400000100", region="GB", person_key="x", created_at=NOW
        )
        business = apps.get_model("providers", "Business").objects.create(name="Acme")
        apps.get_model("contacts", "Consent").objects.create(
            contact=contact, business=business, status="GRANTED", grants=by_purpose, updated_at=NOW
        )
        apps = _migrate_contacts("0002_consent_as_plain_text")
        assert apps.get_model("contacts", "Consent").objects.get().grants == grouped
        apps = _migrate_contacts("0001_initial")
        assert apps.get_model("contacts", "Consent").objects.get().grants == by_purpose
    finally:
        call_command("migrate", verbosity=0)
    assert triggers.missing() == []


def _migrate_contacts(name: str) -> Any:
    call_command("migrate", "contacts", name, verbosity=0)
    return MigrationExecutor(connection).loader.project_state([("contacts", name)]).apps
