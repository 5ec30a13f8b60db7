"""Metrics of the installation: the worker and its queue, the ledger, and what waits for a person."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Min, Sum
from django_q.models import OrmQ
from prometheus_client.core import Metric

from audit.models import AuditEvent, SignedHead
from contacts.models import Erasure, TrustCase
from numbers.models import VerificationAttempt
from waadmin.doctor.of_work import SILENT_AFTER
from waadmin.metrics.family import counter, gauge, gauges, seconds_since
from waadmin.models import WorkerHeartbeat

_DAY = timedelta(hours=24)


def collect(now: datetime) -> Iterator[Metric]:
    """Give the metrics of worker, queue, ledger, identity cases, erasures and codes."""
    yield from _work(now)
    yield from _ledger(now)
    cases = TrustCase.objects.filter(closed_at=None).aggregate(rows=Count("pk"), oldest=Min("opened_at"))
    yield gauge("trust_cases_open", "Identity changes that wait for a person.", cases["rows"])
    yield gauge(
        "trust_cases_oldest_seconds",
        "Age of the oldest identity change that waits for a person; 0 where none does.",
        seconds_since(cases["oldest"], now) or 0.0,
    )
    erasures = Erasure.objects.filter(finished_at=None).aggregate(rows=Count("pk"), oldest=Min("at"))
    yield gauge(
        "erasures_outstanding", "Erasures of which files or webhooks are still looked through.", erasures["rows"]
    )
    yield gauge(
        "erasures_oldest_seconds",
        "Age of the oldest erasure that is not finished; 0 where all are.",
        seconds_since(erasures["oldest"], now) or 0.0,
    )
    attempts = VerificationAttempt.objects.filter(started_at__gt=now - _DAY).order_by()
    yield gauges(
        "code_attempts_last_24h",
        "Codes requested and submitted and registrations tried in the last 24 hours, by action and outcome.",
        ("action", "outcome"),
        [
            ((action.lower(), outcome.lower()), rows)
            for action, outcome, rows in attempts.values_list("action", "outcome").annotate(rows=Count("pk"))
        ],
    )


def _work(now: datetime) -> Iterator[Metric]:
    alive = WorkerHeartbeat.objects.filter(beat_at__gt=now - SILENT_AFTER)
    seen = alive.aggregate(rows=Count("pk"), busy=Sum("busy"), replaced=Sum("replaced"))
    last = WorkerHeartbeat.objects.aggregate(at=Max("beat_at"))["at"]
    yield gauge("workers", "Workers that gave a sign of life in the last 90 seconds.", seen["rows"])
    yield gauge(
        "worker_heartbeat_age_seconds",
        "Since the last sign of life of any worker; nothing where none runs and all stopped in order.",
        seconds_since(last, now),
    )
    yield gauge("worker_processes_busy", "Processes of living workers that work on a task.", seen["busy"] or 0)
    yield gauge("worker_replacements", "How often living workers replaced their cluster.", seen["replaced"] or 0)
    # A task that is being worked on is locked until later; one that waits, since when it may be fetched.
    waiting = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lte=now)
    queue = waiting.aggregate(rows=Count("pk"), oldest=Min("lock"))
    yield gauge("queue_tasks", "Tasks that wait for a worker.", queue["rows"])
    yield gauge(
        "queue_oldest_seconds",
        "How long the task has waited that waits for longest; 0 where none does.",
        seconds_since(queue["oldest"], now) or 0.0,
    )


def _ledger(now: datetime) -> Iterator[Metric]:
    last = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    signed = SignedHead.objects.order_by("-id").values_list("sequence", "signed_at").first()
    first = AuditEvent.objects.order_by("sequence").values_list("recorded_at", flat=True).first()
    yield counter("ledger_events", "The number of the ledger's last event.", last)
    yield gauge(
        "ledger_signed_sequence", "The number of the event whose head was signed last.", signed[0] if signed else 0
    )
    yield gauge(
        "ledger_signed_head_age_seconds",
        "Since the head was signed, or since the first event where it never was.",
        seconds_since(signed[1] if signed else first, now),
    )
