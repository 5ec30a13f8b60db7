"""The On-Premises node's webhook: its secret path authenticates it, because the node signs nothing.

Follows the contacts document: a callback has the form of the synchronous answer and holds only the pending contacts.
An inbound message has `contacts` too, with a profile and no status, and is not mistaken for one.
"""

import json
from datetime import UTC, datetime
from uuid import UUID

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from providers.interfaces import ContactStatus, NumberResult
from providers.models import ProviderAccount
from providers.onprem import read_contacts
from webhooks import receive

LARGEST_BODY = 4 * 1024 * 1024
_FINAL = {ContactStatus.VALID, ContactStatus.INVALID, ContactStatus.FAILED}


class Unreadable(ValueError):
    """The body is not what a node sends; it is kept with this reason."""


@csrf_exempt
@require_POST
def view(request: HttpRequest, account_uuid: UUID, token: str) -> HttpResponse:
    """Take a callback of one account's node: 404 for a wrong path, 413 beyond 4 MiB, 503 when it cannot be stored."""
    try:
        account = ProviderAccount.objects.filter(uuid=account_uuid, kind=ProviderAccount.Kind.ONPREM).first()
        secret = account.webhook_token.get("token") if account else None
        if account is None or not secret or not constant_time_compare(secret.reveal(), token):
            return HttpResponse(status=404)
        body = request.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            return HttpResponse(status=413)
        receive.store(kind="onprem", account_id=account.pk, body=body, now=datetime.now(UTC))
    except (DatabaseError, OSError):
        # The node delivers again what was not answered with 200.
        return HttpResponse(status=503)
    return HttpResponse(status=200)


def read_results(body: bytes) -> tuple[NumberResult, ...]:
    """Read the answers about numbers in a callback; entries that are not answers are left out.

    :raises Unreadable: when the body is not a JSON object.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Unreadable("The body is not a JSON object.")
    # An inbound message has `contacts` too, without a status: that is no answer about a number.
    return tuple(one for one in read_contacts(document.get("contacts")) if one.status in _FINAL)
