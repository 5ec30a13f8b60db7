"""Metrics of check runs and of the accounts that they ask: outcomes, refusals, budgets, pauses."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count
from prometheus_client.core import Metric

from audit.models import AuditEvent
from contacts.checking.standing_still import standing_still
from contacts.models import CheckBatch, ContactCheck
from providers import limits
from providers.models import ProviderAccount
from waadmin.metrics.family import RECENT, gauge, gauges, seconds_since

#: Refusals are counted from so many of the ledger's newest events about them.
_MOST_EVENTS = 1_000


def collect(now: datetime) -> Iterator[Metric]:
    """Give the metrics of checks, runs, refusals and accounts."""
    asked = ContactCheck.objects.filter(first_asked_at__gt=now - RECENT).order_by()
    yield gauges(
        "checks_last_5m",
        "Numbers first asked about in the last 5 minutes, by account and what came of it so far.",
        ("account", "result"),
        [
            ((account, status.lower()), rows)
            for account, status, rows in asked.values_list("account__name", "status").annotate(rows=Count("pk"))
        ],
    )
    yield gauges(
        "refusals_last_5m",
        "Numbers and messages that were not sent in the last 5 minutes, by reason.",
        ("of", "reason"),
        _refusals(now - RECENT).items(),
    )
    open_runs = CheckBatch.objects.filter(state__in=["RUNNING", "PAUSED"]).order_by()
    counted = dict(open_runs.values_list("state").annotate(rows=Count("pk")))
    yield gauges(
        "check_runs",
        "Check runs that are not finished, by state.",
        ("state",),
        [((state.lower(),), counted.get(state, 0)) for state in ("RUNNING", "PAUSED")],
    )
    stuck = len(standing_still(CheckBatch.objects.all(), now=now))
    yield gauge("check_runs_stuck", "Running check runs that have something due and ask nobody.", stuck)
    yield from _accounts(now)


def _refusals(since: datetime) -> Counter[tuple[str, ...]]:
    """Count from the ledger, whose events say how many of each reason: rows of refused lines have no time."""
    counts: Counter[tuple[str, ...]] = Counter()
    for action in ("check.refused", "message.refused"):
        newest = AuditEvent.objects.filter(action=action).order_by("-sequence")
        for at, details in newest.values_list("recorded_at", "details")[:_MOST_EVENTS]:
            if at <= since:
                break
            reasons = details.get("reasons") or {details.get("reason", ""): 1}
            for reason, rows in reasons.items():
                counts[(action.partition(".")[0], str(reason).lower())] += int(rows)
    return counts


def _accounts(now: datetime) -> Iterator[Metric]:
    accounts = list(ProviderAccount.objects.select_related("meter").defer("credentials", "webhook_token"))
    asked = limits.asked_by_account(now=now)
    limited = [account for account in accounts if account.check_budget is not None]
    yield gauges(
        "account_stopped",
        "1 where an account sends nothing: paused, or its recipient is not confirmed.",
        ("account",),
        [((account.name,), float(bool(account.stopped_because()))) for account in accounts],
    )
    yield gauges(
        "account_wait_seconds",
        "How long the provider still makes an account wait.",
        ("account",),
        [((account.name,), _wait(account, now)) for account in accounts],
    )
    yield gauges(
        "account_budget",
        "Numbers that an account may ask about in 24 hours; only where it has a budget.",
        ("account",),
        [((account.name,), account.check_budget or 0) for account in limited],
    )
    yield gauges(
        "account_budget_used",
        "Numbers that an account asked about in these 24 hours; only where it has a budget.",
        ("account",),
        [((account.name,), asked.get(account.pk, 0)) for account in limited],
    )
    yield gauges(
        "account_budget_left",
        "Numbers that an account may still ask about; only where it has a budget.",
        ("account",),
        [((account.name,), max(0, (account.check_budget or 0) - asked.get(account.pk, 0))) for account in limited],
    )


def _wait(account: ProviderAccount, now: datetime) -> float:
    meter = limits.meter_of(account)
    return seconds_since(now, meter.postponed_until) or 0.0 if meter and meter.postponed_until else 0.0
