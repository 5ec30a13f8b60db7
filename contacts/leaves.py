"""The rows behind the ledger's bulk events, read again when it is verified.

Opt-ins are never changed nor removed, so those of an import must always give its root. Rows of check runs are compared
while all of them are there and each had its last answer: until then they rightly change, and erasure removes them.
"""

from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from audit import chain
from contacts.checking.marks import leaf
from contacts.consent import committing
from contacts.models import ContactCheck

#: As many rows are held in memory.
_AT_ONCE = 1_000
#: Answers that nothing comes after.
_LAST = {"VALID", "INVALID", "FAILED", "REFUSED"}


def register_all() -> None:
    """Register how the leaves of this app's bulk events are read."""
    chain.register_leaves("opt_ins.imported", imported_opt_ins)
    for action in ("check.refused", "check.answered", "check.failed"):
        chain.register_leaves(action, checked_numbers)


def imported_opt_ins(event: chain.BulkEvent) -> Iterable[bytes]:
    """Give the leaves of one chunk of an import."""
    return committing.leaves(
        import_id=int(event.subject.partition(":")[2]),
        first=int(event.details["first_opt_in"]),
        last=int(event.details["last_opt_in"]),
    )


def checked_numbers(event: chain.BulkEvent) -> Iterable[bytes] | None:
    """Give the leaves of rows of a check run, or None where they rightly differ by now."""
    pieces = event.details.get("checks")
    if not pieces or not set(event.details.get("statuses", ())) <= _LAST:
        return None
    if event.rows_count > _AT_ONCE:
        there = sum(ContactCheck.objects.filter(pk__range=piece).count() for piece in pieces)
        return _streamed(pieces) if there == event.rows_count else None
    # Most events are one call's: a cursor for each would cost more than their rows.
    rows = [row for piece in pieces for row in _rows(piece)]
    return map(leaf, rows) if len(rows) == event.rows_count else None


def _streamed(pieces: list[list[int]]) -> Iterator[bytes]:
    for piece in pieces:
        yield from map(leaf, _rows(piece).iterator(chunk_size=_AT_ONCE))


def _rows(piece: list[int]) -> QuerySet[ContactCheck]:
    return ContactCheck.objects.filter(pk__range=piece).select_related("contact").order_by("pk")
