"""Background work: whether a worker lives, what waits for how long, and whether the clock wakes it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min
from django_q.models import OrmQ, Schedule

from contacts.checking.standing_still import standing_still
from contacts.models import CheckBatch, ContactCheck
from waadmin.doctor.finding import Finding, age, bad, ok, warn
from waadmin.home.about_the_installation import STUCK_AFTER
from waadmin.models import WorkerHeartbeat
from waadmin.schedules import SCHEDULES
from webhooks import overview

_WORKER, _QUEUE, _SCHEDULES, _WEBHOOKS, _RUNS = "worker", "queue", "schedules", "webhooks", "check runs"
#: A worker writes every ten seconds; one that waits for a locked file may be late.
SILENT_AFTER = timedelta(seconds=90)
_LATE, _TOO_LATE = timedelta(minutes=2), timedelta(minutes=10)
#: More often than this, something kills its processes.
_REPLACED_OFTEN = 3
_START = "Start `worker`, or look into its log."


def worker(now: datetime) -> Iterator[Finding]:
    """Look for a worker's sign of life."""
    alive = WorkerHeartbeat.objects.filter(beat_at__gt=now - SILENT_AFTER)
    last = WorkerHeartbeat.objects.order_by("-beat_at").first()
    count = alive.count()
    if not count:
        seen = f"The last sign of life is {age((now - last.beat_at).total_seconds())} old." if last else "None runs."
        yield bad(_WORKER, seen, _START)
    for one in alive.filter(replaced__gte=_REPLACED_OFTEN):
        seen = f"{one.name} replaced its cluster {one.replaced} times."
        yield warn(_WORKER, seen, "Look into its log for what ends its processes: mostly too little memory.")
    if count:
        yield ok(_WORKER, f"{count} alive.")


def queue(now: datetime) -> Iterator[Finding]:
    """Look how long tasks wait to be fetched."""
    # `lock` is when a row may be fetched: one that lies ahead is being worked on.
    waiting = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lte=now)
    oldest = waiting.aggregate(oldest=Min("lock"))["oldest"]
    if oldest is None:
        yield ok(_QUEUE, "Nothing waits.")
        return
    waits = now - oldest
    seen = f"{waiting.count()} tasks wait, the oldest for {age(waits.total_seconds())}."
    if waits > _TOO_LATE:
        yield bad(_QUEUE, seen, _START)
    elif waits > _LATE:
        yield warn(_QUEUE, seen, "Run another worker where this goes on.")
    else:
        yield ok(_QUEUE, seen)


def schedules(now: datetime) -> Iterator[Finding]:
    """Look whether everything that runs by the clock is there and not overdue."""
    due = dict(Schedule.objects.filter(func__in=SCHEDULES).values_list("func", "next_run"))
    missing = sorted(set(SCHEDULES) - set(due))
    overdue = sorted(name for name, at in due.items() if at is not None and now - at > _TOO_LATE)
    if missing:
        yield bad(_SCHEDULES, f"Missing: {', '.join(missing)}.", "Run `migrate`, which makes them.")
    if overdue:
        yield bad(_SCHEDULES, f"More than ten minutes overdue: {', '.join(overdue)}.", _START)
    if not missing and not overdue:
        yield ok(_SCHEDULES, f"{len(due)}, none overdue.")


def webhooks(now: datetime) -> Iterator[Finding]:
    """Look how long stored webhooks wait to be read, and whether some could not be."""
    backlog = overview.backlog(now)
    if backlog.failed:
        seen = f"{backlog.failed} could not be processed."
        yield warn(_WEBHOOKS, seen, "Open them in the console, then run `process_webhooks --failed`.")
    if backlog.oldest is not None and now - backlog.oldest > STUCK_AFTER:
        seen = f"{backlog.due} unread, the oldest for {age((now - backlog.oldest).total_seconds())}."
        yield bad(_WEBHOOKS, seen, f"{_START} `process_webhooks` reads them at once.")
    elif not backlog.failed:
        yield ok(_WEBHOOKS, f"{backlog.due} unread, {backlog.waiting} waiting for something.")


def check_runs(now: datetime) -> Iterator[Finding]:
    """Look for runs that ask nobody though they could, and for numbers whose call is long over and unclosed."""
    still = standing_still(CheckBatch.objects.all(), now=now)
    if still:
        yield bad(_RUNS, f"{_named(run.pk for run in still)} stand still.", _START)
    stuck = ContactCheck.objects.filter(status=ContactCheck.Status.SENDING, lease_until__lt=now - _TOO_LATE)
    if count := stuck.count():
        named = _named(stuck.values_list("batch_id", flat=True)[:1000])
        yield bad(_RUNS, f"{count} numbers are stuck in being asked, in {named}.", _START)
    elif not still:
        yield ok(_RUNS, "None is stuck.")


def _named(runs: Iterable[int]) -> str:
    return ", ".join(f"#{run}" for run in sorted(set(runs))[:5])
