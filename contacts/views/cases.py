"""An identity case's page: what happened, whom to reach and how, and one way back to trust. There is no other."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import reach
from audit.pages import clock, may, show
from contacts import identity, identity_words, masking, messages
from contacts.forms.cases import AcknowledgeForm, AssignForm, NotReachedForm, OtherPersonForm, SamePersonForm
from contacts.identity import notes, settling
from contacts.models import IdentityTrust, OptIn, TrustCase
from contacts.views.telling import Templates, read_templates
from contacts.visibility import visible
from providers.interfaces import NodeIdentity, TemplateFacts, TemplateMessage, TextMessage

Resend = settling.Resend
#: What a person may have found out; each opens its form.
OUTCOMES = ("same_person", "other_person", "not_reached")


@dataclass(frozen=True, slots=True)
class Choice:
    """A card that a person may choose."""

    href: str
    title: str
    words: str
    is_chosen: bool


@require_safe
@may("contacts.view_trustcase")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where the case stands and what may be done."""
    case = find(request, pk)
    outcome = request.GET.get("outcome", "")
    return draw(request, case, outcome=outcome if outcome in OUTCOMES else "")


@never_cache
@require_safe
@may("contacts.view_trustcase")
def live(request: HttpRequest, pk: int) -> JsonResponse:
    """Give the state for the script that waits for the new identity."""
    case = find(request, pk)
    return JsonResponse(_live(case, _trust(case)))


def draw(
    request: HttpRequest,
    case: TrustCase,
    *,
    outcome: str = "",
    form: forms.Form | None = None,
    seen: NodeIdentity | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show the page, with the form of one outcome open."""
    trust = _trust(case)
    may_settle = request.user.has_perm("contacts.settle_trustcase")
    is_open = case.closed_at is None
    held = messages.content_of(case.message) if case.message else None
    return show(
        request,
        "contacts/case.html",
        status=status,
        title=_("Identity change: %(who)s") % {"who": masking.number(case.contact.e164)},
        model=TrustCase,
        row=case,
        case=case,
        who=masking.number(case.contact.e164),
        sender=identity_words.sender_name(case.account, case.business_number),
        case_badge=identity_words.case_badge(case),
        trust=trust,
        trust_badge=identity_words.trust_badge(trust),
        trusted_hash=identity_words.hash_groups(trust.hash) if trust and trust.hash else "",
        seen_hash=identity_words.hash_groups(case.hash_seen) if case.hash_seen else "",
        happened=identity_words.happened(case),
        why_refused=identity_words.why_refused(),
        held=held,
        held_text=held.body if isinstance(held, TextMessage) else "",
        held_template=held if isinstance(held, TemplateMessage) else None,
        stages=identity_words.stages(case, trust, resent=case.resends.exists()),
        resends=case.resends.order_by("pk"),
        notes=notes.of(case) if may_read_notes(request) else (),
        may_read_notes=may_read_notes(request),
        opt_ins=_proofs(request, case),
        is_open=is_open,
        is_node=case.business_number_id is None,
        may_settle=may_settle,
        outcome=outcome,
        live=_live(case, trust),
        assign_form=AssignForm(initial={"assignee": case.assignee}, people=people(case)) if is_open else None,
        **(_settling(request, case, outcome, form, seen) if may_settle else {}),
    )


def may_read_notes(request: HttpRequest) -> bool:
    """Tell whether this person may read what others wrote down about a case."""
    return request.user.has_perm("contacts.settle_trustcase") or request.user.has_perm("contacts.view_optinevidence")


def find(request: HttpRequest, pk: int) -> TrustCase:
    """Give the case of a page, of somebody whom this user may see."""
    rows = visible(TrustCase.objects.all(), request.user)
    rows = rows.select_related(
        "contact", "business", "account__business", "business_number__business_account__business", "message__contact"
    )
    return get_object_or_404(rows, pk=pk)


def address(case: TrustCase, query: str = "") -> str:
    """Give the address of a case's page."""
    return reverse("admin:contacts_trustcase_change", args=[case.pk]) + query


def to_page(case: TrustCase, query: str = "") -> HttpResponse:
    """Lead to the case's page."""
    return redirect(address(case, query))


def templates_for(request: HttpRequest, case: TrustCase) -> Templates:
    """Read the templates of the case's number, and find the one that the address or the form names."""
    asked = request.POST.get("template") or request.GET.get("template", "")
    return read_templates(account=case.account, business_number=case.business_number, asked=asked)


def resend_in(request: HttpRequest, case: TrustCase) -> Resend:
    """Give what the address or the form says is to go again; the held message where it says nothing."""
    asked = request.POST.get("send") or request.GET.get("send", "")
    if asked in set(Resend):
        return Resend(asked)
    held = case.message is not None and messages.content_of(case.message) is not None
    return Resend.ORIGINAL if held else Resend.NOTHING


def _settling(
    request: HttpRequest, case: TrustCase, outcome: str, form: forms.Form | None, seen: NodeIdentity | None
) -> dict[str, Any]:
    """Give the forms of whoever may settle the case."""
    if case.closed_at is not None:
        why_not = settling.why_not_again(case, clock()) if case.outcome == TrustCase.Outcome.SAME_PERSON else "–"
        return {"again": _again(request, case, form) if not why_not and case.business_number_id else None}
    if case.business_number_id is None and outcome == "same_person":
        fresh = AcknowledgeForm(initial={"hash": seen.hash}) if seen else None
        shown = form if isinstance(form, AcknowledgeForm) else fresh
        read = shown["hash"].value() if shown else ""
        return {
            "outcomes": _outcomes(case, outcome),
            "form": shown,
            "seen": seen,
            "read_hash": identity_words.hash_groups(str(read)) if read else "",
        }
    found: dict[str, Any] = {"outcomes": _outcomes(case, outcome)}
    if outcome == "same_person":
        resend = resend_in(request, case)
        chosen = templates_for(request, case) if resend is Resend.TEMPLATE else Templates()
        found |= {
            "resend": resend,
            "resends_offered": _offered(case, resend, f"?outcome={outcome}&"),
            "templates": chosen,
            "form": form or SamePersonForm(template=chosen.chosen),
        }
    elif outcome:
        found["form"] = form or (OtherPersonForm() if outcome == "other_person" else NotReachedForm())
    return found


def _again(request: HttpRequest, case: TrustCase, form: forms.Form | None) -> dict[str, Any]:
    resend = resend_in(request, case)
    resend = Resend.TEMPLATE if resend is Resend.NOTHING else resend
    chosen = templates_for(request, case) if resend is Resend.TEMPLATE else Templates()
    return {
        "resend": resend,
        "offered": [one for one in _offered(case, resend, "?") if "NOTHING" not in one.href],
        "templates": chosen,
        "form": form or (_values(chosen.chosen) if chosen.chosen else None),
    }


def _values(template: TemplateFacts) -> forms.Form:
    form = SamePersonForm(template=template)
    del form.fields["channel"], form.fields["evidence"]
    return form


def _outcomes(case: TrustCase, chosen: str) -> list[Choice]:
    told = (
        ("same_person", _("It is the same person"), _("A new phone, or WhatsApp installed anew. You verified it.")),
        (
            "other_person",
            _("Somebody else has the number now"),
            _("Everything the person agreed to is withdrawn, for every business."),
        ),
        ("not_reached", _("I could not reach the person"), _("The case stays open, and comes back to mind.")),
    )
    return [Choice(f"?outcome={name}#settle", title, text, name == chosen) for name, title, text in told]


def _offered(case: TrustCase, chosen: Resend, query: str) -> list[Choice]:
    told = {
        Resend.ORIGINAL: (_("The message that was held back"), _("As it was written.")),
        Resend.TEMPLATE: (_("A template"), _("Instead of the held message, or where its text is gone.")),
        Resend.NOTHING: (_("Nothing yet"), _("Until a message goes, the new identity cannot come.")),
    }
    if case.message is None or messages.content_of(case.message) is None:
        del told[Resend.ORIGINAL]
    return [Choice(f"{query}send={name}#settle", title, text, name == chosen) for name, (title, text) in told.items()]


def _trust(case: TrustCase) -> IdentityTrust | None:
    return identity.standing(contact=case.contact, account=case.account, business_number=case.business_number)


def _live(case: TrustCase, trust: IdentityTrust | None) -> dict[str, Any]:
    state = trust.state if trust else ""
    marks = (state, case.closed_at is not None, case.no_hash_since is not None, case.message_id, case.hash_seen)
    return {
        "state": "-".join(map(str, marks)),
        "follow": state == IdentityTrust.State.AWAITING_HASH and case.hash_expected_until is not None,
    }


def _proofs(request: HttpRequest, case: TrustCase) -> list[OptIn]:
    """Give where the person is known from outside WhatsApp: the opt-ins that name a source."""
    pseudonyms = type(case.contact).objects.filter(person_key=case.contact.person_key).values("pseudonym")
    granted = OptIn.objects.filter(pseudonym__in=pseudonyms, state=OptIn.State.GRANTED).select_related("business")
    return list(reach.within(granted, request.user).order_by("-given_at")[:5])


def people(case: TrustCase) -> list[str]:
    """Give the names of those who may settle a case and reach it."""
    users = get_user_model()._default_manager
    held = Q(groups__permissions__codename="settle_trustcase") | Q(user_permissions__codename="settle_trustcase")
    allowed = users.filter(held | Q(is_superuser=True), is_active=True, is_staff=True).distinct()
    return sorted(user.get_username() for user in allowed if reach.reaches(user, case))
