"""The On-Premises callback: authenticated by its secret path, stored whole, processed later and as often as needed."""

import json
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError
from django.test import Client

from contacts.models import CheckBatch, ContactCheck
from providers.models import ProviderAccount
from providers.secret import Secret
from sandbox import Sandbox
from tests import factories
from tests.factories import number
from webhooks import processing, receive, tasks
from webhooks.models import WebhookRequest

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(onprem_account: ProviderAccount) -> ProviderAccount:
    onprem_account.webhook_token = {"token": Secret("path-token-of-tests")}
    onprem_account.options = {"blocking": "no_wait"}
    onprem_account.save()
    return onprem_account


@pytest.fixture
def batch(account: ProviderAccount) -> CheckBatch:
    """A run whose one number the node is still checking."""
    factories.opted_in(number(202), account.business)
    batch = factories.check_run(account, number(202))
    factories.run(batch)
    assert factories.results(batch) == {number(202): "PROCESSING"}
    return batch


def address(account: ProviderAccount, token: str = "path-token-of-tests") -> str:
    return f"/webhooks/onprem/{account.uuid}/{token}/"


def body(status: str = "valid", asked: str | None = None) -> str:
    asked = asked or number(202)
    return json.dumps({"contacts": [{"input": asked, "status": status, "wa_id": asked[1:]}]})


def deliver(client: Client, account: ProviderAccount, content: str) -> int:
    return client.post(address(account), content, content_type="application/json").status_code


def process_all() -> None:
    for pk in WebhookRequest.objects.values_list("pk", flat=True):
        tasks.process(pk)


def test_a_callback_closes_the_number_it_answers(client: Client, account: ProviderAccount, batch: CheckBatch) -> None:
    assert deliver(client, account, body()) == 200
    assert factories.results(batch) == {number(202): "PROCESSING"}
    process_all()
    batch.refresh_from_db()
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.wa_id, row.strength) == ("VALID", number(202)[1:], "WEAK")
    assert batch.state == CheckBatch.State.FINISHED


def test_a_wrong_token_is_not_found_and_nothing_is_stored(client: Client, account: ProviderAccount) -> None:
    assert client.post(address(account, "wrong"), body(), content_type="application/json").status_code == 404
    assert not WebhookRequest.objects.exists()


def test_an_account_without_a_token_takes_nothing(client: Client, onprem_account: ProviderAccount) -> None:
    assert client.post(address(onprem_account), body(), content_type="application/json").status_code == 404


def test_only_post_is_answered(client: Client, account: ProviderAccount) -> None:
    assert client.get(address(account)).status_code == 405


def test_a_body_beyond_4_mib_is_refused(client: Client, account: ProviderAccount) -> None:
    assert deliver(client, account, "x" * (4 * 1024 * 1024 + 1)) == 413
    assert not WebhookRequest.objects.exists()


def test_a_body_that_cannot_be_stored_is_answered_503(
    client: Client, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(receive, "store", full)
    assert deliver(client, account, body()) == 503


def test_a_callback_delivered_twice_is_kept_once_and_read_twice(
    client: Client, account: ProviderAccount, batch: CheckBatch
) -> None:
    for _delivery in range(2):
        assert deliver(client, account, body()) == 200
        process_all()
    request = WebhookRequest.objects.get()
    assert request.deliveries == 2
    assert factories.results(batch) == {number(202): "VALID"}


def test_the_same_bytes_for_a_later_check_are_news(client: Client, account: ProviderAccount, batch: CheckBatch) -> None:
    deliver(client, account, body())
    process_all()
    later = factories.check_run(account, number(202), force_reason="asked again by the customer")
    ContactCheck.objects.filter(batch=later).update(status="PROCESSING", next_attempt_at=None)
    deliver(client, account, body())
    process_all()
    assert factories.results(later) == {number(202): "VALID"}


def test_a_stranger_in_the_callback_changes_nothing(
    client: Client, account: ProviderAccount, batch: CheckBatch
) -> None:
    deliver(client, account, body(asked=number(100)))
    process_all()
    assert factories.results(batch) == {number(202): "PROCESSING"}


def test_an_inbound_message_is_not_mistaken_for_an_answer(
    client: Client, account: ProviderAccount, batch: CheckBatch
) -> None:
    message = {"contacts": [{"profile": {"name": "Ana"}, "wa_id": number(202)[1:]}], "messages": [{"from": "1"}]}
    deliver(client, account, json.dumps(message))
    process_all()
    assert factories.results(batch) == {number(202): "PROCESSING"}


@pytest.mark.parametrize("content", ["", "[]", "nonsense", "[" * 100_000, '{"contacts": 7}', '{"contacts": [null, 1]}'])
def test_an_odd_body_is_stored_and_answered_200(client: Client, account: ProviderAccount, content: str) -> None:
    assert deliver(client, account, content) == 200
    process_all()
    assert WebhookRequest.objects.count() == 1


def test_an_unreadable_body_is_kept_with_its_reason(account: ProviderAccount) -> None:
    receive.store(kind="onprem", account_id=account.pk, body=b"nonsense", now=datetime.now(UTC))
    request = WebhookRequest.objects.get()
    assert processing.process(request_id=request.pk, now=datetime.now(UTC)) is False
    request.refresh_from_db()
    assert request.error == "The body is not JSON."
    assert request.processed_at is None
    assert request.body == b"nonsense"


def test_a_callback_that_comes_before_the_answer_that_announced_it_is_not_undone(
    account: ProviderAccount, batch: CheckBatch, sandbox: Sandbox
) -> None:
    from contacts.checking import claim as claiming
    from contacts.checking import results as recording
    from providers.interfaces import ContactStatus, EvidenceStrength, NumberResult
    from providers.registry import contact_checker

    other = factories.check_run(account, number(202))
    checker, now = contact_checker(account), datetime.now(UTC)
    claim = claiming.claim_rows(batch=other, account=account, checker=checker, now=now)
    assert claim is not None
    recording.record_callback(account=account, results=[NumberResult(number(202), ContactStatus.VALID)], now=now)
    recording.record_answers(
        batch=other,
        account=account,
        checker=checker,
        claim=claim,
        results=[NumberResult(number(202), ContactStatus.PROCESSING)],
        strength=EvidenceStrength.WEAK,
        now=now,
    )
    assert factories.results(other) == {number(202): "VALID"}


def test_the_stored_body_is_encrypted(account: ProviderAccount) -> None:
    from django.db import connection

    receive.store(kind="onprem", account_id=account.pk, body=body().encode(), now=datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM webhooks_webhookrequest")
        assert number(202).encode() not in bytes(cursor.fetchone()[0])
