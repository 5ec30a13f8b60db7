"""Journeys of a provider account: pause, resume. Each writes its ledger event in its own transaction."""

from datetime import datetime

from django.db import transaction

from audit import ledger
from providers.models import ProviderAccount


def pause(*, account: ProviderAccount, reason: str, actor: str, now: datetime) -> bool:
    """Stop every call of the account until a person resumes it; tell whether it was running."""
    with transaction.atomic():
        paused = ProviderAccount.objects.filter(pk=account.pk, paused_at=None).update(
            paused_at=now, paused_reason=reason[:300]
        )
        if paused:
            _record("account.paused", account, actor, now, reason=reason[:300])
    account.refresh_from_db(fields=["paused_at", "paused_reason"])
    return bool(paused)


def resume(*, account: ProviderAccount, actor: str, now: datetime) -> bool:
    """Let the account be used again; tell whether it was paused."""
    with transaction.atomic():
        resumed = ProviderAccount.objects.filter(pk=account.pk, paused_at__isnull=False).update(
            paused_at=None, paused_reason=""
        )
        if resumed:
            _record("account.resumed", account, actor, now)
    account.refresh_from_db(fields=["paused_at", "paused_reason"])
    return bool(resumed)


def _record(action: str, account: ProviderAccount, actor: str, now: datetime, **details: str) -> None:
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=account.business_id,
        subject=f"ProviderAccount:{account.pk}",
        details=details,
    )
