"""Background tasks of the front door. Each takes a primary key and may run twice, late or never without harm."""

from datetime import UTC, datetime, timedelta

from webhooks import dispatch
from webhooks.models import WebhookRequest

KEEP_BODIES = timedelta(days=30)


def process(request_id: int) -> bool:
    """Process one stored webhook."""
    return dispatch.process(request_id=request_id, now=datetime.now(UTC))


def sweep() -> int:
    """Process what was stored and never read, and remove the bodies that retention no longer allows."""
    now = datetime.now(UTC)
    WebhookRequest.objects.filter(received_at__lt=now - KEEP_BODIES, body__isnull=False).update(body=None)
    unread = WebhookRequest.objects.filter(processed_at=None, error="", received_at__lt=now - timedelta(minutes=1))
    pks = list(unread.values_list("pk", flat=True)[:500])
    return sum(dispatch.process(request_id=pk, now=now) for pk in pks)
