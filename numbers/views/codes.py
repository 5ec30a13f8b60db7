"""Requesting and submitting codes. A code lives in one request: it is read from the form, handed on, and gone."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from audit.pages import actor_of, clock, may, show
from numbers import codes as journey
from numbers import line_types, words
from numbers.forms import RequestCodeForm
from numbers.models import BusinessNumber, VerificationAttempt
from numbers.onboarding import StepKey
from numbers.views import number_page
from numbers.views.telling import carry, find, page_of, to_page
from providers.interfaces import CodeMethod

_Outcome = VerificationAttempt.Outcome


@never_cache
@require_POST
@may("numbers.verify_businessnumber")
def request_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a code sent; before a call, make sure that somebody stands beside the phone."""
    number = find(request, pk)
    form = RequestCodeForm(request.POST)
    if not form.is_valid():
        return number_page.draw(request, number, step=StepKey.REQUEST_CODE, code_form=form)
    method = CodeMethod(form.cleaned_data["method"])
    if method is CodeMethod.VOICE and not form.cleaned_data["ready"]:
        return _ask_whether_ready(request, number, form)
    attempt = carry(
        request,
        number.account.kind,
        lambda: journey.request_code(
            number=number,
            method=method,
            language=form.cleaned_data["language"],
            actor=actor_of(request),
            now=clock(),
        ),
    )
    was_sent = attempt is not None and attempt.outcome == _Outcome.DONE
    if was_sent:
        messages.success(
            request, _("Meta is calling now.") if method is CodeMethod.VOICE else _("The code is on its way.")
        )
        return to_page(number, StepKey.ENTER_CODE)
    number.refresh_from_db()
    if attempt is not None and number.is_verified:
        messages.success(request, _("The number is verified already: no code is needed any more."))
        return to_page(number)
    return to_page(number, StepKey.REQUEST_CODE)


@require_POST
@may("numbers.verify_businessnumber")
def code_sent(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person's word that the provider has sent a fresh code."""
    number = find(request, pk)
    carry(
        request,
        number.account.kind,
        lambda: journey.declare_code_sent(number=number, actor=actor_of(request), now=clock()),
        done=lambda _attempt: _("Noted. Enter the new code; the tries count anew."),
    )
    return to_page(number, StepKey.ENTER_CODE)


@sensitive_post_parameters()
@sensitive_variables()
@never_cache
@require_POST
@may("numbers.verify_businessnumber")
def submit_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the code, once, and lead back to the number's page, which tells from the record what became of it."""
    number = find(request, pk)
    attempt = carry(
        request,
        number.account.kind,
        lambda: journey.submit_code(
            number=number,
            code=journey.read_code(request.POST.get("code", "")),
            actor=actor_of(request),
            now=clock(),
            code_request=_pk_in(request.POST.get("code_request", "")),
        ),
        done=_verified,
    )
    is_verified = attempt is not None and attempt.outcome == _Outcome.DONE
    return to_page(number, "" if is_verified else StepKey.ENTER_CODE)


@require_POST
@may("numbers.verify_businessnumber")
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Read from the provider what became of a code whose answer was lost."""
    number = find(request, pk)
    attempt = _unsettled(number)
    carry(request, number.account.kind, lambda: journey.settle(attempt=attempt, now=clock()))
    return to_page(number, StepKey.ENTER_CODE)


@require_POST
@may("numbers.verify_businessnumber")
def settle_by_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person's word on what became of a code whose answer was lost."""
    number = find(request, pk)
    attempt = _unsettled(number)
    verified = request.POST.get("verified") == "yes"
    carry(
        request,
        number.account.kind,
        lambda: journey.settle_by_person(attempt=attempt, verified=verified, actor=actor_of(request), now=clock()),
    )
    return to_page(number, StepKey.ENTER_CODE)


def _verified(attempt: VerificationAttempt) -> str:
    if attempt.outcome != _Outcome.DONE:
        return ""
    already = attempt.provider_words == journey.ALREADY_VERIFIED
    return _("The number was verified already.") if already else _("The number is verified.")


def _pk_in(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _unsettled(number: BusinessNumber) -> VerificationAttempt:
    asked = VerificationAttempt.Action.SUBMIT_CODE
    found = number.attempts.filter(action=asked, outcome=_Outcome.UNKNOWN)[:1]
    return get_object_or_404(VerificationAttempt, pk__in=[attempt.pk for attempt in found])


def _ask_whether_ready(request: HttpRequest, number: BusinessNumber, form: RequestCodeForm) -> HttpResponse:
    return show(
        request,
        "numbers/call_ready.html",
        title=_("Meta will call now"),
        model=BusinessNumber,
        of=number,
        number=number,
        international=words.international(number.e164),
        language=form.language_words(),
        form=form,
        voice_note=line_types.advise(number.e164).voice_note,
        back=page_of(number, StepKey.REQUEST_CODE),
    )
