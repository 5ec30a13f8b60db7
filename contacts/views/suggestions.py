"""What people wrote that may mean consent or its end: read it, then record it or dismiss it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from audit.display import Tone, badge
from audit.pages import actor_of, clock, may, show
from contacts import masking, opt_ins
from contacts.forms.suggestions import DecideForm
from contacts.inbound import suggestions
from contacts.inbound.texts import words_of
from contacts.models import Contact, Suggestion
from contacts.views.consent import withdrawn_words
from contacts.visibility import visible


@require_safe
@may("contacts.view_suggestion")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what was written and what may be done about it."""
    suggestion = _find(request, pk)
    return _draw(request, suggestion, DecideForm(suggestion=suggestion))


@require_POST
@may("contacts.decide_suggestion")
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what the person meant, or dismiss it."""
    suggestion = _find(request, pk)
    accept = request.POST.get("decision") == "record"
    if accept and not may_record(request, suggestion):
        raise PermissionDenied
    form = DecideForm(request.POST if accept else None, suggestion=suggestion)
    if accept and not form.is_valid():
        return _draw(request, suggestion, form)
    try:
        recorded = suggestions.decide(
            suggestion=suggestion,
            accept=accept,
            actor=actor_of(request),
            now=clock(),
            number=form.cleaned_data.get("number") if accept else None,
            proof=form.proof() if accept else None,
        )
    except (suggestions.SuggestionRefused, opt_ins.OptInRefused) as refusal:
        messages.error(request, str(refusal))
        return redirect(address(suggestion))
    if recorded is None:
        messages.info(request, _("Dismissed. Nothing about this person's consent has changed."))
    elif suggestion.kind == Suggestion.Kind.OPT_OUT:
        messages.success(request, _waited(recorded.consent.contact, suggestion))
    else:
        messages.success(request, _("The opt-in is recorded, with the message as its evidence."))
    return redirect(reverse("admin:contacts_suggestion_changelist"))


def may_record(request: HttpRequest, suggestion: Suggestion) -> bool:
    """Tell whether this person may record it: an opt-in wants the permission that every opt-in wants."""
    needed = "contacts.withdraw_optin" if suggestion.kind == Suggestion.Kind.OPT_OUT else "contacts.add_optin"
    return request.user.has_perms(["contacts.decide_suggestion", needed])


def address(suggestion: Suggestion) -> str:
    """Give the address of a suggestion's page."""
    return reverse("admin:contacts_suggestion_change", args=[suggestion.pk])


def due_badge(suggestion: Suggestion) -> SafeString:
    """Show whether somebody should have decided by now, or how it was decided."""
    if suggestion.decided_at is not None:
        tone = Tone.GOOD if suggestion.outcome == Suggestion.Outcome.RECORDED else Tone.QUIET
        return badge(tone, suggestion.get_outcome_display())
    if suggestion.due_at <= clock():
        return badge(Tone.BAD, _("Overdue"))
    return badge(Tone.WARN, _("To decide"))


def _waited(contact: Contact, suggestion: Suggestion) -> str:
    business = suggestion.business
    forms_of_number = Contact.objects.filter(person_key=contact.person_key).values_list("pk", flat=True)
    return withdrawn_words(business.name, opt_ins.wait_for_calls(list(forms_of_number), business=business))


def _find(request: HttpRequest, pk: int) -> Suggestion:
    rows = visible(Suggestion.objects.all(), request.user)
    rows = rows.select_related("contact", "business", "message__business_number", "message__account")
    return get_object_or_404(rows, pk=pk)


def _draw(request: HttpRequest, suggestion: Suggestion, form: DecideForm) -> HttpResponse:
    contact = suggestion.contact
    who = masking.number(contact.e164) if contact else _("a person without a number")
    return show(
        request,
        "contacts/suggestion.html",
        title=_("%(kind)s: %(who)s") % {"kind": suggestion.get_kind_display(), "who": who},
        model=Suggestion,
        row=suggestion,
        suggestion=suggestion,
        who=who,
        said=words_of(suggestion),
        due_badge=due_badge(suggestion),
        is_opt_out=suggestion.kind == Suggestion.Kind.OPT_OUT,
        is_open=suggestion.decided_at is None,
        may_decide=request.user.has_perm("contacts.decide_suggestion"),
        may_record=may_record(request, suggestion),
        form=form,
    )
