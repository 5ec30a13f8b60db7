"""Stored webhooks that name an erased person: their bodies go, once everything else in them has been read."""

from datetime import datetime

from django.db.models import Q

from contacts.erasure.finishing import Looked
from contacts.erasure.traces import Traces
from webhooks.models import WebhookRequest

_AT_ONCE = 200


def forget_bodies(traces: Traces, now: datetime) -> Looked:
    """Remove the bodies that name somebody; one that is not read to its end yet is waited for, until retention."""
    kept = WebhookRequest.objects.filter(body__isnull=False).order_by("pk")
    removed, last, waiting = 0, 0, set[str]()
    while rows := list(kept.filter(pk__gt=last).values_list("pk", "body", "processed_at", "error")[:_AT_ONCE]):
        last = rows[-1][0]
        read = []
        for pk, body, processed_at, error in rows:
            named = traces.in_message(bytes(body or b""))
            if named and processed_at is not None and not error:
                read.append(pk)
            else:
                waiting |= named
        if read:
            still_read = Q(pk__in=read, processed_at__isnull=False, error="")
            removed += WebhookRequest.objects.filter(still_read).update(body=None)
    return Looked(removed, frozenset(waiting))
