"""Hashes: every one is kept, and of all ways in which one comes in only two make it trusted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.models import AuditEvent
from contacts.incoming import SystemKind
from contacts.models import Contact, IdentityKey, IdentityTrust, TrustCase
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


def kept() -> list[tuple[str, str]]:
    return list(IdentityKey.objects.order_by("pk").values_list("hash", "source"))


@pytest.mark.parametrize("read", [None, False, True])
def test_a_hash_of_a_message_is_kept_whatever_the_toggle_says(
    number: BusinessNumber, person: Contact, read: bool | None
) -> None:
    BusinessNumber.objects.update(identity_desired=read, identity_acknowledged=read, identity_read=read)
    writes(number, ONE, at=T, identity_hash=HASH)
    assert kept() == [(HASH, "INBOUND")]
    number.refresh_from_db()
    assert number.identity_observed_at == T


def test_the_number_shows_when_a_hash_was_last_seen_to_a_few_minutes(number: BusinessNumber, person: Contact) -> None:
    for minutes in (0, 1, 30):
        writes(number, ONE, at=after(minutes), identity_hash=HASH)
    number.refresh_from_db()
    assert number.identity_observed_at == after(30)
    number.refresh_from_db()
    writes(number, ONE, at=after(10), identity_hash=HASH)
    number.refresh_from_db()
    assert number.identity_observed_at == after(30)


def test_an_inbound_hash_is_never_trusted(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, at=T, identity_hash=HASH)
    trust = trust_of(person, number)
    assert (trust.state, trust.hash, trust.hash_to_send) == ("UNKNOWN", "", "")


@pytest.mark.parametrize("kind", ["delivered", "read"])
def test_the_status_of_a_message_without_a_hash_is_trusted_on_first_use(
    number: BusinessNumber, person: Contact, kind: str
) -> None:
    message = send(person, number, now=T)
    tell(number, status(message, kind, at=after(1), identity_hash=HASH))
    trust = trust_of(person, number)
    assert (trust.state, trust.hash, trust.basis, trust.since) == ("TRUSTED", HASH, "FIRST_SEEN", after(1))
    assert AuditEvent.objects.get(action="identity.trusted").details["basis"] == "FIRST_SEEN"


@pytest.mark.parametrize("kind", ["sent", "failed", "deleted"])
def test_no_other_status_is(number: BusinessNumber, person: Contact, kind: str) -> None:
    tell(number, status(send(person, number, now=T), kind, at=after(1), identity_hash=HASH))
    assert trust_of(person, number).state == "UNKNOWN"
    assert kept() == [(HASH, "STATUS")]


@pytest.mark.parametrize("option", [False, "false", "no", "0"])
def test_an_account_may_forbid_trust_on_first_use(number: BusinessNumber, person: Contact, option: Any) -> None:
    ProviderAccount.objects.filter(pk=number.account.pk).update(options={"trust_on_first_use": option})
    tell(number, status(send(person, _again(number), now=T), "delivered", at=after(1), identity_hash=HASH))
    assert trust_of(person, number).state == "UNKNOWN"


def test_whoever_had_a_case_is_never_trusted_on_first_use(number: BusinessNumber, person: Contact) -> None:
    message = send(person, number, now=T)
    trusts(person, number, "", state="UNKNOWN", basis="", since=None, had_case=True)
    tell(number, status(message, "delivered", at=after(1), identity_hash=HASH))
    assert trust_of(person, number).state == "UNKNOWN"


def test_whoever_was_trusted_once_is_never_trusted_on_first_use(number: BusinessNumber, person: Contact) -> None:
    message = send(person, number, now=T)
    trusts(person, number, OTHER, state="MISMATCHED", basis="")
    tell(number, status(message, "delivered", at=after(1), identity_hash=HASH))
    assert trust_of(person, number).state == "MISMATCHED"


@pytest.mark.parametrize("basis", ["FIRST_SEEN", "VERIFIED"])
def test_the_status_of_a_message_that_carried_a_hash_changes_no_trust(
    number: BusinessNumber, person: Contact, basis: str
) -> None:
    trusts(person, number, HASH, since=T, basis=basis)
    message = send(person, number, now=after(1))
    assert message.hash_sent == HASH
    tell(number, status(message, "delivered", at=after(2), identity_hash=OTHER))
    assert trust_of(person, number).hash == HASH
    tell(number, status(message, "read", at=after(-1), identity_hash=HASH))
    assert trust_of(person, number).since == T


def test_an_inbound_hash_that_differs_opens_a_case_and_sends_keep_the_trusted_one(
    number: BusinessNumber, person: Contact
) -> None:
    trusts(person, number, HASH, since=T)
    writes(number, ONE, at=after(5), identity_hash=OTHER)
    case = open_case()
    assert (case.reason, case.hash_seen, case.contact) == ("INBOUND", OTHER, person)
    trust = trust_of(person, number)
    assert (trust.state, trust.hash, trust.had_case) == ("TRUSTED", HASH, True)
    assert send(person, number, now=after(6)).hash_sent == HASH


def test_an_inbound_hash_that_is_the_trusted_one_opens_nothing(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH, since=T)
    writes(number, ONE, at=after(5), identity_hash=HASH)
    assert not TrustCase.objects.exists()


def test_a_message_written_before_the_trust_is_no_news(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH, since=after(10))
    writes(number, ONE, at=after(5), now=after(11), identity_hash=OTHER)
    assert not TrustCase.objects.exists()
    assert kept() == [(OTHER, "INBOUND")]


def test_the_same_event_again_opens_no_second_case(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH, since=T)
    for _time in range(3):
        writes(number, ONE, at=after(5), identity_hash=OTHER)
    assert TrustCase.objects.count() == 1
    assert AuditEvent.objects.filter(action="trust_case.opened").count() == 1


@pytest.mark.parametrize("first", ["status", "message"])
def test_whichever_comes_first_a_status_and_a_message_of_later_end_the_same(
    number: BusinessNumber, person: Contact, first: str
) -> None:
    message = send(person, number, now=T)
    steps = {
        "status": lambda: tell(number, status(message, "delivered", at=after(1), identity_hash=HASH), now=after(9)),
        "message": lambda: writes(number, ONE, at=after(5), now=after(9), identity_hash=OTHER),
    }
    for name in sorted(steps, key=lambda name: name != first):
        steps[name]()
    trust = trust_of(person, number)
    assert (trust.state, trust.hash, trust.basis) == ("TRUSTED", HASH, "FIRST_SEEN")
    assert (open_case().reason, open_case().hash_seen) == ("INBOUND", OTHER)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_messages_without_a_hash_that_bring_two_hashes_open_a_case(
    number: BusinessNumber, person: Contact, order: tuple[int, int]
) -> None:
    events = [
        status(send(person, number, now=T), "delivered", at=after(place + 1), identity_hash=seen)
        for place, seen in enumerate((HASH, OTHER))
    ]
    for place in order:
        tell(number, events[place], now=after(9))
    assert TrustCase.objects.count() == 1


def test_trust_belongs_to_one_of_our_numbers(
    number: BusinessNumber, person: Contact, acme: Business, sandbox: Sandbox
) -> None:
    trusts(person, number, HASH)
    second = our_number(acme, sandbox.url, phone_number_id="106540352242999", e164="+15550147799")
    writes(second, ONE, at=T, identity_hash=OTHER)
    assert not TrustCase.objects.exists()
    assert trust_of(person, second).state == "UNKNOWN"


def test_two_forms_of_one_number_share_one_trust(number: BusinessNumber, acme: Business) -> None:
    old = agreed("+525512345678", acme)
    trusts(old, number, HASH, since=T)
    new = Contact.objects.create(e164="+5215512345678", region="MX", person_key="+525512345678", created_at=T)
    writes(number, new.e164, at=after(1), identity_hash=OTHER)
    assert trust_of(new, number).pk == trust_of(old, number).pk
    assert open_case().contact == old
    assert IdentityTrust.objects.count() == 1


def test_a_hash_of_a_node_that_differs_stops_sends(onprem_account: ProviderAccount, person: Contact) -> None:
    from contacts import identity

    IdentityTrust.objects.create(
        contact=person, account=onprem_account, state="TRUSTED", hash=HASH, basis="VERIFIED", since=T
    )
    identity.observe(
        contact=person,
        account=onprem_account,
        business_number=None,
        hash=OTHER,
        source=IdentityKey.Source.NODE,
        reference="",
        observed_at=after(1),
        now=after(1),
    )
    assert IdentityTrust.objects.get().state == "MISMATCHED"
    assert open_case().reason == "NODE"


@pytest.mark.parametrize("bad", ["", "x" * 201])
def test_nothing_and_what_is_too_long_to_be_one_is_no_hash(number: BusinessNumber, person: Contact, bad: str) -> None:
    writes(number, ONE, at=T, identity_hash=bad)
    assert kept() == []


def test_a_system_message_keeps_its_hash_too(number: BusinessNumber, person: Contact) -> None:
    tells(number, system(SystemKind.IDENTITY_CHANGED, ONE, at=T, identity_hash=OTHER))
    assert kept() == [(OTHER, "SYSTEM")]


def _again(number: BusinessNumber) -> BusinessNumber:
    return BusinessNumber.objects.select_related("business_account__account").get(pk=number.pk)
