"""Processing again: a person, or a command, gives stored webhooks another try. What had its effect has it once."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from audit import ledger
from webhooks import draining, processing
from webhooks.models import WebhookEvent, WebhookRequest


def process_again(*, request_id: int, actor: str, now: datetime) -> bool:
    """Process one request now, failed events included, and tell whether all of it was read."""
    read = processing.process(request_id=request_id, now=now, again=True)
    with transaction.atomic():
        ledger.record(
            action="webhook.processed_again",
            actor=actor,
            now=now,
            subject=f"WebhookRequest:{request_id}",
            details={"read": read},
        )
    return read


def queue_again(*, request_ids: Iterable[int], actor: str, now: datetime) -> int:
    """Let the worker process these requests again, failed events included; give how many there are."""
    with transaction.atomic():
        requests = WebhookRequest.objects.filter(pk__in=list(request_ids), body__isnull=False)
        found = list(requests.order_by("pk").values_list("pk", flat=True))
        WebhookEvent.objects.filter(request_id__in=found, outcome=WebhookEvent.Outcome.FAILED).update(
            outcome=WebhookEvent.Outcome.WAITING
        )
        requests.update(processed_at=None, error="", due_at=now, attempts=0)
        if found:
            ledger.record(
                action="webhook.queued_again",
                actor=actor,
                now=now,
                details={"requests": found[:1000], "all": len(found)},
            )
    if found:
        draining.wake(now=now)
    return len(found)
