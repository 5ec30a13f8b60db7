"""The chain, walked event by event in flat memory: the first fault, which kind it is, and at which number.

A walk takes rows as text, in the order of COLUMNS, so that nothing is made of them that is not hashed. `audit.verify`
is the same walk for exports, in one file of its own that auditors read; tests hold the two against each other.
docs/ledger.md describes both.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from django.db import OperationalError, connection

from audit.ledger import GENESIS, canonical_bytes
from audit.merkle import MerkleTree

#: What a row holds: text, whole numbers and None.
Row = tuple[Any, ...]

COLUMNS = (
    "sequence",
    "recorded_at",
    "action",
    "actor",
    "business_id",
    "subject",
    "pseudonym",
    "details",
    "rows_count",
    "rows_root",
    "previous_hash",
    "hash",
)
_PAGE = 2_000
#: So many faults of bulk rows are named; more would tell nobody more.
_NAMED = 20


class Kind(StrEnum):
    """What is wrong with a ledger."""

    MISSING = "missing"
    REPEATED = "repeated"
    UNREADABLE = "unreadable"
    EDITED = "edited"
    UNLINKED = "unlinked"
    CUT = "cut"
    REWRITTEN = "rewritten"
    ROWS = "rows"
    HEAD_ROW = "head_row"
    SIGNATURE = "signature"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, at the first event where it shows, if it is one event's."""

    kind: Kind
    sequence: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BulkEvent:
    """An event whose Merkle root stands for many rows."""

    sequence: int
    action: str
    subject: str
    details: Mapping[str, Any]
    rows_count: int


#: Gives the leaves of a bulk event from the rows as they are now, or None where rows may rightly be gone or changed.
Leaves = Callable[[BulkEvent], Iterable[bytes] | None]

_leaves: dict[str, Leaves] = {}


def register_leaves(action: str, leaves: Leaves) -> None:
    """Say how the rows behind the bulk events of `action` are read again, so that their roots can be compared."""
    _leaves[action] = leaves


@dataclass(slots=True)
class Walk:
    """How far along the chain a verification is, and what it found. `heads` are hashes known for some numbers."""

    heads: Mapping[int, Iterable[str]] = field(default_factory=dict)
    sequence: int = 0
    hash: str = GENESIS
    at: str = ""
    fault: Fault | None = None
    rows_faults: list[Fault] = field(default_factory=list)
    bulk_compared: int = 0
    bulk_not_compared: int = 0

    def along(self, rows: Iterable[Row], *, compare_rows: bool = False) -> None:
        """Walk on until the rows end or the first fault of the chain is found.

        `compare_rows` also reads the rows behind bulk events again; what differs there does not end the walk.
        """
        for row in rows:
            self.fault = self._fault_of(row)
            if self.fault:
                return
            self.sequence, self.hash, self.at = row[0], row[11], row[1]
            if compare_rows and row[9]:
                self._compare(row)

    def end(self) -> None:
        """Hold the end of the chain against the known heads beyond it."""
        beyond = [sequence for sequence in self.heads if sequence > self.sequence]
        if beyond and not self.fault:
            self.fault = Fault(Kind.CUT, self.sequence + 1, str(max(beyond)))
        elif any(known != GENESIS for known in self.heads.get(0, ())) and not self.fault:
            self.fault = Fault(Kind.REWRITTEN, 0)

    def _fault_of(self, row: Row) -> Fault | None:
        expected = self.sequence + 1
        try:
            written = canonical(row)
        except (TypeError, ValueError, RecursionError) as error:
            return Fault(Kind.UNREADABLE, expected, type(error).__name__)
        if row[0] != expected:
            missing = row[0] > expected
            return Fault(Kind.MISSING, expected, str(row[0])) if missing else Fault(Kind.REPEATED, row[0])
        if sha256(written).hexdigest() != row[11]:
            return Fault(Kind.EDITED, expected)
        if row[10] != self.hash:
            return Fault(Kind.UNLINKED, expected)
        if expected in self.heads and any(known != row[11] for known in self.heads[expected]):
            return Fault(Kind.REWRITTEN, expected)
        return None

    def _compare(self, row: Row) -> None:
        leaves = _leaves.get(row[2])
        event = BulkEvent(row[0], row[2], row[5], json.loads(row[7]), row[8])
        try:
            found = leaves(event) if leaves else None
            if found is None:
                self.bulk_not_compared += 1
                return
            tree = MerkleTree(found)
            holds = (tree.count, tree.root()) == (row[8], row[9])
        except (LookupError, TypeError, ValueError):
            holds = False  # an event that nobody of us wrote: it names its rows in a way of its own
        self.bulk_compared += 1
        if not holds and len(self.rows_faults) < _NAMED:
            self.rows_faults.append(Fault(Kind.ROWS, row[0], event.subject))


def canonical(row: Row) -> bytes:
    """Give the canonical bytes of an event from its row: those of `ledger.hash_event`, put together without a mapping.

    :raises TypeError: where a value is of a type that no event has.
    :raises ValueError: where the details are no JSON, or hold a number with a fraction.
    """
    sequence, at, action, actor, business, subject, pseudonym, details, count, root, previous, _hash = row
    if sequence is None:
        raise TypeError("no number")
    return (
        f'{{"action":{_text(action)},"actor":{_text(actor)},"business_id":{_whole(business)},'
        f'"details":{_details(details)},"previous_hash":{_text(previous)},'
        f'"pseudonym":{"null" if pseudonym is None else _text(pseudonym)},"recorded_at":{_text(at)},'
        f'"rows_count":{_whole(count)},"rows_root":{_text(root)},"sequence":{_whole(sequence)},'
        f'"subject":{_text(subject)},"version":1}}'
    ).encode()


def read(after: int = 0) -> Iterator[Row]:
    """Give the events of the database after a number, in order, a page at a time."""
    after = after or -1  # nobody wrote a number 0 but an intruder
    select, made = _SELECTS[connection.vendor]
    while True:
        page = _page(f"{select} WHERE sequence > %s ORDER BY sequence LIMIT {_PAGE}", after)
        yield from map(made, page) if made else page
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _page(statement: str, after: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [after])
        try:
            return list(cursor.fetchall())
        except OperationalError:
            if connection.vendor != "sqlite":
                raise
    # SQLite keeps bytes that are no UTF-8 in a text column: they must be found, and not end the walk with an error.
    connection.connection.text_factory = lambda written: written.decode("utf-8", "surrogateescape")
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, [after])
            return list(cursor.fetchall())
    finally:
        connection.connection.text_factory = str


_POSTGRESQL = {
    "recorded_at": """to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "pseudonym": "pseudonym::text",
    "details": "details::text",
}


def _from_sqlite(row: Row) -> Row:
    """Give a row of SQLite the times and ids of canonical bytes; a value that no event has stays as it is."""
    at, pseudonym = row[1], row[6]
    if isinstance(at, str) and at[10:11] == " ":
        at = f"{at[:10]}T{at[11:19]}.{at[20:]:0<6}Z"
    if isinstance(pseudonym, str) and len(pseudonym) == 32:
        pseudonym = "-".join((pseudonym[:8], pseudonym[8:12], pseudonym[12:16], pseudonym[16:20], pseudonym[20:]))
    return (row[0], at, *row[2:6], pseudonym, *row[7:])


_FROM = "FROM audit_auditevent"
_SELECTS: dict[str, tuple[str, Callable[[Row], Row] | None]] = {
    "postgresql": (f"SELECT {', '.join(_POSTGRESQL.get(column, column) for column in COLUMNS)} {_FROM}", None),
    # The sign keeps sqlite3 from making a datetime of it, which a forged text would stop.
    "sqlite": (f"SELECT {', '.join(COLUMNS)} {_FROM}".replace("recorded_at", "+recorded_at"), _from_sqlite),
}


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return str(encode_basestring(value if value.isascii() else unicodedata.normalize("NFC", value)))


def _whole(value: Any) -> str:
    if value is None:
        return "null"
    if type(value) is not int:
        raise TypeError("not a whole number")
    return str(value)


def _refuse(number: str) -> Any:
    raise ValueError(f"{number} is no whole number")


_read_json = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
_write_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def _details(text: Any) -> str:
    if text == "{}":
        return "{}"
    value = _read_json(text)
    written = _write_json(value)
    return written if written.isascii() else canonical_bytes(value).decode()
