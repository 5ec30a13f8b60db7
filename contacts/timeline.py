"""Everything on record about one person, newest first: consent with its proof, checks, messages, identity changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit import reach
from audit.display import Tone
from contacts import message_words, messages, words
from contacts.models import Contact, ContactCheck, Message, MessageStatus, OptIn, TrustCase

_LATEST = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a consent event, a check, a message with its statuses, or an identity change."""

    at: datetime
    tone: str
    event: OptIn | None = None
    check: ContactCheck | None = None
    message: Message | None = None
    statuses: Sequence[MessageStatus] = ()
    case: TrustCase | None = None


def of(contact: Contact, *, with_messages: bool = True, reached: reach.Businesses = None) -> Sequence[Entry]:
    """Give the person's events and latest checks, messages and cases with these businesses, in a few queries."""
    events = (
        reach.narrowed(OptIn.objects.filter(pseudonym=contact.pseudonym), reached)
        .select_related("business", "consent_text", "evidence", "opt_in_import")
        .defer("evidence__file", "consent_text__picture", "opt_in_import__content", "opt_in_import__errors")
        .order_by("-recorded_at", "-pk")[:_LATEST]
    )
    checks = (
        reach.narrowed(ContactCheck.objects.filter(contact=contact), reached)
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
    if with_messages:
        entries += _messages(contact, reached)
    entries += _cases(contact, reached)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def statuses_of(rows: Iterable[Message]) -> Mapping[tuple[int, str], Sequence[MessageStatus]]:
    """Give the statuses of messages by account and wamid, in one query."""
    wamids = {row.wamid for row in rows if row.wamid}
    found: dict[tuple[int, str], list[MessageStatus]] = {}
    for status in MessageStatus.objects.filter(wamid__in=wamids).order_by("at", "pk"):
        found.setdefault((status.account_id, status.wamid), []).append(status)
    return found


def _messages(contact: Contact, reached: reach.Businesses) -> list[Entry]:
    rows = list(reach.narrowed(messages.conversation(contact), reached)[:_LATEST])
    told = statuses_of(rows)
    return [
        Entry(
            at=row.at,
            tone=message_words.fate(row)[0],
            message=row,
            statuses=told.get((row.account_id, row.wamid), ()) if row.wamid else (),
        )
        for row in rows
    ]


def _cases(contact: Contact, reached: reach.Businesses) -> list[Entry]:
    cases = (
        reach.narrowed(TrustCase.objects.filter(contact__person_key=contact.person_key), reached)
        .select_related("account", "business_number")
        .defer("evidence")
        .order_by("-pk")[:_LATEST]
    )
    return [Entry(at=case.opened_at, tone="warn" if case.closed_at is None else "quiet", case=case) for case in cases]
