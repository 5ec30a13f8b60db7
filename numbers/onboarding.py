"""Where a number stands on its way from "somewhere" to "working": derived from what we know, on every look.

Pure reads, no clock of their own, no call. What is said here warns and guides; it blocks nothing, the provider decides.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from numbers import identity_check, limits
from numbers.models import BusinessNumber
from providers import registry


class StepKey(StrEnum):
    """The steps, in their order."""

    ORIGIN = "origin"
    ADD = "add"
    NAME = "name"
    REQUEST_CODE = "request_code"
    ENTER_CODE = "enter_code"
    PIN = "pin"
    REGISTER = "register"
    IDENTITY_CHECK = "identity_check"
    WEBHOOKS = "webhooks"
    THROUGHPUT = "throughput"
    DONE = "done"


class StepState(StrEnum):
    """How far a step is."""

    DONE = "done"
    CURRENT = "current"
    WAITING = "waiting"
    LATER = "later"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how far it is, in words why, on whom it waits (a value of `BusinessNumber.Waiting`), as of when."""

    key: StepKey
    title: str
    state: StepState
    detail: str = ""
    waiting_on: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one rule says of its step; None of `is_done` means that the step is not needed."""

    is_done: bool | None
    detail: str = ""
    waiting_on: str = ""
    as_of: datetime | None = None
    #: Whether the next steps are worth taking before this one is done.
    holds_up: bool = True


def steps(number: BusinessNumber, *, now: datetime) -> tuple[Step, ...]:
    """Give every step that applies to the number, in order, each with its state; at most one is the current one."""
    rules = _RULES if registry.hosts_numbers(number.account.kind) else _RULES_OF_A_VERIFIER
    titles = _titles(hosted=rules is _RULES)
    found: list[Step] = []
    has_current = all_done = False
    for key, rule in rules.items():
        judged = rule(number, now)
        state = _state_of(judged, has_current=has_current)
        has_current = has_current or (judged.is_done is False and judged.holds_up)
        found.append(Step(key, titles[key], state, judged.detail, judged.waiting_on, judged.as_of))
    all_done = all(step.state in (StepState.DONE, StepState.NOT_NEEDED) for step in found)
    last = StepState.DONE if all_done else StepState.LATER if has_current else StepState.CURRENT
    found.append(Step(StepKey.DONE, titles[StepKey.DONE], last, as_of=number.synced_at))
    return tuple(_with_the_note(step, number) for step in found)


def current_step(number: BusinessNumber, *, now: datetime) -> Step:
    """Give the step that is to be taken next; the last one where nothing is left to do."""
    found = steps(number, now=now)
    held_up = (step for step in found if step.state is StepState.CURRENT)
    waiting = (step for step in found if step.state is StepState.WAITING)
    return next(held_up, None) or next(waiting, None) or found[-1]


def _state_of(judged: _Judged, *, has_current: bool) -> StepState:
    if judged.is_done is None:
        return StepState.NOT_NEEDED
    if judged.is_done:
        return StepState.DONE
    if judged.waiting_on and not judged.holds_up:
        return StepState.WAITING
    return StepState.LATER if has_current else StepState.CURRENT


def _with_the_note(step: Step, number: BusinessNumber) -> Step:
    if step.state is not StepState.CURRENT or not number.waiting_on or step.key is StepKey.DONE:
        return step
    return replace(
        step,
        state=StepState.WAITING,
        waiting_on=number.waiting_on,
        detail=" ".join(filter(None, (number.waiting_note, step.detail))),
        as_of=number.waiting_since,
    )


def _origin(number: BusinessNumber, now: datetime) -> _Judged:
    if number.origin:
        return _Judged(True, number.get_origin_display())
    # A number that came by itself, from the WABA, was never anywhere that anybody has to look.
    return _Judged(bool(number.phone_number_id), _("Already in this WhatsApp Business Account"))


def _add(number: BusinessNumber, now: datetime) -> _Judged:
    if number.phone_number_id:
        return _Judged(True, number.phone_number_id, as_of=number.synced_at)
    return _Judged(False, _("The provider has not given it a phone number id yet."))


def _name(number: BusinessNumber, now: datetime) -> _Judged:
    status, name = number.name_status.upper(), number.verified_name
    if not number.phone_number_id:
        return _Judged(False, name)
    if status in ("PENDING_REVIEW", "PENDING", "IN_REVIEW"):
        return _Judged(
            False,
            _("Meta is reviewing “%(name)s”. Go on meanwhile.") % {"name": name},
            BusinessNumber.Waiting.META,
            number.synced_at,
            holds_up=False,
        )
    if status in ("DECLINED", "REJECTED", "EXPIRED", "NON_EXISTS"):
        return _Judged(
            False,
            _("“%(name)s” is not approved (%(status)s). Send in another name in WhatsApp Manager; go on meanwhile.")
            % {"name": name, "status": number.name_status},
            BusinessNumber.Waiting.US,
            number.synced_at,
            holds_up=False,
        )
    return _Judged(True, " · ".join(filter(None, (name, number.name_status))), as_of=number.synced_at)


def _request_code(number: BusinessNumber, now: datetime) -> _Judged:
    if number.is_verified:
        return _Judged(True, as_of=number.verified_at)
    if number.is_coexistence:
        return _left_alone()
    code = limits.current_code(number, now)
    return _Judged(code is not None, as_of=code.started_at if code else None)


def _enter_code(number: BusinessNumber, now: datetime) -> _Judged:
    if number.is_verified:
        return _Judged(True, number.code_verification_status, as_of=number.verified_at or number.synced_at)
    if number.is_coexistence:
        return _left_alone()
    return _Judged(False)


def _pin(number: BusinessNumber, now: datetime) -> _Judged:
    if number.is_coexistence:
        return _left_alone()
    if number.pin_known == BusinessNumber.PinKnown.FORGOTTEN and not number.is_registered:
        return _Judged(
            False,
            _(
                "Two-step verification has to be turned off in WhatsApp Manager, by the link in its e-mail. "
                "No API does it."
            ),
            BusinessNumber.Waiting.CLIENT,
        )
    answered = bool(number.pin_known) or number.is_registered
    return _Judged(answered, number.get_pin_known_display() if number.pin_known else "")


def _register(number: BusinessNumber, now: datetime) -> _Judged:
    if number.is_coexistence:
        return _left_alone()
    if number.register_again_by is not None:
        return _Judged(
            False,
            _("The new display name is approved. It takes effect when the number is registered again, by %(by)s.")
            % {"by": limits.in_words(number.register_again_by, now)},
            as_of=number.synced_at,
        )
    return _Judged(number.is_registered, number.status, as_of=number.registered_at or number.synced_at)


def _identity_check(number: BusinessNumber, now: datetime) -> _Judged:

    if number.identity_desired is False:
        return _Judged(None, _("Turned off by a person."), as_of=number.identity_desired_at)
    differs = identity_check.drift(number)
    is_on = number.identity_read if number.identity_read is not None else number.identity_acknowledged
    return _Judged(bool(is_on) and not differs, differs, as_of=number.identity_read_at)


def _webhooks(number: BusinessNumber, now: datetime) -> _Judged:
    at = number.business_account.subscribed_at
    return _Judged(at is not None, as_of=at)


def _throughput(number: BusinessNumber, now: datetime) -> _Judged:
    known = number.throughput_level.upper() not in ("", "NOT_APPLICABLE")
    return _Judged(known, number.throughput_level, as_of=number.synced_at)


def _left_alone() -> _Judged:
    return _Judged(None, _("The number is also on the Business app, which keeps it as it is."))


_RULES: dict[StepKey, Callable[[BusinessNumber, datetime], _Judged]] = {
    StepKey.ORIGIN: _origin,
    StepKey.ADD: _add,
    StepKey.NAME: _name,
    StepKey.REQUEST_CODE: _request_code,
    StepKey.ENTER_CODE: _enter_code,
    StepKey.PIN: _pin,
    StepKey.REGISTER: _register,
    StepKey.IDENTITY_CHECK: _identity_check,
    StepKey.WEBHOOKS: _webhooks,
    StepKey.THROUGHPUT: _throughput,
}
#: Kaleyra sends the code when the number is added in its console, and registers the number itself.
_RULES_OF_A_VERIFIER = {StepKey.ADD: _add, StepKey.ENTER_CODE: _enter_code}


def _titles(*, hosted: bool) -> dict[StepKey, str]:
    return {
        StepKey.ORIGIN: _("Where is this number now?"),
        StepKey.ADD: _("Add the number") if hosted else _("Add the number at Kaleyra"),
        StepKey.NAME: _("Display name"),
        StepKey.REQUEST_CODE: _("Request a code"),
        StepKey.ENTER_CODE: _("Enter the code"),
        StepKey.PIN: _("Is there a PIN?"),
        StepKey.REGISTER: _("Register the number"),
        StepKey.IDENTITY_CHECK: _("Identity change check"),
        StepKey.WEBHOOKS: _("Webhooks"),
        StepKey.THROUGHPUT: _("Throughput"),
        StepKey.DONE: _("Working") if hosted else _("Verified"),
    }
