"""Observing: every hash is kept with its source and the event's own time, whatever we believe about the toggle.

The newest hash is not the trusted hash: one that differs opens a case and is never adopted here.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from contacts.identity import cases
from contacts.identity.trust import cases_of, lock_trust
from contacts.models import Contact, IdentityKey, IdentityTrust, TrustCase
from numbers.models import BusinessNumber
from providers.models import ProviderAccount

#: "Seen in messages" is exact to this much: every message would otherwise write the same row of our number.
_SEEN_EVERY = timedelta(minutes=5)
_LONGEST = 200
_REASONS = {
    IdentityKey.Source.SYSTEM: TrustCase.Reason.SYSTEM,
    IdentityKey.Source.NODE: TrustCase.Reason.NODE,
}


def observe(
    *,
    contact: Contact,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    hash: str,  # noqa: A002 - the provider's word for it
    source: IdentityKey.Source,
    reference: str,
    observed_at: datetime,
    now: datetime,
) -> TrustCase | None:
    """Keep a hash, and give the case that it opened or belongs to where it differs from the trusted one.

    The same observation again changes nothing.
    """
    if not hash or len(hash) > _LONGEST:
        return None
    with transaction.atomic():
        trust = lock_trust(contact=contact, account=account, business_number=business_number)
        key, created = IdentityKey.objects.get_or_create(
            contact_id=trust.contact_id,
            account=account,
            source=source,
            reference=reference[:_LONGEST],
            hash=hash,
            defaults={"business_number": business_number, "observed_at": observed_at, "recorded_at": now},
        )
        if not created:
            if observed_at < key.observed_at:
                # Delivered and read tell of one hash in any order: it was there at the earlier of the two.
                key.observed_at = observed_at
                key.save(update_fields=["observed_at"])
            return None
        if business_number is not None:
            _note_on_number(business_number, observed_at)
        return judge(trust, key, now)


def judge(trust: IdentityTrust, key: IdentityKey, now: datetime) -> TrustCase | None:
    """Say what a kept hash means for the locked trust, and give the case where it means a change."""
    if trust.state == IdentityTrust.State.TRUSTED:
        if key.hash == trust.hash or (trust.since is not None and key.observed_at < trust.since):
            return None
        return _changed(trust, key, now)
    if trust.state == IdentityTrust.State.AWAITING_HASH:
        return _after_verification(trust, key, now)
    case = cases_of(trust).filter(closed_at=None).first()
    if case is not None:
        cases.note_newest_hash(case, trust)
    return case


def contradiction(trust: IdentityTrust, now: datetime) -> TrustCase | None:
    """Look for a kept hash that is news to a trust just adopted: webhooks come in any order."""
    if trust.since is None:
        return None
    later = (
        IdentityKey.objects.filter(
            contact_id=trust.contact_id,
            account_id=trust.account_id,
            business_number_id=trust.business_number_id,
            observed_at__gte=trust.since,
        )
        .exclude(hash=trust.hash)
        .order_by("observed_at", "pk")
        .first()
    )
    return _changed(trust, later, now) if later else None


def _after_verification(trust: IdentityTrust, key: IdentityKey, now: datetime) -> TrustCase | None:
    """Tell the change that a person verified from a further one; a status is the business of `adopting`."""
    verified = cases_of(trust).first()
    if verified is None or verified.closed_at is None or key.source == IdentityKey.Source.STATUS:
        return None
    if key.observed_at <= verified.closed_at or key.hash == verified.hash_seen:
        return None
    if not verified.hash_seen:
        # 137000 names no hash: the first one seen afterwards is that of the change which was verified.
        verified.hash_seen = key.hash
        verified.save(update_fields=["hash_seen"])
        return None
    cases.suspend(trust, now)
    return _changed(trust, key, now)


def _changed(trust: IdentityTrust, key: IdentityKey, now: datetime) -> TrustCase:
    if trust.business_number_id is None:
        # A node takes no hash along with a message, so nothing else would hold the next one back.
        cases.suspend(trust, now)
    return cases.open_case(
        trust,
        reason=_REASONS.get(IdentityKey.Source(key.source), TrustCase.Reason.INBOUND),
        reference=key.reference,
        hash_seen=key.hash,
        now=now,
    )


def _note_on_number(number: BusinessNumber, observed_at: datetime) -> None:
    seen = number.identity_observed_at
    if seen is not None and observed_at - seen < _SEEN_EVERY:
        return
    older = Q(identity_observed_at=None) | Q(identity_observed_at__lt=observed_at)
    BusinessNumber.objects.filter(older, pk=number.pk).update(identity_observed_at=observed_at)
    number.identity_observed_at = observed_at
