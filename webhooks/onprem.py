"""The On-Premises node's webhook: its secret path authenticates it, because the node signs nothing.

Follows the contacts document. One address takes all that a node tells: answers about numbers, messages, reports.
"""

import logging
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from providers.models import ProviderAccount
from webhooks import receive
from webhooks.body import BodyTooLarge, read_body
from webhooks.models import WebhookRequest

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def view(request: HttpRequest, account_uuid: UUID, token: str) -> HttpResponse:
    """Take a callback of one account's node: 404 for a wrong path, 413 beyond 4 MiB, 503 when it cannot be stored."""
    try:
        account = ProviderAccount.objects.filter(uuid=account_uuid, kind=ProviderAccount.Kind.ONPREM).first()
        secret = account.webhook_token.get("token") if account else None
        if account is None or not secret or not constant_time_compare(secret.reveal(), token):
            return HttpResponse(status=404)
        body = read_body(request)
        receive.store(kind=WebhookRequest.Kind.ONPREM, account_id=account.pk, body=body, now=datetime.now(UTC))
    except BodyTooLarge:
        return HttpResponse(status=413)
    except Exception as error:  # noqa: BLE001 - the node delivers again whatever was not answered with 200
        # The class alone: an exception's text may hold the body.
        logger.error("A node's webhook could not be stored: %s", type(error).__name__)
        return HttpResponse(status=503)
    return HttpResponse(status=200)
