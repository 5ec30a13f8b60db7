"""Erasing: the rows that hold a person's data go; what stays are consent events by pseudonym, and keyed digests.

First the person is taken out of everything, and calls on their way are waited for; then all rows go in one
transaction. A process that dies in between leaves a person whose time is over, and the sweep goes on. Files and stored
webhooks are looked through afterwards (`finishing`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction

from audit import ledger
from audit.export import jobs
from contacts import opt_ins
from contacts.consent.locking import lock_person
from contacts.consent.state import dump_withdrawals
from contacts.erasure import journal, suppression
from contacts.erasure.names import Digests
from contacts.erasure.persons import forms_of, rows_of
from contacts.erasure.restricting import suspend
from contacts.erasure.traces import MOST_TEXTS, Traces
from contacts.models import (
    Alias,
    Consent,
    Contact,
    ContactCheck,
    ErasedName,
    Erasure,
    IdentityTrust,
    Message,
    TrustCase,
)
from providers.models import Business

_TRIES = 5
#: Business id -> purpose -> when it was withdrawn, at the latest by the erasure itself.
Withdrawals = Mapping[int, Mapping[str, datetime]]


def erase(*, contact: Contact, reason: str, reference: str = "", actor: str, now: datetime) -> Erasure:
    """Erase a person under every form of their number, once no call for them is on its way. Call it outside any
    transaction.

    :raises ErasureRefused: when the reference names the person.
    :raises JournalNotWritten: when the journal cannot be written; the person is restricted then and the sweep tries on.
    """
    entry = suspend(
        contact=contact,
        kind=Erasure.Kind.ERASED,
        until=now,
        reason=reason,
        reference=reference,
        actor=actor,
        now=now,
    )
    opt_ins.wait_for_calls([form.pk for form in forms_of(contact)], business=None)
    return remove(contact=contact, entry=entry, now=now)


def erase_overdue(*, contact: Contact, actor: str, now: datetime) -> Erasure:
    """Erase a restricted person whose time is over, or whose erasure was cut short."""
    key = Digests().of_number(contact.e164)
    entry = Erasure.objects.filter(key=key, kind=Erasure.Kind.ERASED, finished_at=None).order_by("-at").first()
    if entry is None:
        return erase(contact=contact, reason=Erasure.Reason.TIME_OVER, actor=actor, now=now)
    opt_ins.wait_for_calls([form.pk for form in forms_of(contact)], business=None)
    return remove(contact=contact, entry=entry, now=now)


def remove(
    *, contact: Contact, entry: Erasure, now: datetime, also: Withdrawals | None = None, journaled: bool = False
) -> Erasure:
    """Remove the rows of a person who was taken out of everything, and keep what `entry` and the journal keep.

    `also` are withdrawals that a journal knows of; `journaled` says that its line is there already.

    :raises JournalNotWritten: when the journal cannot be written; nothing is removed then.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return _remove(contact.person_key, entry, now, also or {}, journaled=journaled)
        except (IntegrityError, OperationalError):
            # A deadlock, or somebody wrote a row of the person between two of our statements.
            if attempt == _TRIES or connection.in_atomic_block:
                raise
    raise AssertionError("unreachable")  # pragma: no cover


def settle_names(
    *, entry: Erasure, names: Sequence[str], withdrawals: Withdrawals, at: datetime, now: datetime
) -> None:
    """Keep until when events are about the erased person, and that the number has opted out."""
    for name in names:
        ErasedName.objects.get_or_create(key=name, defaults={"erased_at": at})
        ErasedName.objects.filter(key=name, erased_at__lt=at).update(erased_at=at)
    for business_id, times in sorted(withdrawals.items()):
        suppression.keep(key=entry.key, business_id=business_id, withdrawals=times, now=now)


def _remove(person_key: str, entry: Erasure, now: datetime, also: Withdrawals, *, journaled: bool) -> Erasure:
    entry = Erasure.objects.select_for_update().get(pk=entry.pk)
    forms = _locked(person_key, now)
    if not forms:
        entry.finished_at = entry.finished_at or (now if entry.traces is None else None)
        entry.save(update_fields=["finished_at"])
        return entry
    names = _names(forms)
    withdrawals = _merged(_withdrawals(forms, now), also)
    entry.traces = _traces(forms).dump()
    entry.counts = _remove_rows(forms)
    entry.save(update_fields=["traces", "counts"])
    settle_names(entry=entry, names=names, withdrawals=withdrawals, at=now, now=now)
    if not journaled:
        journal.write(
            journal.Line(
                erasure=str(entry.pk),
                kind=entry.kind,
                key=entry.key,
                at=now,
                until=None,
                reason=entry.reason,
                reference=entry.reference,
                by=entry.by,
                names=names,
                withdrawals={str(pk): dump_withdrawals(times) for pk, times in withdrawals.items()},
            )
        )
    jobs.drop_kept(now=now, because="a person was erased", actor=entry.by)
    for form in forms:
        ledger.record(
            action="person.erased",
            actor=entry.by,
            now=now,
            subject=f"Erasure:{entry.pk}",
            pseudonym=form.pseudonym,
            details={"reason": entry.reason, "reference": entry.reference, "removed": entry.counts},
        )
    return entry


def _locked(person_key: str, now: datetime) -> list[Contact]:
    """Take every lock in the order of those who take several: checks, consent, trust, messages, contacts."""
    forms = list(Contact.objects.filter(person_key=person_key).order_by("pk"))
    pks = [form.pk for form in forms]
    list(ContactCheck.objects.filter(contact_id__in=pks).select_for_update().order_by("pk").values_list("pk"))
    lock_person(contacts=forms, businesses=Business.objects.all(), now=now)
    list(IdentityTrust.objects.filter(contact_id__in=pks).select_for_update().order_by("pk").values_list("pk"))
    list(Message.objects.filter(contact_id__in=pks).select_for_update().order_by("pk").values_list("pk"))
    return list(Contact.objects.filter(person_key=person_key).select_for_update().order_by("pk"))


def _names(forms: Sequence[Contact]) -> list[str]:
    digests = Digests()
    user_ids = Alias.objects.filter(contact__in=forms).values_list("bsuid", flat=True)
    numbers = {digests.of_number(form.e164) for form in forms}
    return sorted(numbers | {digests.of_user_id(bsuid) for bsuid in user_ids})


def _withdrawals(forms: Sequence[Contact], now: datetime) -> Withdrawals:
    """Give what the person had opted out of, and as opted out now what they had agreed to: its proof goes.

    Who asks to be erased must not come back from an old file.
    """
    found: dict[int, dict[str, datetime]] = {}
    people = {form.pk: form for form in forms}
    for consent in Consent.objects.filter(contact__in=forms).order_by("pk"):
        state = suppression.state_by_events(people[consent.contact_id], consent.business_id)
        said = {**state.withdrawals, **dict.fromkeys(state.grants, now)}
        found = _merged(found, {consent.business_id: said})
    return {business_id: times for business_id, times in found.items() if times}


def _merged(one: Withdrawals, other: Withdrawals) -> dict[int, dict[str, datetime]]:
    merged = {business_id: dict(times) for business_id, times in one.items()}
    for business_id, times in other.items():
        known = merged.setdefault(business_id, {})
        for purpose, at in times.items():
            known[purpose] = max(at, known.get(purpose, at))
    return merged


def _traces(forms: Sequence[Contact]) -> Traces:
    wamids = Message.objects.filter(contact__in=forms).exclude(wamid="").order_by("-pk")
    user_ids = Alias.objects.filter(contact__in=forms).values_list("bsuid", flat=True)
    return Traces.of(
        numbers=[form.e164 for form in forms],
        texts=[*user_ids, *wamids.values_list("wamid", flat=True)[:MOST_TEXTS]],
    )


def _remove_rows(forms: Sequence[Contact]) -> dict[str, int]:
    rows = rows_of(forms)
    # Rows that name each other, or rows that go before them.
    TrustCase.objects.filter(pk__in=rows["cases"].values("pk")).update(message=None)
    rows["checks"].update(cached_from=None, duplicate_of=None)
    counts: dict[str, int] = {}
    for name, some in rows.items():
        counts[name] = _delete(some)
    return {name: count for name, count in counts.items() if count}


def _delete(rows: Any) -> int:
    """Delete rows as they are: everything that names them goes by itself, in its own turn."""
    pks = list(rows.order_by().values_list("pk", flat=True))
    for start in range(0, len(pks), _AT_ONCE):
        some = rows.model.objects.filter(pk__in=pks[start : start + _AT_ONCE])
        some._raw_delete(some.db)
    return len(pks)


_AT_ONCE = 500
