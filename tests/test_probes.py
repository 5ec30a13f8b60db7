"""The probes: plain words for anybody, also without a host name, TLS, a session, or a database."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from audit import triggers
from providers import keys
from tests import clients
from waadmin import probes

BOTH = ("/livez", "/readyz")


@pytest.fixture(autouse=True)
def nothing_is_known() -> Iterator[None]:
    probes.readiness.forget()
    yield
    probes.readiness.forget()


def said(path: str = "/readyz") -> tuple[int, str]:
    probes.readiness.forget()
    answer = Client().get(path)
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "word"), [("/livez", "alive"), ("/readyz", "ready")])
def test_a_process_that_works_says_so_to_anybody(path: str, word: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["waadmin.example.com"]
    for client in (Client(), clients.browser(clients.VIEWER)):
        answer = client.get(path, headers={"host": "10.0.0.7:8000"})

        assert (answer.status_code, answer.content.decode()) == (200, f"{word}\n")
        assert answer["Content-Type"].startswith("text/plain") and "no-store" in answer["Cache-Control"]
        assert not answer.cookies and "Location" not in answer


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", BOTH)
def test_head_is_answered_and_other_methods_are_not(path: str) -> None:
    head = Client().head(path)

    assert (head.status_code, head.content) == (200, b"")
    for verb in ("post", "put", "patch", "delete", "options"):
        assert getattr(Client(), verb)(path).status_code == 405


@pytest.mark.django_db
def test_livez_asks_the_database_nothing(django_assert_num_queries: Any) -> None:
    browser = clients.browser(clients.ADMIN)
    with django_assert_num_queries(0):
        assert browser.get("/livez").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_database_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: BaseDatabaseWrapper) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(BaseDatabaseWrapper, "connect", refused)
        assert said() == (503, "database\n")
    assert said() == (200, "ready\n")


def test_readyz_waits_for_a_hanging_database_no_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    held, begun = threading.Event(), []

    def hangs() -> Iterator[str]:
        begun.append(1)
        held.wait(30)
        yield from ()

    monkeypatch.setattr(probes, "_look", hangs)
    monkeypatch.setattr(probes, "LIMIT", 0.05)
    readiness = probes.Readiness()

    assert [readiness.wrong() for _probe in range(5)] == [["database"]] * 5
    assert len(begun) == 1, "one question at a time, however many probes come"

    held.set()
    assert readiness._asking is not None
    readiness._asking.join(10)
    assert readiness.wrong() == []


def test_many_probes_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def looks() -> Iterator[str]:
        begun.append(1)
        yield "triggers"

    monkeypatch.setattr(probes, "_look", looks)
    readiness = probes.Readiness()

    assert [readiness.wrong() for _probe in range(50)] == [["triggers"]] * 50
    assert len(begun) == 1


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_migration_that_is_not_applied() -> None:
    recorder = MigrationRecorder(connection)
    name = max(name for app, name in recorder.applied_migrations() if app == "webhooks")
    recorder.record_unapplied("webhooks", name)
    try:
        assert said() == (503, "migrations\n")
    finally:
        recorder.record_applied("webhooks", name)


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_key_that_reads_nothing_and_triggers_that_are_gone(settings: Any) -> None:
    keys.make_missing()
    right = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert said() == (503, "keys\n")

    triggers.lift()
    assert said() == (503, "keys\ntriggers\n")

    settings.FIELD_ENCRYPTION_KEYS = right
    assert said() == (503, "triggers\n")
    triggers.install()
    assert said() == (200, "ready\n")


@pytest.mark.django_db(transaction=True)
def test_readyz_does_not_depend_on_the_worker() -> None:
    assert said() == (200, "ready\n")
