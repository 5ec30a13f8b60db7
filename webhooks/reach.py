"""Whose webhooks are whose: a node's are those of its business; one of Meta's may speak of several."""

from django.db.models import Q

from audit import reach
from providers.models import ProviderAccount
from webhooks.models import WebhookEvent, WebhookRequest


def register_all() -> None:
    """Say which rows of this app belong to some businesses: what came for an account that serves one."""
    reach.register(WebhookRequest, lambda ids: Q(account_id__in=_accounts(ids)))
    reach.register(WebhookEvent, lambda ids: Q(request__account_id__in=_accounts(ids)))


def _accounts(ids: frozenset[int]) -> object:
    return ProviderAccount.objects.filter(business__in=ids).values("pk")
