"""Background tasks. Each takes a primary key and nothing else, and may run twice, late or never without harm.

None of them holds a code or a PIN: what needs one is done by a person.
"""

from datetime import UTC, datetime, timedelta

from django_q.tasks import async_task

from numbers import attempts, codes, identity_check, sync
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers import registry
from providers.errors import ProviderError
from providers.models import ProviderAccount

ACTOR = "waadmin"
#: A lost answer that reading could not settle for so long waits for a person.
SETTLE_WITHIN = timedelta(hours=1)


def settle_attempt(attempt_id: int) -> str:
    """Read what became of a lost answer, and give the attempt's outcome."""
    attempt = VerificationAttempt.objects.select_related("business_number__business_account__account").get(
        pk=attempt_id
    )
    if attempt.outcome != VerificationAttempt.Outcome.UNKNOWN:
        return attempt.outcome
    try:
        return codes.settle(attempt=attempt, now=datetime.now(UTC)).outcome
    except (ProviderError, Refused):
        return attempt.outcome


def sync_business_account(business_account_id: int) -> int:
    """Read a WABA and its numbers; give how many numbers changed."""
    business_account = BusinessAccount.objects.select_related("account").get(pk=business_account_id)
    try:
        synced = sync.sync_business_account(business_account=business_account, actor=ACTOR, now=datetime.now(UTC))
    except (ProviderError, Refused):
        return 0
    return synced.created + synced.updated


def refresh_number(number_id: int) -> int:
    """Read one number again; give how many numbers were read."""
    try:
        sync.refresh_number(number=_number(number_id), actor=ACTOR, now=datetime.now(UTC))
    except (ProviderError, Refused):
        return 0
    return 1


def reconcile_identity_check(number_id: int) -> str:
    """Carry what is wanted of a number's identity check to its provider; give how that ended."""
    try:
        state = identity_check.reconcile(number=_number(number_id), actor=ACTOR, now=datetime.now(UTC))
    except Refused:
        return identity_check.Outcome.REFUSED
    return state.outcome


def sweep() -> int:
    """Close what dead processes left open, and queue whatever is due; give how many tasks were queued."""
    now = datetime.now(UTC)
    attempts.expire_dead(now=now)
    return _queue_lost_answers(now) + _queue_identity_checks(now) + _queue_refreshes(now)


def _queue_lost_answers(now: datetime) -> int:
    # One minute after the call nothing of it can arrive any more, so each reading from then on is the last one needed.
    lost = VerificationAttempt.objects.filter(
        outcome=VerificationAttempt.Outcome.UNKNOWN,
        started_at__lte=now - codes.SETTLED_BY_READING_AFTER,
        started_at__gt=now - SETTLE_WITHIN,
    ).select_related("business_number__business_account__account")
    due = [attempt for attempt in lost if attempts.can_be_settled_by_reading(attempt, attempt.business_number)]
    for attempt in due:
        async_task("numbers.tasks.settle_attempt", attempt.pk)
    return len(due)


def _queue_identity_checks(now: datetime) -> int:
    due = list(BusinessNumber.objects.filter(identity_retry_at__lte=now).values_list("pk", flat=True))
    for number_id in due:
        # The next one after this task: a second sweep finds it taken.
        taken = BusinessNumber.objects.filter(pk=number_id, identity_retry_at__lte=now).update(
            identity_retry_at=now + identity_check.RETRY_AFTER
        )
        if taken:
            async_task("numbers.tasks.reconcile_identity_check", number_id)
    return len(due)


def _queue_refreshes(now: datetime) -> int:
    # Only what was read once by a person's wish: a WABA just written down is nobody's to read yet.
    hosts = [kind for kind in ProviderAccount.Kind.values if registry.hosts_numbers(kind)]
    rows = BusinessAccount.objects.filter(refresh_due_at__lte=now, account__kind__in=hosts, account__paused_at=None)
    due = list(rows.values_list("pk", flat=True))
    for business_account_id in due:
        taken = BusinessAccount.objects.filter(pk=business_account_id, refresh_due_at__lte=now).update(
            refresh_due_at=now + sync.REFRESH_EVERY
        )
        if taken:
            async_task("numbers.tasks.sync_business_account", business_account_id)
    return len(due)


def _number(number_id: int) -> BusinessNumber:
    return BusinessNumber.objects.select_related("business_account__account").get(pk=number_id)
