"""Reach: where deliveries showed that a person can be reached, for each of our numbers, and where they could not.

An inbound message, a delivery and a reading are strong: nobody else could have caused them. "Undeliverable" (131026)
is weak: it has half a dozen reasons. Events come in any order, and every order leaves the same row.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F, Max, Min, Q

from contacts.models import Contact, Message, MessageStatus, Reach
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount

#: Who was reached so lately need not be looked up.
FRESH_FOR = timedelta(days=7)
_AT_ONCE = 1_000
#: The message could not be delivered to this number; a node has codes of its own for it.
UNDELIVERABLE = frozenset({"131026", "1013", "1026"})


class ReachKind(StrEnum):
    """What an event says about reaching a person."""

    INBOUND = "INBOUND"
    DELIVERED = "DELIVERED"
    READ = "READ"
    UNREACHABLE = "UNREACHABLE"


def learn_reach(
    *,
    contact: Contact,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    kind: ReachKind,
    at: datetime,
    now: datetime,
) -> None:
    """Take in that a person was reached, wrote, or could not be reached at `at`.

    Call it once the status itself is stored, and before anything that writes the ledger.
    """
    # A clock that runs ahead must not keep a reply window open, or somebody reachable, beyond its time.
    at = min(at, now)
    with transaction.atomic():
        reach, _created = Reach.objects.get_or_create(contact=contact, account=account, business_number=business_number)
        rows = Reach.objects.filter(pk=reach.pk)
        if kind is ReachKind.UNREACHABLE:
            later = Q(reached_at=None) | Q(reached_at__lt=at)
            earliest = Q(unreachable_since=None) | Q(unreachable_since__gt=at)
            rows.filter(later & earliest).update(unreachable_since=at)
            return
        if kind is ReachKind.INBOUND:
            rows.filter(Q(wrote_at=None) | Q(wrote_at__lt=at)).update(wrote_at=at)
        rows.filter(Q(reached_at=None) | Q(reached_at__lt=at)).update(reached_at=at)
        if rows.filter(unreachable_since__lte=F("reached_at")).exists():
            reach.refresh_from_db()
            rows.update(unreachable_since=_first_failure_after(reach))


def reached_lately(*, contact_ids: Iterable[int], business: Business, now: datetime) -> dict[int, datetime]:
    """Give when each of these people was last reached by a number of the business, where that is recent and stands.

    A failure since then takes it back.
    """
    ours = Q(business_number__business_account__business=business) | Q(business_number=None, account__business=business)
    wanted, found = list(contact_ids), dict[int, datetime]()
    for start in range(0, len(wanted), _AT_ONCE):
        rows = (
            Reach.objects.filter(ours, contact_id__in=wanted[start : start + _AT_ONCE])
            .values("contact_id")
            .annotate(reached=Max("reached_at"), failed=Max("unreachable_since"))
            .order_by()
        )
        for row in rows:
            reached, failed = row["reached"], row["failed"]
            if reached is not None and reached > now - FRESH_FOR and (failed is None or failed < reached):
                found[row["contact_id"]] = reached
    return found


def _first_failure_after(reach: Reach) -> datetime | None:
    """Give the first failure since the person was reached: one reported earlier may have hidden it."""
    found: datetime | None = MessageStatus.objects.filter(
        account_id=reach.account_id,
        error_code__in=UNDELIVERABLE,
        at__gt=reach.reached_at,
        wamid__in=Message.objects.filter(
            contact_id=reach.contact_id, account_id=reach.account_id, business_number_id=reach.business_number_id
        )
        .exclude(wamid="")
        .values("wamid"),
    ).aggregate(first=Min("at"))["first"]
    return found
