"""Webhooks and people who were erased: stored bodies go, and no event brings back what was before the erasure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from contacts import opt_ins
from contacts.erasure import erasing, finishing
from contacts.models import Contact, ErasedName, Erasure, Message, MessageStatus, Reach
from numbers.models import BusinessNumber
from providers.models import Business
from tests import factories
from tests.contacts.erasure.people import rows_naming
from tests.webhooks.deliveries import PERSON, body_of, deliver, drain, message, our_number, outcomes, status
from webhooks import dispatch
from webhooks.models import WebhookEvent, WebhookRequest

pytestmark = pytest.mark.django_db
E164 = f"+{PERSON}"
OTHER = "16505559999"


@pytest.fixture
def ours(acme: Business) -> BusinessNumber:
    return our_number(acme)


def stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


def wrote(at: datetime, wamid: str = "wamid.IN1", **fields: Any) -> bytes:
    return body_of(message(wamid, timestamp=stamp(at), **fields))


def erase(*, finished: bool = True) -> Erasure:
    contact = Contact.objects.get(e164=E164)
    entry = erasing.erase(contact=contact, reason="ASKED", actor="tests", now=datetime.now(UTC))
    if finished:
        finishing.finish(now=datetime.now(UTC))
        entry.refresh_from_db()
    return entry


def test_a_body_that_was_read_goes_with_the_person_and_another_stays(client: Client, ours: BusinessNumber) -> None:
    now = datetime.now(UTC)
    deliver(client, wrote(now))
    deliver(client, body_of(message("wamid.IN2", **{"from": OTHER}, timestamp=stamp(now)) | {"contacts": []}))
    drain()

    assert erase().finished_at is not None

    assert [row.body is None for row in WebhookRequest.objects.order_by("pk")] == [True, False]
    assert rows_naming([E164]) == set()


def test_a_body_that_is_not_read_yet_is_read_first_and_brings_nobody_back(client: Client, ours: BusinessNumber) -> None:
    now = datetime.now(UTC)
    deliver(client, wrote(now))
    drain()
    deliver(client, wrote(now, "wamid.IN2"))

    assert erase().finished_at is None
    drain()
    assert finishing.finish(now=datetime.now(UTC)) == 1

    assert not Contact.objects.exists() and not Message.objects.exists()
    assert rows_naming([E164]) == set()
    assert outcomes() == [("message", "DONE"), ("message", "DONE")]


def test_a_body_in_which_something_failed_is_waited_for(client: Client, ours: BusinessNumber) -> None:
    now = datetime.now(UTC)
    deliver(client, wrote(now))
    drain()
    WebhookRequest.objects.update(error="1 of 1 events failed.")

    assert erase().finished_at is None
    assert WebhookRequest.objects.get().body is not None


def test_the_same_delivery_again_brings_nobody_back(client: Client, ours: BusinessNumber) -> None:
    body = wrote(datetime.now(UTC))
    deliver(client, body)
    drain()
    erase()

    deliver(client, body)
    drain()

    assert not Contact.objects.exists()


def test_what_was_written_after_the_erasure_is_a_new_acquaintance(client: Client, ours: BusinessNumber) -> None:
    deliver(client, wrote(datetime.now(UTC) - timedelta(minutes=5)))
    drain()
    old = Contact.objects.get().pseudonym
    erase()

    deliver(client, wrote(datetime.now(UTC) + timedelta(seconds=2), "wamid.IN2"))
    drain()

    assert Contact.objects.get().pseudonym != old
    assert Message.objects.get().wamid == "wamid.IN2"


@pytest.mark.parametrize("kind", ["stop", "preference", "system", "old message after a new one"])
def test_an_older_event_that_comes_late_has_no_effect(client: Client, ours: BusinessNumber, kind: str) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)
    deliver(client, wrote(before))
    drain()
    erase()
    preference = {"wa_id": PERSON, "category": "marketing_messages", "value": "stop", "timestamp": stamp(before)}
    system = {"type": "user_identity_changed", "user": PERSON}
    late = {
        "stop": wrote(before, "wamid.IN3", text={"body": "STOP"}),
        "preference": body_of({"user_preferences": [preference]}, field="user_preferences"),
        "system": wrote(before, "wamid.IN4", type="system", system=system),
        "old message after a new one": wrote(before, "wamid.IN5"),
    }[kind]
    if kind.startswith("old"):
        deliver(client, wrote(datetime.now(UTC) + timedelta(seconds=2), "wamid.IN2"))

    deliver(client, late)
    drain()

    assert set(Message.objects.values_list("wamid", flat=True)) == ({"wamid.IN2"} if kind.startswith("old") else set())
    assert Contact.objects.count() == Message.objects.count() == Reach.objects.count()
    assert not WebhookEvent.objects.exclude(outcome="DONE").exists()


def test_a_user_id_alone_brings_nobody_back_either(client: Client, ours: BusinessNumber) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)
    deliver(client, wrote(before, from_user_id="US.13491208655302741918"))
    drain()
    erase()
    nameless = {"from": "", "from_user_id": "US.13491208655302741918", "text": {"body": "STOP"}}

    deliver(client, body_of({"messages": [message()["messages"][0] | nameless | {"timestamp": stamp(before)}]}))
    drain()

    assert ErasedName.objects.count() == 2
    assert not opt_ins.Contact.objects.exists()
    assert "contacts_suggestion.bsuid" not in rows_naming(["+US"])


def test_a_status_of_an_erased_message_is_not_kept(client: Client, ours: BusinessNumber) -> None:
    deliver(client, wrote(datetime.now(UTC) - timedelta(minutes=5)))
    drain()
    erase()

    deliver(client, body_of(status("wamid.OUT1", timestamp=stamp(datetime.now(UTC)))))
    drain()

    assert not MessageStatus.objects.exists()


def test_a_person_erased_while_their_event_is_taken_makes_it_begin_again(
    client: Client, ours: BusinessNumber, monkeypatch: pytest.MonkeyPatch, acme: Business
) -> None:
    factories.opted_in("+447400000101", acme)
    tries: list[int] = []
    journey = dispatch._journey

    def vanishing(kind: str) -> Any:
        taken = journey(kind)

        def once(**given: Any) -> str:
            tries.append(1)
            if len(tries) == 1:
                raise dispatch.PersonVanished
            subject: str = taken(**given)
            return subject

        return once

    monkeypatch.setattr(dispatch, "_journey", vanishing)
    monkeypatch.setattr(type(dispatch.connection), "in_atomic_block", False, raising=False)
    deliver(client, wrote(datetime.now(UTC)))
    drain()

    assert len(tries) == 2
    assert outcomes() == [("message", "DONE")]
