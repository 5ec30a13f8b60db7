"""The ledger: each operation appends one hash-chained event in its own transaction.

Canonical bytes, version 1: UTF-8 JSON, keys sorted, no spaces, text in NFC, times in UTC with microseconds, explicit
nulls. The hash is SHA-256 over the canonical bytes, which hold the previous hash. The chain holds no personal data.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from audit import prepared
from audit.merkle import MerkleTree
from audit.models import AuditEvent, LedgerHead

GENESIS = "0" * 64


class NotInTransaction(RuntimeError):
    """An event was recorded outside the transaction of its operation."""


def record(
    *,
    action: str,
    actor: str,
    now: datetime,
    business_id: int | None = None,
    subject: str = "",
    pseudonym: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    rows: MerkleTree | None = None,
) -> AuditEvent:
    """Append one event to the chain, in the caller's transaction and as the last thing it locks.

    The head is locked here and nowhere else: an operation locks its own rows first, so that two operations never
    wait for each other in a circle.

    :raises NotInTransaction: when no transaction is open.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"{action} must be recorded in the transaction of its operation")
    sequence, previous_hash = _lock_head()
    event = AuditEvent(
        sequence=sequence + 1,
        recorded_at=now,
        action=action,
        actor=actor,
        business_id=business_id,
        subject=subject,
        pseudonym=pseudonym,
        details=_plain(dict(details or {})),
        rows_count=rows.count if rows is not None else None,
        rows_root=rows.root() if rows is not None else "",
        previous_hash=previous_hash,
    )
    event.hash = hash_event(event)
    event.pk = _append(event)
    event._state.adding, event._state.db = False, connection.alias
    return event


# An event costs two statements, and not the four that models would make of it: every operation waits for the head.
# Lock and insertion are not one statement: what it sees is settled before the lock is there.
_FIELDS = [field for field in AuditEvent._meta.concrete_fields if not field.primary_key]
_HEAD = LedgerHead._meta.db_table
_LOCK = f"SELECT sequence, hash FROM {_HEAD} WHERE id = 1"
_INSERT = (
    f"INSERT INTO {AuditEvent._meta.db_table} ({', '.join(str(field.column) for field in _FIELDS)}) "
    f"VALUES ({', '.join(['%s'] * len(_FIELDS))}) RETURNING id"
)
_MOVE = f"UPDATE {_HEAD} SET sequence = %s, hash = %s"


def _lock_head() -> tuple[int, str]:
    """Lock the one row that every event waits for, and read it."""
    lock = f"{_LOCK} FOR UPDATE" if connection.features.has_select_for_update else _LOCK
    found = prepared.fetch(connection, lock)
    if not found:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_HEAD} (id, sequence, hash) VALUES (1, 0, %s) ON CONFLICT (id) DO NOTHING", [GENESIS]
            )
        found = prepared.fetch(connection, lock)
    sequence, digest = found[0]
    return int(sequence), str(digest)


def _append(event: AuditEvent) -> int:
    """Insert the event, move the head to it, and give its id."""
    values = [field.get_db_prep_save(getattr(event, field.attname), connection) for field in _FIELDS]
    if connection.vendor == "postgresql":
        # Numbers as text: a plan is kept for each combination of parameter types.
        texts = [str(value) if isinstance(value, int) else value for value in (*values, event.sequence, event.hash)]
        move = f"WITH added AS ({_INSERT}) {_MOVE} FROM added WHERE {_HEAD}.id = 1 RETURNING added.id"
        return int(prepared.fetch(connection, move, texts)[0][0])
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        pk = int(cursor.fetchone()[0])
        cursor.execute(f"{_MOVE} WHERE id = 1", [event.sequence, event.hash])
    return pk


def hash_event(event: AuditEvent) -> str:
    """Give the SHA-256 of the event's canonical bytes as lower-case hex."""
    return hashlib.sha256(canonical_bytes(values_of(event))).hexdigest()


def values_of(event: AuditEvent) -> dict[str, Any]:
    """Give what the hash of an event covers."""
    return {
        "version": 1,
        "sequence": event.sequence,
        "recorded_at": event.recorded_at,
        "action": event.action,
        "actor": event.actor,
        "business_id": event.business_id,
        "subject": event.subject,
        "pseudonym": event.pseudonym,
        "details": event.details,
        "rows_count": event.rows_count,
        "rows_root": event.rows_root,
        "previous_hash": event.previous_hash,
    }


def canonical_bytes(values: Mapping[str, Any]) -> bytes:
    """Write `values` as the one sequence of bytes that means them."""
    return json.dumps(_plain(values), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def canonical_time(at: datetime) -> str:
    """Write a time as the ledger does: in UTC, with microseconds.

    :raises TypeError: when it has no time zone.
    """
    if at.tzinfo is None:
        raise TypeError("a time without a zone has no canonical form in the ledger")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case str():
            return unicodedata.normalize("NFC", value)
        case datetime():
            return canonical_time(value)
        case UUID():
            return str(value)
        case Mapping():
            return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            # Floats above all: two databases would write them differently.
            raise TypeError(f"{type(value).__name__} has no canonical form in the ledger")
