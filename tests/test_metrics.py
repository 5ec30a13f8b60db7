"""`/metrics`: for the token only, true, without a person, and in as many questions however many rows there are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from audit import heads, ledger
from audit.models import AuditEvent, ProviderCall
from contacts.models import CheckBatch, ContactCheck, Erasure
from providers import accounts, limits
from providers.models import BudgetUse, Business
from sandbox import Sandbox
from tests import clients, factories
from waadmin.metrics import views
from waadmin.models import WorkerHeartbeat
from webhooks.models import WebhookRequest

pytestmark = pytest.mark.django_db
TOKEN = "metrics-token-of-the-tests"
NOW = datetime.now(UTC)


@pytest.fixture
def token(settings: Any) -> str:
    settings.METRICS_TOKEN = TOKEN
    return TOKEN


def scraped(now: datetime | None = None) -> dict[str, dict[tuple[str, ...], float]]:
    """Give each metric by name: the values of its labels in their order by name, and its value."""
    text = views.exposition(now or datetime.now(UTC)).decode()
    return {
        sample.name.removeprefix("waadmin_"): {
            tuple(value for _name, value in sorted(one.labels.items())): one.value for one in family.samples
        }
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def get(**headers: str) -> Any:
    return Client().get("/metrics", headers=headers)


def test_without_the_setting_nobody_finds_it(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for verb in ("get", "head", "post"):
        for client in (Client(), clients.browser(clients.ADMIN)):
            assert getattr(client, verb)("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_another_token_is_refused(token: str, given: str) -> None:
    answer = get(Authorization=given)

    assert answer.status_code == 401 and answer["WWW-Authenticate"] == "Bearer" and answer.content == b""
    assert clients.browser(clients.ADMIN).get("/metrics", headers={"Authorization": given}).status_code == 401


def test_the_token_opens_it_by_any_host_name_and_without_a_cookie(token: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = get(Authorization=f"Bearer {TOKEN}", host="10.0.0.7:8000")

    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain; version=")
    assert not answer.cookies and list(text_string_to_metric_families(answer.content.decode()))
    assert Client().head("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert Client().post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_a_database_that_does_not_answer_is_503(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(now: datetime) -> bytes:
        raise OperationalError("connection refused")

    monkeypatch.setattr(views, "exposition", refused)

    assert get(Authorization=f"Bearer {TOKEN}").status_code == 503


def test_checks_refusals_budget_and_calls_are_counted(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "commbox", base_url=sandbox.url, check_budget=10)
    for index in range(3):
        factories.opted_in(factories.number(index=index), acme)
    factories.run(factories.check_run(account, *(factories.number(index=index) for index in range(5))))

    found = scraped()

    assert found["checks_last_5m"] == {(account.name, "valid"): 3.0}
    assert found["refusals_last_5m"] == {("check", "no_opt_in"): 2.0}
    assert found["account_budget"] == {(account.name,): 10.0}
    assert found["account_budget_used"] == {(account.name,): 3.0}
    assert found["account_budget_left"] == {(account.name,): 7.0}
    assert found["provider_calls_last_5m"] == {(account.name, "2xx", "check_contacts", "answered"): 3.0}
    assert found["provider_calls_within_last_5m"][(account.name, "+Inf", "check_contacts")] == 3.0
    assert found["provider_call_seconds_last_5m"][(account.name, "check_contacts")] >= 0
    assert found["check_runs"] == {("paused",): 0.0, ("running",): 0.0}
    assert "ledger_events_total" in found and found["ledger_events_total"][()] == AuditEvent.objects.count()

    later = scraped(datetime.now(UTC) + timedelta(minutes=6))
    assert "checks_last_5m" not in later and "refusals_last_5m" not in later and "provider_calls_last_5m" not in later


def test_a_paused_account_and_one_that_must_wait_are_told_apart(acme: Business) -> None:
    paused = factories.account(acme, "commbox", base_url="http://127.0.0.1:1")
    waiting = factories.account(acme, "onprem", base_url="http://127.0.0.1:1")
    accounts.pause(account=paused, reason="quota of +51987654321", actor="tests", now=NOW)
    limits.postpone(waiting, until=NOW + timedelta(seconds=90))

    found = scraped(NOW)

    assert found["account_stopped"] == {(paused.name,): 1.0, (waiting.name,): 0.0}
    assert found["account_wait_seconds"] == {(paused.name,): 0.0, (waiting.name,): 90.0}


def test_webhooks_are_counted_with_backlog_age_failures_and_lag() -> None:
    def arrived(seconds_ago: int, **fields: Any) -> None:
        at = NOW - timedelta(seconds=seconds_ago)
        values: dict[str, Any] = {"received_at": at, "due_at": at, "digest": str(WebhookRequest.objects.count())}
        WebhookRequest.objects.create(kind="meta", body=b"{}", **(values | fields))

    arrived(900, deliveries=3)
    arrived(100, processed_at=NOW - timedelta(seconds=98), deliveries=2)
    arrived(60, processed_at=NOW - timedelta(seconds=56))
    arrived(30, due_at=NOW + timedelta(seconds=60))
    arrived(20, error="ValueError")

    found = scraped(NOW)

    assert found["webhook_deliveries_last_5m"] == {("meta",): 5.0, ("onprem",): 0.0}
    assert found["webhooks_unread"] == {(): 1.0} and found["webhooks_unread_oldest_seconds"] == {(): 900.0}
    assert found["webhooks_waiting"] == {(): 1.0} and found["webhooks_failed"] == {(): 1.0}
    assert found["webhook_lag_mean_seconds"] == {(): 3.0} and found["webhook_lag_max_seconds"] == {(): 4.0}


def test_worker_erasures_and_signed_head_are_told(acme: Business) -> None:
    first = scraped(NOW)
    assert first["workers"] == {(): 0.0} and "worker_heartbeat_age_seconds" not in first

    WorkerHeartbeat.objects.create(name="a:1", started_at=NOW, beat_at=NOW - timedelta(seconds=7), busy=2, replaced=1)
    WorkerHeartbeat.objects.create(name="b:1", started_at=NOW, beat_at=NOW - timedelta(hours=7), busy=4, replaced=1)
    Erasure.objects.create(kind="ERASED", key="k", reason="ASKED", at=NOW - timedelta(minutes=5), by="tests")
    ledger.record(action="tests", actor="tests", now=NOW - timedelta(days=3), details={})

    found = scraped(NOW)
    assert found["workers"] == {(): 1.0} and found["worker_heartbeat_age_seconds"] == {(): 7.0}
    assert found["worker_processes_busy"] == {(): 2.0} and found["worker_replacements"] == {(): 1.0}
    assert found["erasures_outstanding"] == {(): 1.0} and found["erasures_oldest_seconds"] == {(): 300.0}
    assert found["ledger_signed_head_age_seconds"][()] >= 3 * 86_400 - 1
    assert found["ledger_signed_sequence"] == {(): 0.0}

    heads.sign_head(actor="tests", now=NOW)
    assert scraped(NOW)["ledger_signed_head_age_seconds"] == {(): 0.0}


def test_a_run_that_asks_nobody_is_stuck_and_one_that_goes_on_is_not(acme: Business) -> None:
    account = factories.account(acme, "commbox", base_url="http://127.0.0.1:1")
    factories.opted_in(factories.number(), acme)
    batch = factories.check_run(account, factories.number(), now=NOW - timedelta(hours=1))
    assert scraped(NOW)["check_runs_stuck"] == {(): 1.0} and scraped(NOW)["check_runs"][("running",)] == 1.0

    call = ProviderCall.objects.create(
        account_name=account.name, kind="commbox", operation="check_contacts", subject=f"CheckBatch:{batch.pk}",
        method="GET", url="x", started_at=NOW - timedelta(minutes=1),
    )  # fmt: skip
    assert scraped(NOW)["check_runs_stuck"] == {(): 0.0}

    call.delete()
    accounts.pause(account=account, reason="tests", actor="tests", now=NOW)
    assert scraped(NOW)["check_runs_stuck"] == {(): 0.0}, "it waits for a person, and account_stopped says so"


def test_no_person_number_or_text_stands_in_a_label(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "commbox", base_url=sandbox.url)
    factories.opted_in(factories.number(), acme)
    factories.run(factories.check_run(account, factories.number(), factories.number(index=1), "not a number"))

    text = views.exposition(datetime.now(UTC)).decode()

    assert "7400" not in text and "not a number" not in text
    labels = set(re.findall(r'[{,](\w+)="', text))
    known = {"account", "result", "of", "reason", "state", "kind", "operation", "outcome", "http", "le", "action"}
    assert labels <= known


def test_more_rows_ask_no_more_questions(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "commbox", base_url=sandbox.url, check_budget=100)

    def questions(count: int, first: int) -> int:
        numbers = [factories.number(index=first + index) for index in range(count)]
        for number in numbers[::2]:
            factories.opted_in(number, acme)
        factories.run(factories.check_run(account, *numbers))
        for index in range(count):
            WebhookRequest.objects.create(kind="meta", digest=f"{first}-{index}", received_at=NOW, due_at=NOW)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            views.exposition(datetime.now(UTC))
        return len(asked)

    few = questions(2, 0)

    assert questions(20, 10) == few <= 30
    assert CheckBatch.objects.count() == 2 and ContactCheck.objects.count() == 22 and BudgetUse.objects.exists()
