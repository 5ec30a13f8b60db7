"""Verifying the ledger of this database, and saying in words what that proved."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import heads, triggers, verify
from audit.chain import Fault, Kind, Walk, read
from audit.models import SignedHead


class Result(StrEnum):
    """What a verification proved."""

    INTACT = "intact"
    CONSISTENT = "consistent"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was verified, what is wrong, and with which head from outside it was compared."""

    events: int
    hash: str
    last_at: datetime | None
    faults: tuple[Fault, ...]
    against: Mapping[str, Any] | None
    kept_heads: int
    signatures_checked: bool
    bulk_compared: int
    bulk_not_compared: int

    @property
    def result(self) -> Result:
        """Give the result in one word: only a head from outside can show that nothing was cut off or rewritten."""
        if self.faults:
            return Result.TAMPERED
        return Result.INTACT if self.against else Result.CONSISTENT

    def words(self) -> str:
        """Say what was proved."""
        if self.faults:
            return " ".join(self.fault_words())
        if self.against:
            return self._compared(self.against)
        return _(
            "Consistent with itself only: a complete rewrite by whoever holds the key cannot be excluded. Compare it "
            "with a head that was kept elsewhere."
        )

    def fault_words(self) -> list[str]:
        """Say each thing that is wrong."""
        return [words_of(fault) for fault in self.faults]

    def notes(self) -> list[str]:
        """Say what else was looked at."""
        said = [ngettext("%d event was read.", "%d events were read.", self.events) % self.events]
        if self.bulk_compared or self.bulk_not_compared:
            said.append(
                _("%(done)d Merkle roots were compared with their rows; %(left)d stand for rows that change or end.")
                % {"done": self.bulk_compared, "left": self.bulk_not_compared}
            )
        if self.kept_heads:
            said.append(
                ngettext(
                    "Compared with %d signed head kept in this database.",
                    "Compared with %d signed heads kept in this database.",
                    self.kept_heads,
                )
                % self.kept_heads
            )
        if not self.signatures_checked:
            said.append(_("Signatures were not checked: the signing key cannot be read."))
        return said

    def _compared(self, against: Mapping[str, Any]) -> str:
        at = signed_at(against)
        words = (
            _("Intact, compared with the head of %(date)s (number %(number)d).")
            % {"date": date_format(at.astimezone(UTC)), "number": against["sequence"]}
            if at
            else _("Intact, compared with head number %d.") % against["sequence"]
        )
        later = self.events - int(against["sequence"])
        if later:
            words += " " + (
                ngettext(
                    "The %d event after it is consistent with itself only.",
                    "The %d events after it are consistent with themselves only.",
                    later,
                )
                % later
            )
        return words


def prove(*, against: Mapping[str, Any] | None = None) -> Proof:
    """Verify the database: the chain, its signed heads, the rows behind Merkle roots, its head row, the triggers.

    `against` is a head from outside, as `audit.verify.read_head` reads it.
    """
    pem = public_key()
    known, faults = defaultdict[int, set[str]](set), list[Fault]()
    kept = 0
    for head in _kept_heads():
        kept += 1
        if pem and not verify.signature_holds(head, pem):
            faults.append(Fault(Kind.SIGNATURE, head["sequence"], _("kept here")))
        else:
            known[head["sequence"]].add(head["hash"])
    if against:
        known[against["sequence"]].add(against["hash"])
        if pem and "signature" in against and not verify.signature_holds(dict(against), pem):
            faults.append(Fault(Kind.SIGNATURE, against["sequence"], _("from outside")))
    walk = Walk(known)
    end_fault = _walk_to_the_end(walk)
    missing = triggers.missing()
    found = [walk.fault, end_fault, Fault(Kind.TRIGGER, detail=", ".join(missing)) if missing else None]
    return Proof(
        events=walk.sequence,
        hash=walk.hash,
        last_at=parse_datetime(walk.at) if walk.at else None,
        faults=(*filter(None, found), *walk.rows_faults, *faults),
        against=against,
        kept_heads=kept,
        signatures_checked=bool(pem) or not kept,
        bulk_compared=walk.bulk_compared,
        bulk_not_compared=walk.bulk_not_compared,
    )


def signed_at(head: Mapping[str, Any]) -> datetime | None:
    """Give when a head was signed, if it says so."""
    try:
        at = parse_datetime(str(head.get("signed_at", "")))
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at else None


def words_of(fault: Fault) -> str:
    """Say what is wrong, for people."""
    said = {
        Kind.MISSING: _("Event %(number)s is missing."),
        Kind.REPEATED: _("Event %(number)s is there twice or out of place."),
        Kind.UNREADABLE: _("Event %(number)s holds values that no event has."),
        Kind.EDITED: _("Event %(number)s was edited: it does not give its hash."),
        Kind.UNLINKED: _("Event %(number)s does not follow the one before it: it was inserted, swapped or re-hashed."),
        Kind.CUT: _("The ledger ends before event %(number)s, and there was a number %(detail)s."),
        Kind.REWRITTEN: _("Event %(number)s is not the one of a signed head: it or one before it was rewritten."),
        Kind.ROWS: _("The rows of %(detail)s are not those that event %(number)s recorded."),
        Kind.HEAD_ROW: _("The head row says %(detail)s, and the last event is %(number)s."),
        Kind.SIGNATURE: _("The signature of head %(number)s (%(detail)s) was not made with the key of this database."),
        Kind.TRIGGER: _("Triggers are missing or changed, so that raw SQL may write: %(detail)s."),
    }[fault.kind]
    return said % {"number": fault.sequence, "detail": fault.detail}


def _walk_to_the_end(walk: Walk) -> Fault | None:
    """Walk to the last event, also past those that are appended meanwhile, and hold the head row against it."""
    while True:
        walk.along(read(walk.sequence), compare_rows=True)
        walk.end()
        if walk.fault:
            return None
        with connection.cursor() as cursor:
            # One statement, one snapshot: an event and the head row are written together.
            cursor.execute(
                "SELECT (SELECT max(sequence) FROM audit_auditevent), h.sequence, h.hash "
                "FROM (SELECT 1) one LEFT JOIN audit_ledgerhead h ON h.id = 1"
            )
            last, number, digest = cursor.fetchone()
        if (last or 0) != walk.sequence:
            continue
        if (number or 0, digest) == (walk.sequence, walk.hash) or (last is None and number is None):
            return None
        return Fault(Kind.HEAD_ROW, walk.sequence, str(number))


def _kept_heads() -> Iterator[dict[str, Any]]:
    for signed in SignedHead.objects.order_by("pk").iterator():
        yield heads.values_of(signed)


def public_key() -> bytes | None:
    """Give the public key of this database as PEM, or None where it cannot be read."""
    try:
        return heads.signer().public_pem().encode()
    except (RuntimeError, ImproperlyConfigured):
        # No signer, or none of FIELD_ENCRYPTION_KEYS reads its key: hashes can be compared all the same.
        return None
