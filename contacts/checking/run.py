"""Running: claim, call, record, until nothing is due. Any number of processes may run the same check run at once.

No lock is held over HTTP. The attempt is committed before the call and the answer after it; a process that dies in
between leaves rows whose lease runs out, and they become UNKNOWN instead of being asked about twice.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from audit import log_context
from contacts.checking.claim import Claim, claim_rows
from contacts.checking.facts import strength_now
from contacts.checking.marks import finish_if_done, subject_of
from contacts.checking.results import record_answers, record_failure
from contacts.models import CheckBatch, ContactCheck
from providers import accounts, limits
from providers.errors import NotConfigured, ProviderError
from providers.interfaces import ContactChecker
from providers.models import ProviderAccount
from providers.registry import contact_checker

#: A run that has nothing due for so long lets go of its process and is picked up again by the sweep.
LONGEST_IDLE = timedelta(seconds=25)


def clock() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


def run_batch(*, batch_id: int, until: datetime, clock: Callable[[], datetime] = clock) -> bool:
    """Work on a run until it has nothing due soon or `until` is reached; tell whether something is due again soon.

    Calls that were begun are finished and recorded, so it may return a call's deadline after `until`.
    """
    idle = False
    while (now := clock()) < until:
        batch = _as_it_stands(batch_id)
        account = batch.account
        if batch.state != CheckBatch.State.RUNNING or account.stopped_because():
            return False
        try:
            checker = contact_checker(account)
        except NotConfigured as error:
            accounts.pause(account=account, reason=error.message, actor="waadmin", now=now)
            return False
        due_at = _next_due_at(batch) if idle or account.rate_limit else now
        if due_at is None:
            finish_if_done(batch, now=now)
            return False
        if due_at > now:
            if due_at - now > LONGEST_IDLE:
                return False
            _sleep_until(min(due_at, until), clock)
            continue
        slot = limits.take_slot(account, now=now, longest_wait=min(until - now, LONGEST_IDLE))
        if slot > until or slot - now > LONGEST_IDLE:
            return slot - now <= LONGEST_IDLE
        _sleep_until(slot, clock)
        # Only when nothing could be claimed is it worth a question when something will be due.
        claim = claim_rows(batch=batch, account=account, checker=checker, now=clock())
        idle = claim is None
        if claim is not None:
            with log_context.about(run=batch.pk, account=account.name):
                _ask(batch, account, checker, claim, clock)
    return True


def _as_it_stands(batch_id: int) -> CheckBatch:
    # Between two calls a person may have paused the run or the account; what no checker needs stays encrypted.
    whole = CheckBatch.objects.select_related("account__meter", "business")
    return whole.defer("account__webhook_token", "account__meter__session_token").get(pk=batch_id)


def _ask(
    batch: CheckBatch, account: ProviderAccount, checker: ContactChecker, claim: Claim, clock: Callable[[], datetime]
) -> None:
    strength = strength_now(account, checker)
    if clock() >= claim.send_before:
        # Stopped between commit and call: a withdrawal may have come and waited out the lease. Nothing is sent.
        return
    try:
        results = checker.check(claim.asked, force=batch.forced, subject=subject_of(batch))
    except ProviderError as error:
        record_failure(batch=batch, account=account, claim=claim, error=error, now=clock())
    else:
        record_answers(
            batch=batch,
            account=account,
            checker=checker,
            claim=claim,
            results=results,
            strength=strength,
            now=clock(),
        )


def _next_due_at(batch: CheckBatch) -> datetime | None:
    open_rows = ContactCheck.objects.filter(batch=batch, status__in=["WAITING", "PROCESSING"])
    return (
        open_rows.filter(next_attempt_at__isnull=False)
        .order_by("next_attempt_at")
        .values_list("next_attempt_at", flat=True)
        .first()
    )


def _sleep_until(moment: datetime, clock: Callable[[], datetime]) -> None:
    while (left := (moment - clock()).total_seconds()) > 0:
        time.sleep(left)
