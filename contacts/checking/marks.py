"""What check rows leave behind: their Merkle leaves, the ledger events of refusals, answers taken from earlier ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from audit import ledger
from audit.merkle import MerkleTree
from contacts.models import CheckBatch, ContactCheck

#: Ids in more pieces than this are not written down: the ledger is no copy of the rows.
_MOST_PIECES = 200


def tree(rows: Iterable[ContactCheck]) -> MerkleTree:
    """Give the Merkle tree of rows as they stand now."""
    return MerkleTree(map(leaf, rows))


def leaf(row: ContactCheck) -> bytes:
    """Give what the ledger holds of a row as it stands now: no number, only the pseudonym."""
    return ledger.canonical_bytes(
        {
            "check": row.pk,
            "pseudonym": row.contact.pseudonym if row.contact else None,
            "opt_in": row.opt_in_id,
            "status": row.status,
            "reason": row.reason,
        }
    )


def ids_of(rows: Iterable[ContactCheck]) -> list[list[int]]:
    """Give the ids of rows in their order as first and last of each unbroken piece; nothing where there are too many.

    With them the root of an event can be compared with its rows later.
    """
    pieces: list[list[int]] = []
    for row in rows:
        if pieces and row.pk == pieces[-1][1] + 1:
            pieces[-1][1] = row.pk
        else:
            pieces.append([row.pk, row.pk])
    return pieces if len(pieces) <= _MOST_PIECES else []


def record_refusals(batch: CheckBatch, refused: Sequence[ContactCheck], actor: str, now: datetime) -> None:
    """Append one ledger event for the refused rows: their reasons counted, each row a leaf of its root."""
    ledger.record(
        action="check.refused",
        actor=actor,
        now=now,
        business_id=batch.business_id,
        subject=subject_of(batch),
        details={"reasons": dict(Counter(str(row.reason) for row in refused)), "checks": ids_of(refused)},
        rows=tree(refused),
    )


def subject_of(batch: CheckBatch) -> str:
    """Give the name under which the ledger and the call log know a run."""
    return f"CheckBatch:{batch.pk}"


def answer_from(row: ContactCheck, earlier: ContactCheck) -> None:
    """Let a row repeat the earlier answer of the same account, with the time it was given."""
    row.status, row.wa_id, row.strength = earlier.status, earlier.wa_id, earlier.strength
    row.checked_at, row.cached_from, row.next_attempt_at, row.reason = earlier.checked_at, earlier, None, ""


def finish_the_done(runs: QuerySet[CheckBatch], *, now: datetime) -> None:
    """Close those of the runs that are running and have no open row left, whoever wrote their last answer."""
    open_rows = ContactCheck.objects.filter(batch=OuterRef("pk")).open()
    for batch in runs.filter(~Exists(open_rows), state=CheckBatch.State.RUNNING).order_by("pk"):
        finish_if_done(batch, now=now)


def finish_if_done(batch: CheckBatch, *, now: datetime) -> None:
    """Close a running run that has no open row left."""
    if ContactCheck.objects.filter(batch=batch).open().exists():
        return
    with transaction.atomic():
        finished = CheckBatch.objects.filter(pk=batch.pk, state=CheckBatch.State.RUNNING).update(
            state=CheckBatch.State.FINISHED, finished_at=now
        )
        if finished:
            counts = ContactCheck.objects.filter(batch=batch).values_list("status").annotate(rows=Count("pk"))
            ledger.record(
                action="check.finished",
                actor="waadmin",
                now=now,
                business_id=batch.business_id,
                subject=subject_of(batch),
                details={"counts": dict(counts.order_by())},
            )
