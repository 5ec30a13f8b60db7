"""Rate limit, check budget and postponement of an account, shared by all processes through the database.

The rate limit hands out instants: a call waits for its own outside any transaction. The budget counts numbers asked in
a rolling day, minute by minute; a minute counts until all of it is older than a day, so it is never overdrawn.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum

from providers.models import AccountMeter, BudgetUse, ProviderAccount

DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reservation:
    """How many numbers may be asked now, and when more may be where not all could."""

    granted: int
    free_at: datetime | None


def meter_of(account: ProviderAccount) -> AccountMeter | None:
    """Give the account's meter as it was read with the account; None before its first use."""
    try:
        return account.meter
    except AccountMeter.DoesNotExist:
        return None


def take_slot(account: ProviderAccount, *, now: datetime, longest_wait: timedelta) -> datetime:
    """Give the instant at which the account's next call may leave, and keep it for the caller.

    Where that lies more than `longest_wait` ahead nothing is kept, and the caller comes back at about that time.
    Without a rate limit, and not postponed, it is `now`.
    """
    if account.rate_limit is None:
        meter = meter_of(account)
        return max(now, meter.postponed_until) if meter and meter.postponed_until else now
    with transaction.atomic():
        meter = _locked(account)
        slot = max(filter(None, (now, meter.next_call_at, meter.postponed_until)))
        if slot - now <= longest_wait:
            meter.next_call_at = slot + timedelta(seconds=1 / account.rate_limit)
            meter.save(update_fields=["next_call_at"])
    return slot


def postpone(account: ProviderAccount, *, until: datetime) -> None:
    """Let no call of the account leave before `until`; an earlier postponement never shortens a later one."""
    with transaction.atomic():
        meter = _locked(account)
        if meter.postponed_until is None or meter.postponed_until < until:
            meter.postponed_until = until
            meter.save(update_fields=["postponed_until"])


def budget_left(account: ProviderAccount, *, now: datetime) -> int | None:
    """Give how many numbers may still be asked about in the rolling day; None where there is no budget."""
    if account.check_budget is None:
        return None
    return max(0, account.check_budget - _used(account, now))


def asked_by_account(*, now: datetime) -> dict[int, int]:
    """Give how many numbers were asked about in the rolling day, for each account that asked about any."""
    used = BudgetUse.objects.filter(minute_at__gt=now - DAY - _MINUTE).order_by()
    return dict(used.values_list("account").annotate(total=Sum("asked")))


def reserve_budget(account: ProviderAccount, *, wanted: int, now: datetime) -> Reservation:
    """Take up to `wanted` numbers from the budget, in the caller's transaction.

    The account's meter stays locked until that transaction ends, so that two processes never take the same number.
    Without a budget nothing is counted and nothing locked: a budget that is set later begins with its first call.
    """
    if account.check_budget is None:
        return Reservation(wanted, None)
    _locked(account)
    granted = min(wanted, max(0, account.check_budget - _used(account, now)))
    if granted:
        _add(account, granted, now)
    return Reservation(granted, next_free_at(account, now) if granted < wanted else None)


def next_free_at(account: ProviderAccount, now: datetime) -> datetime:
    """Give when the oldest numbers of the rolling day leave the budget."""
    oldest = (
        BudgetUse.objects.filter(account=account, minute_at__gt=now - DAY - _MINUTE, asked__gt=0)
        .order_by("minute_at")
        .values_list("minute_at", flat=True)
        .first()
    )
    # A budget of nothing never frees itself; look again in an hour, when a person may have raised it.
    return oldest + DAY + _MINUTE if oldest else now + timedelta(hours=1)


def release_budget(account: ProviderAccount, *, count: int, asked_at: datetime) -> None:
    """Give back numbers that were reserved at `asked_at` and that no provider saw."""
    BudgetUse.objects.filter(account=account, minute_at=_minute(asked_at), asked__gte=count).update(
        asked=F("asked") - count
    )


def forget_old_use(*, now: datetime) -> int:
    """Remove the minutes that count no longer, and give how many there were."""
    return BudgetUse.objects.filter(minute_at__lt=now - DAY - timedelta(hours=1)).delete()[0]


def _locked(account: ProviderAccount) -> AccountMeter:
    meter, _created = AccountMeter.objects.select_for_update().get_or_create(account=account)
    return meter


def _used(account: ProviderAccount, now: datetime) -> int:
    used = BudgetUse.objects.filter(account=account, minute_at__gt=now - DAY - _MINUTE).aggregate(total=Sum("asked"))
    return used["total"] or 0


def _add(account: ProviderAccount, count: int, now: datetime) -> None:
    use, created = BudgetUse.objects.get_or_create(account=account, minute_at=_minute(now), defaults={"asked": count})
    if not created:
        BudgetUse.objects.filter(pk=use.pk).update(asked=F("asked") + count)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
