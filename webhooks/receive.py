"""Receiving: an authenticated body is stored whole and queued in one transaction, and only then answered with 200."""

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django_q.tasks import async_task

from webhooks.models import WebhookRequest


def store(*, kind: str, account_id: int | None, body: bytes, now: datetime) -> WebhookRequest:
    """Keep the raw bytes and queue their processing; the same bytes again are processed again, not kept again.

    An On-Premises callback carries neither id nor time, so equal bytes may be news: processing is idempotent, and
    dropping them could leave a number being checked for ever.
    """
    digest = hashlib.sha256(f"{account_id}:".encode() + body).hexdigest()
    with transaction.atomic():
        request, created = WebhookRequest.objects.get_or_create(
            kind=kind,
            digest=digest,
            defaults={"account_id": account_id, "body": body, "received_at": now},
        )
        if not created:
            WebhookRequest.objects.filter(pk=request.pk).update(deliveries=F("deliveries") + 1, processed_at=None)
        async_task("webhooks.tasks.process", request.pk)
    return request
