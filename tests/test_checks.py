"""System checks: an empty secret stops every command, a missing trigger all but the one that mends it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError, connection

from audit import triggers
from waadmin import BASE_DIR, checks

KEY = Fernet.generate_key().decode()


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as a person would, with the environment of a complete installation and what is given."""
    complete = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "tests-only",
        "FIELD_ENCRYPTION_KEYS": KEY,
        "META_APP_SECRET": "tests-only",
        "META_WEBHOOK_VERIFY_TOKEN": "tests-only",
        "ALLOWED_HOSTS": "localhost",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=complete | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("SECRET_KEY", "", "waadmin.E001"),
        ("FIELD_ENCRYPTION_KEYS", [], "waadmin.E002"),
        ("FIELD_ENCRYPTION_KEYS", ["not-a-key"], "waadmin.E003"),
        ("META_APP_SECRET", [], "waadmin.E004"),
        ("META_APP_SECRET", [""], "waadmin.E004"),
        ("META_WEBHOOK_VERIFY_TOKEN", "", "waadmin.E005"),
    ],
)
def test_an_empty_secret_is_an_error_with_a_hint(settings: Any, setting: str, value: Any, expected: str) -> None:
    setattr(settings, setting, value)

    found = checks.check_secrets()

    assert ids(found) == [expected]
    assert setting in found[0].msg and found[0].hint
    assert found[0].is_serious()


def test_a_complete_installation_has_nothing_to_say(settings: Any) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = False

    assert not [*checks.check_secrets(), *checks.check_hosts(), *checks.check_local_providers()]


def test_no_allowed_host_is_a_warning_unless_debugging(settings: Any) -> None:
    settings.ALLOWED_HOSTS = []
    assert ids(checks.check_hosts()) == ["waadmin.W001"]

    settings.DEBUG = True
    assert checks.check_hosts() == []


def test_local_providers_in_production_are_a_warning(settings: Any) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = settings.SECURE_SSL_REDIRECT = True

    assert ids(checks.check_local_providers()) == ["waadmin.W002"]


@pytest.mark.django_db
def test_a_missing_trigger_is_an_error_and_under_migrate_a_warning() -> None:
    assert checks.check_triggers() == []
    with connection.cursor() as cursor:
        suffix = "" if connection.vendor == "sqlite" else " ON audit_auditevent"
        cursor.execute(f"DROP TRIGGER audit_auditevent_no_update{suffix}")

    found = checks.check_triggers()
    assert ids(found) == ["waadmin.E006"] and "audit_auditevent_no_update" in found[0].msg
    assert ids(checks.check_triggers(databases=["default"])) == ["waadmin.W003"]


def test_a_database_that_does_not_answer_is_not_a_missing_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    def unanswered(using: str) -> list[str]:
        raise OperationalError("connection refused")

    monkeypatch.setattr(triggers, "missing", unanswered)

    assert checks.check_triggers() == []


def test_every_command_says_which_secret_is_empty_and_shows_no_traceback() -> None:
    result = manage("migrate", SECRET_KEY="", META_APP_SECRET="", DATABASE_URL="sqlite:///:memory:")

    assert result.returncode == 1
    assert "waadmin.E001" in result.stderr and "waadmin.E004" in result.stderr and "HINT" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_dropped_trigger_stops_commands_until_migrate_has_mended_it(tmp_path: Path) -> None:
    file = tmp_path / "some.sqlite3"
    url = f"sqlite:///{file}"
    assert manage("check", DATABASE_URL=url).returncode == 0, "silent where no table exists yet"
    assert manage("migrate", "-v0", DATABASE_URL=url).returncode == 0
    with sqlite3.connect(file) as shell:
        shell.execute("DROP TRIGGER audit_auditevent_no_update")
    shell.close()

    refused = manage("check", DATABASE_URL=url)
    assert refused.returncode == 1 and "waadmin.E006" in refused.stderr
    mended = manage("migrate", "-v0", DATABASE_URL=url)
    assert mended.returncode == 0 and "waadmin.W003" in mended.stderr
    assert manage("check", DATABASE_URL=url).returncode == 0


def test_a_wrong_encryption_key_stops_every_command_and_the_right_one_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'some.sqlite3'}"
    assert manage("migrate", "-v0", DATABASE_URL=url).returncode == 0

    other = Fernet.generate_key().decode()
    refused = manage("process_webhooks", DATABASE_URL=url, FIELD_ENCRYPTION_KEYS=other)

    assert refused.returncode == 1
    assert "waadmin.E007" in refused.stderr and "Traceback" not in refused.stderr
    assert manage("process_webhooks", DATABASE_URL=url).returncode == 0
    rotated = manage("rotate_keys", DATABASE_URL=url, FIELD_ENCRYPTION_KEYS=f"{other},{KEY}")
    assert rotated.returncode == 0, rotated.stderr
    assert manage("process_webhooks", DATABASE_URL=url, FIELD_ENCRYPTION_KEYS=other).returncode == 0
