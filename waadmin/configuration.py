"""Applying a configuration: businesses, accounts and numbers come to be what the file says. No network call.

A key that the file leaves out stays as it is; nothing is ever removed. One transaction: all of it or nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from audit import ledger
from numbers.models import BusinessAccount, BusinessNumber
from providers import registry
from providers.errors import NotConfigured
from providers.models import AccountMeter, Business, BusinessName, ProviderAccount
from waadmin.configuration_file import Configuration, ConfigurationInvalid, WantedAccount, WantedBusiness, WantedNumber

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
    row: Business | ProviderAccount | BusinessNumber


@dataclass(frozen=True, slots=True)
class Applied:
    """What a configuration changed, and what a person should know about it."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def apply(*, configuration: Configuration, actor: str, now: datetime, dry_run: bool = False) -> Applied:
    """Make businesses, accounts and numbers be what the configuration says, and record each change in the ledger.

    With `dry_run` everything is tried and nothing kept.

    :raises ConfigurationInvalid: when a row would not be valid; nothing has been changed then.
    """
    warnings: list[str] = []
    with transaction.atomic():
        changes = [_apply_business(wanted) for wanted in configuration.businesses]
        changes += [_apply_account(wanted, actor, now, warnings) for wanted in configuration.accounts]
        changes += [_apply_number(wanted, actor, now) for wanted in configuration.numbers]
        for change in changes:
            if change.change != UNCHANGED:
                _record_event(change, actor, now)
        if dry_run:
            transaction.set_rollback(True)
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
    if created and not fields.get("base_url"):
        fields["base_url"] = registry.default_base_url(account.kind, fields.get("options", {}))
    if wanted.credentials is not None:
        fields["credentials"] = dict(wanted.credentials)
    changed = _set(account, fields)
    _confirm_recipient(account, wanted, changed, actor, now)
    _validated(wanted.place, account)
    try:
        registry.check_settings(account)
    except NotConfigured as error:
        raise ConfigurationInvalid(f"{wanted.place}: {error.message} {error.next_step}") from None
    if created or changed:
        account.save()
        meter, _created = AccountMeter.objects.get_or_create(account=account)
        if "credentials" in changed:
            # A session of the old credentials would outlive them.
            meter.session_token, meter.session_expires_at = {}, None
            meter.save(update_fields=["session_token", "session_expires_at"])
    warnings += _warnings(account, wanted, now.date())
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


def _warnings(account: ProviderAccount, wanted: WantedAccount, today: date) -> list[str]:
    found = []
    if account.rate_limit is None and "rate_limit" not in wanted.fields:
        found.append(f"{account.name}: no rate_limit (requests per second): unlimited")
    if account.check_budget is None and "check_budget" not in wanted.fields and registry.can_check(account.kind):
        found.append(
            f"{account.name}: no check_budget (numbers per rolling 24 hours): unlimited; the provider may ban you"
        )
    if ending := registry.warning(account, today=today):
        found.append(f"{account.name}: {ending}")
    if not account.may_receive:
        found.append(
            f"{account.name}: off, because its recipient is neither official nor confirmed; "
            "name the agreement in recipient, or let an admin confirm it"
        )
    return found


def _apply_number(wanted: WantedNumber, actor: str, now: datetime) -> Change:
    business_account = _business_account_of(wanted, actor, now)
    rows = BusinessNumber.objects.select_for_update().filter(business_account=business_account)
    number = (
        rows.filter(phone_number_id=wanted.phone_number_id).first()
        or rows.filter(e164=wanted.e164, phone_number_id="").first()
    )
    created = number is None
    number = number or BusinessNumber(business_account=business_account)
    changed = _set(number, {"phone_number_id": wanted.phone_number_id, "e164": wanted.e164})
    _validated(wanted.place, number)
    if created or changed:
        number.save()
    return Change("number", number.e164, _what(created, changed), tuple(changed), number)


def _business_account_of(wanted: WantedNumber, actor: str, now: datetime) -> BusinessAccount:
    account = ProviderAccount.objects.filter(name=wanted.provider).first()
    if account is None:
        raise ConfigurationInvalid(
            f"{wanted.place}, provider: there is no account “{wanted.provider}”. Add a [[provider]] table for it."
        )
    if not registry.verifies_numbers(account.kind):
        raise ConfigurationInvalid(
            f"{wanted.place}, provider: a {account.kind} account has no numbers. Name a cloud_api or kaleyra account."
        )
    business = _business_of_number(wanted, account)
    known = BusinessAccount.objects.select_for_update().filter(account=account, waba_id=wanted.waba_id).first()
    if known is not None:
        if business is not None and known.business != business:
            raise ConfigurationInvalid(
                f"{wanted.place}, business: the WABA {wanted.waba_id} belongs to “{known.business}” and stays there."
            )
        return known
    if business is None:
        raise ConfigurationInvalid(
            f"{wanted.place}, business: is missing, and {account.name} may serve several. Add business = “…”."
        )
    made = BusinessAccount.objects.create(account=account, waba_id=wanted.waba_id, business=business)
    ledger.record(
        action="waba.configured",
        actor=actor,
        now=now,
        business_id=business.pk,
        subject=f"BusinessAccount:{made.pk}",
        details={"waba_id": made.waba_id, "account": account.pk},
    )
    return made


def _business_of_number(wanted: WantedNumber, account: ProviderAccount) -> Business | None:
    if wanted.business is None:
        return account.business
    business = Business.objects.filter(name=wanted.business).first()
    if business is None:
        raise ConfigurationInvalid(
            f"{wanted.place}, business: there is no business “{wanted.business}”. Add a [[business]] table for it."
        )
    if account.business is not None and account.business != business:
        raise ConfigurationInvalid(
            f"{wanted.place}, business: the account {account.name} serves “{account.business}” only."
        )
    return business


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
    row = change.row
    business_id: int | None
    if isinstance(row, Business):
        action, business_id = "business.configured", row.pk
    elif isinstance(row, BusinessNumber):
        action, business_id = "number.configured", row.business_account.business_id
    else:
        action, business_id = "account.configured", row.business_id
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=business_id,
        subject=f"{type(row).__name__}:{row.pk}",
        details={"name": change.name, "change": change.change, "fields": change.fields},
    )
