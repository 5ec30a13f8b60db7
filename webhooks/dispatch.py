"""Thinking later: each stored webhook is processed from its raw bytes, as often as needed, with the same end."""

from datetime import datetime

from contacts.checking.marks import finish_if_done
from contacts.checking.results import record_callback
from contacts.models import CheckBatch
from providers.models import ProviderAccount
from webhooks import onprem
from webhooks.models import WebhookRequest


def process(*, request_id: int, now: datetime) -> bool:
    """Process one stored webhook; what cannot be read is kept with its reason. Tell whether it was read."""
    request = WebhookRequest.objects.get(pk=request_id)
    if request.body is None:
        return False
    try:
        account = ProviderAccount.objects.get(pk=request.account_id or 0)
        record_callback(account=account, results=onprem.read_results(request.body), now=now)
    except onprem.Unreadable as error:
        request.error = str(error)[:300]
        request.save(update_fields=["error"])
        return False
    for batch in CheckBatch.objects.filter(account=account, state=CheckBatch.State.RUNNING):
        finish_if_done(batch, now=now)
    request.processed_at, request.error = now, ""
    request.save(update_fields=["processed_at", "error"])
    return True
