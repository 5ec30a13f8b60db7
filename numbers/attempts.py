"""One attempt: committed as under way before its call leaves, and written to its end after the answer.

A process that dies in between leaves an attempt under way; `expire_dead` makes it UNKNOWN, which is what it is.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from audit import ledger
from numbers.limits import Refused
from numbers.models import BusinessNumber, Operator, VerificationAttempt
from providers import registry
from providers.errors import AnswerLost, NotConfigured, NotSent, ProviderError, Throttled, Unavailable
from providers.interfaces import SEND_WITHIN, NumberHost, NumberVerifier
from providers.models import ProviderAccount
from providers.secret import Secret

#: An attempt that is under way for so long belongs to a dead process: longer than any call's deadline.
LONGEST_FLIGHT = timedelta(seconds=60)

Client = TypeVar("Client")
Action, Outcome = VerificationAttempt.Action, VerificationAttempt.Outcome
#: How the ledger names the end of each action.
EVENTS = {
    Action.REQUEST_CODE: "code.requested",
    Action.CODE_ELSEWHERE: "code.declared_sent",
    Action.SUBMIT_CODE: "code.submitted",
    Action.REGISTER: "registration.submitted",
}


class Stopwatch:
    """Gives the time as the caller's `now` and what has passed since."""

    def __init__(self, now: datetime) -> None:
        self._now, self._started = now, time.monotonic()

    def now(self) -> datetime:
        """Give the time."""
        return self._now + self.passed()

    def passed(self) -> timedelta:
        """Give how long it runs."""
        return timedelta(seconds=time.monotonic() - self._started)


def verifier_of(number: BusinessNumber) -> NumberVerifier:
    """Give the client that verifies the number.

    :raises Refused: when its account cannot be used, saying why.
    """
    return _client(number.account, registry.number_verifier)


def host_of(account: ProviderAccount) -> NumberHost:
    """Give the client that carries the account's numbers.

    :raises Refused: when the provider does not do that through us, or the account cannot be used.
    """
    return _client(account, registry.number_host)


def is_hosted(account: ProviderAccount) -> bool:
    """Tell whether the account's provider lets us read and register its numbers."""
    return registry.hosts_numbers(account.kind)


def refuse_coexistence(number: BusinessNumber) -> None:
    """Leave a number alone that also lives on the Business app.

    :raises Refused: saying so.
    """
    if number.is_coexistence:
        raise Refused(
            _(
                "This number is also on the WhatsApp Business app. It works there and here as it is: a code, a "
                "registration or a deregistration would cut the app off. Nothing needs to be done."
            )
        )


def refuse_unknown_id(number: BusinessNumber) -> None:
    """Refuse a number that the provider has not named yet.

    :raises Refused: with the next step.
    """
    if not number.phone_number_id:
        raise Refused(_("The number has no phone number id yet. Add it, or read the WABA from the provider."))


def lock(number: BusinessNumber) -> BusinessNumber:
    """Lock the number's row in the caller's transaction and give it as it stands."""
    rows = BusinessNumber.objects.select_for_update(of=("self",))
    return rows.select_related("business_account__account", "business_account__business").get(pk=number.pk)


def lock_operator(actor: str) -> None:
    """Lock the operator's row, always before a number's, so that their codes are counted one after the other."""
    locked = Operator.objects.select_for_update().filter(actor=actor)
    if not locked:
        Operator.objects.get_or_create(actor=actor)
        locked.get()


def refuse_in_flight(number: BusinessNumber, now: datetime) -> None:
    """Let one call at a time work on the locked number's verification.

    :raises Refused: when one is under way.
    """
    if number.attempts.filter(outcome=Outcome.SENDING, started_at__gt=now - LONGEST_FLIGHT).exists():
        raise Refused(
            _("A code or registration for this number is on its way at this moment. Wait a few seconds, then look.")
        )


def begin(
    number: BusinessNumber,
    action: str,
    *,
    actor: str,
    now: datetime,
    code_request: VerificationAttempt | None = None,
    method: str = "",
    language: str = "",
) -> VerificationAttempt:
    """Write an attempt as under way; the caller's transaction commits it before the call leaves."""
    return VerificationAttempt.objects.create(
        business_number=number,
        action=action,
        actor=actor,
        started_at=now,
        code_request=code_request,
        method=method,
        language=language,
    )


def carry(
    attempt: VerificationAttempt,
    call: Callable[[], object],
    *,
    watch: Stopwatch,
    on_end: Callable[[BusinessNumber, VerificationAttempt, datetime], None] | None = None,
) -> VerificationAttempt:
    """Make the call, once, and write what came of it; `on_end` changes the locked number in the same transaction.

    `watch` runs since the attempt was begun: where too much has passed the call is not made, as it may count as lost.
    """
    error: ProviderError | None = None
    said = ""
    try:
        if watch.passed() >= SEND_WITHIN:
            raise NotSent("The process was stopped before the call; nothing left.")
        answered = call()
    except ProviderError as failure:
        error = failure
    else:
        said = answered if isinstance(answered, str) else ""
    ended = watch.now()
    with transaction.atomic():
        number = lock(attempt.business_number)
        kept = VerificationAttempt.objects.select_for_update().get(pk=attempt.pk)
        if kept.outcome in (Outcome.SENDING, Outcome.UNKNOWN):
            write_end(kept, number, error, said=said, ended=ended)
            record_end(kept, number, ended)
            if on_end is not None:
                on_end(number, kept, ended)
                number.save()
        kept.business_number = number
    return kept


def write_end(
    attempt: VerificationAttempt,
    number: BusinessNumber,
    error: ProviderError | None,
    *,
    said: str = "",
    ended: datetime,
) -> None:
    """Write an answer, or the lack of one, into the locked attempt, and have a lost one settled."""
    attempt.outcome = Outcome.DONE if error is None else outcome_of(error)
    attempt.settled_at = None if attempt.outcome == Outcome.UNKNOWN else ended
    attempt.provider_words = said[:200]
    if error is not None:
        attempt.provider_code = error.code[:40]
        attempt.provider_words = (error.said or error.message)[:200]
        attempt.trace_id = error.trace_id[:100]
        if isinstance(error, Throttled):
            attempt.wait_until = ended + error.retry_after
    attempt.save()
    if attempt.outcome == Outcome.UNKNOWN and can_be_settled_by_reading(attempt, number):
        async_task("numbers.tasks.settle_attempt", attempt.pk)


def outcome_of(error: ProviderError) -> VerificationAttempt.Outcome:
    """Say what a failed call means for its attempt: a failure on the provider's side without its code is no answer."""
    if isinstance(error, NotSent | NotConfigured):
        return Outcome.NOT_SENT
    if isinstance(error, AnswerLost) or (isinstance(error, Unavailable) and not error.code):
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def can_be_settled_by_reading(attempt: VerificationAttempt, number: BusinessNumber) -> bool:
    """Tell whether reading the number tells what became of a lost answer."""
    return attempt.action in (Action.SUBMIT_CODE, Action.REGISTER) and is_hosted(number.account)


@sensitive_variables()
def registered(number: BusinessNumber, attempt: VerificationAttempt, pin: Secret | None, now: datetime) -> None:
    """Write into the locked number that it works here now, by a registration that is done, and has this PIN."""
    if pin is not None:
        number.pin, number.pin_known = {"pin": pin}, BusinessNumber.PinKnown.KNOWN
    number.registered_at = now
    number.deregistered_at, number.register_again_by = None, None
    number.status = "CONNECTED"
    number.wrong_pins = 0
    record("number.registered", number, attempt.actor, now, attempt=attempt.pk)


def record_end(attempt: VerificationAttempt, number: BusinessNumber, now: datetime, *, action: str = "") -> None:
    """Write the attempt's end into the ledger."""
    record(
        action or EVENTS[Action(attempt.action)],
        number,
        attempt.actor,
        now,
        attempt=attempt.pk,
        outcome=attempt.outcome,
        method=attempt.method,
        language=attempt.language,
        provider_code=attempt.provider_code,
        trace_id=attempt.trace_id,
    )


def record(action: str, number: BusinessNumber, actor: str, now: datetime, **details: object) -> None:
    """Write an event about the number into the ledger, in the caller's transaction."""
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=number.business_account.business_id,
        subject=number.subject,
        details=details,
    )


@sensitive_variables()
def change(
    number: BusinessNumber,
    action: str,
    actor: str,
    now: datetime,
    fields: dict[str, object],
    details: dict[str, object] | None = None,
) -> BusinessNumber:
    """Change the locked number with its ledger event, whose details are the fields unless others are given."""
    with transaction.atomic():
        locked = lock(number)
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(fields))
        record(action, locked, actor, now, **(fields if details is None else details))
    number.refresh_from_db()
    return number


def expire_dead(*, now: datetime) -> list[VerificationAttempt]:
    """Make attempts UNKNOWN whose process died in mid-call, and give them."""
    dead = VerificationAttempt.objects.filter(outcome=Outcome.SENDING, started_at__lte=now - LONGEST_FLIGHT)
    expired = []
    for attempt in dead.select_related("business_number").order_by("pk"):
        with transaction.atomic():
            number = lock(attempt.business_number)
            kept = VerificationAttempt.objects.select_for_update().get(pk=attempt.pk)
            if kept.outcome != Outcome.SENDING:
                continue
            kept.outcome = Outcome.UNKNOWN
            kept.save(update_fields=["outcome"])
            record_end(kept, number, now)
            expired.append(kept)
    return expired


def _client(account: ProviderAccount, make: Callable[[ProviderAccount], Client]) -> Client:
    if account.paused_at is not None:
        raise Refused(
            _("The account %(account)s is paused: %(why)s Resume it first.")
            % {"account": account.name, "why": account.paused_reason}
        )
    try:
        return make(account)
    except NotConfigured as error:
        raise Refused(" ".join(filter(None, (error.message, str(error.next_step))))) from None
