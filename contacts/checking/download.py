"""The rows of a run as a CSV file with the providers' values, streamed; the ledger records who took it."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import transaction

from audit import ledger
from audit.csv_cells import safe_cell, text_cell
from contacts.checking.marks import subject_of
from contacts.models import CheckBatch, ContactCheck
from contacts.visibility import not_restricted

COLUMNS = ("line", "input", "e164", "status", "wa_id", "reason", "detail", "strength", "cached", "checked_at")


def write(*, batch: CheckBatch, status: str, with_restricted: bool, actor: str, now: datetime) -> Iterator[str]:
    """Record the download, then give the file line by line; `status` keeps only rows with that result."""
    rows = ContactCheck.objects.filter(batch=batch).select_related("duplicate_of").order_by("position")
    if status:
        rows = rows.filter(status=status)
    if not with_restricted:
        rows = rows.filter(not_restricted(ContactCheck))
    with transaction.atomic():
        ledger.record(
            action="check.downloaded",
            actor=actor,
            now=now,
            business_id=batch.business_id,
            subject=subject_of(batch),
            details={"status": status},
        )
    return _lines(rows.iterator(chunk_size=2_000))


def _lines(rows: Iterator[ContactCheck]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        # The number as it was written comes back from a spreadsheet with its plus and its noughts.
        line, written, *others = _cells(row)
        writer.writerow([line, text_cell(written), *map(safe_cell, others)])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cells(row: ContactCheck) -> tuple[object, ...]:
    answer = row.duplicate_of or row
    return (
        row.position,
        row.input,
        row.e164,
        answer.status.lower(),
        answer.wa_id,
        answer.reason,
        answer.detail,
        answer.strength.lower(),
        "true" if answer.cached_from_id else "false",
        answer.checked_at.astimezone(UTC).isoformat() if answer.checked_at else "",
    )
