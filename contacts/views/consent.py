"""Recording consent: opted in, opted out, a held record decided, evidence looked at. A no is as easy as a yes."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import reach
from audit.pages import actor_of, clock, may, sent, show
from contacts import masking, opt_ins, words
from contacts.consent.files import FileRefused, kind_of
from contacts.forms.consent import RecordForm, WithdrawForm
from contacts.models import ConsentText, Contact, OptIn, OptInEvidence
from contacts.visibility import sees, visible

_HELD_A_PAGE = 50


@require_http_methods(["GET", "POST"])
@may("contacts.add_optin")
def record(request: HttpRequest) -> HttpResponse:
    """Record that a person agreed."""
    reached = reach.businesses(request.user)
    if "begin_with" in request.POST:
        # A number that was searched for comes in a form: it stands in no address.
        form = RecordForm(initial={"number": request.POST["begin_with"][:80]}, reached=reached)
    else:
        form = RecordForm(*sent(request), initial=_from_address(request), reached=reached)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            recorded = opt_ins.record(
                number=form.read(),
                business=cleaned["business"],
                actor=actor_of(request),
                now=clock(),
                source=cleaned["source"],
                evidence=form.proof(),
                business_name_shown=cleaned["business_name_shown"],
                given_at=form.agreed_at(),
                purposes=cleaned["purposes"],
                consent_text=cleaned["consent_text"],
                expires_at=form.ends_at(),
                external_id=cleaned["external_id"],
            )
        except opt_ins.OptInRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            if recorded.created:
                messages.success(request, _("The opt-in is recorded."))
            else:
                messages.info(request, _("This very opt-in was on record already; nothing changed."))
            return redirect(_person(recorded.consent.contact_id))
    return show(
        request,
        "contacts/record.html",
        title=_("Record opt-in"),
        model=OptIn,
        form=form,
        submit=_("Record opt-in"),
        intro=_("Write what happened, as it happened. Each part below is a part of the proof."),
    )


@require_http_methods(["GET", "POST"])
@may("contacts.withdraw_optin")
def withdraw(request: HttpRequest) -> HttpResponse:
    """Record that a person said no, then wait for calls already on their way."""
    person = _person_named(request)
    reached = reach.businesses(request.user)
    form = WithdrawForm(sent(request)[0], initial=_from_address(request), person=person, reached=reached)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        business = cleaned["business"]
        try:
            recorded = opt_ins.withdraw(
                number=form.read(),
                business=business,
                actor=actor_of(request),
                now=clock(),
                source=cleaned["source"],
                reason=cleaned["reason"],
                purposes=cleaned["purposes"],
            )
        except opt_ins.OptInRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            contact = recorded.consent.contact
            forms_of_number = Contact.objects.filter(person_key=contact.person_key).values_list("pk", flat=True)
            awaited = opt_ins.wait_for_calls(list(forms_of_number), business=business)
            messages.success(request, withdrawn_words(business.name, awaited))
            if request.user.has_perm("contacts.view_contact") and sees(request.user, contact):
                return redirect(_person(contact.pk))
            return redirect("admin:index")
    return show(
        request,
        "console/form_page.html",
        title=_("Record opt-out of %(who)s") % {"who": masking.number(person.e164)} if person else _("Record opt-out"),
        model=OptIn,
        form=form,
        submit=_("Record opt-out"),
        intro=_(
            "It counts at once and for every form of the number. If a call about this person is on its way, "
            "this page waits for its end and says so."
        ),
    )


@require_safe
@may("contacts.add_optin")
def held(request: HttpRequest) -> HttpResponse:
    """Show imported opt-ins of people who had opted out."""
    waiting = visible(opt_ins.held(), request.user).select_related(
        "business", "opt_in_import", "evidence", "consent_text"
    )
    waiting = waiting.defer(
        "opt_in_import__content", "opt_in_import__errors", "evidence__file", "consent_text__picture"
    ).order_by("pk")
    page = Paginator(waiting, _HELD_A_PAGE).get_page(request.GET.get("page"))
    people = contacts_of(page.object_list)
    return show(
        request,
        "contacts/held.html",
        title=_("Held opt-ins"),
        model=OptIn,
        page=page,
        rows=[
            {
                "event": event,
                "contact": people.get(event.pseudonym),
                "number": masking.number(people[event.pseudonym].e164) if event.pseudonym in people else "–",
                "purposes": words.purposes(event.purposes),
            }
            for event in page.object_list
        ],
        may_see_evidence=request.user.has_perm("contacts.view_optinevidence"),
    )


@require_POST
@may("contacts.add_optin")
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept or dismiss a held opt-in."""
    events = visible(OptIn.objects.all(), request.user)
    event = get_object_or_404(events.select_related("business", "consent_text"), pk=pk)
    accept = request.POST.get("decision") == "accept"
    try:
        opt_ins.decide_held(held=event, accept=accept, actor=actor_of(request), now=clock())
    except opt_ins.OptInRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Accepted: the person is opted in.") if accept else _("Dismissed."))
    return redirect("admin:contacts_optin_held")


@require_safe
@may("contacts.view_optinevidence")
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the file that proves a consent event."""
    get_object_or_404(visible(OptIn.objects.all(), request.user), pk=pk)
    kept = get_object_or_404(OptInEvidence, opt_in_id=pk)
    return _attachment(kept.file, f"evidence-{pk}")


@require_safe
@may("contacts.view_consenttext")
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the picture or PDF of a wording."""
    texts = reach.within(ConsentText.objects.all(), request.user)
    return _attachment(get_object_or_404(texts, pk=pk).picture, f"wording-{pk}")


def contacts_of(events: Iterable[OptIn]) -> dict[Any, Contact]:
    """Give the people of consent events by pseudonym, in one query."""
    pseudonyms = {event.pseudonym for event in events}
    return {contact.pseudonym: contact for contact in Contact.objects.filter(pseudonym__in=pseudonyms)}


def _attachment(content: Any, name: str) -> HttpResponse:
    if not content:
        raise Http404
    try:
        content_type, extension = kind_of(bytes(content))
    except FileRefused:
        # Kept before the rule, or by a command: never something that a browser would run.
        content_type, extension = "application/octet-stream", "bin"
    return HttpResponse(
        bytes(content),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{extension}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def withdrawn_words(business: str, awaited: int) -> str:
    """Say that a person opted out, and what became of calls that were on their way."""
    done = _("Opted out of %(business)s.") % {"business": business}
    if not awaited:
        return done + " " + _("No call about this person was under way; none will start.")
    return (
        done
        + " "
        + ngettext(
            "%(count)d call that was on its way has ended; none will start.",
            "%(count)d calls that were on their way have ended; none will start.",
            awaited,
        )
        % {"count": awaited}
    )


def _from_address(request: HttpRequest) -> dict[str, Any]:
    """Give what an address may name: a business, and a person by their key, for a number stands in no address."""
    found: dict[str, Any] = {"business": request.GET["business"]} if "business" in request.GET else {}
    person = _person_named(request)
    return found | ({"number": person.e164} if person is not None and masking.is_in_full() else {})


def _person_named(request: HttpRequest) -> Contact | None:
    pk = request.GET.get("person", "")
    if not pk:
        return None
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19) or not request.user.has_perm("contacts.view_contact"):
        raise Http404
    return get_object_or_404(visible(Contact.objects.all(), request.user), pk=int(pk))


def _person(pk: int) -> str:
    return reverse("admin:contacts_contact_change", args=[pk])
