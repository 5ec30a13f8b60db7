"""`doctor`: each check is bad where it should be and says how to mend it, none ends another, and nothing is changed."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from django_q.models import OrmQ, Schedule

from audit.models import ProviderCall, SignedHead
from contacts.models import ContactCheck
from providers.models import Key
from sandbox import Sandbox
from tests import factories
from tests.contacts.command_runs import run
from tests.processes import environment, own_database
from waadmin import BASE_DIR
from waadmin.backup import unfinished
from waadmin.doctor import examine, of_database, of_machine
from waadmin.doctor.examine import CHECKS, OUTSIDE, Check, isolated
from waadmin.doctor.finding import Finding, Outcome, ok
from waadmin.models import WorkerHeartbeat
from webhooks.models import WebhookRequest

NOW = datetime.now(UTC)
EVERY = {check.name: check for check in (*CHECKS, *OUTSIDE)}


@dataclass
class World:
    """What a test may break."""

    monkeypatch: pytest.MonkeyPatch
    settings: Any
    folder: Path


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> World:
    return World(monkeypatch, settings, tmp_path)


def look(name: str) -> list[Finding]:
    return isolated(EVERY[name], NOW)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def no_server(world: World) -> None:
    server = {"ENGINE": "django.db.backends.postgresql", "NAME": "x", "HOST": "127.0.0.1", "PORT": closed_port()}
    world.monkeypatch.setattr(of_database, "connection", ConnectionHandler({"default": server})["default"])


def no_app_secret(world: World) -> None:
    world.settings.META_APP_SECRET = []


def one_text_for_both(world: World) -> None:
    world.settings.META_APP_SECRET = [world.settings.META_WEBHOOK_VERIFY_TOKEN]


def no_fernet_key(world: World) -> None:
    world.settings.FIELD_ENCRYPTION_KEYS = ["not a key"]


def another_key(world: World) -> None:
    world.settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]


def no_own_key(world: World) -> None:
    Key.objects.all().delete()


def a_migration_not_applied(world: World) -> None:
    MigrationRecorder.Migration.objects.filter(app="webhooks").delete()


def half_restored(world: World) -> None:
    unfinished.mark()


def a_careless_database(world: World) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
        return
    file = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(world.folder / "some.sqlite3"),
        "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
    }
    world.monkeypatch.setattr(of_database, "connection", ConnectionHandler({"default": file})["default"])


def an_emptied_trigger(world: World) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION waadmin_append_only_audit_auditevent() RETURNS trigger LANGUAGE plpgsql "
                "AS $$ BEGIN RETURN NEW; END $$"
            )
            return
        cursor.execute("DROP TRIGGER audit_auditevent_no_update")
        cursor.execute(
            "CREATE TRIGGER audit_auditevent_no_update BEFORE UPDATE ON audit_auditevent BEGIN SELECT 1; END"
        )


def a_silent_worker(world: World) -> None:
    WorkerHeartbeat.objects.create(name="host:1", started_at=NOW, beat_at=NOW - timedelta(hours=3))


def a_task_that_waits(world: World) -> None:
    OrmQ.objects.create(key="waadmin", payload="", lock=NOW - timedelta(hours=1))


def a_schedule_that_is_gone(world: World) -> None:
    Schedule.objects.filter(func="webhooks.tasks.sweep").delete()


def an_unread_webhook(world: World) -> None:
    at = NOW - timedelta(hours=1)
    WebhookRequest.objects.create(kind="meta", body=b"{}", digest="1" * 64, received_at=at, due_at=at)


def test_a_run_that_asks_nobody_is_named(db: None) -> None:
    acme = factories.business()
    factories.opted_in(factories.number(), acme)
    account = factories.account(acme, "onprem", base_url="http://127.0.0.1:1")
    run_ = factories.check_run(account, factories.number(), now=NOW - timedelta(hours=1))
    assert [(one.outcome, one.seen) for one in look("check runs")] == [(Outcome.BAD, f"#{run_.pk} stand still.")]


def a_number_stuck_on_its_way(world: World) -> None:
    acme = factories.business()
    account = factories.account(acme, "onprem", base_url="http://127.0.0.1:1")
    factories.opted_in(factories.number(), acme)
    run_ = factories.check_run(account, factories.number())
    lost = {"status": "SENDING", "lease_until": NOW - timedelta(hours=1)}
    assert ContactCheck.objects.filter(batch=run_).update(**lost) == 1


def a_clock_that_runs_ahead(world: World) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Ahead":
            return cls.fromtimestamp(time.time() + 300, tz)

    world.monkeypatch.setattr(of_machine, "datetime", Ahead)


def a_full_disk(world: World) -> None:
    full = type(shutil.disk_usage("/"))(10, 10, 0)
    world.monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)


def a_broken_journal(world: World) -> None:
    path = world.folder / "erasures.jsonl"
    path.write_text("{}\n")
    world.settings.ERASURE_JOURNAL = str(path)


def files_not_collected(world: World) -> None:
    world.settings.STATIC_ROOT = str(world.folder / "static")
    world.settings.STORAGES = {
        **world.settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }


def a_forged_head(world: World) -> None:
    SignedHead.objects.create(sequence=0, hash="0" * 64, signed_at=NOW, signed_by="x", signature="AA==")


def nothing(world: World) -> None:
    """As it is in a new installation."""


def a_version_that_ended(world: World) -> None:
    ended = {"api_version": "v19.0"}
    factories.account(factories.business(), "cloud_api", base_url="https://graph.facebook.com", options=ended)


def a_provider_that_does_not_listen(world: World) -> None:
    factories.account(factories.business(), "onprem", base_url=f"http://127.0.0.1:{closed_port()}")


#: Of each check: what breaks it, how bad that is, and what must stand in how to mend it.
BROKEN: dict[str, tuple[Callable[[World], None], Outcome, str]] = {
    "database": (no_server, Outcome.BAD, "DATABASE_URL"),
    "settings": (no_app_secret, Outcome.BAD, "META_APP_SECRET"),
    "webhook settings": (one_text_for_both, Outcome.BAD, "META_WEBHOOK_VERIFY_TOKEN"),
    "secrets": (no_fernet_key, Outcome.BAD, "FIELD_ENCRYPTION_KEYS"),
    "stored secrets": (another_key, Outcome.BAD, "FIELD_ENCRYPTION_KEYS"),
    "own keys": (no_own_key, Outcome.BAD, "restore"),
    "migrations": (a_migration_not_applied, Outcome.BAD, "migrate"),
    "restore": (half_restored, Outcome.BAD, "restore"),
    "database settings": (a_careless_database, Outcome.BAD, "Set synchronous"),
    "triggers": (an_emptied_trigger, Outcome.BAD, "migrate"),
    "worker": (a_silent_worker, Outcome.BAD, "worker"),
    "queue": (a_task_that_waits, Outcome.BAD, "worker"),
    "schedules": (a_schedule_that_is_gone, Outcome.BAD, "migrate"),
    "webhooks": (an_unread_webhook, Outcome.BAD, "process_webhooks"),
    "check runs": (a_number_stuck_on_its_way, Outcome.BAD, "worker"),
    "clock": (a_clock_that_runs_ahead, Outcome.BAD, "NTP"),
    "disk space": (a_full_disk, Outcome.BAD, "room"),
    "journal of erasures": (a_broken_journal, Outcome.BAD, "backup"),
    "static files": (files_not_collected, Outcome.WARN, "collectstatic"),
    "ledger": (a_forged_head, Outcome.BAD, "verify_audit"),
    "backup": (nothing, Outcome.WARN, "backup_drill"),
    "provider accounts": (a_version_that_ended, Outcome.BAD, "api_version"),
    "providers": (a_provider_that_does_not_listen, Outcome.BAD, "Test connection"),
}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_broken_is_found_and_it_says_how_to_mend_it(world: World, name: str) -> None:
    breaks, outcome, words = BROKEN[name]
    if name == "clock" and connection.vendor == "sqlite":
        pytest.skip("SQLite has no clock of its own")
    breaks(world)

    found = [one for one in look(name) if one.outcome is outcome]

    assert found, look(name)
    assert any(words in one.mend for one in found), found


def test_a_check_that_fails_or_hangs_ends_no_other(world: World) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def hangs(now: datetime) -> list[Finding]:
            listening.accept()
            return []

        def fails(now: datetime) -> list[Finding]:
            raise RuntimeError("the password is hunter2")

        checks = (
            Check("fails", fails),
            Check("hangs", hangs, needs_database=False, seconds=0.1),
            Check("holds", lambda now: [ok("holds", "All is well.")]),
        )
        world.monkeypatch.setattr(examine, "CHECKS", checks)
        world.monkeypatch.setattr(connection, "close", lambda: None)

        found = list(examine.examine(now=NOW))

    assert [(one.check, one.outcome) for one in found[:3]] == [
        ("fails", Outcome.BAD),
        ("hangs", Outcome.BAD),
        ("holds", Outcome.OK),
    ]
    assert "hunter2" not in str(found) and all(one.mend for one in found[:2])


def test_what_needs_the_database_is_not_tried_where_it_does_not_answer(world: World) -> None:
    no_server(world)

    found = {one.check: one for one in examine.examine(now=NOW)}

    assert found["database"].outcome is Outcome.BAD
    assert found["ledger"].outcome is Outcome.NOT_CHECKED
    assert found["secrets"].outcome is Outcome.OK


@pytest.mark.django_db(transaction=True)
def test_no_check_can_change_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(now: datetime) -> list[Finding]:
        WorkerHeartbeat.objects.create(name="host:1", started_at=now, beat_at=now)
        return []

    monkeypatch.setattr(examine, "CHECKS", (Check("writes", writes),))

    (found, _outside) = examine.examine(now=NOW)

    assert found.outcome is Outcome.BAD and "only" in found.seen
    WorkerHeartbeat.objects.create(name="host:1", started_at=NOW, beat_at=NOW)


def test_missing_keys_are_not_made(world: World) -> None:
    a_forged_head(world)
    Key.objects.all().delete()

    assert {one.outcome for one in look("ledger")} == {Outcome.BAD}
    assert not Key.objects.exists()


def test_a_healthy_installation_has_nothing_bad_and_ends_with_0(world: World, sandbox: Sandbox) -> None:
    WorkerHeartbeat.objects.create(name="host:1", started_at=NOW, beat_at=datetime.now(UTC))
    factories.account(factories.business(), "cloud_api", base_url=sandbox.url)
    # Made when the tests' database was, which may be long ago.
    Schedule.objects.update(next_run=datetime.now(UTC) + timedelta(minutes=1))

    ran = run("doctor", "--providers")

    assert [row for row in ran.rows if row["outcome"] == "bad"] == []
    assert ran.code == 0
    assert {row["check"] for row in ran.rows} == {*EVERY, "clock of a provider"}
    assert [row["outcome"] for row in ran.rows if row["check"] == "providers"] == ["ok"]


def test_nothing_leaves_unless_told_and_no_number_is_ever_asked_about(world: World, sandbox: Sandbox) -> None:
    factories.account(factories.business(), "onprem", base_url=sandbox.url)

    run("doctor")
    assert not ProviderCall.objects.exists()

    run("doctor", "--providers")
    assert list(ProviderCall.objects.values_list("operation", "numbers_count")) == [("read_clock", 0)]
    assert sandbox.journal.numbers() == ()


def test_the_clock_of_a_provider_is_compared(world: World) -> None:
    with HTTPServer(("127.0.0.1", 0), Dated) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        factories.account(factories.business(), "onprem", base_url=f"http://127.0.0.1:{server.server_port}")
        found = {one.check: one for one in look("providers")}
        server.shutdown()

    assert found["clock of a provider"].outcome is Outcome.BAD and "acme-onprem" in found["clock of a provider"].seen


class Dated(BaseHTTPRequestHandler):
    """A provider whose clock is five minutes behind."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(NOW.timestamp() - 300)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("kind", "value"),
    [("synchronous_commit", "off"), ("fsync", "off"), ("default_transaction_isolation", "serializable")],
)
def test_settings_of_postgresql_that_break_a_promise_are_named(kind: str, value: str) -> None:
    said = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    said |= {"default_transaction_isolation": "read committed", kind: value}

    (found,) = of_database.differing(said, of_database.POSTGRESQL)

    assert kind in found.seen and f"Set {kind} to " in found.mend


def doctor(url: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=BASE_DIR,
        env=environment(url) | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def rows(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_a_wrong_key_is_named_and_no_secret_is_shown(db: None, tmp_path: Path) -> None:
    secrets = {
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SECRET_KEY": "secret-of-django-0123456789",
        "META_APP_SECRET": "secret-of-meta-0123456789",
        "META_WEBHOOK_VERIFY_TOKEN": "token-of-meta-0123456789",
    }
    with own_database(tmp_path) as url:
        done = doctor(url, **secrets)

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert rows(done)["stored secrets"]["outcome"] == "bad" and rows(done)["triggers"]["outcome"] == "ok"
    assert not [value for value in secrets.values() if value in done.stdout + done.stderr]


@pytest.mark.parametrize("broken", ["server", "file"])
def test_a_broken_database_is_said_in_words_and_the_rest_is_looked_at(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "broken.sqlite3"
    file.write_bytes(b"this is no database" * 500)
    url = f"sqlite:///{file}" if broken == "file" else f"postgres://u:hunter2@127.0.0.1:{closed_port()}/x"

    done = doctor(url)

    assert done.returncode == 1 and "Traceback" not in done.stderr and "hunter2" not in done.stdout + done.stderr
    said = rows(done)
    assert said["database"]["outcome"] == "bad" and "DATABASE_URL" in said["database"]["mend"]
    assert said["secrets"]["outcome"] == "ok" and said["ledger"]["outcome"] == "not checked"


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = doctor(f"sqlite:///{tmp_path / 'none.sqlite3'}")

    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
