"""Choosing the people of a run by a filter: who agreed, and nobody asked about lately. Nothing is written or sent.

The people are chosen anew when the run is confirmed, by the moment of the preview; a digest of who was chosen tells
whether they are still the same. So no number travels through the browser.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from contacts import gate
from contacts.consent.state import load_grants, load_withdrawals
from contacts.models import Consent, ContactCheck
from providers.models import Business

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom a person wants to ask about: who agreed, and has had no answer for so many days, or never."""

    purpose: str
    unchecked_days: int
    region: str = ""
    opted_in_since: datetime | None = None

    def written(self) -> dict[str, Any]:
        """Write it as a run keeps it and its ledger event records it."""
        return {
            "purpose": self.purpose,
            "unchecked_days": self.unchecked_days,
            "region": self.region,
            "opted_in_since": self.opted_in_since.isoformat() if self.opted_in_since else None,
        }


@dataclass(frozen=True, slots=True)
class Chosen:
    """The numbers of the people whom a filter found, in a fixed order; `more` says that there are further ones."""

    numbers: tuple[str, ...]
    digest: str
    more: bool


def choose(*, business: Business, wanted: Filter, at: datetime, most: int) -> Chosen:
    """Find at most so many people of the business whom the filter means at that moment.

    Nobody is chosen whose data are restricted, or whom an open run is about to ask about.
    """
    numbers: list[str] = []
    digest = hashlib.sha256()
    for contact_id, e164 in _people(business, wanted, at):
        if len(numbers) == most:
            return Chosen(tuple(numbers), digest.hexdigest(), more=True)
        numbers.append(e164)
        digest.update(b"%d," % contact_id)
    return Chosen(tuple(numbers), digest.hexdigest(), more=False)


def _people(business: Business, wanted: Filter, at: datetime) -> Iterator[tuple[int, str]]:
    policy = gate.Policy(purpose=wanted.purpose or None)
    rows = _candidates(business, wanted, at).values_list(
        "contact_id", "contact__e164", "contact__region", "grants", "withdrawals"
    )
    for contact_id, e164, region, stored, withdrawals in rows.iterator(chunk_size=_AT_ONCE):
        grants = load_grants(stored)
        facts = gate.Facts(e164=e164, region=region, grants=grants, withdrawals=load_withdrawals(withdrawals))
        decision = gate.decide(facts, policy, at)
        if decision.outcome is not gate.Outcome.ALLOWED:
            continue
        given_at = max(grant.given_at for grant in grants.values() if grant.opt_in_id == decision.opt_in_id)
        if wanted.opted_in_since is None or given_at >= wanted.opted_in_since:
            yield contact_id, e164


def _candidates(business: Business, wanted: Filter, at: datetime) -> QuerySet[Consent]:
    """Give a few people too many rather than one too few: what the gate says of each decides."""
    found = Consent.objects.filter(business=business, status=Consent.Status.GRANTED, contact__restricted_at=None)
    if wanted.region:
        found = found.filter(contact__region=wanted.region)
    if wanted.purpose:
        found = found.annotate(written=Cast("grants", TextField())).filter(written__contains=f'"{wanted.purpose}"')
    answered = Q(
        status__in=[ContactCheck.Status.VALID, ContactCheck.Status.INVALID],
        checked_at__gt=at - timedelta(days=wanted.unchecked_days),
    )
    theirs = ContactCheck.objects.filter(contact=OuterRef("contact_id"), business=business)
    asked = theirs.filter(answered | Q(status__in=ContactCheck.OPEN))
    return found.filter(~Exists(asked)).order_by("contact_id")
