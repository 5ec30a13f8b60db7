"""The identity change check of one number or of many: wanted, set at the provider, read back."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from audit.pages import actor_of, clock, may
from numbers import identity_check
from numbers.limits import Refused
from numbers.models import BusinessNumber
from numbers.onboarding import StepKey
from numbers.views.telling import carry, find, to_page


@require_POST
@may("numbers.toggle_identity_check_businessnumber")
def toggle(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn the check of one number on or off."""
    number = find(request, pk)
    on = request.POST.get("on") == "on"
    carry(
        request,
        number.account.kind,
        lambda: identity_check.toggle(number=number, on=on, actor=actor_of(request), now=clock()),
        done=_toggled,
    )
    return to_page(number, StepKey.IDENTITY_CHECK)


@require_POST
@may("numbers.change_businessnumber")
def read_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Read from the provider whether the check is on."""
    number = find(request, pk)
    carry(
        request,
        number.account.kind,
        lambda: identity_check.read_back(number=number, actor=actor_of(request), now=clock()),
    )
    return to_page(number, StepKey.IDENTITY_CHECK)


def toggle_many(request: HttpRequest, numbers: Iterable[BusinessNumber], *, on: bool) -> None:
    """Turn the check of many numbers on or off, one after the other, and count how each ended."""
    settled, open_ones, refused = 0, [], []
    for number in numbers:
        try:
            state = identity_check.toggle(number=number, on=on, actor=actor_of(request), now=clock())
        except Refused as refusal:
            refused.append(f"{number}: {refusal.message}")
            continue
        if state.outcome is identity_check.Outcome.SETTLED:
            settled += 1
        else:
            open_ones.append(str(number))
    if settled:
        done = ngettext("%(count)d number is as wanted.", "%(count)d numbers are as wanted.", settled)
        messages.success(request, done % {"count": settled})
    if open_ones:
        text = _("Not settled yet, and shown as differing until it is: %(numbers)s.")
        messages.warning(request, text % {"numbers": ", ".join(open_ones)})
    for refusal_words in refused:
        messages.error(request, refusal_words)


def _toggled(state: identity_check.IdentityCheckState) -> object:
    if state.outcome is identity_check.Outcome.SETTLED:
        return _("The identity check is on.") if state.desired else _("The identity check is off.")
    if state.outcome is identity_check.Outcome.UNDER_WAY:
        return _("Noted. It is being carried to the provider; read it again in a minute.")
    return ""
