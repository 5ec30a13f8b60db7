"""Seeing one person's number in full: for who says why, soon after proving who they are, and for one page only."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from contacts import looking, masking
from contacts.models import Contact
from contacts.visibility import visible
from numbers import words as number_words


class ReasonForm(forms.Form):
    """Why somebody needs a number."""

    reason = forms.CharField(
        label=gettext_lazy("Why you need the number"),
        max_length=200,
        help_text=gettext_lazy("It stays in the ledger under your name: no number, no name of the person."),
    )


@require_http_methods(["GET", "POST"])
@may("contacts.view_contact", masking.REVEAL)
@needs_fresh_sign_in
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the number this one time: a redirect would have to keep that it may be shown."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    form = ReasonForm(sent(request)[0])
    page = reverse("admin:contacts_contact_change", args=[contact.pk])
    if form.is_valid():
        try:
            e164 = looking.reveal_number(
                contact=contact, reason=form.cleaned_data["reason"], actor=actor_of(request), now=clock()
            )
        except looking.RevealRefused as refusal:
            form.add_error("reason", str(refusal))
        else:
            return show(
                request,
                "contacts/number_once.html",
                title=_("The number"),
                model=Contact,
                of=contact,
                e164=e164,
                written=number_words.international(e164),
                back=page,
            )
    return show(
        request,
        "console/form_page.html",
        title=_("Show the number"),
        model=Contact,
        of=contact,
        form=form,
        intro=_("You see masked numbers. This one is shown once, and the ledger keeps that you saw it and why."),
        submit=_("Show the number"),
        back=page,
    )
