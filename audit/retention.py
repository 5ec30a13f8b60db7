"""Retention: what is older than it may be goes batch by batch, each with its own mark in the ledger.

Each app says what it keeps and for how long; this module knows that of the call log only.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from audit import ledger
from audit.models import ProviderCall

#: Thirteen months, so that a year can be compared with the one before.
KEEP_CALLS = timedelta(days=396)
_AT_ONCE = 5_000
_ACTOR = "waadmin"


def let_go(
    rows: QuerySet[Any], *, action: str, now: datetime, change: Mapping[str, Any] | None = None, at_once: int = _AT_ONCE
) -> int:
    """Remove the rows, or empty what `change` names of them, and give how many; may be cut short between two batches.

    Rows are those whose time is over. Each batch is one transaction with one mark of how many there were.
    """
    gone = 0
    while True:
        with transaction.atomic():
            # In no order: whichever index knows what is over gives it.
            pks = list(rows.order_by().values_list("pk", flat=True)[:at_once])
            some = rows.model._default_manager.filter(pk__in=pks)
            count = some.update(**change) if change is not None else some.delete()[0]
            if not pks or not count:
                return gone
            ledger.record(action=action, actor=_ACTOR, now=now, details={"count": count})
        gone += count


def forget_calls(*, now: datetime) -> int:
    """Remove provider calls that are older than thirteen months, and give how many there were."""
    old = ProviderCall.objects.filter(started_at__lt=now - KEEP_CALLS)
    return let_go(old, action="provider_calls.removed", now=now)
