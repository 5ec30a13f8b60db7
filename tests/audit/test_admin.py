"""The ledger and the call log in the console: read by those who may, changed by nobody, no query a row."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import ledger
from audit.models import AuditEvent, ProviderCall
from tests import clients

LISTS = ("/audit/auditevent/", "/audit/providercall/")


def fill(count: int) -> None:
    now = datetime.now(UTC)
    with transaction.atomic():
        for place in range(count):
            ledger.record(action="check.requested", actor="tests", now=now, subject=f"CheckBatch:{place}")
            ProviderCall.objects.create(
                account_name="acme", kind="onprem", operation="check_contacts", method="POST", url="/", started_at=now
            )


@pytest.fixture
def rows(db: None) -> None:
    fill(2)


@pytest.mark.parametrize("address", LISTS)
def test_admins_and_auditors_read_it(address: str, rows: None) -> None:
    for role, status in ((clients.ADMIN, 200), (clients.AUDITOR, 200), (clients.SUPPORT, 403), (clients.NOBODY, 403)):
        assert clients.browser(role).get(address).status_code == status
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize("address", LISTS)
def test_nobody_adds_changes_or_deletes(address: str, rows: None, admin_user: Any) -> None:
    client = Client()
    client.force_login(admin_user)
    pk = (AuditEvent if "event" in address else ProviderCall).objects.latest("pk").pk
    assert client.get(f"{address}{pk}/change/").status_code == 200
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{pk}/change/", {"action": "x"}).status_code == 403
    assert client.post(f"{address}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in client.get(address).content


@pytest.mark.parametrize("address", LISTS)
def test_the_list_costs_the_same_whatever_its_length(address: str, rows: None) -> None:
    auditor = clients.browser(clients.AUDITOR)
    auditor.get(address)
    with CaptureQueriesContext(connection) as few:
        auditor.get(address)
    fill(30)
    with CaptureQueriesContext(connection) as many:
        auditor.get(address)
    assert len(many) <= len(few)


def test_the_ledger_is_searched_by_subject_and_shows_its_hashes(rows: None) -> None:
    auditor = clients.browser(clients.AUDITOR)
    found = auditor.get(LISTS[0], {"q": "CheckBatch:1"}).context["cl"].result_list
    assert [event.subject for event in found] == ["CheckBatch:1"]
    event = AuditEvent.objects.latest("sequence")
    assert event.hash.encode() in auditor.get(f"{LISTS[0]}{event.pk}/change/").content


def test_an_answer_with_an_error_status_is_not_green(rows: None) -> None:
    ProviderCall.objects.update(outcome="ANSWERED", http_status=401)
    text = clients.browser(clients.AUDITOR).get(LISTS[1]).content.decode()
    assert "badge-warn" in text
    assert "badge-good" not in text


def test_the_ledger_shows_details_as_text(db: None) -> None:
    with transaction.atomic():
        said = {"name": "</pre><script>alert(1)</script>"}
        event = ledger.record(action="check.requested", actor="tests", now=datetime.now(UTC), details=said)
    page = clients.browser(clients.AUDITOR).get(f"/audit/auditevent/{event.pk}/change/").content.decode()
    assert "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page
