"""Check runs: preview, create, pause, resume, cancel, retry. Nothing here reaches a provider; checking/run.py does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from audit import ledger
from contacts import pace
from contacts.checking.choosing import Chosen, Filter, choose
from contacts.checking.facts import policy_for
from contacts.checking.lines import Line, read_lines, split_numbers
from contacts.checking.marks import answer_from, finish_if_done, record_refusals, subject_of, tree
from contacts.checking.preview import CheckRefused, Judged, Preview, judge, preview, served_business
from contacts.consent.evidence import outlives_the_person
from contacts.erasure.vanishing import again_if_vanished
from contacts.gate import Outcome, Reason
from contacts.models import CheckBatch, ContactCheck
from providers.e164 import Reading
from providers.interfaces import ContactChecker
from providers.models import ProviderAccount
from providers.registry import contact_checker

__all__ = [
    "CheckRefused",
    "Chosen",
    "Filter",
    "Judged",
    "Line",
    "Preview",
    "Progress",
    "cancel",
    "choose",
    "create",
    "made_of",
    "pause",
    "preview",
    "progress",
    "read_lines",
    "resume",
    "retry_failed",
    "split_numbers",
]

RUNNERS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    counts: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    per_second: float = 0.0
    seconds_left: int | None = None


@again_if_vanished
def create(
    *,
    account: ProviderAccount,
    lines: Sequence[Line],
    purpose: str,
    source: str,
    actor: str,
    now: datetime,
    force_reason: str = "",
    reading: Reading = Reading.E164,
    region: str = "",
    retry_of: CheckBatch | None = None,
    chosen_by: Filter | None = None,
    preview_id: UUID | None = None,
) -> CheckBatch:
    """Write a run, its rows, its ledger events and its tasks in one transaction; a force reason asks fresh ones too.

    `chosen_by` is what found the people, `preview_id` names the preview that is confirmed: a preview makes one run.

    :raises CheckRefused: when there is nothing to check, the account serves no business, or the reason holds a number.
    :raises NotConfigured: when the account cannot look numbers up.
    """
    if made := made_of(preview_id, account=account):
        return made
    if not lines:
        raise CheckRefused(_("There is no number to check."))
    if force_reason and any(line.number and outlives_the_person(force_reason, line.number.e164) for line in lines):
        raise CheckRefused(_("The reason must not hold a person's number: it stays in the ledger."))
    checker = contact_checker(account)
    policy = policy_for(account=account, checker=checker, purpose=purpose, force=bool(force_reason), now=now)
    rows = judge(account, lines, policy, now)
    with transaction.atomic():
        batch = CheckBatch.objects.create(
            account=account,
            business=served_business(account),
            purpose=purpose,
            source=source,
            numbers_read_as=reading,
            region=region,
            forced=bool(force_reason),
            force_reason=force_reason,
            requested_by=actor,
            created_at=now,
            retry_of=retry_of,
            chosen_by=chosen_by.written() if chosen_by else {},
            preview=preview_id,
        )
        written = _write_rows(batch, rows, checker, now)
        to_ask = sum(row.status == ContactCheck.Status.WAITING for row in written)
        for _runner in range(min(RUNNERS_AT_ONCE, -(-to_ask // checker.batch_size))):
            async_task("contacts.tasks.run_batch", batch.pk)
        _record_creation(batch, written, actor, now)
    finish_if_done(batch, now=now)
    return batch


def made_of(preview_id: UUID | None, *, account: ProviderAccount) -> CheckBatch | None:
    """Give the run that a preview has made already, or None."""
    return CheckBatch.objects.filter(preview=preview_id, account=account).first() if preview_id else None


def pause(*, batch: CheckBatch, actor: str, now: datetime) -> None:
    """Stop asking until somebody resumes; calls on their way are still recorded.

    :raises CheckRefused: when the run is not running.
    """
    _change_state(batch, {CheckBatch.State.RUNNING}, CheckBatch.State.PAUSED, "check.paused", actor, now)


def resume(*, batch: CheckBatch, actor: str, now: datetime) -> None:
    """Go on with a paused run.

    :raises CheckRefused: when the run is not paused.
    """
    with transaction.atomic():
        _change_state(batch, {CheckBatch.State.PAUSED}, CheckBatch.State.RUNNING, "check.resumed", actor, now)
        async_task("contacts.tasks.run_batch", batch.pk)


def cancel(*, batch: CheckBatch, actor: str, now: datetime) -> None:
    """End a run: what has not been asked is cancelled, what is being checked elsewhere has no answer.

    :raises CheckRefused: when the run has ended already.
    """
    with transaction.atomic():
        open_rows = ContactCheck.objects.filter(batch=batch).select_for_update().order_by("pk")
        waiting = [row.pk for row in open_rows.filter(status=ContactCheck.Status.WAITING)]
        processing = [row.pk for row in open_rows.filter(status=ContactCheck.Status.PROCESSING)]
        closed = {"reason": Reason.CANCELLED, "next_attempt_at": None}
        ContactCheck.objects.filter(pk__in=waiting).update(status=ContactCheck.Status.CANCELLED, **closed)
        ContactCheck.objects.filter(pk__in=processing).update(status=ContactCheck.Status.UNKNOWN, **closed)
        running = {CheckBatch.State.RUNNING, CheckBatch.State.PAUSED}
        _change_state(batch, running, CheckBatch.State.CANCELLED, "check.cancelled", actor, now)


def retry_failed(*, batch: CheckBatch, actor: str, now: datetime) -> CheckBatch:
    """Make a new run of the numbers that failed or have no answer; the old run stays as it was.

    :raises CheckRefused: when there are none, or they are being asked again already.
    """
    open_states = [CheckBatch.State.RUNNING, CheckBatch.State.PAUSED]
    if under_way := CheckBatch.objects.filter(retry_of=batch, state__in=open_states).first():
        raise CheckRefused(_("These numbers are being asked again already, in run %(run)s.") % {"run": under_way})
    again = ContactCheck.objects.filter(
        batch=batch, status__in=[ContactCheck.Status.FAILED, ContactCheck.Status.UNKNOWN]
    ).select_related("contact")
    numbers = [row.contact.e164 for row in again.order_by("position") if row.contact]
    if not numbers:
        raise CheckRefused(_("No number of this run failed or is without an answer."))
    return create(
        account=batch.account,
        lines=read_lines(numbers),
        purpose=batch.purpose,
        source=CheckBatch.Source.RETRY,
        actor=actor,
        now=now,
        force_reason=batch.force_reason,
        retry_of=batch,
    )


def progress(*, batch: CheckBatch, now: datetime) -> Progress:
    """Count the rows by result, and say how fast the run goes and how long it will take."""
    grouped = ContactCheck.objects.filter(batch=batch).values_list("status").annotate(rows=Count("pk"))
    counts = dict(grouped.order_by())
    total = sum(counts.values())
    left = sum(counts.get(status, 0) for status in ContactCheck.OPEN)
    asked = ContactCheck.objects.filter(batch=batch, cached_from=None, checked_at__isnull=False).count()
    rate = pace.per_second(asked, since=batch.created_at, until=batch.finished_at or now)
    return Progress(
        counts=counts,
        total=total,
        done=total - left,
        per_second=rate,
        seconds_left=pace.seconds_left(left, rate),
    )


def _write_rows(
    batch: CheckBatch, rows: Sequence[Judged], checker: ContactChecker, now: datetime
) -> list[ContactCheck]:
    cached = ContactCheck.objects.in_bulk({row.decision.check_id for row in rows if row.decision.check_id})
    firsts = [_row(batch, row, checker, cached, now) for row in rows if row.duplicate_of is None]
    written = ContactCheck.objects.bulk_create(firsts, batch_size=1_000)
    by_position = {row.position: row for row in written}
    repeats = []
    for row in rows:
        if row.duplicate_of is not None:
            repeat = _row(batch, row, checker, {}, now)
            if repeat.status != ContactCheck.Status.REFUSED:
                repeat.status, repeat.next_attempt_at, repeat.reason = ContactCheck.Status.DUPLICATE, None, ""
                repeat.duplicate_of = by_position[row.duplicate_of]
            repeats.append(repeat)
    return written + ContactCheck.objects.bulk_create(repeats, batch_size=1_000)


def _row(
    batch: CheckBatch, judged: Judged, checker: ContactChecker, cached: Mapping[int, ContactCheck], now: datetime
) -> ContactCheck:
    decision, line = judged.decision, judged.line
    row = ContactCheck(
        batch=batch,
        position=line.position,
        account_id=batch.account_id,
        business_id=batch.business_id,
        contact=judged.contact,
        opt_in_id=decision.opt_in_id,
        input=line.input[:80],
        e164=line.number.e164 if line.number else "",
        reason=decision.reason or "",
        detail=line.problem[:300],
    )
    if decision.outcome is Outcome.REFUSED:
        row.status = ContactCheck.Status.REFUSED
        return row
    row.asked = checker.format_number(line.number.e164) if line.number else ""
    earlier = cached.get(decision.check_id or 0)
    if decision.outcome is Outcome.CACHED and earlier is not None:
        answer_from(row, earlier)
    else:
        row.status = ContactCheck.Status.WAITING
        row.next_attempt_at = now
    return row


def _record_creation(batch: CheckBatch, rows: Sequence[ContactCheck], actor: str, now: datetime) -> None:
    refused = [row for row in rows if row.status == ContactCheck.Status.REFUSED]
    ledger.record(
        action="check.requested",
        actor=actor,
        now=now,
        business_id=batch.business_id,
        subject=subject_of(batch),
        details={
            "account": batch.account_id,
            "purpose": batch.purpose,
            "source": batch.source,
            "numbers_read_as": batch.numbers_read_as,
            "region": batch.region,
            "force_reason": batch.force_reason,
            "retry_of": batch.retry_of_id,
            "chosen_by": batch.chosen_by or None,
            "budget_asks": sum(row.status == ContactCheck.Status.WAITING for row in rows),
        },
        rows=tree(rows),
    )
    if refused:
        record_refusals(batch, refused, actor, now)


def _change_state(
    batch: CheckBatch, allowed: set[CheckBatch.State], state: CheckBatch.State, action: str, actor: str, now: datetime
) -> None:
    ended = state is CheckBatch.State.CANCELLED
    with transaction.atomic():
        changed = CheckBatch.objects.filter(pk=batch.pk, state__in=allowed).update(
            state=state, finished_at=Coalesce(F("finished_at"), now) if ended else None
        )
        if not changed:
            batch.refresh_from_db()
            raise CheckRefused(
                _("This run is %(state)s, so that cannot be done.") % {"state": batch.get_state_display().lower()}
            )
        ledger.record(action=action, actor=actor, now=now, business_id=batch.business_id, subject=subject_of(batch))
    batch.refresh_from_db()
