"""What WhatsApp itself says about a person: another identity, another number, another user id."""

from datetime import datetime

from django.db import transaction

from contacts.erasure.names import ignores_the_forgotten
from contacts.identity import cases
from contacts.identity.trust import cases_of, lock_trust
from contacts.incoming import SystemEvent, SystemKind
from contacts.models import Alias, Contact, IdentityKey, IdentityTrust, TrustCase
from contacts.people import find, find_or_make, learn_alias
from numbers.models import BusinessNumber
from providers.models import ProviderAccount


@ignores_the_forgotten
def system_event(
    *, account: ProviderAccount, business_number: BusinessNumber | None, event: SystemEvent, now: datetime
) -> str:
    """Take in a system message, and give whom it was about; nobody where that cannot be told."""
    if event.kind is SystemKind.OTHER:
        return ""
    with transaction.atomic():
        if event.kind is SystemKind.NUMBER_CHANGED:
            return _number_changed(account, business_number, event, now)
        contact = find(event.number, event.bsuid, at=event.at)
        if event.kind is SystemKind.USER_ID_CHANGED:
            return _user_id_changed(contact, event)
        if contact is None and event.number:
            contact = find_or_make(event.number, now, at=event.at)
        if contact is None:
            return ""
        if event.bsuid:
            learn_alias(contact, event.bsuid, event.at)
        return _report(contact, account, business_number, event, TrustCase.Reason.SYSTEM, now)


def _number_changed(
    account: ProviderAccount, business_number: BusinessNumber | None, event: SystemEvent, now: datetime
) -> str:
    """Suspend both numbers: the old one may be a stranger's soon, and the new one proved nothing yet."""
    old = find(event.number, event.bsuid, at=event.at)
    if old is None and event.number:
        old = find_or_make(event.number, now, at=event.at)
    new = find_or_make(event.new_number, now, at=event.at) if event.new_number else None
    if new is not None:
        for bsuid in {event.bsuid, event.new_bsuid} - {""}:
            learn_alias(new, bsuid, event.at)
    # In the order of their ids, as locks are taken everywhere.
    people = {contact.pk: contact for contact in (old, new) if contact is not None}
    trusts = [lock_trust(contact=people[pk], account=account, business_number=business_number) for pk in sorted(people)]
    for trust in trusts:
        _suspend(trust, event, TrustCase.Reason.NUMBER_CHANGED, now)
    return f"Contact:{(old or new).pk}" if old or new else ""  # type: ignore[union-attr]


def _user_id_changed(contact: Contact | None, event: SystemEvent) -> str:
    if contact is None or not event.new_bsuid:
        return ""
    # The old one stays: what is on its way under it is still theirs.
    people = {contact.pk: contact}
    people.update({alias.contact_id: alias.contact for alias in _aliases(event.bsuid)})
    for pk in sorted(people):
        learn_alias(people[pk], event.new_bsuid, event.at)
    return f"Contact:{contact.pk}"


def _aliases(bsuid: str) -> list[Alias]:
    return list(Alias.objects.filter(bsuid=bsuid).select_related("contact")) if bsuid else []


def _report(
    contact: Contact,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    event: SystemEvent,
    reason: TrustCase.Reason,
    now: datetime,
) -> str:
    trust = lock_trust(contact=contact, account=account, business_number=business_number)
    if event.identity_hash:
        IdentityKey.objects.get_or_create(
            contact_id=trust.contact_id,
            account=account,
            source=IdentityKey.Source.SYSTEM,
            reference=event.wamid[:200],
            hash=event.identity_hash,
            defaults={"business_number": business_number, "observed_at": event.at, "recorded_at": now},
        )
    _suspend(trust, event, reason, now)
    return f"Contact:{contact.pk}"


def _suspend(trust: IdentityTrust, event: SystemEvent, reason: TrustCase.Reason, now: datetime) -> None:
    """Stop sends for a change that nobody has verified since it happened; one event is one case, however often told."""
    known = cases_of(trust)
    settled = known.exclude(closed_at=None).first()
    if settled is not None and settled.closed_at is not None and event.at < settled.closed_at:
        return
    if event.wamid and known.exclude(closed_at=None).filter(reference=event.wamid).exists():
        return
    cases.suspend(trust, now)
    cases.open_case(
        trust,
        reason=reason,
        reference=event.wamid,
        hash_seen=event.identity_hash,
        happened_at=event.at,
        now=now,
    )
