"""Many plain statuses at once end as if each had been recorded by itself, whatever their order and their grouping."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from contacts.incoming import StatusEvent
from contacts.messaging import many_statuses
from contacts.messaging.many_statuses import is_plain, record_statuses
from contacts.messaging.statuses import ForeignNumber
from contacts.models import Message, MessageStatus, Reach
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, status, tell
from tests.webhooks.deliveries import deliver, drain
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db

T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
LATER = T + timedelta(hours=1)
PEOPLE = 4


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def sent(number: BusinessNumber, acme: Business) -> list[Message]:
    """Two messages each to four people."""
    people = [agreed(factories.number(100 + place), acme) for place in range(PEOPLE)]
    return [send(person, number, now=T) for person in people for _message in range(2)]


def events(sent: Sequence[Message], seed: int) -> list[StatusEvent]:
    """Sent, delivered and read of each, some told twice with another time, some of messages that we do not know."""
    chance = random.Random(seed)
    told = [
        status(message, kind, at=T + timedelta(seconds=seconds + chance.randrange(4)))
        for message in (*sent, "wamid.UNKNOWN-1", "wamid.UNKNOWN-2")
        for kind, seconds in (("sent", 1), ("delivered", 5), ("read", 9), ("delivered", 6))
    ]
    chance.shuffle(told)
    return told


def end_state() -> dict[str, Any]:
    return {
        "messages": list(Message.objects.order_by("pk").values_list("sent_at", "delivered_at", "read_at", "failed_at")),
        "statuses": sorted(MessageStatus.objects.values_list("wamid", "status", "at")),
        "reach": sorted(Reach.objects.values_list("contact", "reached_at")),
    }


@pytest.mark.parametrize("seed", range(8))
def test_any_order_and_any_grouping_ends_as_one_by_one(sent: list[Message], number: BusinessNumber, seed: int) -> None:
    told = events(sent, seed)
    with transaction.atomic():
        for event in told:
            tell(number, event, now=LATER)
        one_by_one = end_state()
        transaction.set_rollback(True)

    chance = random.Random(seed + 100)
    left = told + chance.sample(told, 10)
    while left:
        size = chance.randrange(1, 12)
        record_statuses(account=number.account, business_number=number, events=left[:size], now=LATER)
        left = left[size:]

    assert end_state() == one_by_one


def test_each_says_whom_it_concerned(sent: list[Message], number: BusinessNumber) -> None:
    told = [status(sent[0], "sent", at=T), status("wamid.UNKNOWN", "sent", at=T), status(sent[2], "read", at=T)]
    subjects = record_statuses(account=number.account, business_number=number, events=told, now=LATER)
    assert subjects == [f"Contact:{sent[0].contact_id}", "", f"Contact:{sent[2].contact_id}"]


def test_a_failure_an_error_and_an_identity_are_not_plain(sent: list[Message]) -> None:
    assert is_plain(status(sent[0], "delivered"))
    assert is_plain(status(sent[0], "a status of next year"))
    assert not is_plain(status(sent[0], "failed"))
    assert not is_plain(status(sent[0], "sent", code="131026"))
    assert not is_plain(status(sent[0], "delivered", identity_hash=HASH))


def test_a_status_through_another_number_keeps_nothing_of_the_group(
    sent: list[Message], number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    other = our_number(acme, sandbox.url, phone_number_id="106850078877701", e164="+15550149034")
    told = [status("wamid.UNKNOWN", "sent", at=T), status(sent[0], "read", at=T)]
    with pytest.raises(ForeignNumber):
        record_statuses(account=other.account, business_number=other, events=told, now=LATER)
    assert not MessageStatus.objects.exists()


def body_of(number: BusinessNumber, *told: tuple[str, str]) -> bytes:
    rows = [{"id": wamid, "status": kind, "timestamp": str(int(T.timestamp()))} for wamid, kind in told]
    metadata = {"display_phone_number": number.e164[1:], "phone_number_id": number.phone_number_id}
    change = {"field": "messages", "value": {"metadata": metadata, "statuses": rows}}
    entry = {"id": number.business_account.waba_id, "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def test_one_that_fails_costs_its_group_nothing(
    sent: list[Message], number: BusinessNumber, acme: Business, sandbox: Sandbox, client: Client
) -> None:
    other = our_number(acme, sandbox.url, phone_number_id="106850078877701", e164="+15550149034")
    deliver(client, body_of(other, (sent[0].wamid, "sent"), ("wamid.A", "sent"), ("wamid.B", "read")))
    drain()
    assert sorted(WebhookEvent.objects.values_list("outcome", flat=True)) == ["DONE", "DONE", "FAILED"]
    assert set(MessageStatus.objects.values_list("wamid", flat=True)) == {"wamid.A", "wamid.B"}
    sent[0].refresh_from_db()
    assert sent[0].sent_at is None


def test_plain_statuses_of_a_body_are_taken_together(
    sent: list[Message], number: BusinessNumber, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def counted(**given: Any) -> list[str]:
        sizes.append(len(given["events"]))
        return record_statuses(**given)

    monkeypatch.setattr("webhooks.dispatch.record_statuses", counted)
    deliver(client, body_of(number, *((message.wamid, kind) for message in sent for kind in ("sent", "read"))))
    drain()
    assert sizes == [2 * len(sent)]
    assert set(WebhookEvent.objects.values_list("outcome", "subject")) == {
        ("DONE", f"Contact:{message.contact_id}") for message in sent
    }
    assert not Message.objects.filter(read_at=None).exists()


def test_nobody_is_asked_about_again_who_is_known_to_be_reached(
    sent: list[Message], number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [status(message, "read", at=T) for message in sent]
    record_statuses(account=number.account, business_number=number, events=told, now=LATER)
    learnt: list[Any] = []
    monkeypatch.setattr(many_statuses.inbound, "learn_reach", lambda **given: learnt.append(given))
    record_statuses(account=number.account, business_number=number, events=told, now=LATER)
    assert learnt == []
    newer = [status(sent[0], "read", at=T + timedelta(minutes=1))]
    record_statuses(account=number.account, business_number=number, events=newer, now=LATER)
    assert [given["contact"].pk for given in learnt] == [sent[0].contact_id]
