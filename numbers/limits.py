"""Limits on codes, registrations and PINs: counts of attempts in the database, so that no restart resets them.

The checks are made under the lock of the number's row, and of the operator's where theirs are counted, in the
transaction that commits the attempt. Every attempt that may have left counts, whatever came of it: also one whose
answer was lost, and also an answer without a verdict. Kaleyra documents no answer to a wrong code, so its
"Please try again later" may be one. Only what certainly never left (NOT_SENT) costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from numbers.models import BusinessNumber, VerificationAttempt

CODE_LIFETIME = timedelta(minutes=10)
REQUEST_WINDOW = timedelta(minutes=10)
REQUESTS_IN_WINDOW = 3
LONG_WINDOW = timedelta(hours=72)
REQUESTS_IN_LONG_WINDOW = 10
TRIES_PER_CODE = 5
OPERATOR_WINDOW = timedelta(hours=1)
CODES_PER_OPERATOR = 30
#: Meta blocks a number for 72 hours at the tenth.
REGISTRATIONS_IN_LONG_WINDOW = 9
WRONG_PINS_IN_A_ROW = 2

Action, Outcome = VerificationAttempt.Action, VerificationAttempt.Outcome
_CODES = "current_codes"
_REQUESTS = (Action.REQUEST_CODE, Action.CODE_ELSEWHERE)


class Refused(ValueError):
    """It was refused here, before anything was spent: the message names the rule and the next step."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Whose(StrEnum):
    """Who set a limit."""

    OURS = "ours"
    PROVIDER = "provider"


class LimitReached(Refused):
    """A limit holds: the message says whose it is and when it frees."""

    def __init__(self, message: str, *, whose: Whose, free_at: datetime | None) -> None:
        super().__init__(message)
        self.whose = whose
        self.free_at = free_at


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may still be done with a number now."""

    #: When a code may be requested next; None where it may be now.
    resend_at: datetime | None
    requests_left: int
    tries_left: int
    #: None where we know of no code that is still good.
    code_expires_at: datetime | None
    registrations_left: int
    wrong_pins_left: int
    #: The request whose code is expected; None where none is known, or it has expired.
    code_request: VerificationAttempt | None
    #: When a code may be tried again, where no try is left.
    tries_free_at: datetime | None


def allowance(*, number: BusinessNumber, actor: str, now: datetime) -> Allowance:
    """Count what the number and the operator have left; a screen shows it, the journeys ask again under the lock."""
    code = current_code(number, now)
    try:
        check_request(number=number, actor=actor, now=now)
        resend_at = None
    except LimitReached as limit:
        resend_at = limit.free_at
    tries = _tries(number, code, now)
    return Allowance(
        resend_at=resend_at,
        requests_left=0 if resend_at else _requests_left(number, now),
        tries_left=max(0, TRIES_PER_CODE - len(tries)),
        code_expires_at=code.started_at + CODE_LIFETIME if code else None,
        registrations_left=max(
            0, REGISTRATIONS_IN_LONG_WINDOW - len(_times(number, (Action.REGISTER,), LONG_WINDOW, now))
        ),
        wrong_pins_left=max(0, WRONG_PINS_IN_A_ROW - number.wrong_pins),
        code_request=code,
        tries_free_at=_tries_free_at(code, tries) if len(tries) >= TRIES_PER_CODE else None,
    )


def current_code(number: BusinessNumber, now: datetime) -> VerificationAttempt | None:
    """Give the newest request whose code may have been sent and is not too old to be good."""
    brought_along: list[VerificationAttempt] | None = getattr(number, _CODES, None)
    if brought_along is not None:
        return next(iter(brought_along), None)
    return _codes(VerificationAttempt.objects.filter(business_number=number), now).first()


def with_current_codes(numbers: QuerySet[BusinessNumber], now: datetime) -> QuerySet[BusinessNumber]:
    """Bring along what `current_code` would ask for each of these numbers, in one query: for lists, which only read."""
    codes = _codes(VerificationAttempt.objects.all(), now)
    return numbers.prefetch_related(Prefetch("attempts", codes, to_attr=_CODES))


def _codes(attempts: QuerySet[VerificationAttempt], now: datetime) -> QuerySet[VerificationAttempt]:
    recent = attempts.filter(action__in=_REQUESTS, started_at__gt=now - CODE_LIFETIME)
    return recent.exclude(outcome__in=[Outcome.NOT_SENT, Outcome.REFUSED]).order_by("-started_at", "-pk")


def check_request(*, number: BusinessNumber, actor: str, now: datetime) -> None:
    """Refuse one more code for the number, or by the operator, where a limit holds.

    :raises LimitReached: saying whose limit it is and when it frees.
    """
    _check_wait(number, Action.REQUEST_CODE, now)
    recent = _times(number, _REQUESTS, REQUEST_WINDOW, now)
    if len(recent) >= REQUESTS_IN_WINDOW:
        _refuse(
            _("%(count)d codes in 10 minutes for one number: our limit, so that Meta does not block the number."),
            count=REQUESTS_IN_WINDOW,
            free_at=recent[-REQUESTS_IN_WINDOW] + REQUEST_WINDOW,
            now=now,
        )
    longer = _times(number, _REQUESTS, LONG_WINDOW, now)
    if len(longer) >= REQUESTS_IN_LONG_WINDOW:
        _refuse(
            _("%(count)d codes in 72 hours for one number: our limit, so that Meta does not block the number."),
            count=REQUESTS_IN_LONG_WINDOW,
            free_at=longer[-REQUESTS_IN_LONG_WINDOW] + LONG_WINDOW,
            now=now,
        )
    _check_operator(actor, _REQUESTS, now)


def check_submission(*, number: BusinessNumber, code: VerificationAttempt | None, actor: str, now: datetime) -> None:
    """Refuse one more try of a code where a limit holds; without a known code the last ten minutes are counted.

    :raises LimitReached: saying whose limit it is and when it frees.
    """
    _check_wait(number, Action.SUBMIT_CODE, now)
    tries = _tries(number, code, now)
    if len(tries) >= TRIES_PER_CODE:
        free_at = _tries_free_at(code, tries)
        if code is not None and code.action == Action.REQUEST_CODE:
            raise LimitReached(
                _("%(count)d tries for one code: our limit, so that nobody guesses it. Request a new code.")
                % {"count": TRIES_PER_CODE},
                whose=Whose.OURS,
                free_at=free_at,
            )
        _refuse(
            _("%(count)d tries for one code: our limit, so that nobody guesses it. Have a new code sent."),
            count=TRIES_PER_CODE,
            free_at=free_at,
            now=now,
        )
    _check_operator(actor, (Action.SUBMIT_CODE,), now)


def check_registration(*, number: BusinessNumber, now: datetime) -> None:
    """Refuse one more registration before the provider's own limit, and one more guess at a PIN before it locks.

    :raises LimitReached: saying whose limit it is and when it frees.
    """
    _check_wait(number, Action.REGISTER, now)
    times = _times(number, (Action.REGISTER,), LONG_WINDOW, now)
    if len(times) >= REGISTRATIONS_IN_LONG_WINDOW:
        _refuse(
            _("%(count)d registrations in 72 hours: our limit. Meta blocks a number for 72 hours at the tenth."),
            count=REGISTRATIONS_IN_LONG_WINDOW,
            free_at=times[-REGISTRATIONS_IN_LONG_WINDOW] + LONG_WINDOW,
            now=now,
        )
    if number.wrong_pins >= WRONG_PINS_IN_A_ROW:
        raise LimitReached(
            _(
                "%(count)d PINs in a row were wrong or had no answer: our limit, because a few wrong ones lock the "
                "registration at Meta. Have two-step verification turned off in WhatsApp Manager, by the link in its "
                "e-mail: no API does it. Then say here that the number has no PIN, and it frees."
            )
            % {"count": WRONG_PINS_IN_A_ROW},
            whose=Whose.OURS,
            free_at=None,
        )


def _spent(
    number: BusinessNumber, actions: Sequence[str], window: timedelta, now: datetime
) -> QuerySet[VerificationAttempt]:
    return VerificationAttempt.objects.filter(
        business_number=number, action__in=actions, started_at__gt=now - window
    ).exclude(outcome=Outcome.NOT_SENT)


def _times(number: BusinessNumber, actions: Sequence[str], window: timedelta, now: datetime) -> list[datetime]:
    return list(_spent(number, actions, window, now).order_by("started_at").values_list("started_at", flat=True))


def _requests_left(number: BusinessNumber, now: datetime) -> int:
    recent, longer = _times(number, _REQUESTS, REQUEST_WINDOW, now), _times(number, _REQUESTS, LONG_WINDOW, now)
    return min(REQUESTS_IN_WINDOW - len(recent), REQUESTS_IN_LONG_WINDOW - len(longer))


def _tries(number: BusinessNumber, code: VerificationAttempt | None, now: datetime) -> list[datetime]:
    tries = _spent(number, (Action.SUBMIT_CODE,), CODE_LIFETIME, now)
    if code is not None:
        tries = tries.filter(code_request=code)
    return list(tries.order_by("started_at").values_list("started_at", flat=True))


def _tries_free_at(code: VerificationAttempt | None, tries: Sequence[datetime]) -> datetime:
    return (code.started_at if code else tries[-TRIES_PER_CODE]) + CODE_LIFETIME


def _check_operator(actor: str, actions: Sequence[str], now: datetime) -> None:
    times = list(
        VerificationAttempt.objects.filter(actor=actor, action__in=actions, started_at__gt=now - OPERATOR_WINDOW)
        .exclude(outcome=Outcome.NOT_SENT)
        .order_by("started_at")
        .values_list("started_at", flat=True)
    )
    if len(times) >= CODES_PER_OPERATOR:
        _refuse(
            _("%(count)d codes in an hour by one operator: our limit."),
            count=CODES_PER_OPERATOR,
            free_at=times[-CODES_PER_OPERATOR] + OPERATOR_WINDOW,
            now=now,
        )


def _check_wait(number: BusinessNumber, action: str, now: datetime) -> None:
    told = (
        VerificationAttempt.objects.filter(business_number=number, action=action, wait_until__gt=now)
        .order_by("-wait_until")
        .values_list("wait_until", flat=True)
        .first()
    )
    if told is not None:
        _refuse(_("The provider asked us to wait: its limit."), free_at=told, now=now, whose=Whose.PROVIDER)


def _refuse(message: str, *, free_at: datetime, now: datetime, count: int = 0, whose: Whose = Whose.OURS) -> None:
    words = message % {"count": count}
    raise LimitReached(f"{words} {_('It frees at %s.') % in_words(free_at, now)}", whose=whose, free_at=free_at)


def in_words(moment: datetime, now: datetime) -> str:
    """Write a time to come in the reader's zone, with its date where that is not today."""
    local, today = timezone.localtime(moment), timezone.localtime(now)
    zone = local.tzname() or "UTC"
    if local.date() == today.date():
        return f"{date_format(local, 'H:i')} {zone}"
    return f"{date_format(local, 'j N Y, H:i')} {zone}"
