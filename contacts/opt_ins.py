"""Opt-ins: record a grant, record a withdrawal, decide a held one. Events are only ever added.

A withdrawal takes the lock that a check or a message takes, commits, and then waits for a call already on its way, so
that after it returns nothing for that person starts or is under way.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import ledger
from contacts.consent import state
from contacts.consent.evidence import Evidence, digest, fingerprint, new_salt
from contacts.consent.requirements import OptInRefused as OptInRefused
from contacts.consent.requirements import check_outlasting, check_proof, covered_purposes, known_purposes
from contacts.erasure import suppression
from contacts.erasure.vanishing import PersonVanished, again_if_vanished
from contacts.models import Consent, ConsentText, Contact, ContactCheck, Message, OptIn, OptInEvidence, TrustCase
from providers import e164
from providers.models import Business, Purpose, write_purposes

#: How long a person may have to wait for `wait_for_calls`: the lease of the longest call that is made for a person.
LONGEST_WAIT = timedelta(seconds=90)
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event and the state that the person is in with it."""

    opt_in: OptIn
    consent: Consent
    created: bool


@again_if_vanished
def record(
    *,
    number: e164.Number,
    business: Business,
    actor: str,
    now: datetime,
    source: str,
    evidence: Evidence,
    business_name_shown: str,
    given_at: datetime,
    purposes: Sequence[str] = (),
    consent_text: ConsentText | None = None,
    expires_at: datetime | None = None,
    external_id: str = "",
    decides: OptIn | None = None,
) -> Recorded:
    """Record that a person agreed; without purposes it covers what its wording asks for, or what the business says.

    Recording the very same event again changes nothing. A grant given before a withdrawal does not undo it.

    :raises OptInRefused: when a part of the proof is missing or contradicts itself.
    """
    check_proof(
        business=business,
        source=source,
        evidence=evidence,
        business_name_shown=business_name_shown,
        given_at=given_at,
        expires_at=expires_at,
        consent_text=consent_text,
    )
    check_outlasting(number.e164, source=source, external_id=external_id)
    covered = covered_purposes(
        named=known_purposes(purposes), wording=consent_text.purposes if consent_text else None, business=business
    )
    with transaction.atomic():
        contact = _contact(number, now)
        consent = _locked_consents([contact], business, now)[contact.pk]
        _check_not_restricted(contact)
        opt_in, created = _append(
            contact,
            business,
            OptIn(
                state=OptIn.State.GRANTED,
                purposes=covered,
                business_name_shown=business_name_shown,
                consent_text=consent_text,
                source=source,
                given_at=given_at,
                recorded_at=now,
                recorded_by=actor,
                expires_at=expires_at,
                external_id=external_id,
                decides=decides,
            ),
            evidence,
        )
        if created:
            derive(consent, contact, now)
            _record_event("opt_in.recorded", opt_in, actor, now)
    return Recorded(opt_in, consent, created)


@again_if_vanished
def withdraw(
    *,
    number: e164.Number,
    business: Business,
    actor: str,
    now: datetime,
    source: str,
    reason: str,
    purposes: Sequence[str] = (),
    given_at: datetime | None = None,
) -> Recorded:
    """Record that a person opted out, of all purposes or of some, under every form of their number.

    Commits and returns at once; whoever speaks to a person then calls `wait_for_calls`.

    :raises OptInRefused: when source or reason is missing, or a purpose is none.
    """
    evidence = Evidence(text=reason)
    if not source.strip() or not evidence:
        raise OptInRefused(_("A withdrawal needs a source and a reason: where and how the person said no."))
    check_outlasting(number.e164, source=source)
    withdrawn = known_purposes(purposes) or write_purposes(Purpose.values)
    with transaction.atomic():
        # Every form of the number gets rows of its own, so that a grant for another form, under way at this moment,
        # meets them and waits.
        contacts = {
            form: _contact(e164.Number(form, number.region), now) for form in sorted(e164.variants(number.e164))
        }
        consents = _locked_consents(list(contacts.values()), business, now)
        recorded: dict[str, Recorded] = {}
        for form, contact in contacts.items():
            opt_in, created = _append(
                contact,
                business,
                OptIn(
                    state=OptIn.State.WITHDRAWN,
                    purposes=withdrawn,
                    source=source,
                    given_at=given_at or now,
                    recorded_at=now,
                    recorded_by=actor,
                ),
                evidence,
            )
            if created:
                derive(consents[contact.pk], contact, now)
            recorded[form] = Recorded(opt_in, consents[contact.pk], created)
        for entry in recorded.values():
            if entry.created:
                _record_event("opt_in.withdrawn", entry.opt_in, actor, now)
    return recorded[number.e164]


def wait_for_calls(contact_ids: Collection[int], *, business: Business | None) -> int:
    """Wait until no call for these people is on its way, under any form of their number, and give how many there were.

    Without a business it is calls for any. Call it outside any transaction, after a withdrawal has committed. A call's
    lease bounds the wait.
    """
    seen: set[tuple[str, int]] = set()
    people = Contact.objects.filter(pk__in=contact_ids).values_list("person_key", flat=True)
    theirs: dict[str, Any] = {
        "contact_id__in": list(Contact.objects.filter(person_key__in=list(people)).values_list("pk", flat=True))
    }
    if business is not None:
        theirs["business"] = business
    while True:
        now = datetime.now(UTC)
        checks = ContactCheck.objects.in_flight(now).filter(**theirs)
        messages = Message.objects.filter(state=Message.State.SENDING, lease_until__gt=now, **theirs)
        flying = {("check", pk) for pk in checks.values_list("pk", flat=True)}
        cases = TrustCase.objects.filter(calling_until__gt=now, **theirs)
        flying |= {("identity", pk) for pk in cases.values_list("pk", flat=True)}
        flying |= {("message", pk) for pk in messages.values_list("pk", flat=True)}
        if not flying:
            return len(seen)
        seen |= flying
        time.sleep(_POLL_SECONDS)


def decide_held(*, held: OptIn, accept: bool, actor: str, now: datetime) -> OptIn:
    """Decide about a grant that a file brought for a person who had opted out: record it now, or dismiss it.

    :raises OptInRefused: when it is not held, somebody has decided already, or it has expired while it was held.
    """
    with transaction.atomic():
        contact = Contact.objects.filter(pseudonym=held.pseudonym).first()
        if contact is None:
            raise OptInRefused(_("The person was erased, and with them what this record rests on."))
        consent = _locked_consents([contact], held.business, now)[contact.pk]
        if accept:
            _check_not_restricted(contact)
        if held.state != OptIn.State.HELD or OptIn.objects.filter(decides=held).exists():
            raise OptInRefused(_("This record is not waiting for a decision any more."))
        if accept and held.expires_at is not None and held.expires_at <= now:
            raise OptInRefused(_("This consent has expired while it was held. Dismiss the record."))
        kept = OptInEvidence.objects.get(opt_in=held)
        decision, _created = _append(
            contact,
            held.business,
            OptIn(
                state=OptIn.State.GRANTED if accept else OptIn.State.DISMISSED,
                purposes=held.purposes,
                business_name_shown=held.business_name_shown,
                consent_text=held.consent_text,
                source=held.source,
                # The person who decides says that the consent stands now: an earlier date would lose to the withdrawal.
                given_at=now,
                recorded_at=now,
                recorded_by=actor,
                expires_at=held.expires_at,
                external_id=held.external_id,
                decides=held,
            ),
            Evidence(
                text=kept.text,
                file=None if kept.file is None else bytes(kept.file),
                file_name=kept.file_name,
            ),
        )
        derive(consent, contact, now)
        _record_event("opt_in.recorded" if accept else "opt_in.dismissed", decision, actor, now)
    return decision


def held() -> QuerySet[OptIn]:
    """Give the grants that wait for a person's decision; those of erased people rest on nothing any more."""
    return OptIn.objects.filter(state=OptIn.State.HELD, decision__isnull=True, evidence__isnull=False)


def derive(consent: Consent, contact: Contact, now: datetime) -> None:
    """Make the locked `consent` say what the contact's events say."""
    folded = suppression.state_of(contact, consent.business_id)
    consent.status = Consent.Status(folded.status)
    consent.grants = state.dump_grants(folded.grants)
    consent.withdrawals = state.dump_withdrawals(folded.withdrawals)
    consent.updated_at = now
    consent.save(update_fields=["status", "grants", "withdrawals", "updated_at"])


def _contact(number: e164.Number, now: datetime) -> Contact:
    contact, created = Contact.objects.get_or_create(
        e164=number.e164,
        defaults={"region": number.region, "person_key": e164.person_key(number.e164), "created_at": now},
    )
    if created:
        suppression.greet(contact, now=now)
    return contact


def _check_not_restricted(contact: Contact) -> None:
    """Refuse a new consent of somebody whose data may only be kept; their consent rows are locked."""
    if Contact.objects.filter(pk=contact.pk, restricted_at__isnull=False).exists():
        raise OptInRefused(
            _("What is kept of this person is restricted: nothing new counts until somebody lifts the restriction.")
        )


def _locked_consents(contacts: list[Contact], business: Business, now: datetime) -> dict[int, Consent]:
    for contact in contacts:
        # Withdrawn is the safe way to begin: the row exists to be locked and allows nothing yet.
        Consent.objects.get_or_create(
            contact=contact, business=business, defaults={"status": Consent.Status.WITHDRAWN, "updated_at": now}
        )
    rows = Consent.objects.select_for_update().filter(contact__in=contacts, business=business).order_by("pk")
    locked = {row.contact_id: row for row in rows}
    if len(locked) < len(contacts):
        raise PersonVanished
    return locked


def _append(contact: Contact, business: Business, opt_in: OptIn, evidence: Evidence) -> tuple[OptIn, bool]:
    salt = new_salt()
    opt_in.pseudonym = contact.pseudonym
    opt_in.business = business
    opt_in.evidence_digest = digest(evidence, salt)
    mark = fingerprint(
        e164=contact.e164,
        business_id=business.pk,
        state=opt_in.state,
        purposes=opt_in.purposes,
        source=opt_in.source,
        given_at=opt_in.given_at,
        evidence=evidence,
        rest=(opt_in.business_name_shown, opt_in.consent_text_id, opt_in.expires_at, opt_in.external_id),
    )
    try:
        with transaction.atomic():
            opt_in.save(force_insert=True)
            OptInEvidence.objects.create(
                opt_in=opt_in,
                text=evidence.text,
                file=evidence.file,
                file_name=evidence.file_name,
                salt=salt,
                fingerprint=mark,
            )
    except IntegrityError:
        earlier = OptIn.objects.filter(evidence__fingerprint=mark).first()
        if earlier is None:
            raise
        return earlier, False
    return opt_in, True


def _record_event(action: str, opt_in: OptIn, actor: str, now: datetime) -> None:
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=opt_in.business_id,
        subject=f"OptIn:{opt_in.pk}",
        pseudonym=opt_in.pseudonym,
        details={
            "purposes": opt_in.purposes,
            "business_name_shown": opt_in.business_name_shown,
            "consent_text": opt_in.consent_text_id,
            "source": opt_in.source,
            "given_at": opt_in.given_at,
            "expires_at": opt_in.expires_at,
            "evidence_digest": opt_in.evidence_digest,
        },
    )
