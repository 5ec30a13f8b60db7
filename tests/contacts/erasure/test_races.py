"""An erasure against what happens at the same time: a check, a message, an import, a webhook. Row locks are
PostgreSQL's.

Whatever is under way is held at several points while the erasure goes ahead in another thread. Afterwards nothing of
the person is there, and nothing left after the erasure had returned.
"""

import io
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from contacts import messages
from contacts.consent import importing
from contacts.erasure import erasing, finishing, restricting
from contacts.erasure.vanishing import PersonVanished
from contacts.models import Consent, Contact, ContactCheck, Message, OptIn, OptInEvidence
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders, writers
from tests.contacts.test_withdrawal_race import Gap, _resolve, before, in_thread, within

ROUNDS = 5


def erase(contact: Contact) -> None:
    erasing.erase(contact=contact, reason="ASKED", actor="tests", now=datetime.now(UTC))
    finishing.finish(now=datetime.now(UTC))


def held_while_erased(
    monkeypatch: pytest.MonkeyPatch,
    point: tuple[str, Callable[..., Any]],
    work: Callable[[], Any],
    contact: Contact,
    *,
    take_out: Callable[[Contact], None] = erase,
    patience: float = 0.05,
) -> float:
    """Hold the work at the point while the person is erased, and give when the erasure had returned."""
    path, hold = point
    gap = Gap()
    module, name = path.rsplit(".", 1)
    with ExitStack() as stack:
        patched = stack.enter_context(monkeypatch.context())
        patched.setattr(path, hold(gap, _resolve(module, name)))
        stack.enter_context(in_thread(lambda: work() and None))
        if not gap.reached.wait(10):
            pytest.fail(f"the work never came to: {path}")
        # It may hold a lock there that the erasure waits for, and lets go only when it goes on.
        release = threading.Timer(patience, gap.released.set)
        release.start()
        take_out(contact)
        returned_at = time.time()
        release.cancel()
        gap.released.set()
    return returned_at


def nothing_is_left(contact: Contact) -> bool:
    return (
        not Contact.objects.filter(person_key=contact.person_key).exists()
        and not OptInEvidence.objects.filter(opt_in__pseudonym=contact.pseudonym).exists()
        and not Consent.objects.exists()
        and not ContactCheck.objects.exists()
        and not Message.objects.exists()
    )


CHECK_POINTS = {
    "before the rows are claimed": ("contacts.checking.run.claim_rows", before),
    "inside the claim, consent locked": ("contacts.checking.claim.load", within),
    "after the attempt is committed": ("contacts.checking.run._ask", before),
    "while the call is on its way": ("providers.http._send", within),
    "before the answer is recorded": ("contacts.checking.run.record_answers", before),
}


@pytest.mark.parametrize("point", CHECK_POINTS)
def test_against_a_check(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    account = factories.account(acme, "onprem", base_url=sandbox.url)
    for index in range(ROUNDS):
        one = factories.number(100, index)
        contact = factories.opted_in(one, acme).consent.contact
        batch = factories.check_run(account, one)
        returned_at = held_while_erased(
            monkeypatch, CHECK_POINTS[point], lambda batch=batch: factories.run(batch), contact
        )
        assert [entry for entry in sandbox.journal if one in entry.numbers and entry.at > returned_at] == []
        assert nothing_is_left(contact)


MESSAGE_POINTS = {
    "before the claim": ("contacts.messaging.sending._claim", before),
    "inside the claim, consent locked": ("contacts.messaging.sending.load", within),
    "after the attempt is committed": ("contacts.messaging.sending._call", before),
    "while the call is on its way": ("providers.http._send", within),
    "before the answer is recorded": ("contacts.messaging.sending._record", before),
}


@pytest.mark.parametrize("point", MESSAGE_POINTS)
def test_against_a_message(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    number = senders.our_number(acme, sandbox.url)

    def send(contact: Contact) -> None:
        with suppress(messages.MessageRefused):
            senders.send(contact, number)

    for index in range(ROUNDS):
        contact = senders.agreed(factories.number(100, index), acme)
        returned_at = held_while_erased(
            monkeypatch, MESSAGE_POINTS[point], lambda contact=contact: send(contact), contact
        )
        assert [sent for sent in sandbox.people.messages(contact.e164) if sent.at > returned_at] == []
        assert nothing_is_left(contact)


IMPORT_POINTS = {
    "before the contacts are made": ("contacts.consent.committing.make_contacts", before),
    "when nobody was found erased yet": ("contacts.consent.settling.staged_people.leave_out_the_erased", within),
    "after the contacts are made": ("contacts.consent.committing.make_contacts", within),
    "before the chunk is settled": ("contacts.consent.committing.settle", before),
    "when the people are found": ("contacts.consent.settling.staged_people.greet_the_suppressed", within),
    "when the chunk is settled, not committed": ("contacts.consent.committing.settle", within),
}


@pytest.mark.parametrize("known", [True, False], ids=["of somebody known", "of somebody new"])
@pytest.mark.parametrize("point", IMPORT_POINTS)
def test_against_an_import(
    postgresql: None, acme: Business, monkeypatch: pytest.MonkeyPatch, point: str, known: bool
) -> None:
    for index in range(ROUNDS):
        one, other = factories.number(100, index), factories.number(101, index)
        now = datetime.now(UTC)
        contact = (
            factories.opted_in(one, acme).consent.contact if known else senders.stranger(one, now - timedelta(days=1))
        )
        file = io.BytesIO(
            f"phone,given_at,source,evidence\n{one},2026-04-01,form,ticked\n{other},2026-04-01,form,ticked\n".encode()
        )

        def work(file: io.BytesIO = file, now: datetime = now) -> importing.Imported:
            return importing.import_file(
                file=file,
                file_name="a.csv",
                business=acme,
                actor="tests",
                now=now,
                statement="I confirm",
                name_shown="Acme",
            )

        held_while_erased(monkeypatch, IMPORT_POINTS[point], work, contact)
        assert not Contact.objects.filter(e164=one).exists()
        assert not OptInEvidence.objects.filter(opt_in__pseudonym=contact.pseudonym).exists()
        alive = set(Contact.objects.values_list("pseudonym", flat=True))
        assert set(OptIn.objects.filter(evidence__isnull=False).values_list("pseudonym", flat=True)) <= alive
        assert Consent.objects.get(contact__e164=other, business=acme).status == "GRANTED"


WEBHOOK_POINTS = {
    "before the person is found": ("contacts.inbound.receiving.find_or_make", before),
    "when the person is found": ("contacts.inbound.receiving.find_or_make", within),
    "when trust is locked": ("contacts.inbound.receiving.lock_trust", within),
    "before the message is kept": ("contacts.inbound.receiving._keep", before),
    "when the message is kept": ("contacts.inbound.receiving.learn_reach", before),
}


@pytest.mark.parametrize("text", ["Hello", "STOP"])
@pytest.mark.parametrize("point", WEBHOOK_POINTS)
def test_against_an_incoming_message(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, point: str, text: str
) -> None:
    number = senders.our_number(acme, sandbox.url)
    for index in range(ROUNDS):
        contact = senders.agreed(factories.number(100, index), acme)
        at = datetime.now(UTC) - timedelta(seconds=5)

        def work(contact: Contact = contact, at: datetime = at, number: BusinessNumber = number) -> None:
            # As webhooks.dispatch does: once more where the person vanished.
            for _try in range(3):
                try:
                    writers.writes(number, contact.e164, text, at=at, now=datetime.now(UTC))
                except (PersonVanished, IntegrityError, OperationalError):
                    continue
                return
            pytest.fail("the event was never taken")

        held_while_erased(monkeypatch, WEBHOOK_POINTS[point], work, contact)
        assert nothing_is_left(contact)


@pytest.mark.parametrize("text", ["before the claim", "when the person is read"])
def test_no_reply_leaves_after_a_restriction_has_returned(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    number = senders.our_number(acme, sandbox.url)
    point = {
        "before the claim": ("contacts.messaging.sending._claim", before),
        "when the person is read": ("contacts.messaging.sending.load", before),
    }[text]

    def reply(contact: Contact) -> None:
        with suppress(messages.MessageRefused):
            senders.send(contact, number)

    def restrict(contact: Contact) -> None:
        now = datetime.now(UTC)
        restricting.restrict(
            contact=contact, until=now + timedelta(days=365), reason="OBJECTED", actor="tests", now=now
        )

    for index in range(ROUNDS):
        contact = senders.stranger(factories.number(100, index), datetime.now(UTC))
        senders.wrote(contact, number, datetime.now(UTC) - timedelta(minutes=1))
        returned_at = held_while_erased(
            monkeypatch, point, lambda contact=contact: reply(contact), contact, take_out=restrict, patience=5
        )
        assert [sent for sent in sandbox.people.messages(contact.e164) if sent.at > returned_at] == []
        assert not Message.objects.filter(contact=contact, direction="OUT").exists()
