"""Suppression: a number that had opted out when it was erased comes back opted out, whoever brings it.

The entries count like withdrawals beside a contact's own events. They are read after the contact is there: an erasure
under way holds every form of the number, so that whoever may make the contact sees what the erasure left.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from contacts.consent.state import State, dump_withdrawals, fold_events, load_withdrawals, suspended
from contacts.erasure.names import Digests
from contacts.models import Consent, Contact, OptIn, Suppression


def kept_for(numbers: Iterable[str], *, business_id: int) -> dict[str, dict[str, datetime]]:
    """Give what is kept of these numbers for a business: purpose -> time of the withdrawal, by number."""
    kept = Suppression.objects.filter(business_id=business_id)
    if not kept.exists():
        return {}
    digests = Digests()
    by_key: dict[str, list[str]] = {}
    for number in numbers:
        by_key.setdefault(digests.of_number(number), []).append(number)
    wanted, found = list(by_key), dict[str, dict[str, datetime]]()
    for start in range(0, len(wanted), _AT_ONCE):
        for entry in kept.filter(key__in=wanted[start : start + _AT_ONCE]):
            for number in by_key[entry.key]:
                found[number] = load_withdrawals(entry.withdrawals)
    return found


def greet(contact: Contact, *, now: datetime) -> None:
    """Give a contact that was just made the withdrawals that are kept of its number."""
    if not Suppression.objects.exists():
        return
    for entry in Suppression.objects.filter(key=Digests().of_number(contact.e164)).order_by("business_id"):
        Consent.objects.get_or_create(
            contact=contact,
            business_id=entry.business_id,
            defaults={"status": Consent.Status.WITHDRAWN, "withdrawals": entry.withdrawals, "updated_at": now},
        )


def state_of(contact: Contact, business_id: int) -> State:
    """Give what a contact allows a business: their events, what is kept of their number, whether they are restricted.

    Whoever stores it holds the lock of the consent row.
    """
    restricted_at = Contact.objects.values_list("restricted_at", flat=True).get(pk=contact.pk)
    state = state_by_events(contact, business_id)
    return suspended(state, restricted_at) if restricted_at else state


def state_by_events(contact: Contact, business_id: int) -> State:
    """Give the same as if the contact were not restricted."""
    events = OptIn.objects.filter(pseudonym=contact.pseudonym, business_id=business_id)
    kept = kept_for([contact.e164], business_id=business_id)
    return fold_events(events, kept.get(contact.e164, {}))


def keep(*, key: str, business_id: int, withdrawals: Mapping[str, datetime], now: datetime) -> None:
    """Keep that a number opted out, beside what is kept of it already; of two times the later counts."""
    if not withdrawals:
        return
    entry, _created = Suppression.objects.select_for_update().get_or_create(
        key=key, business_id=business_id, defaults={"kept_at": now}
    )
    known = load_withdrawals(entry.withdrawals)
    latest = {purpose: max(at, known.get(purpose, at)) for purpose, at in withdrawals.items()}
    entry.withdrawals, entry.kept_at = dump_withdrawals({**known, **latest}), now
    entry.save(update_fields=["withdrawals", "kept_at"])


_AT_ONCE = 500
