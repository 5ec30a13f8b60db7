"""A run's own page: live counts, pause, resume, cancel, retry, rows with words for people, repeated lines."""

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from contacts.models import CheckBatch, ContactCheck
from providers.models import Business, ProviderAccount
from tests import factories

AGREED, MISSING, LOST = factories.number(100), factories.number(404), factories.number(780)
STRANGER = factories.number(900)


@pytest.fixture
def batch(acme: Business, onprem_account: ProviderAccount) -> CheckBatch:
    for number in (AGREED, MISSING, LOST):
        factories.opted_in(number, acme)
    return factories.check_run(onprem_account, AGREED, MISSING, LOST, STRANGER, AGREED, "=2+5")


def page(batch: CheckBatch, what: str = "change") -> str:
    return f"/contacts/checkbatch/{batch.pk}/{what}/"


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_live_counts_tell_weak_answers_from_strong_ones(admin_browser: Client, batch: CheckBatch) -> None:
    before = admin_browser.get(page(batch, "live")).json()
    assert (before["open"], before["refused"], before["follow"]) == (3, 2, True)
    factories.run(batch)
    after = admin_browser.get(page(batch, "live")).json()
    assert (after["valid"], after["weak"], after["invalid"], after["unknown"]) == (0, 1, 1, 1)
    assert (after["state"], after["follow"], after["done"], after["total"]) == ("FINISHED", False, 6, 6)


def test_rows_speak_to_people(admin_browser: Client, batch: CheckBatch) -> None:
    factories.run(batch)
    text = text_of(admin_browser.get(page(batch)))
    assert "Says yes (this provider says yes to everyone)" in text
    assert "Not on WhatsApp" in text
    assert "No answer (counted)" in text
    assert "Not sent: no opt-in for Acme" in text
    assert "same number as line 1" in text
    assert "weak evidence" in text
    assert "Answered yes (1)" in text
    check = batch.checks.get(position=1)
    title = text_of(admin_browser.get(f"/contacts/contactcheck/{check.pk}/change/"))
    assert f"<h1>{AGREED}: Says yes (this provider says yes to everyone)</h1>" in title


def test_a_repeated_line_shows_the_answer_of_the_line_it_repeats(admin_browser: Client, batch: CheckBatch) -> None:
    factories.run(batch)
    text = text_of(admin_browser.get(page(batch) + "?status=DUPLICATE"))
    assert text.count("Says yes (this provider says yes to everyone)</span>") == 1


def test_a_run_is_paused_resumed_and_cancelled(admin_browser: Client, batch: CheckBatch) -> None:
    for what, state in (("pause", "PAUSED"), ("resume", "RUNNING"), ("cancel", "CANCELLED")):
        response = admin_browser.post(page(batch, what))
        assert response["Location"] == page(batch)
        batch.refresh_from_db()
        assert batch.state == state
    admin_browser.post(page(batch, "pause"))
    assert "This run is cancelled, so that cannot be done." in text_of(admin_browser.get(page(batch)))


def test_failed_numbers_are_asked_again_in_a_run_of_their_own(admin_browser: Client, batch: CheckBatch) -> None:
    factories.run(batch)
    response = admin_browser.post(page(batch, "retry"))
    again = CheckBatch.objects.exclude(pk=batch.pk).get()
    assert response["Location"] == page(again)
    assert factories.results(again) == {LOST: "WAITING"}
    assert f"#{again.pk}" in text_of(admin_browser.get(page(batch)))


def test_pressing_retry_twice_asks_once(admin_browser: Client, batch: CheckBatch) -> None:
    factories.run(batch)
    admin_browser.post(page(batch, "retry"))
    second = admin_browser.post(page(batch, "retry"), follow=True)
    again = CheckBatch.objects.exclude(pk=batch.pk).get()
    assert f"These numbers are being asked again already, in run #{again.pk}." in text_of(second)


def test_the_downloaded_file_keeps_codes_and_plus_signs_and_runs_nothing(
    admin_browser: Client, batch: CheckBatch
) -> None:
    factories.run(batch)
    response = admin_browser.get(page(batch, "download"))
    assert response["Content-Disposition"] == f'attachment; filename="check-run-{batch.pk}.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))  # type: ignore[arg-type]
    assert [row["status"] for row in rows] == ["valid", "invalid", "unknown", "refused", "valid", "refused"]
    assert rows[0]["e164"] == AGREED
    assert rows[0]["strength"] == "weak"
    assert rows[5]["input"] == "'=2+5"
    assert AuditEvent.objects.filter(action="check.downloaded", actor="business").count() == 1


def test_only_the_rows_not_sent_can_be_downloaded(admin_browser: Client, batch: CheckBatch) -> None:
    response = admin_browser.get(page(batch, "download") + "?status=REFUSED")
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))  # type: ignore[arg-type]
    assert {row["status"] for row in rows} == {"refused"}


def test_a_page_of_rows_costs_the_same_whatever_their_number(
    admin_browser: Client, batch: CheckBatch, acme: Business, onprem_account: ProviderAccount
) -> None:
    many = [factories.number(200 + place) for place in range(60)]
    for number in many:
        factories.opted_in(number, acme)
    other = factories.check_run(onprem_account, *many, *many[:20])
    admin_browser.get(page(batch))
    with CaptureQueriesContext(
        connection,
    ) as few:
        admin_browser.get(page(batch))
    with CaptureQueriesContext(connection) as lots:
        admin_browser.get(page(other))
    assert len(lots) <= len(few) + 1
    assert len(lots) <= 20


def test_a_paused_account_is_named_on_the_page_of_a_waiting_run(admin_browser: Client, batch: CheckBatch) -> None:
    ProviderAccount.objects.update(paused_at=factories.GIVEN_AT, paused_reason="KEY_EXPIRED")
    text = text_of(admin_browser.get(page(batch)))
    assert "so this run waits" in text
    assert "KEY_EXPIRED" in text


def test_a_run_that_is_not_there_is_not_found(admin_browser: Client) -> None:
    assert admin_browser.get("/contacts/checkbatch/999/change/").status_code == 404
    assert admin_browser.get("/contacts/checkbatch/abc/change/").status_code == 404
    assert not ContactCheck.objects.exists()
