"""Metrics of what comes in and goes out: webhooks, their backlog and lag, and calls of providers."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Q, Sum
from prometheus_client.core import Metric

from audit.models import ProviderCall
from waadmin.metrics.family import RECENT, Row, gauge, gauges, seconds_since
from webhooks import overview
from webhooks.models import WebhookRequest

#: Milliseconds, as upper bounds.
BUCKETS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
#: The lag is that of so many requests that were processed last.
_MOST_LOOKED_AT = 1_000


def collect(now: datetime) -> Iterator[Metric]:
    """Give the metrics of webhooks and of provider calls."""
    yield from _webhooks(now)
    yield from _calls(now)


def _webhooks(now: datetime) -> Iterator[Metric]:
    recent = WebhookRequest.objects.filter(received_at__gt=now - RECENT)
    counted = dict(recent.order_by().values_list("kind").annotate(total=Sum("deliveries")))
    yield gauges(
        "webhook_deliveries_last_5m",
        "Authenticated deliveries of webhooks in the last 5 minutes, repetitions included.",
        ("kind",),
        [((kind,), counted.get(kind, 0)) for kind in WebhookRequest.Kind.values],
    )
    backlog = overview.backlog(now)
    yield gauge("webhooks_unread", "Stored webhooks that nobody has read yet.", backlog.due)
    yield gauge(
        "webhooks_unread_oldest_seconds",
        "Age of the oldest unread webhook; 0 where none is.",
        seconds_since(backlog.oldest, now) or 0.0,
    )
    yield gauge("webhooks_waiting", "Webhooks that wait to be tried again, or are being read.", backlog.waiting)
    yield gauge("webhooks_failed", "Webhooks that could not be read, or in which an event failed.", backlog.failed)
    read = recent.filter(processed_at__isnull=False).order_by("-received_at")
    lags = [
        seconds_since(came, done) or 0.0
        for came, done in read.values_list("received_at", "processed_at")[:_MOST_LOOKED_AT]
        if done is not None
    ]
    lag = "Seconds from receiving to processing, of the webhooks received in the last 5 minutes: "
    yield gauge("webhook_lag_mean_seconds", f"{lag}mean.", sum(lags) / len(lags) if lags else None)
    yield gauge("webhook_lag_max_seconds", f"{lag}longest.", max(lags, default=None))


def _calls(now: datetime) -> Iterator[Metric]:
    by_outcome: Counter[tuple[str, ...]] = Counter()
    by_length: Counter[tuple[str, ...]] = Counter()
    spent: Counter[tuple[str, ...]] = Counter()
    within = {f"within_{bound}": Count("pk", filter=Q(milliseconds__lte=bound)) for bound in BUCKETS}
    calls = ProviderCall.objects.filter(started_at__gt=now - RECENT).order_by()
    columns = ("account_name", "operation", "outcome", "http_status")
    for row in calls.values(*columns).annotate(
        rows=Count("pk"), ended=Count("milliseconds"), spent=Sum("milliseconds"), **within
    ):
        call = (row["account_name"], row["operation"])
        by_outcome[(*call, row["outcome"].lower(), _class_of(row["http_status"]))] += row["rows"]
        spent[call] += row["spent"] or 0
        for bound in BUCKETS:
            by_length[(*call, f"{bound / 1000:g}")] += row[f"within_{bound}"]
        by_length[(*call, "+Inf")] += row["ended"]
    yield gauges(
        "provider_calls_last_5m",
        "Provider calls begun in the last 5 minutes, by account, operation, outcome and class of HTTP status.",
        ("account", "operation", "outcome", "http"),
        by_outcome.items(),
    )
    yield gauges(
        "provider_calls_within_last_5m",
        "Provider calls begun in the last 5 minutes that ended within le seconds: for histogram_quantile().",
        ("account", "operation", "le"),
        by_length.items(),
    )
    seconds: list[Row] = [(call, total / 1000) for call, total in spent.items()]
    yield gauges(
        "provider_call_seconds_last_5m",
        "Seconds that provider calls begun in the last 5 minutes took together.",
        ("account", "operation"),
        seconds,
    )


def _class_of(http_status: int | None) -> str:
    return f"{http_status // 100}xx" if http_status else ""
