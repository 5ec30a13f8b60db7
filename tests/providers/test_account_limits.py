"""An account's budget and rate limit, counted in the database: what one process takes, no other takes again."""

from datetime import UTC, datetime, timedelta

import pytest

from providers import limits
from providers.models import Business, ProviderAccount
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 3, 10, 0, 30, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)


def account(acme: Business, **fields: int) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="https://node.example", **fields)


def test_a_reservation_takes_what_is_left_and_says_when_more_is(acme: Business) -> None:
    node = account(acme, check_budget=5)

    first = limits.reserve_budget(node, wanted=3, now=NOW)
    second = limits.reserve_budget(node, wanted=3, now=NOW + A_MINUTE)

    assert (first.granted, first.free_at, second.granted) == (3, None, 2)
    assert second.free_at == NOW.replace(second=0) + limits.DAY + A_MINUTE
    assert limits.budget_left(node, now=NOW + A_MINUTE) == 0


def test_a_number_counts_until_all_of_its_minute_is_a_day_old(acme: Business) -> None:
    node = account(acme, check_budget=1)
    limits.reserve_budget(node, wanted=1, now=NOW.replace(second=59))

    for later, left in ((timedelta(0), 0), (timedelta(seconds=1), 0), (timedelta(seconds=30), 1)):
        assert limits.budget_left(node, now=NOW + limits.DAY + later) == left


def test_what_was_never_sent_is_given_back(acme: Business) -> None:
    node = account(acme, check_budget=2)
    limits.reserve_budget(node, wanted=2, now=NOW)
    limits.release_budget(node, count=1, asked_at=NOW)

    assert limits.budget_left(node, now=NOW) == 1


def test_slots_are_as_far_apart_as_the_rate_limit_says(acme: Business) -> None:
    node = account(acme, rate_limit=5)

    slots = [limits.take_slot(node, now=NOW, longest_wait=timedelta(seconds=10)) for _call in range(4)]

    assert [slot - NOW for slot in slots] == [timedelta(milliseconds=200 * place) for place in range(4)]


def test_a_slot_too_far_ahead_is_left_to_others(acme: Business) -> None:
    node = account(acme, rate_limit=1)
    taken = [limits.take_slot(node, now=NOW, longest_wait=timedelta(seconds=1)) for _call in range(4)]

    assert [slot - NOW for slot in taken] == [timedelta(seconds=place) for place in (0, 1, 2, 2)]


def test_no_slot_is_before_the_end_of_a_postponement(acme: Business) -> None:
    for rate in (None, 5):
        node = account(acme, name=f"node-{rate}", **({"rate_limit": rate} if rate else {}))  # type: ignore[arg-type]
        limits.postpone(node, until=NOW + A_MINUTE)
        limits.postpone(node, until=NOW + timedelta(seconds=5))

        read_anew = ProviderAccount.objects.get(pk=node.pk)
        assert limits.take_slot(read_anew, now=NOW, longest_wait=timedelta(minutes=5)) == NOW + A_MINUTE
