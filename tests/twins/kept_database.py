"""A pytest plugin: the test database on SQLite, copied from a file that was migrated once (KEPT_DATABASE names it).

Migrating takes longer than most of the tests that are run here. Triggers are made anew, because they come from code
that may be a twin's.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PLUGIN = "tests.twins.kept_database"
SETTING = "KEPT_DATABASE"


def make(path: Path, *, folder: Path, environment: Mapping[str, str]) -> None:
    """Migrate a new database file with the source in `folder`."""
    ours = {**environment, "DATABASE_URL": f"sqlite:///{path}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    for command in (["migrate", "--verbosity", "0"], ["createcachetable"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=folder, env=ours, check=True)
    # What stands in the log beside the file would be left behind.
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    database.close()


class _Copied:
    @pytest.fixture(scope="session")
    @classmethod
    def django_db_setup(cls, django_test_environment: None, django_db_blocker: Any) -> None:
        """Copy the file into memory, and make the triggers."""
        from django.db import connection

        from audit import triggers

        with django_db_blocker.unblock():
            connection.close()
            connection.settings_dict["NAME"] = "file:memorydb_default?mode=memory&cache=shared"
            connection.ensure_connection()
            source = sqlite3.connect(os.environ[SETTING])
            source.backup(connection.connection)
            source.close()
            triggers.install()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Stand in for pytest-django's own set-up, where there is a file: whoever comes last has the word."""
    if os.environ.get(SETTING):
        session.config.pluginmanager.register(_Copied())
