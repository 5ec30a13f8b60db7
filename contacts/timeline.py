"""Everything on record about one person, newest first: consent with its proof, and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.display import Tone
from contacts import words
from contacts.models import Contact, ContactCheck, OptIn

_LATEST = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a consent event or a check."""

    at: datetime
    tone: str
    event: OptIn | None = None
    check: ContactCheck | None = None


def of(contact: Contact) -> Sequence[Entry]:
    """Give the person's events and latest checks; two queries, whatever their number."""
    events = (
        OptIn.objects.filter(pseudonym=contact.pseudonym)
        .select_related("business", "consent_text", "evidence", "opt_in_import")
        .defer("evidence__file", "consent_text__picture", "opt_in_import__content", "opt_in_import__errors")
        .order_by("-recorded_at", "-pk")[:_LATEST]
    )
    checks = (
        ContactCheck.objects.filter(contact=contact)
        .select_related("account", "business", "batch", "duplicate_of")
        .order_by("-pk")[:_LATEST]
    )
    entries = [
        Entry(at=event.recorded_at, tone=words.EVENT_TONES.get(OptIn.State(event.state), Tone.QUIET), event=event)
        for event in events
    ]
    entries += [
        Entry(at=check.checked_at or check.first_asked_at or check.batch.created_at, tone="quiet", check=check)
        for check in checks
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
