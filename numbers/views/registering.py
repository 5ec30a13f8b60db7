"""The number's PIN, registering it, and seeing the PIN again. A PIN is read from the form, handed on, and gone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from numbers import registration
from numbers.forms import PinAnswerForm, PinForm, RevealForm
from numbers.models import BusinessNumber, VerificationAttempt
from numbers.onboarding import StepKey
from numbers.views import number_page
from numbers.views.telling import carry, find, page_of, to_page
from providers.secret import Secret


@require_POST
@may("numbers.register_businessnumber")
def pin_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what a person says about the number's PIN."""
    number = find(request, pk)
    form = PinAnswerForm(request.POST)
    if not form.is_valid():
        return number_page.draw(request, number, step=StepKey.PIN, pin_answer_form=form)
    answer = form.cleaned_data["pin_known"]
    carry(
        request,
        number.account.kind,
        lambda: registration.answer_pin(number=number, pin_known=answer, actor=actor_of(request), now=clock()),
    )
    return to_page(number)


@sensitive_post_parameters()
@sensitive_variables("pin")
@never_cache
@require_POST
@may("numbers.register_businessnumber")
def register(request: HttpRequest, pk: int) -> HttpResponse:
    """Register the number with the chosen PIN; its page tells from the record what became of it."""
    number = find(request, pk)
    attempt = carry(
        request,
        number.account.kind,
        lambda: registration.register(
            number=number, pin=_chosen_pin(request, number), actor=actor_of(request), now=clock()
        ),
        done=_registered,
    )
    is_registered = attempt is not None and attempt.outcome == VerificationAttempt.Outcome.DONE
    return to_page(number, "" if is_registered else StepKey.REGISTER)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@may("numbers.register_businessnumber")
def new_pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace the PIN of a number that is registered here."""
    number = find(request, pk)
    if request.method == "POST":
        kept = carry(
            request,
            number.account.kind,
            lambda: registration.set_pin(
                number=number, pin=_chosen_pin(request, number), actor=actor_of(request), now=clock()
            ),
            done=lambda _number: _("The new PIN holds, and is kept encrypted."),
        )
        return to_page(number) if kept else to_new_pin(number)
    return show(
        request,
        "numbers/new_pin.html",
        title=_("Set a new PIN"),
        model=BusinessNumber,
        of=number,
        number=number,
        form=PinForm(offered=(PinForm.MADE, PinForm.TYPED)),
        back=page_of(number),
    )


@sensitive_variables("pin")
@never_cache
@require_http_methods(["GET", "POST"])
@may("numbers.reveal_pin_businessnumber")
@needs_fresh_sign_in
def reveal_pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the PIN this one time to a person who says why: a redirect would have to keep it somewhere."""
    number = find(request, pk)
    form = RevealForm(sent(request)[0])
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        pin = carry(
            request,
            number.account.kind,
            lambda: registration.reveal_pin(number=number, reason=reason, actor=actor_of(request), now=clock()),
        )
        if pin is not None:
            return show_once(request, number, pin, title=_("The PIN of this number"))
    return show(
        request,
        "console/form_page.html",
        title=_("See the PIN again"),
        model=BusinessNumber,
        of=number,
        form=form,
        intro=_("Whoever knows the PIN can take the number to another provider. It is shown once, on the next page."),
        submit=_("Show the PIN"),
        back=page_of(number),
    )


@sensitive_variables("pin")
def show_once(
    request: HttpRequest, number: BusinessNumber, pin: Secret, *, title: object, handed_over: bool = False
) -> HttpResponse:
    """Draw the one page that holds a PIN."""
    return show(
        request,
        "numbers/pin_once.html",
        title=title,
        model=BusinessNumber,
        of=number,
        number=number,
        pin=pin,
        handed_over=handed_over,
        back=page_of(number),
    )


def to_new_pin(number: BusinessNumber) -> HttpResponse:
    """Lead to the page that asks for a new PIN."""
    return redirect(reverse("admin:numbers_businessnumber_new_pin", args=[number.pk]))


def _registered(attempt: VerificationAttempt) -> str:
    is_done = attempt.outcome == VerificationAttempt.Outcome.DONE
    return _("The number is registered, and its PIN is kept encrypted.") if is_done else ""


@sensitive_variables()
def _chosen_pin(request: HttpRequest, number: BusinessNumber) -> Secret:
    match request.POST.get("which"):
        case PinForm.KEPT if number.stored_pin:
            return number.stored_pin
        case PinForm.UNCONFIRMED if number.unconfirmed_pin:
            return number.unconfirmed_pin
        case PinForm.MADE:
            return registration.new_pin()
        case _:
            return registration.read_pin(request.POST.get("pin", ""))
