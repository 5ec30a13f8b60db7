"""Messages against what happens at the same time: a withdrawal, a status faster than the answer, a dead process.

The send is held at several points while the withdrawal goes ahead in another thread: once that has returned, nothing
for the person reaches a provider.
"""

import threading
import time
import uuid
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from contacts import messages, opt_ins
from contacts.messaging import sending
from contacts.models import Contact, IdentityTrust, Message
from numbers.models import BusinessNumber
from providers.e164 import read_number
from providers.meta_messages import CloudAPIMessages
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, status, stranger, tell, wrote
from tests.contacts.test_withdrawal_race import Gap, _resolve, before, in_thread, within

ROUNDS = 12

#: Where the send is held: module attribute, and whether before or after it.
POINTS = {
    "before the claim": ("contacts.messaging.sending._claim", before),
    "inside the claim, consent locked": ("contacts.messaging.sending.load", within),
    "after the attempt is committed": ("contacts.messaging.sending._call", before),
    "while the call is on its way": ("providers.http._send", within),
    "before the answer is recorded": ("contacts.messaging.sending._record", before),
}


def agreed_person(e164: str, acme: Business, number: BusinessNumber) -> Contact:
    return agreed(e164, acme)


def person_who_wrote(e164: str, acme: Business, number: BusinessNumber) -> Contact:
    now = datetime.now(UTC)
    contact = stranger(e164, now)
    wrote(contact, number, now - timedelta(minutes=1))
    return contact


BASES = {"with an opt-in": agreed_person, "as a reply": person_who_wrote}


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("point", POINTS)
def test_nothing_leaves_after_a_withdrawal_has_returned(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, point: str, basis: str
) -> None:
    number = our_number(acme, sandbox.url)
    path, hold = POINTS[point]
    module_name, name = path.rsplit(".", 1)
    late = []

    def try_to_send(contact: Contact) -> None:
        with suppress(messages.MessageRefused):
            send(contact, number)

    for index in range(ROUNDS):
        one = factories.number(100, index)
        contact = BASES[basis](one, acme, number)
        gap = Gap()
        with ExitStack() as stack:
            patched = stack.enter_context(monkeypatch.context())
            patched.setattr(path, hold(gap, _resolve(module_name, name)))
            stack.enter_context(in_thread(lambda contact=contact: try_to_send(contact)))
            if not gap.reached.wait(10):
                pytest.fail(f"the send never came to: {point}")
            # The claim holds the consent row there, and lets go only when the send goes on.
            release = threading.Timer(0.02, gap.released.set)
            release.start()
            opt_ins.withdraw(
                number=read_number(one),
                business=acme,
                actor="tests",
                now=datetime.now(UTC),
                source="phone",
                reason="stop",
            )
            opt_ins.wait_for_calls([contact.pk], business=acme)
            returned_at = time.time()
            gap.released.set()
        late += [sent for sent in sandbox.people.messages(one) if sent.at > returned_at]
        late += [entry for entry in sandbox.journal if entry.path.endswith("/messages") and entry.at > returned_at]
        sandbox.journal.clear()
        assert not Message.objects.filter(contact=contact, state="SENDING").exists()
    assert late == []


def test_the_withdrawal_says_how_many_messages_it_waited_for(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = our_number(acme, sandbox.url)
    contact = agreed(factories.number(100), acme)
    gap = Gap()
    monkeypatch.setattr("providers.http._send", before(gap, _resolve("providers.http", "_send")))
    with in_thread(lambda: send(contact, number) and None):
        assert gap.reached.wait(10)
        threading.Timer(0.2, gap.released.set).start()
        assert opt_ins.wait_for_calls([contact.pk], business=acme) == 1


def test_a_process_that_was_stopped_past_its_moment_sends_nothing(
    acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = our_number(acme, sandbox.url)
    monkeypatch.setattr(sending, "SEND_WITHIN", timedelta(0))
    message = send(agreed(factories.number(100), acme), number)
    assert (message.state, message.lease_until) == ("NOT_SENT", None)
    assert len(sandbox.journal) == 0


def test_the_attempt_is_committed_before_the_call_leaves(
    transactional_db: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = our_number(acme, sandbox.url)
    seen: list[Any] = []
    real = CloudAPIMessages.send_text

    def looking(self: CloudAPIMessages, *args: Any, **kwargs: Any) -> str:
        seen.append((connection.in_atomic_block, Message.objects.get().state, Message.objects.get().lease_until))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(CloudAPIMessages, "send_text", looking)
    message = send(agreed(factories.number(100), acme), number)
    [(in_transaction, state, lease_until)] = seen
    assert (in_transaction, state) == (False, "SENDING")
    assert lease_until > message.at + timedelta(seconds=CloudAPIMessages.deadline)


def test_a_message_is_not_sent_from_within_a_transaction(
    transactional_db: None, acme: Business, sandbox: Sandbox
) -> None:
    from django.db import transaction

    number = our_number(acme, sandbox.url)
    contact = agreed(factories.number(100), acme)
    with pytest.raises(RuntimeError), transaction.atomic():
        send(contact, number)
    assert len(sandbox.journal) == 0


def test_a_status_and_the_answer_never_miss_each_other(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = our_number(acme, sandbox.url)
    real = CloudAPIMessages.send_text
    threads: list[threading.Thread] = []
    problems: list[BaseException] = []

    def told_meanwhile(self: CloudAPIMessages, *args: Any, **kwargs: Any) -> str:
        wamid = real(self, *args, **kwargs)

        def deliver() -> None:
            try:
                tell(number, status(wamid, "delivered", identity_hash=HASH))
            except BaseException as problem:  # noqa: BLE001 - shown in the test's own thread below
                problems.append(problem)
            finally:
                connection.close()

        threads.append(threading.Thread(target=deliver))
        threads[-1].start()
        return wamid

    monkeypatch.setattr(CloudAPIMessages, "send_text", told_meanwhile)
    for index in range(40):
        send(agreed(factories.number(100, index), acme), number)
    for thread in threads:
        thread.join(10)
    assert problems == []
    assert Message.objects.filter(delivered_at=None).count() == 0
    assert IdentityTrust.objects.filter(state="TRUSTED", hash=HASH).count() == 40


def test_the_answer_waits_for_a_status_that_has_begun(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which both would look before either has committed, held open by force."""
    from django.db import transaction

    number = our_number(acme, sandbox.url)
    contact = agreed(factories.number(100), acme)
    real = CloudAPIMessages.send_text
    stored, finish = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def told_and_not_committed(self: CloudAPIMessages, *args: Any, **kwargs: Any) -> str:
        wamid = real(self, *args, **kwargs)

        def deliver() -> None:
            with transaction.atomic():
                tell(number, status(wamid, "delivered"))
                stored.set()
                finish.wait(5)
            connection.close()

        threads.append(threading.Thread(target=deliver))
        threads[0].start()
        assert stored.wait(5)
        threading.Timer(0.3, finish.set).start()
        return wamid

    monkeypatch.setattr(CloudAPIMessages, "send_text", told_and_not_committed)
    message = send(contact, number)
    threads[0].join(10)
    message.refresh_from_db()
    assert message.delivered_at is not None


def test_two_resends_of_one_case_at_once_are_one(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contacts.models import TrustCase
    from tests.contacts.senders import trusts

    number = our_number(acme, sandbox.url)
    contact = agreed(factories.number(100), acme)
    now = datetime.now(UTC)
    case = TrustCase.objects.create(
        contact=contact,
        business=acme,
        account=number.account,
        business_number=number,
        reason="MISMATCH",
        opened_at=now,
        outcome="SAME_PERSON",
        closed_at=now,
        closed_by="tests",
    )
    trusts(contact, number, state="AWAITING_HASH", basis="")
    gap = Gap()
    monkeypatch.setattr("providers.http._send", before(gap, _resolve("providers.http", "_send")))
    with in_thread(lambda: send(contact, number, resend_of_case=case) and None):
        assert gap.reached.wait(10)
        with pytest.raises(messages.MessageRefused):
            send(contact, number, resend_of_case=case)
        gap.released.set()
    assert len(sandbox.people.messages(contact.e164)) == 1


def test_eight_presses_of_one_button_at_once_send_one_message(
    postgresql: None, acme: Business, sandbox: Sandbox
) -> None:
    number = our_number(acme, sandbox.url)
    start = threading.Barrier(8)
    for index in range(ROUNDS):
        one = factories.number(100, index)
        contact = agreed(one, acme)
        press = uuid.uuid4()
        got: list[int | None] = []

        def push(contact: Contact = contact, press: uuid.UUID = press, got: list[int | None] = got) -> None:
            start.wait(10)
            got.append(send(contact, number, press=press).pk)

        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(in_thread(push))
        assert len(got) == 8
        assert len(set(got)) == 1
        assert len(sandbox.people.messages(one)) == 1
