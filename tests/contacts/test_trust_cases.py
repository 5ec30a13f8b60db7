"""Cases: a person settles one, with channel and evidence, and only what they ordered brings trust back."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from audit.models import AuditEvent
from contacts import messages
from contacts.gate import Reason
from contacts.identity import cases, notes, settling
from contacts.identity import tasks as identity_tasks
from contacts.identity.cases import CaseRefused
from contacts.identity.settling import Resend
from contacts.models import Consent, Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.interfaces import TemplateMessage
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, status, tell, trusts, wrote
from tests.contacts.writers import open_case, trust_of, writes

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
NEW = "Rc/eg9RQ0JA="
WORDS = {"channel": "phone call", "evidence": "gave the last order and its delivery address"}


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


@pytest.fixture
def case(number: BusinessNumber, person: Contact) -> TrustCase:
    """The case of a message that Meta held back."""
    trusts(person, number, HASH, since=T)
    message = send(person, number, now=after(1))
    tell(number, status(message, "failed", at=after(2), code="137000"), now=after(2))
    return open_case()


def verified(case: TrustCase, *, now: datetime, **fields: Any) -> Message | None:
    values: dict[str, Any] = {"actor": "tests", **WORDS} | fields
    return settling.same_person(case=case, now=now, **values)


def test_the_held_message_goes_again_without_a_hash_and_its_status_brings_the_new_one(
    case: TrustCase, person: Contact, number: BusinessNumber, sandbox: Sandbox
) -> None:
    message = verified(case, now=after(10))
    assert message is not None and case.message is not None
    assert (message.state, message.hash_sent, message.resend_of_case) == ("ACCEPTED", "", case)
    assert messages.content_of(message) == messages.content_of(case.message)
    assert sandbox.people.messages(ONE)[-1].identity_hash == ""
    trust = trust_of(person, number)
    assert (trust.state, trust.hash_to_send) == ("AWAITING_HASH", "")
    assert case.hash_expected_until == after(10) + settling.HASH_WITHIN

    tell(number, status(message, "delivered", at=after(11), identity_hash=NEW), now=after(11))
    trust = trust_of(person, number)
    assert (trust.state, trust.hash, trust.basis, trust.since) == ("TRUSTED", NEW, "VERIFIED", after(11))
    assert send(person, number, now=after(12)).hash_sent == NEW
    case.refresh_from_db()
    assert (case.outcome, case.closed_by, case.hash_expected_until) == ("SAME_PERSON", "tests", None)


def test_ordinary_sends_stay_refused_until_the_hash_has_come(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    verified(case, now=after(10))
    with pytest.raises(messages.MessageRefused) as caught:
        send(person, number, now=after(11))
    assert caught.value.reason is Reason.IDENTITY_AWAITED


def test_no_other_status_brings_the_hash(case: TrustCase, person: Contact, number: BusinessNumber) -> None:
    older = case.message
    assert older is not None
    message = verified(case, now=after(10))
    assert message is not None
    for kind in ("sent", "failed"):
        tell(number, status(message, kind, at=after(11), identity_hash=NEW), now=after(11))
    Message.objects.filter(pk=older.pk).update(hash_sent="")
    tell(number, status(older, "delivered", at=after(11), identity_hash=NEW), now=after(11))
    writes(number, ONE, at=after(12), identity_hash=NEW)
    assert trust_of(person, number).state == "AWAITING_HASH"


def test_the_status_of_the_resend_of_an_older_case_brings_nothing(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    first = verified(case, now=after(10))
    assert first is not None
    second = cases.open_by_hand(
        contact=person, account=number.account, business_number=number, actor="tests", now=after(11)
    )
    verified(second, now=after(12), resend=Resend.NOTHING)
    tell(number, status(first, "delivered", at=after(13), identity_hash=NEW), now=after(13))
    assert trust_of(person, number).state == "AWAITING_HASH"


def test_a_change_after_the_resend_keeps_its_status_from_bringing_trust(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    message = verified(case, now=after(10))
    assert message is not None
    cases.open_by_hand(contact=person, account=number.account, business_number=number, actor="tests", now=after(11))
    tell(number, status(message, "delivered", at=after(12), identity_hash=NEW), now=after(12))
    assert trust_of(person, number).state == "MISMATCHED"


def test_a_template_or_nothing_may_go_instead(case: TrustCase, number: BusinessNumber, person: Contact) -> None:
    template = TemplateMessage("hello_world", "en_US")
    message = verified(case, now=after(10), resend=Resend.TEMPLATE, template=template)
    assert message is not None and messages.content_of(message) == template


def test_nothing_now_leaves_the_message_to_be_sent_later(
    case: TrustCase, number: BusinessNumber, person: Contact
) -> None:
    assert verified(case, now=after(10), resend=Resend.NOTHING) is None
    assert (trust_of(person, number).state, case.hash_expected_until) == ("AWAITING_HASH", None)
    assert settling.why_not_again(case, after(11)) == ""
    message = settling.resend_again(case=case, actor="tests", now=after(11))
    assert (message.resend_of_case, message.hash_sent) == (case, "")


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"channel": " "}, "through which channel"),
        ({"evidence": ""}, "through which channel"),
        ({"channel": "WhatsApp call"}, "cannot prove"),
        ({"channel": "x" * 61}, "at most"),
        ({"evidence": "x" * 4_001}, "at most"),
        ({"resend": Resend.TEMPLATE}, "template"),
    ],
)
def test_a_case_is_not_settled_without_what_it_rests_on(case: TrustCase, fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(CaseRefused, match=rule):
        verified(case, now=after(10), **fields)
    assert open_case() == case


def test_a_text_that_was_purged_cannot_go_again(case: TrustCase) -> None:
    Message.objects.update(body=None)
    case.refresh_from_db()
    with pytest.raises(CaseRefused, match="Choose a template"):
        verified(case, now=after(10))
    assert open_case() == case


def test_a_settled_case_is_not_settled_again(case: TrustCase) -> None:
    verified(case, now=after(10), resend=Resend.NOTHING)
    for again in (
        lambda: verified(case, now=after(11), resend=Resend.NOTHING),
        lambda: settling.other_person(case=case, actor="tests", now=after(11), **WORDS),
        lambda: settling.not_reached(case=case, channel="phone", note="no answer", actor="tests", now=after(11)),
        lambda: cases.assign(case=case, assignee="ana", actor="tests", now=after(11)),
    ):
        with pytest.raises(CaseRefused, match="closed this case already"):
            again()


def test_evidence_is_kept_encrypted_and_never_in_the_ledger(case: TrustCase) -> None:
    verified(case, now=after(10))
    assert [note.evidence for note in notes.of(case)] == [WORDS["evidence"]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT evidence FROM contacts_trustcase")
        stored = bytes(cursor.fetchone()[0])
    assert WORDS["evidence"].encode() not in stored
    assert not [event for event in AuditEvent.objects.all() if WORDS["evidence"] in str(event.details)]


def test_without_a_status_in_time_the_case_says_so_and_one_more_message_may_go(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    verified(case, now=after(10))
    late = after(10) + settling.HASH_WITHIN
    with pytest.raises(CaseRefused, match="on its way"):
        settling.resend_again(case=case, actor="tests", now=late - timedelta(minutes=1))
    assert not cases.say_no_hash_came(case_id=case.pk, now=late - timedelta(minutes=1))
    assert cases.say_no_hash_came(case_id=case.pk, now=late)
    assert not cases.say_no_hash_came(case_id=case.pk, now=late)
    assert list(cases.without_a_hash()) == [case]

    second = settling.resend_again(case=case, actor="tests", now=late)
    assert not cases.without_a_hash().exists()
    much_later = late + settling.HASH_WITHIN
    with pytest.raises(CaseRefused, match="Two messages"):
        settling.resend_again(case=case, actor="tests", now=much_later)
    tell(number, status(second, "read", at=much_later, identity_hash=NEW), now=much_later)
    assert trust_of(person, number).hash_to_send == NEW


def test_a_late_status_of_the_first_resend_brings_the_hash_too(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    first = verified(case, now=after(10))
    assert first is not None
    late = after(10) + settling.HASH_WITHIN
    cases.say_no_hash_came(case_id=case.pk, now=late)
    tell(number, status(first, "delivered", at=late, identity_hash=NEW), now=late)
    assert trust_of(person, number).state == "TRUSTED"
    assert not cases.without_a_hash().exists()


def test_a_resend_that_certainly_failed_may_be_repeated_at_once(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    first = verified(case, now=after(10))
    assert first is not None
    tell(number, status(first, "failed", at=after(11), code="131047"), now=after(11))
    second = settling.resend_again(
        case=case, template=TemplateMessage("hello_world", "en_US"), actor="tests", now=after(12)
    )
    assert second.state == "ACCEPTED"
    with pytest.raises(CaseRefused, match="on its way"):
        settling.resend_again(case=case, actor="tests", now=after(13))


def test_a_refused_resend_leaves_the_case_closed_and_nothing_awaited(case: TrustCase, acme: Business) -> None:
    factories.withdrawn(ONE, acme, now=after(5))
    with pytest.raises(messages.MessageRefused):
        verified(case, now=after(10))
    case.refresh_from_db()
    assert (case.outcome, case.hash_expected_until) == ("SAME_PERSON", None)
    assert not Message.objects.filter(resend_of_case=case).exists()


def test_nothing_goes_again_where_nobody_was_verified(case: TrustCase) -> None:
    with pytest.raises(CaseRefused, match="nobody was verified"):
        settling.resend_again(case=case, actor="tests", now=after(10))


def test_someone_elses_number_withdraws_everything_for_every_business(
    case: TrustCase, person: Contact, number: BusinessNumber, acme: Business
) -> None:
    shop = factories.business("Shop")
    agreed(ONE, shop, purposes=["service", "marketing"])
    settling.other_person(case=case, channel="phone call", evidence="a stranger answered", actor="tests", now=after(10))
    assert set(Consent.objects.values_list("business__name", "status")) == {
        ("Acme", "WITHDRAWN"),
        ("Shop", "WITHDRAWN"),
    }
    assert (case.outcome, trust_of(person, number).state) == ("OTHER_PERSON", "MISMATCHED")
    assert AuditEvent.objects.filter(action="opt_in.withdrawn").count() == 2


def test_someone_elses_number_stays_closed_even_for_an_answer(
    case: TrustCase, person: Contact, number: BusinessNumber, acme: Business
) -> None:
    settling.other_person(case=case, channel="phone call", evidence="a stranger answered", actor="tests", now=after(10))
    wrote(person, number, after(20))
    agreed(ONE, acme, given_at=after(21), now=after(21))
    with pytest.raises(messages.MessageRefused) as caught:
        send(person, number, now=after(22))
    assert caught.value.reason is Reason.IDENTITY_CHANGED
    again = cases.open_by_hand(
        contact=person, account=number.account, business_number=number, actor="tests", now=after(23)
    )
    message = verified(again, now=after(24), resend=Resend.TEMPLATE, template=TemplateMessage("hello_world", "en_US"))
    assert message is not None and message.state == "ACCEPTED"


def test_someone_elses_number_is_withdrawn_under_every_form_of_it(number: BusinessNumber, acme: Business) -> None:
    person = agreed("+525512345678", acme)
    case = cases.open_by_hand(
        contact=person, account=number.account, business_number=number, actor="tests", now=after(1)
    )
    settling.other_person(case=case, actor="tests", now=after(2), **WORDS)
    assert set(Consent.objects.values_list("contact__e164", "status")) == {
        ("+525512345678", "WITHDRAWN"),
        ("+5215512345678", "WITHDRAWN"),
    }


def test_a_person_who_could_not_be_reached_leaves_the_case_open_counted_and_reminded(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    for hours in (1, 2):
        settling.not_reached(case=case, channel="phone call", note="no answer", actor="tests", now=after(60 * hours))
    assert (case.outcome, case.tries, case.closed_at) == ("NOT_REACHED", 2, None)
    assert case.remind_at == after(120) + cases.REMIND_EVERY
    assert trust_of(person, number).state == "MISMATCHED"
    assert [note.outcome for note in notes.of(case)] == ["NOT_REACHED"] * 2
    due = after(120) + cases.REMIND_EVERY
    assert not cases.remind(case_id=case.pk, now=due - timedelta(minutes=1))
    assert [cases.remind(case_id=case.pk, now=due) for _time in range(2)] == [True, False]
    case.refresh_from_db()
    assert (case.reminders, case.remind_at) == (1, due + cases.REMIND_EVERY)
    verified(case, now=after(200), resend=Resend.NOTHING)
    assert (case.outcome, len(notes.of(case))) == ("SAME_PERSON", 3)


def test_open_cases_stand_by_age_with_message_and_assignee(
    case: TrustCase, number: BusinessNumber, acme: Business
) -> None:
    other = agreed(factories.number(101), acme)
    second = cases.open_by_hand(
        contact=other, account=number.account, business_number=number, actor="tests", now=after(30)
    )
    cases.assign(case=second, assignee="ana", actor="tests", now=after(31))
    listed = list(cases.waiting())
    assert listed == [case, second]
    assert (listed[0].message_id, listed[1].assignee) == (case.message_id, "ana")


def test_the_clock_queues_what_is_due_with_primary_keys_only(case: TrustCase, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[Any, ...]] = []
    monkeypatch.setattr(identity_tasks, "async_task", lambda *args: queued.append(args))
    assert identity_tasks.sweep() == 1
    assert queued == [("contacts.identity.tasks.remind", case.pk)]
    assert identity_tasks.remind(case.pk)
    assert not identity_tasks.remind(case.pk)
    verified(case, now=after(10))
    queued.clear()
    assert identity_tasks.sweep() == 1
    assert queued == [("contacts.identity.tasks.say_no_hash_came", case.pk)]
    assert identity_tasks.say_no_hash_came(case.pk)
    assert identity_tasks.sweep() == 0


def test_two_people_who_settle_one_case_at_once_settle_it_once(
    postgresql: None, acme: Business, sandbox: Sandbox
) -> None:
    number = our_number(acme, sandbox.url)
    person = agreed(ONE, acme)
    trusts(person, number, HASH, since=T)
    message = send(person, number, now=after(1))
    with transaction.atomic():
        tell(number, status(message, "failed", at=after(2), code="137000"), now=after(2))
    case, ends = open_case(), list[str]()

    def settle() -> None:
        try:
            verified(TrustCase.objects.get(pk=case.pk), now=datetime.now(UTC))
            ends.append("sent")
        except CaseRefused:
            ends.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=settle) for _person in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["refused"] * 7 + ["sent"]
    assert Message.objects.filter(resend_of_case=case).count() == 1
    assert IdentityTrust.objects.get().state == "AWAITING_HASH"
