"""A number's own page: the stepper with one step open, and what is known of the number beside it.

The page is drawn from the database alone, so that it can be left and taken up again by anybody at any time. What the
provider said last about a code or a registration stands in its attempt and is told from there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit.display import Tone, badge
from audit.pages import actor_of, clock, may, show
from numbers import advice, identity_check, languages, limits, line_types, onboarding, registration, sync, words
from numbers.forms import (
    CodeForm,
    NameForm,
    OriginForm,
    PinAnswerForm,
    PinForm,
    RequestCodeForm,
    WaitingForm,
)
from numbers.models import BusinessNumber, VerificationAttempt
from numbers.onboarding import Step, StepKey, StepState
from numbers.views.telling import carry, find, to_page
from numbers.views.told import newest, of_this_code
from providers.registry import hosts_numbers

_Action = VerificationAttempt.Action
_ATTEMPTS_SHOWN = 6
_MARKS = {StepState.DONE: "✓", StepState.CURRENT: "→", StepState.WAITING: "…", StepState.NOT_NEEDED: "–"}
#: Steps whose facts are read from the provider, and the button that reads them again.
_READ_AGAIN = dict.fromkeys(
    (
        StepKey.ADD,
        StepKey.NAME,
        StepKey.REQUEST_CODE,
        StepKey.ENTER_CODE,
        StepKey.PIN,
        StepKey.REGISTER,
        StepKey.THROUGHPUT,
    ),
    "admin:numbers_businessnumber_refresh",
) | {StepKey.IDENTITY_CHECK: "admin:numbers_businessnumber_identity_read"}


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it is drawn."""

    step: Step
    mark: str
    badge: SafeString | str
    summary: object
    as_of: datetime | None
    is_current: bool
    is_open: bool
    template: str
    can_read: bool
    read_again: str


@never_cache
@require_safe
@may("numbers.view_businessnumber")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where the number stands."""
    return draw(request, find(request, pk), step=request.GET.get("step", ""))


@require_POST
@may("numbers.change_businessnumber")
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the number again from the provider."""
    number = find(request, pk)
    carry(
        request,
        number.account.kind,
        lambda: sync.refresh_number(number=number, actor=actor_of(request), now=clock()),
        done=lambda _number: _("Read again."),
    )
    asked = request.POST.get("step", "")
    return to_page(number, asked if asked in set(StepKey) else "")


@require_POST
@may("numbers.change_businessnumber")
def wait(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep on whom the next step waits."""
    number = find(request, pk)
    form = WaitingForm(request.POST)
    if not form.is_valid():
        return draw(request, number, waiting_form=form)
    carry(
        request,
        number.account.kind,
        lambda: registration.set_waiting(number=number, actor=actor_of(request), now=clock(), **form.cleaned_data),
    )
    return to_page(number)


def draw(request: HttpRequest, number: BusinessNumber, *, step: str = "", **forms: Form) -> HttpResponse:
    """Draw the page, opened at a step or at the one that comes next; forms that were not accepted come along."""
    now = clock()
    steps = onboarding.steps(number, now=now)
    current = onboarding.current_step(number, now=now)
    opened = next((one.key for one in steps if one.key == step), current.key)
    is_hosted = hosts_numbers(number.account.kind)
    allowance = limits.allowance(number=number, actor=actor_of(request), now=now)
    resend_seconds = ceil((allowance.resend_at - now).total_seconds()) if allowance.resend_at else 0
    written, region = words.national(number.e164)
    drift = identity_check.drift(number)
    attempts = list(number.attempts.select_related("business_number__business_account__account")[:_ATTEMPTS_SHOWN])
    last_code = newest(number, _Action.REQUEST_CODE, _Action.CODE_ELSEWHERE)
    context: dict[str, Any] = {
        "number": number,
        "account": number.account,
        "international": words.international(number.e164),
        "region": region,
        "rows": [_row(one, number, current=current, opened=opened, is_hosted=is_hosted) for one in steps],
        "is_hosted": is_hosted,
        "is_done": current.state is StepState.DONE,
        "open_steps": [one.title for one in steps[:-1] if one.state not in (StepState.DONE, StepState.NOT_NEEDED)],
        "badges": _badges(number, drift, now),
        "drift": drift,
        "trouble": advice.TROUBLE.get(number.status, ""),
        "allowance": allowance,
        "tries": limits.TRIES_PER_CODE,
        "resend_seconds": resend_seconds,
        "resend_words": f"{resend_seconds // 60}:{resend_seconds % 60:02d}",
        "attempts": [{"attempt": attempt, "badge": words.outcome_badge(attempt)} for attempt in attempts],
        "last_request": last_code,
        "last_submission": of_this_code(newest(number, _Action.SUBMIT_CODE), last_code),
        "last_registration": newest(number, _Action.REGISTER),
        "can_submit": not is_hosted or allowance.code_request is not None,
        "advice": line_types.advise(number.e164),
        "origin_advice": advice.ORIGIN.get(number.origin, ""),
        "origin_cases": cases(BusinessNumber.Origin.choices, advice.ORIGIN),
        "pin_advice": advice.PIN.get(number.pin_known, ""),
        "pin_cases": cases(BusinessNumber.PinKnown.choices, advice.PIN),
        **_permissions(request),
        **_forms(number),
        **forms,
    }
    title = written if region else words.international(number.e164)
    return show(request, "numbers/number.html", title=title, model=BusinessNumber, row=number, **context)


def cases(choices: Iterable[tuple[str, Any]], advised: dict[str, object]) -> list[dict[str, object]]:
    """Give the choices of a question, each with what to do in that case."""
    return [{"value": value, "label": label, "help": advised[value]} for value, label in choices]


def _row(step: Step, number: BusinessNumber, *, current: Step, opened: StepKey, is_hosted: bool) -> Row:
    return Row(
        step=step,
        mark=_MARKS.get(step.state, ""),
        badge=_state_badge(step),
        summary=_summary(step, number),
        as_of=step.as_of or (None if step.key is StepKey.IDENTITY_CHECK else number.synced_at),
        is_current=step.key == current.key,
        is_open=step.key == opened,
        template=f"numbers/steps/{step.key}.html",
        can_read=is_hosted and step.key in _READ_AGAIN and bool(number.phone_number_id),
        read_again=_READ_AGAIN.get(step.key, ""),
    )


def _state_badge(step: Step) -> SafeString | str:
    match step.state:
        case StepState.DONE:
            return badge(Tone.GOOD, _("Done"))
        case StepState.WAITING:
            return badge(Tone.BUSY, words.waiting_words(step))
        case StepState.NOT_NEEDED:
            return badge(Tone.QUIET, _("Not needed"))
        case StepState.CURRENT:
            return format_html('<strong class="at">{}</strong>', _("Next"))
        case _:
            return ""


def _summary(step: Step, number: BusinessNumber) -> object:
    """Give a step's detail; a provider's value is said in words where there are any."""
    match step.key:
        case StepKey.NAME if step.state is StepState.DONE:
            known = words.DISPLAY_NAME.get(number.name_status, (Tone.QUIET, number.name_status))[1]
            return " · ".join(str(part) for part in (number.verified_name, known) if part)
        case StepKey.ENTER_CODE | StepKey.REGISTER if step.detail in (number.status, number.code_verification_status):
            return ""
        case StepKey.THROUGHPUT:
            done = step.state is StepState.DONE
            return words.THROUGHPUT.get(step.detail, (Tone.QUIET, step.detail))[1] if done else ""
        case _:
            return step.detail


def _badges(number: BusinessNumber, drift: str, now: datetime) -> dict[str, SafeString | str]:
    unread = _("not yet") if number.identity_read_at is None else _("the provider does not tell")
    return {
        "verified": words.verified_badge(number),
        "connected": words.connected_badge(number),
        "quality": words.said(words.QUALITY, number.quality_rating),
        "throughput": words.throughput(number, now),
        "name": words.name_badge(number),
        "new_name": words.said(words.DISPLAY_NAME, number.new_name_status),
        "identity": words.identity_badge(number, drift),
        "health": words.said(words.HEALTH, number.health_status),
        "limit": words.messaging_limit(number.messaging_limit_tier),
        "platform": words.PLATFORM.get(number.platform_type, number.platform_type or "–"),
        "wanted": words.on_or_off(number.identity_desired, nothing=_("nobody has said")),
        "acknowledged": words.on_or_off(number.identity_acknowledged, nothing=_("not yet")),
        "read_back": words.on_or_off(number.identity_read, nothing=unread),
    }


def _permissions(request: HttpRequest) -> dict[str, bool]:
    names = {
        "may_read": "numbers.change_businessnumber",
        "may_change": "numbers.change_businessnumber",
        "may_add": "numbers.add_businessnumber",
        "may_sync": "numbers.sync_businessaccount",
        "may_verify": "numbers.verify_businessnumber",
        "may_register": "numbers.register_businessnumber",
        "may_reveal": "numbers.reveal_pin_businessnumber",
        "may_toggle": "numbers.toggle_identity_check_businessnumber",
    }
    return {name: request.user.has_perm(permission) for name, permission in names.items()}


def _forms(number: BusinessNumber) -> dict[str, Form]:
    return {
        "origin_form": OriginForm(initial={"origin": number.origin}),
        "name_form": NameForm(initial={"verified_name": number.verified_name}),
        "code_form": RequestCodeForm(
            initial={
                "method": line_types.advise(number.e164).method.value,
                "language": languages.default_language(number.e164),
            }
        ),
        "otp_form": CodeForm(),
        "pin_answer_form": PinAnswerForm(initial={"pin_known": number.pin_known}),
        "register_form": PinForm(offered=_pins_offered(number)),
        "waiting_form": WaitingForm(initial={"on": number.waiting_on, "note": number.waiting_note}, auto_id="wait_%s"),
    }


def _pins_offered(number: BusinessNumber) -> tuple[str, ...]:
    offered = (
        (PinForm.KEPT, number.stored_pin is not None),
        (PinForm.UNCONFIRMED, number.unconfirmed_pin is not None),
        (PinForm.MADE, number.stored_pin is None and number.pin_known == BusinessNumber.PinKnown.NONE),
        (PinForm.TYPED, True),
    )
    return tuple(which for which, is_offered in offered if is_offered)
