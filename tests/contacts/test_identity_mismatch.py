"""A mismatch: sends stop, one case opens for one change, and an old report is no news."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from contacts import identity, messages
from contacts.gate import Reason
from contacts.identity import cases, settling
from contacts.incoming import SystemKind
from contacts.models import Contact, IdentityTrust, Message, OptIn, TrustCase
from contacts.people import known_as, learn_alias
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, status, tell, trusts
from tests.contacts.writers import open_case, system, tells, trust_of, writes

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
OTHER = "Rc/eg9RQ0JA="


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


@pytest.fixture
def held(number: BusinessNumber, person: Contact) -> Message:
    """A message with the trusted hash that Meta held back."""
    trusts(person, number, HASH, since=T)
    message = send(person, number, now=after(1))
    tell(number, status(message, "failed", at=after(2), code="137000"), now=after(2))
    return message


def refused(person: Contact, number: BusinessNumber, now: datetime) -> Reason:
    with pytest.raises(messages.MessageRefused) as caught:
        send(person, number, now=now)
    return caught.value.reason


def settle(number: BusinessNumber, *, now: datetime) -> TrustCase:
    case = open_case()
    settling.same_person(
        case=case,
        channel="phone call",
        evidence="knew the last order",
        resend=settling.Resend.NOTHING,
        actor="tests",
        now=now,
    )
    return case


def test_a_mismatch_stops_sends_and_opens_a_case(held: Message, person: Contact, number: BusinessNumber) -> None:
    trust, case = trust_of(person, number), open_case()
    assert (trust.state, trust.hash_to_send) == ("MISMATCHED", "")
    assert (case.reason, case.message, case.business) == ("MISMATCH", held, held.business)
    assert refused(person, number, after(3)) is Reason.IDENTITY_CHANGED
    opened = AuditEvent.objects.get(action="trust_case.opened")
    assert (opened.subject, opened.pseudonym) == (f"TrustCase:{case.pk}", person.pseudonym)


def test_the_same_change_reported_again_is_the_same_case(
    held: Message, person: Contact, number: BusinessNumber
) -> None:
    identity.mismatch(message=held, now=after(3))
    tell(number, status(held, "failed", at=after(4), code="137000"), now=after(4))
    writes(number, ONE, at=after(5), identity_hash=OTHER)
    tells(number, system(SystemKind.IDENTITY_CHANGED, ONE, at=after(6), identity_hash=OTHER))
    assert TrustCase.objects.count() == 1
    assert open_case().hash_seen == OTHER


def test_of_two_held_messages_the_earlier_one_waits(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH, since=T)
    first, second = send(person, number, now=after(1)), send(person, number, now=after(2))
    for message in (second, first, second):
        tell(number, status(message, "failed", at=after(3), code="137000"), now=after(3))
    assert open_case().message == first


def test_a_case_of_a_message_with_another_hash_becomes_that_of_the_mismatch(
    number: BusinessNumber, person: Contact
) -> None:
    trusts(person, number, HASH, since=T)
    message = send(person, number, now=after(1))
    writes(number, ONE, at=after(2), identity_hash=OTHER)
    assert trust_of(person, number).state == "TRUSTED"
    tell(number, status(message, "failed", at=after(3), code="137000"), now=after(3))
    case = open_case()
    assert (case.reason, case.message, case.hash_seen) == ("MISMATCH", message, OTHER)
    assert trust_of(person, number).state == "MISMATCHED"


def test_a_late_report_of_a_verified_change_is_no_news(held: Message, person: Contact, number: BusinessNumber) -> None:
    second = Message.objects.create(
        **{
            name: getattr(held, name)
            for name in (
                "contact",
                "business",
                "account",
                "business_number",
                "kind",
                "purpose",
                "basis",
                "opt_in_id",
                "hash_sent",
            )
        },
        direction="OUT",
        state="ACCEPTED",
        wamid="wamid.second",
        at=after(1),
    )
    settle(number, now=after(10))
    tell(number, status(second, "failed", at=after(2), code="137000"), now=after(11))
    assert trust_of(person, number).state == "AWAITING_HASH"
    assert TrustCase.objects.count() == 1


def test_a_change_after_the_verification_is_a_new_case(held: Message, person: Contact, number: BusinessNumber) -> None:
    settle(number, now=after(10))
    tells(number, system(SystemKind.IDENTITY_CHANGED, ONE, at=after(12)))
    assert TrustCase.objects.count() == 2
    assert trust_of(person, number).state == "MISMATCHED"


def test_a_further_hash_after_the_verification_is_a_new_case(
    held: Message, person: Contact, number: BusinessNumber
) -> None:
    writes(number, ONE, at=after(5), identity_hash=OTHER)
    settle(number, now=after(10))
    writes(number, ONE, at=after(11), identity_hash=OTHER)
    assert trust_of(person, number).state == "AWAITING_HASH"
    writes(number, ONE, at=after(12), identity_hash="third")
    assert trust_of(person, number).state == "MISMATCHED"
    assert TrustCase.objects.count() == 2


def test_the_first_hash_seen_after_a_verification_is_that_of_the_change(
    held: Message, person: Contact, number: BusinessNumber
) -> None:
    case = settle(number, now=after(10))
    writes(number, ONE, at=after(11), identity_hash=OTHER)
    case.refresh_from_db()
    assert case.hash_seen == OTHER
    assert trust_of(person, number).state == "AWAITING_HASH"


@pytest.mark.parametrize("state", ["TRUSTED", "UNKNOWN"])
def test_whatsapps_word_that_the_identity_changed_stops_sends(
    number: BusinessNumber, person: Contact, state: str
) -> None:
    if state == "TRUSTED":
        trusts(person, number, HASH, since=T)
    for _time in range(2):
        assert tells(number, system(SystemKind.IDENTITY_CHANGED, ONE, at=after(1))) == f"Contact:{person.pk}"
    assert open_case().reason == "SYSTEM"
    assert refused(person, number, after(2)) is Reason.IDENTITY_CHANGED


def test_an_old_system_message_is_no_news(held: Message, person: Contact, number: BusinessNumber) -> None:
    settle(number, now=after(10))
    tells(number, system(SystemKind.IDENTITY_CHANGED, ONE, at=after(2)), now=after(11))
    assert trust_of(person, number).state == "AWAITING_HASH"


def test_a_change_of_number_suspends_both_numbers(number: BusinessNumber, person: Contact, acme: Business) -> None:
    new = agreed(factories.number(101), acme)
    for one in (person, new):
        trusts(one, number, HASH, since=T)
    event = system(SystemKind.NUMBER_CHANGED, ONE, at=after(1), new_number=new.e164[1:], bsuid="US.1")
    for _time in range(2):
        tells(number, event)
    assert [trust_of(one, number).state for one in (person, new)] == ["MISMATCHED"] * 2
    assert set(TrustCase.objects.values_list("contact", "reason")) == {
        (person.pk, "NUMBER_CHANGED"),
        (new.pk, "NUMBER_CHANGED"),
    }
    assert known_as("US.1") == [new]


def test_a_new_number_that_nobody_knew_is_suspended_before_its_first_message(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    tells(number, system(SystemKind.NUMBER_CHANGED, ONE, at=after(1), new_number=factories.number(101)[1:]))
    assert refused(agreed(factories.number(101), acme), number, after(2)) is Reason.IDENTITY_CHANGED


def test_a_new_user_id_is_learned_and_changes_no_trust(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH)
    learn_alias(person, "US.1", T)
    tells(number, system(SystemKind.USER_ID_CHANGED, "", at=after(1), number="", bsuid="US.1", new_bsuid="US.2"))
    assert known_as("US.2") == [person]
    assert known_as("US.1") == [person]
    assert trust_of(person, number).state == "TRUSTED"


def test_a_system_message_about_nobody_known_changes_nothing(number: BusinessNumber) -> None:
    assert tells(number, system(SystemKind.IDENTITY_CHANGED, "", at=T, number="", bsuid="US.9")) == ""
    assert tells(number, system(SystemKind.OTHER, ONE, at=T)) == ""
    assert not Contact.objects.exists()


@pytest.mark.parametrize("code", ["480", "1028"])
def test_a_nodes_word_for_a_mismatch_stops_sends_through_it(
    onprem_account: ProviderAccount, person: Contact, acme: Business, code: str
) -> None:
    message = Message.objects.create(
        contact=person,
        business=acme,
        account=onprem_account,
        direction="OUT",
        kind="TEXT",
        state="ACCEPTED",
        basis="OPT_IN",
        opt_in_id=OptIn.objects.get().pk,
        purpose="service",
        wamid="node-1",
        at=T,
    )
    event = status("node-1", "failed", at=after(1), code=code)
    messages.record_status(account=onprem_account, business_number=None, event=event, now=after(1))
    assert IdentityTrust.objects.get(contact=person, account=onprem_account).state == "MISMATCHED"
    assert open_case().message == message


def test_a_person_may_ask_to_verify_again(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH)
    case = cases.open_by_hand(contact=person, account=number.account, business_number=number, actor="tests", now=T)
    assert (case.reason, trust_of(person, number).state) == ("REQUESTED", "MISMATCHED")
    with pytest.raises(cases.CaseRefused, match="open case"):
        cases.open_by_hand(contact=person, account=number.account, business_number=number, actor="tests", now=T)
