"""A person's data: erase now, restrict and keep the proof until a date, or lift a restriction."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_q.tasks import async_task

from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from audit.reach import needs_every_business
from contacts import masking
from contacts.erasure import erasing, persons, restricting
from contacts.erasure.journal import JournalNotWritten
from contacts.forms.erasing import ERASE, EraseForm, LiftForm
from contacts.models import Contact
from contacts.visibility import visible

_MAY = "contacts.erase_contact"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@may("contacts.view_contact", _MAY)
@needs_every_business
@needs_fresh_sign_in
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what would go, and carry out what is chosen."""
    contact = _find(request, pk)
    proposed = restricting.proposed_until(contact, now=clock())
    form = EraseForm(sent(request)[0], contact=contact, initial={"until": proposed.date()})
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        why = {"reason": cleaned["reason"], "reference": cleaned["reference"], "actor": actor_of(request)}
        try:
            if cleaned["choice"] == ERASE:
                erasing.erase(contact=contact, now=clock(), **why)
                async_task("contacts.tasks.finish_erasures")
                messages.success(
                    request, _("Erased. Files and stored webhooks are being looked through for the number now.")
                )
                return redirect("admin:contacts_erasure_changelist")
            restricting.restrict(contact=contact, until=form.until_at(), now=clock(), **why)
        except (restricting.ErasureRefused, JournalNotWritten) as refusal:
            form.add_error(None, str(refusal))
        else:
            until = cleaned["until"].isoformat()
            done = _("Restricted until %(until)s. Nothing for this person starts or is on its way.") % {"until": until}
            messages.success(request, done)
            return _to_person(request, contact)
    return show(
        request,
        "contacts/erase.html",
        title=_("Erase or restrict"),
        model=Contact,
        of=contact,
        form=form,
        who=masking.number(contact.e164),
        forms_of_number=[masking.number(one.e164) for one in persons.forms_of(contact)],
        holdings=persons.holdings(contact),
        known_as_well=[(one.pk, masking.number(one.e164)) for one in persons.known_as_well(contact)],
        submit=_("Carry it out"),
        submit_class="danger",
        back=reverse("admin:contacts_contact_change", args=[contact.pk]),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@may("contacts.view_contact", _MAY)
@needs_every_business
@needs_fresh_sign_in
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """End a restriction."""
    contact = _find(request, pk)
    form = LiftForm(sent(request)[0], contact=contact)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            restricting.lift(
                contact=contact,
                reason=cleaned["reason"],
                reference=cleaned["reference"],
                actor=actor_of(request),
                now=clock(),
            )
        except (restricting.ErasureRefused, JournalNotWritten) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The restriction is lifted: what the person agreed to counts again."))
            return _to_person(request, contact)
    return show(
        request,
        "console/form_page.html",
        title=_("Lift the restriction"),
        model=Contact,
        of=contact,
        form=form,
        intro=_("What the person agreed to and refused before counts again, and they may be checked and written to."),
        submit=_("Lift the restriction"),
        back=reverse("admin:contacts_contact_change", args=[contact.pk]),
    )


def _find(request: HttpRequest, pk: int) -> Contact:
    return get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)


def _to_person(request: HttpRequest, contact: Contact) -> HttpResponse:
    """Lead to the person, or to the list where this user does not see them any more."""
    if visible(Contact.objects.filter(pk=contact.pk), request.user).exists():
        return redirect(reverse("admin:contacts_contact_change", args=[contact.pk]))
    return redirect("admin:contacts_contact_changelist")
