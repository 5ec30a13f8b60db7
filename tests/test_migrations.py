"""Migrations: models and migrations agree, and an empty database becomes a whole one."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit import triggers
from waadmin import BASE_DIR


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
