"""One-time codes: request one, submit one, settle an answer that was lost (provider documents: Cloud API, Kaleyra).

A code lives in one call: it is sent at once, once, within the client's deadline, and is in no model, task, log, message
or exception. Nothing here is repeated by itself; a person may type a code again.
"""

import re
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from numbers import attempts, limits, sync
from numbers.languages import read_language
from numbers.limits import LimitReached as LimitReached
from numbers.limits import Refused as Refused
from numbers.models import CONNECTED, BusinessNumber, VerificationAttempt
from providers import catalogue
from providers.interfaces import CodeMethod, Submitted
from providers.secret import Secret

#: What stands in the attempt of a code that was not needed any more.
ALREADY_VERIFIED = "ALREADY_VERIFIED"
#: A lost submission may still arrive; only a reading later than this says that it was not taken.
SETTLED_BY_READING_AFTER = timedelta(seconds=60)

Action, Outcome = VerificationAttempt.Action, VerificationAttempt.Outcome
# What people and their phones put between the digits: spaces of any width, dashes, direction marks.
_BETWEEN = re.compile("[\\s\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060\u2066-\u2069\u2212\ufeff-]")
_SIX_DIGITS = re.compile("[0-9]{6}")
_LONGEST_INPUT = 64


class CodeUnreadable(ValueError):
    """What was typed is no code: the message names the rule, and never what was typed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@sensitive_variables()
def read_code(text: str) -> Secret:
    """Read a code as a person typed or pasted it: six digits, with spaces and dashes where they like.

    :raises CodeUnreadable: naming the rule that it breaks.
    """
    return Secret(six_digits(text, what=_("code")))


@sensitive_variables()
def six_digits(text: str, *, what: str) -> str:
    """Read six ASCII digits, keeping zeros in front.

    :raises CodeUnreadable: naming the rule; `what` is how the message calls it.
    """
    digits = _BETWEEN.sub("", text) if len(text) <= _LONGEST_INPUT else "x"
    if _SIX_DIGITS.fullmatch(digits):
        return digits
    if not digits:
        problem = _("The %(what)s is missing. Type its six digits.")
    elif not digits.isascii() and digits.isdigit():
        problem = _("The %(what)s holds digits of another alphabet. Type it with 0 to 9.")
    elif digits.isascii() and digits.isdigit():
        problem = _("The %(what)s has six digits; this has another number of them.")
    else:
        problem = _("The %(what)s consists of six digits; this holds something else.")
    # Raised from no other exception, so that nothing which holds the text hangs on it.
    raise CodeUnreadable(problem % {"what": what}) from None


def request_code(
    *, number: BusinessNumber, method: CodeMethod, language: str, actor: str, now: datetime
) -> VerificationAttempt:
    """Have the provider send a code, and give the attempt with what came of it.

    :raises Refused: when it was refused here and nothing left; LimitReached where a limit holds.
    """
    locale = read_language(language)
    host = attempts.host_of(number.account)
    watch = attempts.Stopwatch(now)
    with transaction.atomic(durable=True):
        attempts.lock_operator(actor)
        locked = attempts.lock(number)
        attempts.refuse_coexistence(locked)
        attempts.refuse_unknown_id(locked)
        attempts.refuse_in_flight(locked, now)
        limits.check_request(number=locked, actor=actor, now=now)
        attempt = attempts.begin(
            locked, Action.REQUEST_CODE, actor=actor, now=now, method=method.value, language=locale
        )
    kept = attempts.carry(
        attempt,
        lambda: host.request_code(locked.phone_number_id, method=method, language=locale, subject=locked.subject),
        watch=watch,
    )
    if _was_needless(kept, locked):
        sync.refresh_after(locked, watch, actor)
    else:
        sync.refresh_unless_lost(kept, watch)
    return kept


def declare_code_sent(*, number: BusinessNumber, actor: str, now: datetime) -> VerificationAttempt:
    """Write down that the provider has sent a fresh code by another way, so that its tries are counted anew.

    Kaleyra sends one when the number is added there, and again in its console. Declarations count as requests do.

    :raises Refused: when it was refused here; LimitReached where a limit holds.
    """
    with transaction.atomic():
        attempts.lock_operator(actor)
        locked = attempts.lock(number)
        attempts.refuse_coexistence(locked)
        attempts.refuse_in_flight(locked, now)
        limits.check_request(number=locked, actor=actor, now=now)
        attempt = attempts.begin(locked, Action.CODE_ELSEWHERE, actor=actor, now=now)
        attempt.outcome, attempt.settled_at = Outcome.DONE, now
        attempt.save(update_fields=["outcome", "settled_at"])
        attempts.record_end(attempt, locked, now)
    return attempt


@sensitive_variables()
def submit_code(
    *, number: BusinessNumber, code: Secret, actor: str, now: datetime, code_request: int | None = None
) -> VerificationAttempt:
    """Send a code, once, and give the attempt with what came of it; "already verified" is success.

    Every submission that may have reached the provider is one of the code's five tries. So is one that it answered with
    "try again later", after which the person may type the same code again: Kaleyra documents no answer to a wrong code,
    so this may be one, and an answer that cost nothing could be asked for ten thousand times. `code_request` is the
    attempt that the person's page was about, where it knew one.

    :raises Refused: when it was refused here and nothing left; LimitReached where a limit holds.
    """
    verifier = attempts.verifier_of(number)
    watch = attempts.Stopwatch(now)
    with transaction.atomic(durable=True):
        attempts.lock_operator(actor)
        locked = attempts.lock(number)
        attempts.refuse_coexistence(locked)
        attempts.refuse_unknown_id(locked)
        attempts.refuse_in_flight(locked, now)
        request = _request_of_the_code(locked, code_request, now)
        limits.check_submission(number=locked, code=request, actor=actor, now=now)
        attempt = attempts.begin(locked, Action.SUBMIT_CODE, actor=actor, now=now, code_request=request)

    def call() -> str:
        done = verifier.submit_code(locked.address(), code, subject=locked.subject)
        return ALREADY_VERIFIED if done is Submitted.ALREADY_VERIFIED else ""

    kept = attempts.carry(attempt, call, watch=watch, on_end=_verified)
    sync.refresh_unless_lost(kept, watch)
    return kept


def settle(*, attempt: VerificationAttempt, now: datetime) -> VerificationAttempt:
    """Read from the provider what became of a submission or registration whose answer was lost.

    Where the number is not verified, or not registered, the attempt stays open until so long after it that the lost
    call cannot arrive any more.

    :raises Refused: when the provider cannot be read.
    :raises ProviderError: one of its subclasses, when reading failed; the attempt stays as it is.
    """
    number = sync.refresh_number(number=attempt.business_number, actor="waadmin", now=now)
    registers = attempt.action == Action.REGISTER
    said = number.status if registers else number.code_verification_status
    is_so = said.upper() in (CONNECTED if registers else ("VERIFIED",))
    with transaction.atomic():
        locked = attempts.lock(number)
        kept = VerificationAttempt.objects.select_for_update().get(pk=attempt.pk)
        if kept.outcome != Outcome.UNKNOWN:
            return kept
        if is_so and registers and locked.registered_at is not None:
            # It was connected before: being so now tells nothing about this registration.
            return kept
        if not is_so and now < kept.started_at + SETTLED_BY_READING_AFTER:
            return kept
        kept.outcome = Outcome.DONE if is_so else Outcome.REFUSED
        kept.settled_at, kept.provider_words = now, said[:200]
        kept.save()
        if registers and is_so:
            attempts.registered(locked, kept, locked.unconfirmed_pin, now)
        elif registers:
            locked.pin = {name: pin for name, pin in locked.pin.items() if name != "unconfirmed"}
        else:
            _verified(locked, kept, now)
        locked.save()
        attempts.record_end(kept, locked, now, action="attempt.settled")
    return kept


def settle_by_person(*, attempt: VerificationAttempt, verified: bool, actor: str, now: datetime) -> VerificationAttempt:
    """Write down what a person found out about a lost answer, where the provider cannot be asked.

    :raises Refused: when the attempt has an answer.
    """
    with transaction.atomic():
        locked = attempts.lock(attempt.business_number)
        kept = VerificationAttempt.objects.select_for_update().get(pk=attempt.pk)
        if kept.outcome != Outcome.UNKNOWN or kept.action != Action.SUBMIT_CODE:
            raise Refused(_("This attempt has its answer already."))
        kept.outcome = Outcome.DONE if verified else Outcome.REFUSED
        kept.settled_at = now
        kept.save(update_fields=["outcome", "settled_at"])
        _verified(locked, kept, now)
        locked.save()
        attempts.record("attempt.settled_by_person", locked, actor, now, attempt=kept.pk, outcome=kept.outcome)
    return kept


def _request_of_the_code(number: BusinessNumber, named: int | None, now: datetime) -> VerificationAttempt | None:
    """Give the request whose code is expected, and refuse a code that cannot be good any more."""
    if named is not None and not number.attempts.filter(pk=named).exists():
        raise Refused(
            _("This page was about another number's code. Open this number's own page and type the code there.")
        )
    request = limits.current_code(number, now)
    if request is not None and request.submissions.filter(outcome=Outcome.DONE).exists():
        raise Refused(_("This code has been used: the number is verified. Go on with the next step."))
    if request is None and attempts.is_hosted(number.account):
        latest = number.attempts.filter(action__in=[Action.REQUEST_CODE, Action.CODE_ELSEWHERE], outcome=Outcome.DONE)
        if latest.exists():
            raise Refused(_("The code has expired: a code is good for 10 minutes. Request a new one."))
        raise Refused(_("No code has been requested for this number. Request one first."))
    return request


def _was_needless(attempt: VerificationAttempt, number: BusinessNumber) -> bool:
    meaning = catalogue.explain(number.account.kind, attempt.provider_code).meaning
    return attempt.outcome == Outcome.REFUSED and meaning is catalogue.Meaning.ALREADY_VERIFIED


def _verified(number: BusinessNumber, attempt: VerificationAttempt, now: datetime) -> None:
    if attempt.outcome != Outcome.DONE:
        return
    number.verified_at = number.verified_at or now
    number.code_verification_status = "VERIFIED"
    attempts.record(
        "number.verified",
        number,
        attempt.actor,
        now,
        attempt=attempt.pk,
        already=attempt.provider_words == ALREADY_VERIFIED,
    )
