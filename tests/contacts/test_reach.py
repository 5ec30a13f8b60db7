"""Reach: what deliveries teach about where a person can be reached, in whatever order they come."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from contacts import checks
from contacts.inbound.reach import FRESH_FOR, ReachKind, learn_reach, reached_lately
from contacts.models import Contact, Message, MessageStatus, OptIn, Reach
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import agreed, our_number

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
STRONG = [ReachKind.INBOUND, ReachKind.DELIVERED, ReachKind.READ]


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


def learn(person: Contact, number: BusinessNumber, kind: ReachKind, at: datetime, now: datetime | None = None) -> Reach:
    learn_reach(contact=person, account=number.account, business_number=number, kind=kind, at=at, now=now or after(999))
    return Reach.objects.get(contact=person, business_number=number)


@pytest.mark.parametrize("kind", STRONG)
def test_a_message_a_delivery_and_a_reading_show_that_somebody_was_reached(
    person: Contact, number: BusinessNumber, kind: ReachKind
) -> None:
    learn(person, number, ReachKind.UNREACHABLE, after(1))
    reach = learn(person, number, kind, after(2))
    assert (reach.reached_at, reach.unreachable_since) == (after(2), None)
    assert reach.wrote_at == (after(2) if kind is ReachKind.INBOUND else None)


def test_undeliverable_says_not_reachable_since_its_first_time(person: Contact, number: BusinessNumber) -> None:
    learn(person, number, ReachKind.DELIVERED, after(1))
    for minutes in (5, 3, 9):
        reach = learn(person, number, ReachKind.UNREACHABLE, after(minutes))
    assert (reach.reached_at, reach.unreachable_since) == (after(1), after(3))


def test_an_undeliverable_from_before_the_last_delivery_says_nothing(person: Contact, number: BusinessNumber) -> None:
    learn(person, number, ReachKind.READ, after(5))
    assert learn(person, number, ReachKind.UNREACHABLE, after(4)).unreachable_since is None


def test_an_event_from_the_future_counts_as_of_now(person: Contact, number: BusinessNumber) -> None:
    reach = learn(person, number, ReachKind.INBOUND, after(500), now=after(1))
    assert (reach.reached_at, reach.wrote_at) == (after(1), after(1))


def test_each_of_our_numbers_learns_for_itself(
    person: Contact, number: BusinessNumber, onprem_account: ProviderAccount
) -> None:
    learn(person, number, ReachKind.READ, after(1))
    learn_reach(
        contact=person,
        account=onprem_account,
        business_number=None,
        kind=ReachKind.UNREACHABLE,
        at=after(2),
        now=after(2),
    )
    assert list(Reach.objects.order_by("pk").values_list("reached_at", "unreachable_since")) == [
        (after(1), None),
        (None, after(2)),
    ]


def test_every_order_of_deliveries_and_failures_ends_the_same(person: Contact, number: BusinessNumber) -> None:
    for minutes in (1, 5, 8):
        Message.objects.create(
            contact=person,
            business=number.business_account.business,
            account=number.account,
            business_number=number,
            direction="OUT",
            kind="TEXT",
            state="ACCEPTED",
            basis="OPT_IN",
            purpose="service",
            opt_in_id=OptIn.objects.get().pk,
            wamid=f"w{minutes}",
            at=T,
        )
        MessageStatus.objects.create(
            account=number.account,
            wamid=f"w{minutes}",
            status="failed",
            at=after(minutes),
            error_code="131026",
            received_at=T,
        )
    events = [
        (ReachKind.UNREACHABLE, 1),
        (ReachKind.DELIVERED, 3),
        (ReachKind.UNREACHABLE, 5),
        (ReachKind.UNREACHABLE, 8),
        (ReachKind.INBOUND, 2),
    ]
    ends = set()
    for order in itertools.permutations(events):
        Reach.objects.all().delete()
        for kind, minutes in order:
            reach = learn(person, number, kind, after(minutes))
        ends.add((reach.reached_at, reach.unreachable_since, reach.wrote_at))
    assert ends == {(after(3), after(5), after(2))}


def test_somebody_reached_lately_needs_no_check_unless_a_failure_came_since(
    person: Contact, number: BusinessNumber, acme: Business
) -> None:
    learn(person, number, ReachKind.READ, T)
    wanted = {"contact_ids": [person.pk], "business": acme}
    assert reached_lately(now=T + FRESH_FOR - timedelta(seconds=1), **wanted) == {person.pk: T}
    assert reached_lately(now=T + FRESH_FOR, **wanted) == {}
    assert reached_lately(contact_ids=[person.pk], business=factories.business("Shop"), now=T) == {}
    learn(person, number, ReachKind.UNREACHABLE, after(1))
    assert reached_lately(now=after(2), **wanted) == {}


def test_the_preview_counts_who_needs_no_check(
    person: Contact, number: BusinessNumber, acme: Business, onprem_account: ProviderAccount
) -> None:
    learn(person, number, ReachKind.READ, T)
    stranger, other = factories.number(101), agreed(factories.number(102), acme)
    preview = checks.preview(
        account=onprem_account,
        lines=checks.read_lines([ONE, stranger, other.e164]),
        purpose="",
        force=False,
        now=T + timedelta(days=3),
    )
    assert preview.reached == {ONE: T}
    assert preview.to_ask == 2
