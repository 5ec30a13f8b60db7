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
    head, _ = LedgerHead.objects.select_for_update().get_or_create(pk=1, defaults={"hash": GENESIS})
    event = AuditEvent(
        sequence=head.sequence + 1,
        recorded_at=now,
        action=action,
        actor=actor,
        business_id=business_id,
        subject=subject,
        pseudonym=pseudonym,
        details=_plain(dict(details or {})),
        rows_count=rows.count if rows is not None else None,
        rows_root=rows.root() if rows is not None else "",
        previous_hash=head.hash,
    )
    event.hash = hash_event(event)
    event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save(update_fields=["sequence", "hash"])
    return event


def hash_event(event: AuditEvent) -> str:
    """Give the SHA-256 of the event's canonical bytes as lower-case hex."""
    return hashlib.sha256(
        canonical_bytes(
            {
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
        )
    ).hexdigest()


def canonical_bytes(values: Mapping[str, Any]) -> bytes:
    """Write `values` as the one sequence of bytes that means them."""
    return json.dumps(_plain(values), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case str():
            return unicodedata.normalize("NFC", value)
        case datetime():
            if value.tzinfo is None:
                raise TypeError("a time without a zone has no canonical form in the ledger")
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case UUID():
            return str(value)
        case Mapping():
            return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            # Floats above all: two databases would write them differently.
            raise TypeError(f"{type(value).__name__} has no canonical form in the ledger")
