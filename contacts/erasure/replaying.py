"""Replaying the journal after a restore: whoever was erased or restricted since the backup is so again."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audit import ledger
from contacts.consent.state import load_withdrawals
from contacts.erasure.erasing import Withdrawals, remove, settle_names
from contacts.erasure.journal import Line
from contacts.erasure.names import Digests
from contacts.erasure.restricting import ErasureRefused, lift, suspend
from contacts.models import Contact, Erasure
from providers.models import Business

Kind = Erasure.Kind


@dataclass(frozen=True, slots=True)
class Replayed:
    """One line of the journal, and what it did: whether it was new here, and whether the person was."""

    line: Line
    is_new: bool
    found: bool


def replay(*, lines: Iterable[Line], actor: str, now: datetime) -> Sequence[Replayed]:
    """Do again, in the order of their times, what the lines say and this database does not know yet.

    A second run changes nothing. Call it outside any transaction, before anything else runs on the restored database.
    """
    ordered = sorted(lines, key=lambda line: line.at)
    known = {str(pk) for pk in Erasure.objects.values_list("pk", flat=True)}
    # An erasure that was begun before the backup and carried out since stands in both.
    begun = {str(pk) for pk in Erasure.objects.filter(kind=Kind.ERASED, counts={}).values_list("pk", flat=True)}
    new = [line for line in ordered if line.erasure not in known or line.erasure in begun]
    people = _people({line.key for line in new})
    done = [Replayed(line, False, False) for line in ordered if line not in new]
    for line in new:
        contact = Contact.objects.filter(person_key=people.get(line.key, "")).order_by("pk").first()
        _replay(line, contact, now)
        done.append(Replayed(line, True, contact is not None))
    with transaction.atomic():
        ledger.record(
            action="erasures.replayed",
            actor=actor,
            now=now,
            details={"lines": len(ordered), "new": len(new), "people_found": sum(one.found for one in done)},
        )
    return done


def _replay(line: Line, contact: Contact | None, now: datetime) -> None:
    if line.kind == Kind.ERASED:
        _erase_again(line, contact, now)
    elif contact is not None and line.kind == Kind.RESTRICTED and line.until is not None:
        suspend(
            contact=contact,
            kind=Kind.RESTRICTED,
            until=line.until,
            reason=line.reason,
            reference=line.reference,
            actor=line.by,
            at=line.at,
            now=now,
            entry_id=uuid.UUID(line.erasure),
        )
    elif contact is not None and line.kind == Kind.LIFTED and contact.restricted_at is not None:
        _lift_again(line, contact, now)
    else:
        _entry_of(line, now)


def _erase_again(line: Line, contact: Contact | None, now: datetime) -> None:
    entry = _entry_of(line, now)
    if contact is not None:
        remove(contact=contact, entry=entry, now=now, also=_withdrawals(line), journaled=True)
        return
    with transaction.atomic():
        settle_names(entry=entry, names=line.names, withdrawals=_withdrawals(line), at=line.at, now=now)
        Erasure.objects.filter(pk=entry.pk, traces=None).update(finished_at=now)


def _lift_again(line: Line, contact: Contact, now: datetime) -> None:
    try:
        lift(
            contact=contact,
            reason=line.reason,
            reference=line.reference,
            actor=line.by,
            now=now,
            entry_id=uuid.UUID(line.erasure),
        )
    except ErasureRefused:
        _entry_of(line, now)


def _entry_of(line: Line, now: datetime) -> Erasure:
    entry, _made = Erasure.objects.get_or_create(
        pk=uuid.UUID(line.erasure),
        defaults={
            "kind": line.kind,
            "key": line.key,
            "reason": line.reason,
            "reference": line.reference,
            "at": line.at,
            "until": line.until,
            "by": line.by,
            "finished_at": None if line.kind == Kind.ERASED else now,
        },
    )
    return entry


def _withdrawals(line: Line) -> Withdrawals:
    # A business that the backup does not know yet has nobody's consent there.
    known = set(Business.objects.values_list("pk", flat=True))
    return {int(pk): load_withdrawals(times) for pk, times in line.withdrawals.items() if int(pk) in known}


def _people(keys: set[str]) -> Mapping[str, str]:
    """Find the people behind the digests: each contact's is made once, in one pass."""
    if not keys:
        return {}
    digests = Digests()
    found: dict[str, str] = {}
    for person_key in Contact.objects.order_by().values_list("person_key", flat=True).iterator(chunk_size=5_000):
        digest = digests.of_number(person_key)
        if digest in keys:
            found[digest] = person_key
    return found
