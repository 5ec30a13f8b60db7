"""What `serve` answers in a bench: the project's addresses, a view that does nothing, and one ORM create a request."""

import hashlib
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from waadmin.urls import urlpatterns as ours
from webhooks.models import WebhookRequest


@csrf_exempt
def nothing(request: HttpRequest) -> HttpResponse:
    """Answer, and do nothing else."""
    return HttpResponse(status=200)


@csrf_exempt
def create(request: HttpRequest) -> HttpResponse:
    """Keep the body as anybody would: one row, through the ORM."""
    body, now = request.body, datetime.now(UTC)
    digest = hashlib.sha256(body).hexdigest()
    WebhookRequest.objects.create(kind="bench", body=body, digest=digest, received_at=now, due_at=now, processed_at=now)
    return HttpResponse(status=200)


urlpatterns = [path("bench/nothing/", nothing), path("bench/create/", create), *ours]
