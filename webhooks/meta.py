"""Meta's webhook: the GET handshake, and signed POSTs of what happened on all numbers of the app.

Follows the Cloud API document's webhooks. Any body that carries a valid signature is stored, however odd, and answered
with 200 only after its row is committed; Meta delivers again, for up to seven days, what was answered otherwise.
"""

import hmac
import logging
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from providers.secret import Secret
from webhooks import receive, signature
from webhooks.body import BodyTooLarge, read_body
from webhooks.models import WebhookRequest

logger = logging.getLogger(__name__)
_LONGEST_CHALLENGE = 1_000


@csrf_exempt
@require_http_methods(["GET", "POST"])
def view(request: HttpRequest) -> HttpResponse:
    """Answer the handshake or take a delivery: 401 without a valid signature, 413 beyond 4 MiB, 503 when not stored."""
    if request.method == "GET":
        return _handshake(request)
    try:
        body = read_body(request)
        if not signature.is_signed(body, request.META.get("HTTP_X_HUB_SIGNATURE_256", "")):
            return HttpResponse(status=401)
        receive.store(kind=WebhookRequest.Kind.META, account_id=None, body=body, now=datetime.now(UTC))
    except BodyTooLarge:
        return HttpResponse(status=413)
    except Exception as error:  # noqa: BLE001 - whatever kept it from being stored, only 200 would lose it
        # The class alone: an exception's text may hold the body.
        logger.error("A signed webhook could not be stored: %s", type(error).__name__)
        return HttpResponse(status=503)
    return HttpResponse(status=200)


def verify_token() -> Secret:
    """Give the token that Meta must repeat when the webhook is registered."""
    return Secret(settings.META_WEBHOOK_VERIFY_TOKEN)


def _handshake(request: HttpRequest) -> HttpResponse:
    token, given = verify_token(), request.GET.get("hub.verify_token", "")
    fits = hmac.compare_digest(token.reveal().encode(), given.encode("utf-8", "replace"))
    if request.GET.get("hub.mode") != "subscribe" or not token or not fits:
        return HttpResponse(status=403)
    return HttpResponse(request.GET.get("hub.challenge", "")[:_LONGEST_CHALLENGE], content_type="text/plain")
