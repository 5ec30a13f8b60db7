"""The temporary table that a file's events go through: filled with COPY on PostgreSQL, with executemany on SQLite."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

Value = str | int | bytes | None

#: Name and type of each column; a type is PostgreSQL's, and SQLite's where it must not turn text into a number.
_COLUMNS: Sequence[tuple[str, str, str]] = (
    ("opt_in_id", "bigint", "integer"),
    ("contact_id", "bigint", "integer"),
    ("pseudonym", "uuid", "text"),
    ("e164", "text", "text"),
    ("region", "text", "text"),
    ("person_key", "text", "text"),
    ("state", "text", "text"),
    ("purposes", "text", "text"),
    ("business_name_shown", "text", "text"),
    ("consent_text_id", "bigint", "integer"),
    ("source", "text", "text"),
    ("given_at", "timestamptz", "text"),
    ("expires_at", "timestamptz", "text"),
    ("evidence", "text", "text"),
    ("evidence_digest", "text", "text"),
    ("salt", "bytea", "blob"),
    ("fingerprint", "uuid", "text"),
    ("external_id", "text", "text"),
    # The state that this event alone makes.
    ("status", "text", "text"),
    ("grants", "text", "text"),
    ("withdrawals", "text", "text"),
    ("leads", "boolean", "integer"),  # the first event of its contact
    ("alone", "boolean", "integer"),  # the only event of its contact
    ("counted", "boolean", "integer"),  # stands for its line; a withdrawal's other variants do not
    ("consent_id", "bigint", "integer"),  # the state that the contact has already: looked up, not written
)
_WRITE = 128 * 1024
_NAMES = tuple(name for name, _postgresql, _sqlite in _COLUMNS[:-1])
_COPY_ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]").search


@dataclass(frozen=True, slots=True)
class Packed:
    """The rows of one chunk, ready to be written: bytes for COPY, or parameters for executemany."""

    copy: bytes | bytearray = b""
    parameters: Sequence[tuple[Value, ...]] = ()


@dataclass(frozen=True, slots=True)
class Writing:
    """How values are written into the rows: in COPY's text format, or as SQLite's parameters."""

    null: str | None
    yes: Value
    no: Value
    text: Callable[[str], str]
    #: From ISO 8601 in UTC.
    time: Callable[[str], str]
    blob: Callable[[bytes], Value]


def writing() -> Writing:
    """Give the way this connection's database takes values."""
    return _COPY if connection.vendor == "postgresql" else _PARAMETERS


def pack(rows: Iterable[tuple[Value, ...]]) -> Packed:
    """Put rows together that are written as `writing` says, in the order of the columns."""
    if connection.vendor == "postgresql":
        copy = bytearray()
        for row in rows:
            copy += (_LINE % row).encode()
        return Packed(copy=copy)
    return Packed(parameters=list(rows))


def reserve(table: str, count: int) -> list[int]:
    """Take `count` ids of `table` that nobody else will be given."""
    if count == 0:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT array_agg(nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass))) "
                "FROM generate_series(1, %s)",
                [table, count],
            )
            return list(cursor.fetchone()[0])
        with transaction.atomic():
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [count, table])
            if cursor.rowcount == 0:
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            last = int(cursor.fetchone()[0])
            return list(range(last - count + 1, last + 1))


def empty() -> None:
    """Make this connection's staging table, or empty it."""
    postgresql = connection.vendor == "postgresql"
    kinds = ", ".join(f"{name} {ours if postgresql else sqlite}" for name, ours, sqlite in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS import_staging ({kinds})")
        cursor.execute("TRUNCATE import_staging" if postgresql else "DELETE FROM import_staging")


def refill(packed: Packed) -> None:
    """Put the rows into this connection's staging table instead of those there."""
    empty()
    fill(packed)


def fill(packed: Packed) -> None:
    """Add the rows to this connection's staging table."""
    names = ", ".join(_NAMES)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY import_staging ({names}) FROM STDIN") as copy:
                for start in range(0, len(packed.copy), _WRITE):
                    copy.write(packed.copy[start : start + _WRITE])
        elif packed.parameters:
            marks = ", ".join(["%s"] * len(_NAMES))
            cursor.executemany(f"INSERT INTO import_staging ({names}) VALUES ({marks})", packed.parameters)


def time_for_sql(at: datetime) -> str | datetime:
    """Give a time as raw SQL on this database takes it."""
    return at if connection.vendor == "postgresql" else _sqlite_time(at.astimezone(UTC).isoformat())


def _sqlite_time(at: str) -> str:
    return at.removesuffix("+00:00").replace("T", " ")


def _copy_text(text: str) -> str:
    return text.translate(_COPY_ESCAPES) if _NEEDS_ESCAPE(text) else text


_LINE = "\t".join(["%s"] * len(_NAMES)) + "\n"
_COPY = Writing("\\N", "t", "f", _copy_text, str, lambda blob: "\\\\x" + blob.hex())
_PARAMETERS = Writing(None, 1, 0, str, _sqlite_time, bytes)
