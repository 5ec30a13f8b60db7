"""What the ledger says of exports: what was asked for, what was made, who took it. No rows, no paths."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit import ledger
from audit.export.making import Made, Order


def asked(order: Order) -> dict[str, Any]:
    """Give what was asked for."""
    return {
        "format": str(order.format),
        "datasets": list(order.datasets),
        "since": order.scope.since,
        "until": order.scope.until,
        "filters": dict(order.scope.filters),
    }


def made(result: Made) -> dict[str, Any]:
    """Give what came of it: rows of each file, and what tells this export from any other."""
    return {
        "rows": {file.file: file.rows for file in result.files if file.columns},
        "files": len(result.files),
        "manifest_sha256": result.manifest_sha256,
        "head": result.head.sequence,
    }


def record(
    action: str, order: Order, *, actor: str, now: datetime, subject: str = "", details: Mapping[str, Any]
) -> None:
    """Append one event about an export, in the caller's transaction."""
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=order.scope.filters.get("business"),
        subject=subject,
        details=details,
    )


def record_removed(count: int, *, because: str, actor: str, now: datetime) -> None:
    """Append one event about kept exports that were removed, in the caller's transaction."""
    ledger.record(action="export.removed", actor=actor, now=now, details={"count": count, "because": because})
