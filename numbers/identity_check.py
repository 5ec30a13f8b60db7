"""The identity change check of a number: what we want, what the provider confirmed, what it reads back.

What is wanted is committed first. Then one process at a time, which holds the lease on the row, carries it to the
provider and reads it back, until what it read is what is wanted at that moment. A lost answer is settled by reading.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from numbers import attempts
from numbers.attempts import Stopwatch
from numbers.models import BusinessNumber
from providers.errors import AnswerLost, NotSent, ProviderError, Throttled, Unavailable
from providers.interfaces import SEND_WITHIN, NumberHost

#: Longer than a call's deadline: the lease is renewed before each call.
LEASE = timedelta(seconds=45)
#: A person waits, and Meta counts our calls: after so long, or so many rounds for one wish, the worker carries on.
LONGEST_CARRY = timedelta(seconds=30)
MOST_ROUNDS = 8
RETRY_AFTER = timedelta(minutes=1)
#: What nobody managed to settle for so long waits for a person.
GIVE_UP_AFTER = timedelta(hours=24)


class Outcome(StrEnum):
    """How carrying it to the provider ended."""

    #: The provider reads back what is wanted, or confirmed it where it reads nothing back.
    SETTLED = "SETTLED"
    #: Another process carries it at this moment, or the worker will.
    UNDER_WAY = "UNDER_WAY"
    #: The provider refused, or could not be reached.
    REFUSED = "REFUSED"
    #: Answers were lost, and reading told nothing.
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class IdentityCheckState:
    """Where the identity check stands after a journey; words, code and trace id where the provider said something."""

    desired: bool | None
    acknowledged: bool | None
    read: bool | None
    outcome: Outcome
    words: str = ""
    code: str = ""
    trace_id: str = ""


def toggle(*, number: BusinessNumber, on: bool, actor: str, now: datetime) -> IdentityCheckState:
    """Want the check on or off, carry that to the provider and read it back.

    :raises Refused: when the provider has no such check, or its account cannot be used; nothing is wanted then.
    """
    host = attempts.host_of(number.account)
    attempts.refuse_unknown_id(number)
    watch = Stopwatch(now)
    with transaction.atomic(durable=True):
        locked = attempts.lock(number)
        locked.identity_desired, locked.identity_desired_at = on, now
        locked.identity_problem, locked.identity_problem_code = "", ""
        # Whoever dies on the way leaves it to the worker.
        locked.identity_retry_at = now + RETRY_AFTER
        locked.save()
        attempts.record("identity_check.toggled", locked, actor, now, on=on)
    return _carry(number, host, actor, watch)


def reconcile(*, number: BusinessNumber, actor: str, now: datetime) -> IdentityCheckState:
    """Carry what is wanted to the provider again, where it is not settled.

    :raises Refused: when the account cannot be used.
    """
    return _carry(number, attempts.host_of(number.account), actor, Stopwatch(now))


def read_back(*, number: BusinessNumber, actor: str, now: datetime) -> IdentityCheckState:
    """Read how the check stands at the provider, and change nothing there.

    :raises Refused: when the provider has no such check, or its account cannot be used.
    :raises ProviderError: one of its subclasses, when reading failed; nothing has changed then.
    """
    host = attempts.host_of(number.account)
    attempts.refuse_unknown_id(number)
    watch = Stopwatch(now)
    lease = _take_lease(number, now)
    if lease is None:
        return _state(number, Outcome.UNDER_WAY)
    try:
        read = host.read_identity_check(number.phone_number_id, subject=number.subject)
        with transaction.atomic():
            locked = attempts.lock(number)
            if locked.identity_lease == lease:
                changed = locked.identity_read is not read
                locked.identity_read, locked.identity_read_at = read, watch.now()
                locked.save()
                if changed:
                    attempts.record("identity_check.read", locked, actor, watch.now(), read=read)
    finally:
        _give_lease_back(number, lease)
        # Somebody may have wanted a change while we held the lease.
        if BusinessNumber.objects.filter(pk=number.pk, identity_retry_at__isnull=False).exists():
            async_task("numbers.tasks.reconcile_identity_check", number.pk)
    return _state(number, Outcome.SETTLED)


def drift(number: BusinessNumber) -> str:
    """Say in words how what we want differs from what the provider does, or nothing where it does not."""
    wanted, said = number.identity_desired, number.identity_read
    if wanted is None:
        return ""
    if said is not None and said is not wanted:
        return _("We want it on, the provider says off.") if wanted else _("We want it off, the provider says on.")
    if number.identity_problem:
        return _("Not confirmed: %(why)s") % {"why": number.identity_problem}
    if said is None and number.identity_acknowledged is not wanted:
        return _("Not confirmed yet.")
    return ""


def _carry(number: BusinessNumber, host: NumberHost, actor: str, watch: Stopwatch) -> IdentityCheckState:
    lease = _take_lease(number, watch.now())
    if lease is None:
        # Whoever holds it looks, under the row's lock, at what is wanted before it lets go.
        return _state(number, Outcome.UNDER_WAY)
    error: ProviderError | None = None
    rounds, wanted_before = 0, None
    while rounds < MOST_ROUNDS and watch.passed() < LONGEST_CARRY:
        renewed = watch.passed()
        wanted = _renew_lease(number, lease, watch.now())
        if wanted is None:
            return _state(number, Outcome.UNDER_WAY)
        rounds, wanted_before = (rounds + 1 if wanted is wanted_before else 1), wanted
        if watch.passed() - renewed >= SEND_WITHIN:
            continue  # Stopped in between: the lease may be somebody else's by now, and the wish another.
        error, told, read = _set_and_read(number, host, wanted)
        if error is not None and not isinstance(error, AnswerLost):
            break
        if told is None:
            continue
        outcome = _write(number, lease, wanted, told, read, actor, watch.now())
        if outcome is not None:
            return _state(number, outcome)
    return _unsettled(number, lease, error, actor, watch.now())


def _set_and_read(
    number: BusinessNumber, host: NumberHost, wanted: bool
) -> tuple[ProviderError | None, bool | None, bool | None]:
    """Set and read once: what went wrong, whether it was confirmed (None: nothing could be read), what was read."""
    error: ProviderError | None = None
    try:
        host.set_identity_check(number.phone_number_id, on=wanted, subject=number.subject)
    except AnswerLost as lost:
        error = lost
    except ProviderError as failure:
        return failure, None, None
    try:
        read = host.read_identity_check(number.phone_number_id, subject=number.subject)
    except ProviderError as failure:
        return failure, None, None
    return error, error is None, read


def _take_lease(number: BusinessNumber, now: datetime) -> uuid.UUID | None:
    lease = uuid.uuid4()
    free = Q(identity_lease=None) | Q(identity_lease_until__lte=now)
    taken = BusinessNumber.objects.filter(free, pk=number.pk).update(
        identity_lease=lease, identity_lease_until=now + LEASE
    )
    return lease if taken else None


def _renew_lease(number: BusinessNumber, lease: uuid.UUID, now: datetime) -> bool | None:
    """Keep the lease for one more call and give what is wanted now; None where the lease is lost."""
    rows = BusinessNumber.objects.filter(pk=number.pk, identity_lease=lease)
    if not rows.update(identity_lease_until=now + LEASE):
        return None
    return rows.values_list("identity_desired", flat=True).first()


def _give_lease_back(number: BusinessNumber, lease: uuid.UUID) -> None:
    BusinessNumber.objects.filter(pk=number.pk, identity_lease=lease).update(
        identity_lease=None, identity_lease_until=None
    )


def _write(
    number: BusinessNumber,
    lease: uuid.UUID,
    wanted: bool,
    acknowledged: bool,
    read: bool | None,
    actor: str,
    now: datetime,
) -> Outcome | None:
    """Write what was confirmed and read, and let the lease go where that is what is wanted now; None: go on."""
    with transaction.atomic():
        locked = attempts.lock(number)
        if locked.identity_lease != lease:
            return Outcome.UNDER_WAY
        if acknowledged:
            locked.identity_acknowledged, locked.identity_acknowledged_at = wanted, now
        locked.identity_read, locked.identity_read_at = read, now
        # Where nothing is read back, the confirmation has to do.
        known = (wanted if acknowledged else None) if read is None else read
        is_so = known is not None and known is locked.identity_desired
        if is_so:
            locked.identity_problem, locked.identity_problem_code = "", ""
            locked.identity_retry_at = None
            locked.identity_lease, locked.identity_lease_until = None, None
        locked.save()
        if is_so:
            attempts.record(
                "identity_check.settled",
                locked,
                actor,
                now,
                desired=locked.identity_desired,
                acknowledged=locked.identity_acknowledged,
                read=read,
            )
    return Outcome.SETTLED if is_so else None


def _unsettled(
    number: BusinessNumber, lease: uuid.UUID, error: ProviderError | None, actor: str, now: datetime
) -> IdentityCheckState:
    """Write why it is not settled, let the lease go, and have the worker try again where that can help."""
    with transaction.atomic():
        locked = attempts.lock(number)
        if locked.identity_lease != lease:
            return _state(locked, Outcome.UNDER_WAY)
        may_pass = error is None or isinstance(error, AnswerLost | NotSent | Throttled | Unavailable)
        given_up = locked.identity_desired_at is None or now - locked.identity_desired_at > GIVE_UP_AFTER
        wait = max(RETRY_AFTER, error.retry_after) if isinstance(error, Throttled) else RETRY_AFTER
        locked.identity_retry_at = now + wait if may_pass and not given_up else None
        words = _("The provider reads back something else.") if error is None else error.said or error.message
        locked.identity_problem, locked.identity_problem_code = words[:200], error.code[:40] if error else ""
        locked.identity_lease, locked.identity_lease_until = None, None
        locked.save()
        attempts.record(
            "identity_check.not_settled",
            locked,
            actor,
            now,
            desired=locked.identity_desired,
            error=type(error).__name__ if error else "",
            provider_code=locked.identity_problem_code,
        )
    lost = isinstance(error, AnswerLost)
    outcome = Outcome.UNKNOWN if lost else Outcome.REFUSED if error else Outcome.UNDER_WAY
    return _state(number, outcome, error)


def _state(number: BusinessNumber, outcome: Outcome, error: ProviderError | None = None) -> IdentityCheckState:
    number.refresh_from_db()
    return IdentityCheckState(
        desired=number.identity_desired,
        acknowledged=number.identity_acknowledged,
        read=number.identity_read,
        outcome=outcome,
        words=(error.said or error.message) if error else "",
        code=error.code if error else "",
        trace_id=error.trace_id if error else "",
    )
