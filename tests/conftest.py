"""What every test may use: a fixed time, users, businesses and accounts, a sandbox, and no network beyond here."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import translation

from audit import triggers
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories


@pytest.fixture(autouse=True)
def no_network_beyond_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail any test that tries to leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Leave no request's language active in the thread, where Django leaves it, and nothing in the process's cache."""
    yield
    translation.deactivate()
    cache.clear()


@pytest.fixture(autouse=True)
def triggers_lifted_for_the_flush(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a transactional test's tables be flushed: triggers would refuse it, and migrate's signal remakes them."""
    marker = request.node.get_closest_marker("django_db")
    flushed = "transactional_db" in request.fixturenames or (marker is not None and marker.kwargs.get("transaction"))
    if not flushed:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    triggers.lift()


@pytest.fixture
def now() -> datetime:
    """The time in tests that pass it in."""
    return datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def acme(db: None) -> Business:
    """The business that most tests are about."""
    return factories.business("Acme")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The providers, on a free loopback port."""
    with Sandbox(port=0) as running:
        yield running


@pytest.fixture
def onprem_account(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    """An On-Premises account of Acme that speaks to the sandbox."""
    return factories.account(acme, "onprem", base_url=sandbox.url)


@pytest.fixture
def commbox_account(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    """A CommBox account of Acme that speaks to the sandbox."""
    return factories.account(acme, "commbox", base_url=sandbox.url)


@pytest.fixture
def accuauth_account(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    """An AccuAuth account of Acme that speaks to the sandbox."""
    return factories.account(acme, "accuauth", base_url=sandbox.url)


@pytest.fixture
def postgresql(transactional_db: None) -> None:
    """Skip, saying why, where row locks are not PostgreSQL's."""
    if connection.vendor != "postgresql":
        pytest.skip("row locks and races are PostgreSQL's: set DATABASE_URL to one (make test-postgresql)")
