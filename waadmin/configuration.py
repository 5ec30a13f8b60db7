"""Applying a configuration: businesses and provider accounts come to be what the file says. No network call.

A key that the file leaves out stays as it is; nothing is ever removed. One transaction: all of it or nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from audit import ledger
from providers import registry
from providers.errors import NotConfigured
from providers.models import AccountMeter, Business, BusinessName, ProviderAccount
from waadmin.configuration_file import Configuration, ConfigurationInvalid, WantedAccount, WantedBusiness

WORDS = CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
#: Where the numbers go, and to whom: a confirmation holds for exactly these.
_RECIPIENT = ("base_url", "recipient_legal_name", "recipient_country", "recipient_agreement", "recipient_official")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one table of the file: the row, what happened, and which of its fields changed."""

    table: str
    name: str
    change: str
    fields: tuple[str, ...]
    row: Business | ProviderAccount


@dataclass(frozen=True, slots=True)
class Applied:
    """What a configuration changed, and what a person should know about it."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def apply(*, configuration: Configuration, actor: str, now: datetime, dry_run: bool = False) -> Applied:
    """Make businesses and accounts be what the configuration says, and record each change in the ledger.

    With `dry_run` everything is tried and nothing kept.

    :raises ConfigurationInvalid: when a row would not be valid; nothing has been changed then.
    """
    warnings: list[str] = []
    with transaction.atomic():
        changes = [_apply_business(wanted) for wanted in configuration.businesses]
        changes += [_apply_account(wanted, actor, now, warnings) for wanted in configuration.accounts]
        _check_numbers(configuration)
        for change in changes:
            if change.change != UNCHANGED:
                _record_event(change, actor, now)
        if dry_run:
            transaction.set_rollback(True)
    if configuration.numbers:
        warnings.append(f"numbers are not kept yet by this version: skipped {len(configuration.numbers)}")
    return Applied(tuple(changes), tuple(warnings))


def _apply_business(wanted: WantedBusiness) -> Change:
    business = Business.objects.select_for_update().filter(name=wanted.name).first()
    created = business is None
    business = business or Business(name=wanted.name)
    fields = {} if wanted.opt_in_covers is None else {"opt_in_covers": wanted.opt_in_covers}
    changed = _set(business, fields)
    _validated(wanted.place, business)
    if created or changed:
        business.save()
    for name in wanted.names:
        known = BusinessName.objects.filter(business=business, name=name.name).first()
        row = known or BusinessName(business=business, name=name.name)
        if _set(row, {"from_date": name.from_date, "until_date": name.until_date}) or known is None:
            _validated(f"{wanted.place}, names", row)
            row.save()
            changed.append(f"names.{name.name}")
    return Change("business", business.name, _what(created, changed), tuple(changed), business)


def _apply_account(wanted: WantedAccount, actor: str, now: datetime, warnings: list[str]) -> Change:
    account = ProviderAccount.objects.select_for_update().filter(name=wanted.name).first()
    created = account is None
    business = _business_of(wanted)
    if account is None:
        account = ProviderAccount(name=wanted.name, kind=wanted.kind, business=business)
    elif account.kind != wanted.kind:
        raise ConfigurationInvalid(
            f"{wanted.place}, kind: this {account.kind} account stays one. Give a new account a new name."
        )
    elif account.business != business:
        raise ConfigurationInvalid(
            f"{wanted.place}, business: an account stays with its business. Give a new account a new name."
        )
    fields = dict(wanted.fields)
    if wanted.credentials is not None:
        fields["credentials"] = dict(wanted.credentials)
    changed = _set(account, fields)
    _confirm_recipient(account, wanted, changed, actor, now)
    _validated(wanted.place, account)
    if registry.can_check(account.kind):
        try:
            registry.contact_checker(account)
        except NotConfigured as error:
            raise ConfigurationInvalid(f"{wanted.place}: {error.message} {error.next_step}") from None
    if created or changed:
        account.save()
        meter, _created = AccountMeter.objects.get_or_create(account=account)
        if "credentials" in changed:
            # A session of the old credentials would outlive them.
            meter.session_token, meter.session_expires_at = {}, None
            meter.save(update_fields=["session_token", "session_expires_at"])
    warnings += _warnings(account, wanted)
    return Change("provider", account.name, _what(created, changed), tuple(changed), account)


def _business_of(wanted: WantedAccount) -> Business | None:
    if wanted.business is None:
        return None
    try:
        return Business.objects.get(name=wanted.business)
    except Business.DoesNotExist:
        raise ConfigurationInvalid(
            f"{wanted.place}, business: there is no business “{wanted.business}”. Add a [[business]] table for it."
        ) from None


def _confirm_recipient(
    account: ProviderAccount, wanted: WantedAccount, changed: list[str], actor: str, now: datetime
) -> None:
    """Count an unofficial recipient as confirmed where its agreement is named; forget what held for another one."""
    if set(changed) & set(_RECIPIENT):
        account.recipient_confirmed_at, account.recipient_confirmed_by = None, ""
    if account.may_receive or not wanted.fields.get("recipient_agreement"):
        return
    account.recipient_confirmed_at, account.recipient_confirmed_by = now, actor
    changed.append("recipient_confirmed_at")


def _warnings(account: ProviderAccount, wanted: WantedAccount) -> list[str]:
    found = []
    if account.rate_limit is None and "rate_limit" not in wanted.fields:
        found.append(f"{account.name}: no rate_limit (requests per second): unlimited")
    if account.check_budget is None and "check_budget" not in wanted.fields and registry.can_check(account.kind):
        found.append(
            f"{account.name}: no check_budget (numbers per rolling 24 hours): unlimited; the provider may ban you"
        )
    if not account.may_receive:
        found.append(
            f"{account.name}: off, because its recipient is neither official nor confirmed; "
            "name the agreement in recipient, or let an admin confirm it"
        )
    return found


def _check_numbers(configuration: Configuration) -> None:
    for number in configuration.numbers:
        if not ProviderAccount.objects.filter(name=number.provider).exists():
            raise ConfigurationInvalid(
                f"{number.place}, provider: there is no account “{number.provider}”. Add a [[provider]] table for it."
            )


def _set(row: Model, fields: dict[str, Any]) -> list[str]:
    changed = [name for name, value in fields.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, fields[name])
    return changed


def _validated(place: str, row: Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        key = "" if name == "__all__" else f", {name.replace('recipient_', 'recipient, ')}"
        raise ConfigurationInvalid(f"{place}{key}: {messages[0]}") from None


def _what(created: bool, changed: list[str]) -> str:
    return CREATED if created else UPDATED if changed else UNCHANGED


def _record_event(change: Change, actor: str, now: datetime) -> None:
    business_id = change.row.pk if isinstance(change.row, Business) else change.row.business_id
    ledger.record(
        action="business.configured" if isinstance(change.row, Business) else "account.configured",
        actor=actor,
        now=now,
        business_id=business_id,
        subject=f"{type(change.row).__name__}:{change.row.pk}",
        details={"name": change.name, "change": change.change, "fields": change.fields},
    )
