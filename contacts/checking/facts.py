"""Collecting what the gate needs to know, for many numbers in a handful of queries."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

from audit import prepared
from contacts.consent.state import load_grants, load_withdrawals
from contacts.gate import CACHE_FOR, NOTHING, EarlierAnswer, Facts, Grant, Policy
from contacts.models import Consent, Contact, ContactCheck
from providers import limits
from providers.interfaces import ContactChecker, EvidenceStrength
from providers.models import Business, ProviderAccount, strength_of

_T = TypeVar("_T")
_AT_ONCE = 1_000
_READ = "SELECT contact_id, grants, withdrawals FROM contacts_consent WHERE business_id = %s"
_ONE = f"{_READ} AND contact_id = %s"
_ONE_LOCKED = f"{_ONE} FOR UPDATE"
_SOME = f"{_READ} AND contact_id = ANY(%s)"
#: In the order of their ids, as `contacts.opt_ins` locks them.
_SOME_LOCKED = f"{_SOME} ORDER BY id FOR UPDATE"


def policy_for(
    *, account: ProviderAccount, checker: ContactChecker, purpose: str, force: bool, now: datetime
) -> Policy:
    """Give what the gate is asked about this account at this moment."""
    return Policy(
        purpose=purpose or None,
        regions=checker.regions,
        strength=strength_now(account, checker),
        force=force,
        account_paused=bool(account.stopped_because()),
        budget_left=limits.budget_left(account, now=now),
    )


def strength_now(account: ProviderAccount, checker: ContactChecker) -> EvidenceStrength:
    """Give how much the account's `valid` proves at this moment."""
    meter = limits.meter_of(account)
    return strength_of(account, checker.strength, meter.marked_weak_at if meter else None)


def known_contacts(numbers: Iterable[str]) -> dict[str, Contact]:
    """Give the contacts that exist among these E.164 numbers."""
    return {
        contact.e164: contact
        for some in in_pieces(numbers, _AT_ONCE)
        for contact in Contact.objects.filter(e164__in=some)
    }


def load(
    *, contacts: Sequence[Contact], business: Business, account: ProviderAccount, now: datetime, lock: bool
) -> dict[int, Facts]:
    """Give the facts of each contact by its id; with `lock` their consent rows stay locked until the transaction ends.

    Rows are locked in the order of their ids, so that two claims never wait for each other in a circle. Who is
    restricted has no grant in a locked row, however long ago `contacts` were read.
    """
    facts: dict[int, Facts] = {}
    for some in in_pieces(contacts, _AT_ONCE):
        ids = [contact.pk for contact in some]
        stored = consents(ids, business, lock)
        elsewhere = _granted_elsewhere([pk for pk in ids if pk not in stored], business)
        earlier = _earlier_answers(ids, account, now)
        for contact in some:
            grants, withdrawals = stored.get(contact.pk, (NOTHING, NOTHING))
            facts[contact.pk] = Facts(
                e164=contact.e164,
                region=contact.region,
                grants=grants,
                withdrawals=withdrawals,
                other_business=contact.pk in elsewhere,
                earlier=earlier.get(contact.pk),
                restricted=contact.restricted_at is not None,
            )
    return facts


def in_pieces(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Cut into lists of at most `size`."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


def consents(
    contact_ids: list[int], business: Business, lock: bool
) -> dict[int, tuple[Mapping[str, Grant], Mapping[str, datetime]]]:
    """Read consent rows in one plain statement: under lock, time is what other people wait for."""
    database = connections[DEFAULT_DB_ALIAS]
    lock = lock and database.features.has_select_for_update
    values: tuple[Any, ...]
    if len(contact_ids) == 1:
        statement, values = _ONE_LOCKED if lock else _ONE, (str(business.pk), str(contact_ids[0]))
    elif database.vendor == "postgresql":
        statement, values = _SOME_LOCKED if lock else _SOME, (str(business.pk), contact_ids)
    else:
        statement, values = (
            f"{_READ} AND contact_id IN ({', '.join(['%s'] * len(contact_ids))})",
            (business.pk, *contact_ids),
        )
    rows = prepared.fetch(database, statement, values)
    # One text for all: the parser's start costs more than what it parses.
    stored = json.loads(f"[{','.join([grants for _id, grants, _withdrawals in rows])}]")
    return {
        contact_id: (load_grants(grants), load_withdrawals(json.loads(withdrawals)) if withdrawals != "{}" else NOTHING)
        for (contact_id, _grants, withdrawals), grants in zip(rows, stored, strict=True)
    }


def _granted_elsewhere(contact_ids: list[int], business: Business) -> set[int]:
    if not contact_ids:
        return set()
    others = Consent.objects.filter(contact_id__in=contact_ids, status=Consent.Status.GRANTED).exclude(
        business=business
    )
    return set(others.values_list("contact_id", flat=True))


def _earlier_answers(contact_ids: list[int], account: ProviderAccount, now: datetime) -> dict[int, EarlierAnswer]:
    rows = (
        ContactCheck.objects.filter(
            contact_id__in=contact_ids,
            account=account,
            status__in=[ContactCheck.Status.VALID, ContactCheck.Status.INVALID],
            cached_from=None,
            checked_at__gt=now - CACHE_FOR,
        )
        .order_by("checked_at", "pk")
        .values_list("contact_id", "pk", "checked_at", "strength")
    )
    return {
        contact_id: EarlierAnswer(check_id, checked_at, EvidenceStrength(strength))
        for contact_id, check_id, checked_at, strength in rows
        if checked_at is not None
    }
