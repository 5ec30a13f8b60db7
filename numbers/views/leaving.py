"""Handing a number over: a new PIN for whoever takes it, then the end of it here. It is not a repair, and says so."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from numbers import registration, words
from numbers.forms import ConfirmationForm
from numbers.models import BusinessNumber
from numbers.views.registering import show_once
from numbers.views.telling import carry, find, page_of, to_page


@sensitive_variables("pin")
@never_cache
@require_http_methods(["GET", "POST"])
@may("numbers.register_businessnumber")
@needs_fresh_sign_in
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a new PIN, stop the number here, and show the PIN this one time."""
    number = find(request, pk)
    form = ConfirmationForm(sent(request)[0])
    if form.is_valid():
        pin = carry(
            request,
            number.account.kind,
            lambda: registration.hand_over(number=number, actor=actor_of(request), now=clock(), **form.cleaned_data),
        )
        if pin is not None:
            return show_once(request, number, pin, title=_("The number is handed over"), handed_over=True)
        return to_page(number)
    return show(
        request,
        "numbers/hand_over.html",
        title=_("Hand the number over"),
        model=BusinessNumber,
        of=number,
        number=number,
        international=words.international(number.e164),
        form=form,
        only_stop=ConfirmationForm(auto_id="stop_%s"),
        back=page_of(number),
    )


@require_POST
@may("numbers.register_businessnumber")
def deregister(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the number here and leave its PIN as it is."""
    number = find(request, pk)
    typed = request.POST.get("confirmation", "")
    carry(
        request,
        number.account.kind,
        lambda: registration.deregister(number=number, confirmation=typed, actor=actor_of(request), now=clock()),
        done=lambda _number: _("The number is stopped here: it sends and receives nothing any more."),
    )
    return to_page(number)
