"""Background tasks. Each takes a primary key and nothing else, and may run twice, late or never without harm."""

from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from audit.retention import forget_calls
from contacts import retention
from contacts.checking.marks import finish_the_done
from contacts.checking.results import close_lost
from contacts.checking.run import run_batch as run
from contacts.checks import RUNNERS_AT_ONCE
from contacts.consent import uploads
from contacts.erasure import finishing
from contacts.messages import close_lost as close_lost_messages
from contacts.messages import purge as purge_messages
from contacts.models import CheckBatch, ContactCheck
from providers import limits

#: A task lets go after so long, and queues its successor: the queue's timeout never cuts a call in two.
SLICE = timedelta(seconds=45)
#: A task that was fetched so long ago and is not done has lost its process: longer than a slice and a call.
_LOST_AFTER = timedelta(seconds=120)


def run_batch(batch_id: int) -> int:
    """Work on a check run for a while; give how many rows are still open."""
    # Each sweep, and each host that starts, may add one: without this a long run would take up every process.
    if run(batch_id=batch_id, until=datetime.now(UTC) + SLICE) and _runners(batch_id) <= RUNNERS_AT_ONCE:
        async_task("contacts.tasks.run_batch", batch_id)
    return ContactCheck.objects.filter(batch_id=batch_id).open().count()


def _runners(batch_id: int) -> int:
    """Count the tasks that work on the run or wait to, the one that asks among them; lost ones are left out."""
    now = datetime.now(UTC)
    fetched = now + timedelta(seconds=Conf.RETRY)
    living = OrmQ.objects.filter(Q(lock__lte=now) | Q(lock__gt=fetched - _LOST_AFTER))
    wanted = ("contacts.tasks.run_batch", (batch_id,))
    return sum((row.task.get("func"), row.task.get("args")) == wanted for row in living)


def sweep() -> int:
    """Close what died or never finished, forget old budget use, and queue every running run that has something due."""
    now = datetime.now(UTC)
    close_lost(now=now)
    # Not only of the rows that were closed now: whoever wrote the last answer of a run may have died before its end.
    finish_the_done(CheckBatch.objects.all(), now=now)
    close_lost_messages(now=now)
    uploads.take_up_lost()
    retention.erase_overdue(now=now)
    limits.forget_old_use(now=now)
    due = ContactCheck.objects.due(now + timedelta(minutes=1)).filter(batch__state=CheckBatch.State.RUNNING)
    batches = CheckBatch.objects.filter(pk__in=due.values("batch_id")).select_related("account")
    queued = 0
    for batch in batches:
        if not batch.account.stopped_because():
            async_task("contacts.tasks.run_batch", batch.pk)
            queued += 1
    return queued


def import_opt_ins(import_id: int) -> int:
    """Import a confirmed file, from where an earlier try stopped; give how many of its lines were read."""
    imported = uploads.run(import_id=import_id, now=datetime.now(UTC))
    return imported.rows if imported else 0


def finish_erasures() -> int:
    """Look through files and stored webhooks for people who were erased; give how many erasures are finished now."""
    return finishing.finish(now=datetime.now(UTC))


def purge() -> int:
    """Remove what may not be kept any longer: uploaded files, error files, texts of messages, old provider calls."""
    now = datetime.now(UTC)
    gone = uploads.purge(now=now) + purge_messages(now=now)
    return gone + forget_calls(now=now) + retention.forget_erased_names(now=now)
