"""Statuses of messages: any order and any repetition of them ends the same, and each draws its consequences once."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.models import AuditEvent
from contacts import messages
from contacts.messaging.statuses import ForeignNumber
from contacts.models import Consent, Contact, IdentityKey, IdentityTrust, Message, MessageStatus, Reach, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import MessageEnding, Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, status, tell, trusts

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
LATER = T + timedelta(hours=1)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def message(number: BusinessNumber, acme: Business) -> Message:
    return send(agreed(ONE, acme), number, now=T)


def end_state(message: Message) -> dict[str, Any]:
    """Everything that statuses may change, without keys and hours of recording."""
    message.refresh_from_db()
    fields = ("state", "sent_at", "delivered_at", "read_at", "failed_at", "provider_code", "provider_words")
    return {
        "message": {name: getattr(message, name) for name in fields},
        "statuses": sorted(
            MessageStatus.objects.values_list("status", "at", "identity_hash", "error_code", "error_words")
        ),
        "reach": sorted(map(str, Reach.objects.values_list("contact", "reached_at", "unreachable_since", "wrote_at"))),
        "trust": sorted(IdentityTrust.objects.values_list("state", "hash", "basis", "since")),
        "keys": sorted(IdentityKey.objects.values_list("hash", "source", "observed_at")),
        "cases": list(TrustCase.objects.values_list("reason", "outcome")),
    }


FIVE = [("sent", 1), ("delivered", 2), ("read", 3), ("failed", 4), ("deleted", 5)]


def five_statuses(message: Message) -> list[Any]:
    hashes = {"delivered": HASH, "read": HASH}
    return [
        status(
            message,
            kind,
            at=T + timedelta(seconds=seconds),
            identity_hash=hashes.get(kind, ""),
            code="131026" if kind == "failed" else "",
        )
        for kind, seconds in FIVE
    ]


def test_all_orders_with_repeats_of_five_statuses_end_the_same(message: Message, number: BusinessNumber) -> None:
    from django.db import transaction

    ends = []
    events = five_statuses(message)
    for count, order in enumerate(itertools.permutations(range(5))):
        repeats = (*order, *(order[: count % 5 + 1]), order[count % 5])
        point = transaction.savepoint()
        for index in repeats:
            assert tell(number, events[index], now=LATER) == f"Contact:{message.contact_id}"
        ends.append(end_state(message))
        transaction.savepoint_rollback(point)
    assert len(ends) == 120
    for end in ends:
        assert end == ends[0]
    assert ends[0]["message"]["delivered_at"] == T + timedelta(seconds=2)
    assert ends[0]["trust"] == [("TRUSTED", HASH, "FIRST_SEEN", T + timedelta(seconds=2))]


def test_the_earliest_time_of_a_status_stands(message: Message, number: BusinessNumber) -> None:
    for minutes in (5, 3, 9):
        tell(number, status(message, "delivered", at=T + timedelta(minutes=minutes)), now=LATER)
    message.refresh_from_db()
    assert message.delivered_at == T + timedelta(minutes=3)
    assert MessageStatus.objects.get().at == T + timedelta(minutes=3)


def test_read_without_delivered_is_enough(message: Message, number: BusinessNumber) -> None:
    tell(number, status(message, "read", at=T), now=LATER)
    message.refresh_from_db()
    assert (message.read_at, message.delivered_at) == (T, None)
    assert Reach.objects.get().reached_at == T


def test_a_status_may_come_before_the_answer_that_names_its_message(
    number: BusinessNumber, acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers.meta_messages import CloudAPIMessages

    real = CloudAPIMessages.send_text

    def told_first(self: CloudAPIMessages, *args: Any, **kwargs: Any) -> str:
        wamid = real(self, *args, **kwargs)
        for event in (
            status(wamid, "delivered", at=T, identity_hash=HASH),
            status(wamid, "sent", at=T - timedelta(seconds=1)),
        ):
            assert tell(number, event, now=LATER) == ""
        return wamid

    monkeypatch.setattr(CloudAPIMessages, "send_text", told_first)
    message = send(agreed(ONE, acme), number, now=T)

    assert (message.state, message.delivered_at, message.sent_at) == ("ACCEPTED", T, T - timedelta(seconds=1))
    assert IdentityTrust.objects.get().hash == HASH
    assert Reach.objects.get().reached_at == T


def test_a_failure_that_comes_first_stops_the_next_message_too(
    number: BusinessNumber, acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers.meta_messages import CloudAPIMessages

    real = CloudAPIMessages.send_text

    def failed_first(self: CloudAPIMessages, *args: Any, **kwargs: Any) -> str:
        wamid = real(self, *args, **kwargs)
        tell(number, status(wamid, "failed", code="137000"), now=LATER)
        return wamid

    monkeypatch.setattr(CloudAPIMessages, "send_text", failed_first)
    contact = agreed(ONE, acme)
    trusts(contact, number)
    message = send(contact, number, now=T)
    assert (message.state, message.provider_code) == ("ACCEPTED", "137000")
    assert message.failed_at is not None
    with pytest.raises(messages.MessageRefused):
        send(contact, number)


# --- Consequences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_a_mismatch_stops_messages_and_opens_one_case(
    number: BusinessNumber, acme: Business, sandbox: Sandbox, times: int
) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, "AAAAAAAAAAA=")
    message = send(contact, number)
    for _time in range(times):
        tell(number, status(message, "failed", code="137000"))

    assert IdentityTrust.objects.get().state == "MISMATCHED"
    case = TrustCase.objects.get()
    assert (case.reason, case.message) == ("MISMATCH", message)
    with pytest.raises(messages.MessageRefused, match="verify the person"):
        send(contact, number)
    assert AuditEvent.objects.filter(action="message.undelivered").count() == 1
    message.refresh_from_db()
    problem = messages.problem(message)
    assert problem is not None and problem.code == "137000"


def test_the_first_hash_of_a_message_without_one_is_trusted(message: Message, number: BusinessNumber) -> None:
    tell(number, status(message, "delivered", identity_hash=HASH))
    trust = IdentityTrust.objects.get()
    assert (trust.state, trust.hash, trust.basis) == ("TRUSTED", HASH, "FIRST_SEEN")


def test_the_hash_of_any_other_status_is_kept_and_not_trusted(message: Message, number: BusinessNumber) -> None:
    tell(number, status(message, "sent", identity_hash=HASH))
    tell(number, status(message, "failed", identity_hash=HASH, code="131026"))
    assert IdentityTrust.objects.get().state == "UNKNOWN"
    assert set(IdentityKey.objects.values_list("hash", flat=True)) == {HASH}


def test_a_hash_that_was_sent_is_not_adopted_anew(number: BusinessNumber, acme: Business) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, HASH, since=T)
    message = send(contact, number)
    tell(number, status(message, "delivered", identity_hash="ZZZZZZZZZZZ="))
    assert IdentityTrust.objects.get().hash == HASH


def test_who_stopped_marketing_in_whatsapp_has_opted_out_of_marketing_only(
    number: BusinessNumber, acme: Business
) -> None:
    contact = agreed(ONE, acme, purposes=["service", "marketing"])
    message = send(contact, number, purpose="marketing")
    for _time in range(2):
        tell(number, status(message, "failed", code="131050"), now=LATER)
    consent = Consent.objects.get()
    assert list(consent.withdrawals) == ["marketing"]
    with pytest.raises(messages.MessageRefused):
        send(contact, number, purpose="marketing")
    assert send(contact, number).state == "ACCEPTED"


def test_undeliverable_is_a_weak_sign_and_a_later_delivery_takes_it_back(
    message: Message, number: BusinessNumber
) -> None:
    tell(number, status(message, "failed", at=T, code="131026"), now=LATER)
    assert Reach.objects.get().unreachable_since == T
    tell(number, status(message, "delivered", at=T + timedelta(minutes=1)), now=LATER)
    assert Reach.objects.get().unreachable_since is None


def test_why_it_failed_is_said_in_words(message: Message, number: BusinessNumber) -> None:
    tell(number, status(message, "failed", code="131047"))
    message.refresh_from_db()
    problem = messages.problem(message)
    assert problem is not None
    assert "template" in problem.next_step
    assert MessageStatus.objects.get().error_words == "Title of the error"


# --- Whose status it is -----------------------------------------------------------------------------------------------


def test_a_status_of_a_message_that_we_do_not_know_is_kept(number: BusinessNumber) -> None:
    assert tell(number, status("wamid.unknown", "delivered", identity_hash=HASH)) == ""
    assert MessageStatus.objects.get().wamid == "wamid.unknown"
    assert not IdentityKey.objects.exists()


def test_another_account_does_not_speak_for_a_message(message: Message, number: BusinessNumber, acme: Business) -> None:
    other = factories.account(acme, "onprem", base_url="https://contacts.example.com")
    event = status(message, "failed", code="137000")
    assert messages.record_status(account=other, business_number=None, event=event, now=LATER) == ""
    message.refresh_from_db()
    assert message.failed_at is None
    assert not TrustCase.objects.exists()
    tell(number, status(message, "failed", at=T), now=LATER)
    assert MessageStatus.objects.count() == 2


def test_another_number_does_not_speak_for_a_message(message: Message, acme: Business) -> None:
    other = our_number(acme, "", phone_number_id="106850078877999", e164="+15550140000")
    with pytest.raises(ForeignNumber):
        tell(other, status(message, "delivered"))


def test_a_status_of_what_a_person_wrote_changes_nothing(message: Message, number: BusinessNumber) -> None:
    Message.objects.create(
        contact=message.contact,
        business=message.business,
        account=message.account,
        business_number=number,
        direction="IN",
        kind="TEXT",
        state="RECEIVED",
        wamid="wamid.theirs",
        at=T,
    )
    assert tell(number, status("wamid.theirs", "read")) == ""
    assert Message.objects.get(wamid="wamid.theirs").read_at is None


def test_no_phone_number_stands_in_a_kept_error(message: Message, number: BusinessNumber) -> None:
    from dataclasses import replace

    from contacts.incoming import StatusError

    event = replace(
        status(message, "failed"),
        recipient=ONE[1:],
        errors=(StatusError("131026", f"Undeliverable to {ONE}", f"recipient {ONE[1:]}"),),
    )
    tell(number, event)
    assert ONE[1:] not in str(list(MessageStatus.objects.values_list("error_code", "error_words")))


def test_of_several_errors_the_one_with_consequences_counts(message: Message, number: BusinessNumber) -> None:
    from dataclasses import replace

    from contacts.incoming import StatusError

    event = replace(
        status(message, "failed"), errors=(StatusError("1", "Other", ""), StatusError("137000", "Mismatch", ""))
    )
    tell(number, event)
    assert TrustCase.objects.exists()


# --- Lost answers -----------------------------------------------------------------------------------------------------


def test_a_lost_answer_is_unknown_and_never_sent_again(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    e164 = factories.number(int(MessageEnding.TAKEN_ANSWER_LOST))
    contact = agreed(e164, acme)
    message = send(contact, number)
    assert (message.state, message.wamid) == ("UNKNOWN", "")
    [sent] = sandbox.people.messages(e164)
    tell(number, status(sent.wamid, "delivered", identity_hash=HASH))
    message.refresh_from_db()
    assert (message.state, message.delivered_at) == ("UNKNOWN", None)
    assert not IdentityTrust.objects.filter(state="TRUSTED").exists()
    messages.close_lost(now=datetime.now(UTC) + timedelta(days=1))
    assert len(sandbox.people.messages(e164)) == 1
    problem = messages.problem(message)
    assert problem is not None and "Nobody knows" in problem.happened and "never sent again" in problem.next_step


def test_a_message_whose_process_died_becomes_unknown_when_its_lease_is_over(message: Message) -> None:
    lease = T + timedelta(seconds=45)
    Message.objects.update(state="SENDING", wamid="", lease_until=lease)
    assert messages.close_lost(now=lease - timedelta(seconds=1)) == 0
    assert messages.close_lost(now=lease) == 1
    message.refresh_from_db()
    assert (message.state, message.lease_until) == ("UNKNOWN", None)
    assert AuditEvent.objects.latest("sequence").action == "message.lost"
    assert messages.close_lost(now=lease) == 0


def test_nothing_was_sent_where_nobody_answers_the_door(acme: Business) -> None:
    number = our_number(acme, "http://127.0.0.1:9")
    message = send(agreed(ONE, acme), number)
    assert (message.state, message.lease_until) == ("NOT_SENT", None)
    problem = messages.problem(message)
    assert problem is not None and "Nothing was sent" in problem.happened


@pytest.mark.parametrize(
    ("ending", "state", "code"),
    [(429, "FAILED", "130429"), (401, "FAILED", "190"), (500, "FAILED", "131000"), (503, "FAILED", "131016")],
)
def test_a_refused_call_fails_with_its_code_and_is_not_sent_again(
    number: BusinessNumber, acme: Business, sandbox: Sandbox, ending: int, state: str, code: str
) -> None:
    message = send(agreed(factories.number(ending), acme), number)
    assert (message.state, message.provider_code) == (state, code)
    assert len(sandbox.journal) == 1


def test_the_pair_limit_is_said_in_words(number: BusinessNumber, acme: Business) -> None:
    message = send(agreed(factories.number(int(MessageEnding.PAIR_LIMIT)), acme), number)
    problem = messages.problem(message)
    assert message.state == "FAILED"
    assert problem is not None and problem.code == "131056"


# --- Time is over -----------------------------------------------------------------------------------------------------


def test_texts_go_after_thirty_days_and_what_happened_stays(message: Message, number: BusinessNumber) -> None:
    tell(number, status(message, "delivered", at=T), now=T)
    kept_until = message.at + messages.KEEP_TEXTS_FOR
    assert messages.purge(now=kept_until - timedelta(seconds=1)) == 0
    assert messages.content_of(message) is not None

    assert messages.purge(now=kept_until) == 1

    message.refresh_from_db()
    assert messages.content_of(message) is None
    assert (message.purged_at, message.delivered_at, message.state) == (kept_until, T, "ACCEPTED")
    assert not MessageStatus.objects.exists()
    assert AuditEvent.objects.latest("sequence").details == {"count": 1}
    assert messages.purge(now=kept_until) == 0


def test_a_text_is_encrypted_at_rest(message: Message) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM contacts_message")
        stored = bytes(cursor.fetchone()[0])
    assert b"statement" not in stored
    assert stored.startswith(b"gAAAA")


def test_a_conversation_holds_every_form_of_the_persons_number(number: BusinessNumber, acme: Business) -> None:
    old, new = agreed("+5215512345678", acme), agreed("+525512345678", acme)
    sent = [send(old, number, now=T), send(new, number, now=LATER)]
    assert list(messages.conversation(Contact.objects.get(pk=old.pk))) == sent[::-1]
