"""Restricting: nothing is done with a person's data any more but keeping them, until a date; then they are erased.

Taken under the locks that checks and messages take, so that after it returns nothing for the person starts.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from audit import ledger
from contacts import opt_ins
from contacts.consent.evidence import outlives_the_person
from contacts.consent.locking import lock_person
from contacts.erasure import journal
from contacts.erasure.names import Digests
from contacts.erasure.persons import forms_of
from contacts.models import Consent, Contact, Erasure, OptIn
from providers.models import Business

_A_YEAR = timedelta(days=365.25)
_LONGEST_REFERENCE = 60


class ErasureRefused(ValueError):
    """It cannot be done so; the message names the rule and the next step."""


def proposed_until(contact: Contact, *, now: datetime) -> datetime:
    """Give until when the proof of a person is kept by default: as the business says that keeps it longest."""
    pseudonyms = [form.pseudonym for form in forms_of(contact)]
    asked = Business.objects.filter(pk__in=OptIn.objects.filter(pseudonym__in=pseudonyms).values("business_id"))
    years = list(asked.values_list("keep_proof_years", flat=True))
    return now + max(years, default=Business._meta.get_field("keep_proof_years").default) * _A_YEAR


def restrict(
    *, contact: Contact, until: datetime, reason: str, reference: str = "", actor: str, now: datetime
) -> Erasure:
    """Let nothing be done with a person's data but keeping them until `until`; wait for calls on their way.

    :raises ErasureRefused: when the date is over, or the reference names the person.
    :raises JournalNotWritten: when the journal cannot be written; nothing has changed then.
    """
    if until <= now:
        raise ErasureRefused(_("The date until which the proof is kept is over. Name a later one, or erase now."))
    entry = suspend(
        contact=contact,
        kind=Erasure.Kind.RESTRICTED,
        until=until,
        reason=reason,
        reference=reference,
        actor=actor,
        now=now,
    )
    opt_ins.wait_for_calls([form.pk for form in forms_of(contact)], business=None)
    return entry


def lift(
    *,
    contact: Contact,
    reason: str,
    reference: str = "",
    actor: str,
    now: datetime,
    entry_id: uuid.UUID | None = None,
) -> Erasure:
    """End a restriction: what the person's own events say counts again. `entry_id` is that of a journal's line.

    :raises ErasureRefused: when nothing is restricted, or the person is being erased.
    :raises JournalNotWritten: when the journal cannot be written; nothing has changed then.
    """
    checked_reference(contact, reference)
    with transaction.atomic():
        forms = _lock(contact, now)
        restricted_until = [form.restricted_until for form in forms if form.restricted_until]
        if not restricted_until:
            raise ErasureRefused(_("Nothing of this person is restricted."))
        if min(restricted_until) <= now:
            raise ErasureRefused(_("The person is being erased already."))
        Contact.objects.filter(pk__in=[form.pk for form in forms]).update(restricted_at=None, restricted_until=None)
        _derive_all(forms, now)
        entry = _note(forms, Erasure.Kind.LIFTED, None, reason, reference, actor, now, entry_id)
        _record("person.restriction_lifted", entry, forms)
    return entry


def suspend(
    *,
    contact: Contact,
    kind: Erasure.Kind,
    until: datetime,
    reason: str,
    reference: str,
    actor: str,
    now: datetime,
    at: datetime | None = None,
    entry_id: uuid.UUID | None = None,
) -> Erasure:
    """Take a person out of everything under every lock, and write down why; `kind` says whether erasure follows now.

    `at` and `entry_id` are those of a journal's line.
    """
    checked_reference(contact, reference)
    with transaction.atomic():
        forms = _lock(contact, now)
        Contact.objects.filter(pk__in=[form.pk for form in forms]).update(
            restricted_at=at or now, restricted_until=until
        )
        _derive_all(forms, now)
        entry = _note(forms, kind, until, reason, reference, actor, at or now, entry_id)
        begun = kind == Erasure.Kind.ERASED
        _record("person.erasure_begun" if begun else "person.restricted", entry, forms, recorded_at=now)
    return entry


def checked_reference(contact: Contact, reference: str) -> str:
    """Refuse a reference that would name the person: it stays when they are erased.

    :raises ErasureRefused: when it does, or is too long.
    """
    if len(reference) > _LONGEST_REFERENCE or re.search(r"[@\n]", reference):
        raise ErasureRefused(_("The reference is a ticket's number or the like, of at most 60 characters."))
    if outlives_the_person(reference, contact.e164) or contact.e164[-7:] in re.sub(r"\D", "", reference):
        raise ErasureRefused(_("The reference must not name the person: it stays when they are erased."))
    return reference


def _lock(contact: Contact, now: datetime) -> list[Contact]:
    """Lock all consent of the person, for every business and every form of the number, then the contacts themselves."""
    forms = forms_of(contact)
    lock_person(contacts=forms, businesses=Business.objects.all(), now=now)
    locked = list(Contact.objects.select_for_update().filter(person_key=contact.person_key).order_by("pk"))
    if not locked:
        raise ErasureRefused(_("The person was erased already."))
    return locked


def _derive_all(forms: Sequence[Contact], now: datetime) -> None:
    people = {form.pk: form for form in forms}
    for consent in Consent.objects.filter(contact_id__in=list(people)).order_by("pk"):
        opt_ins.derive(consent, people[consent.contact_id], now)


def _note(
    forms: Sequence[Contact],
    kind: Erasure.Kind,
    until: datetime | None,
    reason: str,
    reference: str,
    actor: str,
    at: datetime,
    entry_id: uuid.UUID | None = None,
) -> Erasure:
    """Keep a row of what was done, and a line in the journal unless it is there already.

    An erasure's line follows when it is carried out.
    """
    entry = Erasure(
        id=entry_id or uuid.uuid4(),
        kind=kind,
        key=Digests().of_number(forms[0].e164),
        reason=reason,
        reference=reference,
        at=at,
        until=until if kind == Erasure.Kind.RESTRICTED else None,
        by=actor,
        finished_at=None if kind == Erasure.Kind.ERASED else at,
    )
    entry.save(force_insert=True)
    if kind != Erasure.Kind.ERASED and entry_id is None:
        journal.write(
            journal.Line(
                erasure=str(entry.pk),
                kind=kind,
                key=entry.key,
                at=at,
                until=entry.until,
                reason=reason,
                reference=reference,
                by=actor,
            )
        )
    return entry


def _record(action: str, entry: Erasure, forms: Sequence[Contact], *, recorded_at: datetime | None = None) -> None:
    for form in forms:
        ledger.record(
            action=action,
            actor=entry.by,
            now=recorded_at or entry.at,
            subject=f"Erasure:{entry.pk}",
            pseudonym=form.pseudonym,
            details={"reason": entry.reason, "reference": entry.reference, "until": entry.until},
        )
