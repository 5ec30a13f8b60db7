"""Runs that stand still: something is due, nothing keeps them from asking, and nobody has asked for a while."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from audit.models import ProviderCall
from contacts.checking.marks import subject_of
from contacts.models import CheckBatch, ContactCheck
from providers import limits

#: How long something may be due without a call of its run.
AFTER = timedelta(minutes=10)


def standing_still(among: QuerySet[CheckBatch], *, now: datetime) -> list[CheckBatch]:
    """Give the runs that ask nobody though they could, oldest first; those that wait for their turn go on."""
    due = ContactCheck.objects.due(now - AFTER).filter(batch=OuterRef("pk"))
    running = among.filter(Exists(due), state=CheckBatch.State.RUNNING).select_related("account__meter")
    runs = {subject_of(run): run for run in running.order_by("pk") if not _is_kept(run, now)}
    calls = ProviderCall.objects.filter(subject__in=runs, started_at__gt=now - AFTER)
    asking = set(calls.values_list("subject", flat=True).distinct())
    return [run for subject, run in runs.items() if subject not in asking]


def _is_kept(run: CheckBatch, now: datetime) -> bool:
    """Tell whether the account sends nothing now: that is said of the account itself."""
    meter = limits.meter_of(run.account)
    is_postponed = meter is not None and meter.postponed_until is not None and meter.postponed_until > now
    return is_postponed or bool(run.account.stopped_because())
