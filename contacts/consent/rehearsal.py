"""Trying a file out: what an import would do, line by line, without writing anything but a temporary table.

Nothing is locked, whatever the file's size, so that no withdrawal waits for a rehearsal.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO

from django.db import connection, transaction

from contacts.consent import staging
from contacts.consent.chunk import Chunk
from contacts.consent.columns import require
from contacts.consent.csv_file import BadLine, CsvFile
from contacts.consent.importing import Imported, Listener
from contacts.consent.rows import RowReader
from contacts.consent.settling import DELETE_RECORDED, FIND_CONSENTS, FIND_CONTACTS, HOLD_BACK, count
from contacts.consent.staged_people import hold_back_the_suppressed
from providers.e164 import Reading
from providers.models import Business, Purpose

_DELETE_REPEATED = """
    DELETE FROM import_staging WHERE opt_in_id > (
        SELECT min(s.opt_in_id) FROM import_staging s WHERE s.fingerprint = import_staging.fingerprint
    )
"""
_OVERLAP = " OR ".join(
    f"(',' || import_staging.purposes || ',' LIKE '%%,{purpose},%%' "
    f"AND ',' || w.purposes || ',' LIKE '%%,{purpose},%%')"
    for purpose in Purpose.values
)
#: The file's own withdrawals, which an import would have applied before its grants.
_HOLD_BACK_BY_FILE = f"""
    UPDATE import_staging SET state = 'HELD' WHERE state = 'GRANTED' AND (
        SELECT min(w.opt_in_id) FROM import_staging w
        WHERE w.e164 = import_staging.e164 AND w.state = 'WITHDRAWN' AND ({_OVERLAP})
    ) IS NOT NULL
"""


def rehearse(
    *,
    file: BinaryIO,
    business: Business,
    reading: Reading = Reading.E164,
    region: str | None = None,
    name_shown: str = "",
    time_zone: str = "",
    named: Mapping[str, str] | None = None,
    columns: str | None = None,
    listener: Listener | None = None,
) -> Imported:
    """Say what importing the file would do now; every bad line is reported as an import would report it.

    :raises UnusableHeader: when the first line does not name the columns.
    """
    csv_file = CsvFile(file, named=named, columns=columns)
    require(csv_file.places, csv_file.header, name_shown=name_shown)
    listener = listener or Listener()
    listener.begin(csv_file.header)
    reader = RowReader(
        business=business,
        places=csv_file.places,
        reading=reading,
        region=region,
        name_shown=name_shown,
        time_zone=time_zone,
    )
    with _one_connection():
        staging.empty()
        result = _stage_all(csv_file, reader, listener, business)
        _tally(result, business)
    result.without_plus = reader.without_plus
    return result


def _one_connection() -> AbstractContextManager[None]:
    """Keep the temporary table in reach: PgBouncer's transaction pooling gives each transaction another connection.

    SQLite has one connection, and would keep everybody from writing until a transaction's end.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else nullcontext()


def _stage_all(csv_file: CsvFile, reader: RowReader, listener: Listener, business: Business) -> Imported:
    result, chunk, staged = Imported(), Chunk(business.pk), 0
    for row in csv_file.rows():
        event = row if isinstance(row, BadLine) else reader.read(row)
        if isinstance(event, BadLine):
            listener.bad_line(event)
            result.refused += 1
            continue
        chunk.add(event)
        if chunk.full:
            result.unchanged += chunk.repeated
            staged = _stage(chunk, staged)
            chunk = Chunk(business.pk)
    result.unchanged += chunk.repeated
    _stage(chunk, staged)
    return result


def _stage(chunk: Chunk, staged: int) -> int:
    """Stage the chunk under ids that only tell its rows from those of other chunks, and people that nobody has."""
    after = staged + len(chunk)
    ids = range(staged + 1, after + 1)
    staging.fill(chunk.packed(ids, [-each for each in ids]))
    return after


def _tally(result: Imported, business: Business) -> None:
    lines = count("counted")
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX IF NOT EXISTS import_staging_fingerprint ON import_staging (fingerprint)")
        cursor.execute("CREATE INDEX IF NOT EXISTS import_staging_e164 ON import_staging (e164)")
        cursor.execute(_DELETE_REPEATED)
        cursor.execute(FIND_CONTACTS)
        cursor.execute(FIND_CONSENTS, [business.pk])
        cursor.execute(DELETE_RECORDED, [True])
        cursor.execute(HOLD_BACK, [])
        hold_back_the_suppressed(business.pk)
        cursor.execute(_HOLD_BACK_BY_FILE, [])
        result.granted = count("counted AND state = 'GRANTED'")
        result.further = count("counted AND state = 'GRANTED' AND consent_id IS NOT NULL")
        result.withdrawn = count("counted AND state = 'WITHDRAWN'")
        result.held = count("counted AND state = 'HELD'")
        cursor.execute("DROP TABLE import_staging")
    result.unchanged += lines - result.granted - result.withdrawn - result.held
