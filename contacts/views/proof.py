"""Proof on screen: a person's evidence pack to print or to save, a complaint answered, opt-ins worth a look."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from audit import reach
from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from contacts import masking, opt_ins, words
from contacts.forms.complaints import ComplaintForm
from contacts.models import Contact, OptIn
from contacts.proof import complaints, pack
from contacts.proof import worth_a_look as worth
from contacts.views.consent import contacts_of
from contacts.visibility import visible
from providers.models import Business

#: Whoever takes everything on record about a person may see each part of it.
SEES_ALL = (
    "contacts.view_contact",
    masking.IN_FULL,
    "contacts.view_optinevidence",
    "contacts.view_contactcheck",
    "contacts.view_message",
    "contacts.view_identitykey",
    "contacts.view_trustcase",
    "audit.view_auditevent",
)


@never_cache
@require_safe
@may(*SEES_ALL)
@needs_fresh_sign_in
def evidence_pack(request: HttpRequest, pk: int) -> HttpResponse:
    """Show everything on record about a person's consent on one page that prints well."""
    contact = _find(request, pk)
    made, _content = pack.make(contact=contact, actor=actor_of(request), now=clock(), reached=_reached(request))
    return show(
        request,
        "contacts/evidence_pack.html",
        title=_("Evidence pack"),
        model=Contact,
        of=contact,
        contact=contact,
        who=masking.number(contact.e164),
        pack=made,
    )


@never_cache
@require_safe
@may(*SEES_ALL)
@needs_fresh_sign_in
def evidence_pack_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the same as one JSON file."""
    contact = _find(request, pk)
    _made, content = pack.make(
        contact=contact, actor=actor_of(request), now=clock(), written=True, reached=_reached(request)
    )
    return HttpResponse(
        content,
        content_type="application/json",
        # By pseudonym: a file's name is seen where its contents are not.
        headers={"Content-Disposition": f'attachment; filename="evidence-{contact.pseudonym}.json"'},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@may(*SEES_ALL, "contacts.withdraw_optin")
@needs_fresh_sign_in
def complaint(request: HttpRequest, pk: int) -> HttpResponse:
    """Opt the person out, then show everything on record: the answer to a complaint."""
    contact = _find(request, pk)
    form = ComplaintForm(sent(request)[0], businesses=complaints.concerned(contact, reached=_reached(request)))
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            awaited = complaints.opt_out(
                contact=contact,
                businesses=list(cleaned["businesses"]),
                source=cleaned["source"],
                reason=cleaned["reason"],
                actor=actor_of(request),
                now=clock(),
            )
        except opt_ins.OptInRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            done = _("Opted out. Nothing for this person starts or is on its way.")
            if awaited:
                done += " " + ngettext("%d call has ended.", "%d calls have ended.", awaited) % awaited
            messages.success(request, done)
            return redirect(reverse("admin:contacts_contact_evidence_pack", args=[contact.pk]))
    return show(
        request,
        "console/form_page.html",
        title=_("Answer a complaint"),
        model=Contact,
        of=contact,
        form=form,
        intro=_(
            "The person is opted out at once, for every form of the number. Then you get everything on record about "
            "their consent, to print or to save, as the answer."
        ),
        submit=_("Opt out and show the evidence"),
        back=reverse("admin:contacts_contact_change", args=[contact.pk]),
    )


@never_cache
@require_safe
@may("contacts.view_optin", "contacts.view_optinevidence")
def worth_a_look(request: HttpRequest) -> HttpResponse:
    """Show the opt-ins that somebody should look at before an authority does."""
    asked, business = request.GET.get("kind", ""), _business(request)
    among = frozenset({business.pk}) if business else _reached(request)
    kind = worth.Kind(asked) if asked in worth.Kind.values else worth.Kind.SAME_EVIDENCE
    before = request.GET.get("before", "")
    found_page = worth.find(kind, among=among, before=int(before) if before.isdigit() and len(before) < 19 else None)
    found = found_page.findings
    seen = visible(OptIn.objects.filter(pk__in=[one.opt_in.pk for one in found]), request.user)
    shown = set(seen.values_list("pk", flat=True))
    people = contacts_of(one.opt_in for one in found)
    narrowed = f"&business={business.pk}" if business else ""
    return show(
        request,
        "contacts/worth_a_look.html",
        title=_("Opt-ins worth a look"),
        model=OptIn,
        tabs=[
            {
                "href": f"?kind={figure.kind.value}{narrowed}",
                "words": figure.kind.label,
                "figure": figure.words,
                "is_chosen": figure.kind is kind,
            }
            for figure in worth.figures(among=among)
        ],
        kind=kind,
        businesses=reach.within(Business.objects.all(), request.user),
        business=business,
        rows=[
            {
                "opt_in": one.opt_in,
                "why": one.why,
                "purposes": words.purposes(one.opt_in.purposes),
                "contact": people.get(one.opt_in.pseudonym),
                "number": masking.number(people[one.opt_in.pseudonym].e164) if one.opt_in.pseudonym in people else "",
            }
            for one in found
            if one.opt_in.pk in shown
        ],
        further=f"?kind={kind.value}{narrowed}&before={found_page.cursor}" if found_page.cursor else "",
    )


def _business(request: HttpRequest) -> Business | None:
    asked = request.GET.get("business", "")
    if not (asked.isdigit() and len(asked) < 19):
        return None
    return reach.within(Business.objects.filter(pk=int(asked)), request.user).first()


def _reached(request: HttpRequest) -> reach.Businesses:
    return reach.businesses(request.user)


def _find(request: HttpRequest, pk: int) -> Contact:
    return get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
