"""Journeys of a provider account: save, replace credentials, pause, resume, confirm its recipient, test the connection.

Each writes its ledger event in its own transaction. The event names what changed and never holds a secret's value.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit import ledger
from providers.errors import ProviderError
from providers.interfaces import ProbeStep
from providers.models import AccountMeter, ProviderAccount
from providers.registry import NEEDS, probe
from providers.secret import Secret

#: Where the numbers go, and to whom: a confirmation holds for exactly these.
_RECIPIENT = frozenset(
    {"base_url", "recipient_legal_name", "recipient_country", "recipient_agreement", "recipient_official"}
)


class AccountRefused(ValueError):
    """The account cannot be changed so; the message names the rule and the next step."""


def save(*, account: ProviderAccount, changed_fields: Sequence[str], actor: str, now: datetime) -> None:
    """Save a new or changed account; a confirmation lapses where the numbers would now go to somebody else."""
    created = account.pk is None
    if _RECIPIENT & set(changed_fields):
        account.recipient_confirmed_at, account.recipient_confirmed_by = None, ""
    with transaction.atomic():
        account.save()
        AccountMeter.objects.get_or_create(account=account)
        action = "account.added" if created else "account.changed"
        _record(action, account, actor, now, kind=account.kind, fields=sorted(changed_fields))


def replace_credentials(
    *, account: ProviderAccount, credentials: Mapping[str, Secret], actor: str, now: datetime
) -> None:
    """Put new credentials in the place of the old ones; what is not given stays as it is.

    :raises AccountRefused: when none is given, or one that this kind of account does not take.
    """
    if not credentials:
        raise AccountRefused(_("Enter at least one credential to replace."))
    unknown = sorted(set(credentials) - NEEDS[account.kind].credentials)
    if unknown:
        raise AccountRefused(_("This kind of account takes no credential “%(name)s”.") % {"name": unknown[0]})
    with transaction.atomic():
        locked = ProviderAccount.objects.select_for_update().get(pk=account.pk)
        locked.credentials = {**locked.credentials, **credentials}
        locked.save(update_fields=["credentials"])
        meter, _created = AccountMeter.objects.get_or_create(account=account)
        # A session of the old credentials would outlive them.
        meter.session_token, meter.session_expires_at = {}, None
        meter.save(update_fields=["session_token", "session_expires_at"])
        _record("account.credentials_replaced", account, actor, now, names=sorted(credentials))
    account.credentials = locked.credentials


def confirm_recipient(*, account: ProviderAccount, actor: str, now: datetime) -> None:
    """Record that a person takes responsibility for numbers going to an unofficial recipient.

    :raises AccountRefused: when there is nothing to confirm, or nobody is named.
    """
    if account.may_receive:
        raise AccountRefused(_("This recipient needs no confirmation any more."))
    if not account.recipient_legal_name or not account.recipient_country:
        raise AccountRefused(_("Name the recipient and its country first: a confirmation is for somebody."))
    with transaction.atomic():
        account.recipient_confirmed_at, account.recipient_confirmed_by = now, actor
        account.save(update_fields=["recipient_confirmed_at", "recipient_confirmed_by"])
        _record(
            "account.recipient_confirmed",
            account,
            actor,
            now,
            legal_name=account.recipient_legal_name,
            country=account.recipient_country,
            agreement=account.recipient_agreement,
        )


def new_webhook_token(*, account: ProviderAccount, actor: str, now: datetime) -> Secret:
    """Make the secret part of the account's webhook address anew; the old address stops working at once."""
    token = Secret(secrets.token_urlsafe(24))
    with transaction.atomic():
        account.webhook_token = {"token": token}
        account.save(update_fields=["webhook_token"])
        _record("account.webhook_token_made", account, actor, now)
    return token


def test_connection(*, account: ProviderAccount, actor: str, now: datetime) -> tuple[ProbeStep, ...]:
    """Try the way to the provider step by step, without looking a person up; the last step is the one that failed."""
    steps: tuple[ProbeStep, ...] = ()
    try:
        steps = probe(account)
    except ProviderError as error:
        words = " ".join(filter(None, (error.message, str(error.next_step))))
        steps = (ProbeStep(_("Settings"), False, words),)
    failed = [step.name for step in steps if not step.ok]
    with transaction.atomic():
        _record("account.tested", account, actor, now, ok=not failed, failed=failed)
    return steps


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


def _record(action: str, account: ProviderAccount, actor: str, now: datetime, **details: object) -> None:
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=account.business_id,
        subject=f"ProviderAccount:{account.pk}",
        details=details,
    )
