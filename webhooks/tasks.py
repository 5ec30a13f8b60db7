"""Background tasks of the front door. Each may run twice, late or never without harm: the rows say what is due."""

from datetime import UTC, datetime, timedelta

from audit.retention import let_go
from webhooks import draining, processing
from webhooks.models import KEEP_BODIES, WebhookRequest

#: A task lets go after so long and queues its successor: the queue's timeout never cuts an event in two.
SLICE = timedelta(seconds=45)


def process(request_id: int) -> bool:
    """Process one stored webhook."""
    return processing.process(request_id=request_id, now=datetime.now(UTC))


def drain(slot: int = 0) -> int:
    """Read stored webhooks until none is left; give how many were read."""
    return draining.drain(slot=slot, until=datetime.now(UTC) + SLICE)


def sweep() -> bool:
    """Remove the bodies that retention no longer allows; tell whether a drain was queued for what is due."""
    now = datetime.now(UTC)
    old = WebhookRequest.objects.filter(received_at__lt=now - KEEP_BODIES, body__isnull=False)
    let_go(old, action="webhook.bodies_removed", now=now, change={"body": None})
    return WebhookRequest.objects.due(now).exists() and draining.wake(now=now)
