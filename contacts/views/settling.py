"""The buttons of an identity case. Each calls one journey, tells what it did, and leads back to the case."""

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from audit import reach
from audit.pages import actor_of, clock, may
from contacts.forms.cases import AcknowledgeForm, AssignForm, NotReachedForm, OtherPersonForm, SamePersonForm
from contacts.identity import cases, node, settling
from contacts.identity.cases import CaseRefused
from contacts.messages import ContentRefused, MessageRefused
from contacts.models import Contact, TrustCase
from contacts.standing import find_sender
from contacts.views.cases import Resend, draw, find, people, resend_in, templates_for, to_page
from contacts.views.telling import tell
from contacts.visibility import visible
from numbers.views.telling import said_by_provider
from providers.errors import ProviderError
from providers.interfaces import NodeIdentity
from providers.onprem_identity import StaleIdentity

_Result = TypeVar("_Result")
_MAY = "contacts.settle_trustcase"


@require_POST
@may(_MAY)
def same_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down that it is the same person; what was chosen goes again, once, without an identity."""
    case = find(request, pk)
    resend = resend_in(request, case)
    chosen = templates_for(request, case).chosen if resend is Resend.TEMPLATE else None
    form = SamePersonForm(request.POST, template=chosen)
    if not form.is_valid():
        return draw(request, case, outcome="same_person", form=form)
    try:
        message = settling.same_person(
            case=case,
            channel=form.cleaned_data["channel"],
            evidence=form.cleaned_data["evidence"],
            resend=resend,
            template=form.template(),
            actor=actor_of(request),
            now=clock(),
        )
    except CaseRefused as refusal:
        return _refused(request, case, "same_person", form, refusal)
    except (MessageRefused, ContentRefused, ProviderError) as refusal:
        messages.warning(request, _("Noted that it is the same person. No message went: %(why)s") % {"why": refusal})
        return to_page(case)
    if message is None:
        messages.success(request, _("Noted. Send a message when you are ready: its delivery brings the new identity."))
    else:
        messages.success(request, _("Noted that it is the same person."))
        tell(request, message)
    return to_page(case)


@require_POST
@may(_MAY)
def other_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down that the number is somebody else's now: everything is withdrawn."""
    case = find(request, pk)
    form = OtherPersonForm(request.POST)
    if not form.is_valid():
        return draw(request, case, outcome="other_person", form=form)
    cleaned = form.cleaned_data
    try:
        awaited = settling.other_person(
            case=case,
            channel=cleaned["channel"],
            evidence=cleaned["evidence"],
            actor=actor_of(request),
            now=clock(),
        )
    except CaseRefused as refusal:
        return _refused(request, case, "other_person", form, refusal)
    done = _("Everything this person agreed to is withdrawn, and nothing is sent to the number.")
    if awaited:
        ended = ngettext("%(count)d call that was on its way has ended.", "%(count)d calls have ended.", awaited)
        done = f"{done} {ended % {'count': awaited}}"
    messages.success(request, done)
    return to_page(case)


@require_POST
@may(_MAY)
def not_reached(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down that the person could not be reached."""
    case = find(request, pk)
    form = NotReachedForm(request.POST)
    if not form.is_valid():
        return draw(request, case, outcome="not_reached", form=form)
    cleaned = form.cleaned_data
    try:
        settling.not_reached(
            case=case,
            channel=cleaned["channel"],
            note=cleaned["note"],
            remind_at=form.remind_at(),
            actor=actor_of(request),
            now=clock(),
        )
    except CaseRefused as refusal:
        return _refused(request, case, "not_reached", form, refusal)
    messages.info(request, _("Noted. The case stays open and nothing is sent until somebody verifies the person."))
    return to_page(case)


@require_POST
@may(_MAY)
def resend_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one more message without an identity to a verified person."""
    case = find(request, pk)
    is_template = resend_in(request, case) is not Resend.ORIGINAL
    chosen = templates_for(request, case).chosen if is_template else None
    form = SamePersonForm(request.POST, template=chosen)
    del form.fields["channel"], form.fields["evidence"]
    if is_template and (chosen is None or not form.is_valid()):
        return draw(request, case, form=form if chosen else None)
    form.is_valid()
    message = _carry(
        request,
        case,
        lambda: settling.resend_again(case=case, template=form.template(), actor=actor_of(request), now=clock()),
    )
    if message is not None:
        tell(request, message)
    return to_page(case)


@require_POST
@may(_MAY)
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Say who takes care of the case."""
    case = find(request, pk)
    form = AssignForm(request.POST, initial={"assignee": case.assignee}, people=people(case))
    if not form.is_valid():
        messages.error(request, _("Nobody of this name settles cases of this business. Choose from the list."))
        return to_page(case)
    assignee = form.cleaned_data["assignee"]

    def carried() -> bool:
        cases.assign(case=case, assignee=assignee, actor=actor_of(request), now=clock())
        return True

    if _carry(request, case, carried):
        named = _("Taken care of by %(who)s.") % {"who": assignee} if assignee else _("Nobody takes care of it now.")
        messages.success(request, named)
    return to_page(case)


@never_cache
@require_POST
@may(_MAY)
def read_node(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the identity at the node and show it: what is confirmed next is exactly this one."""
    case = find(request, pk)
    seen: NodeIdentity | None = _carry(
        request, case, lambda: node.read_identity(case=case, actor=actor_of(request), now=clock())
    )
    if seen is None:
        return to_page(case, "?outcome=same_person")
    return draw(request, find(request, pk), outcome="same_person", seen=seen)


@require_POST
@may(_MAY)
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm exactly the hash that stood on the page."""
    case = find(request, pk)
    form = AcknowledgeForm(request.POST)
    if not form.is_valid():
        return draw(request, case, outcome="same_person", form=form)
    cleaned = form.cleaned_data
    try:
        node.acknowledge(
            case=case,
            hash=cleaned["hash"],
            channel=cleaned["channel"],
            evidence=cleaned["evidence"],
            actor=actor_of(request),
            now=clock(),
        )
    except CaseRefused as refusal:
        return _refused(request, case, "same_person", form, refusal)
    except StaleIdentity as stale:
        messages.error(request, _("%(why)s Read it again, and verify again.") % {"why": stale})
        return to_page(case, "?outcome=same_person")
    except ProviderError as error:
        messages.error(request, said_by_provider(case.account.kind, error))
        return to_page(case, "?outcome=same_person")
    messages.success(request, _("The node has taken exactly this identity, and it is trusted. Messages may go again."))
    return to_page(case)


@require_POST
@may(_MAY)
def ask_to_verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a case because somebody wants to verify a person again."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    sender = find_sender(request.POST.get("from", ""), reached=reach.businesses(request.user))
    if sender is None:
        return to_person(contact)
    try:
        case = cases.open_by_hand(
            contact=contact,
            account=sender.account,
            business_number=sender.business_number,
            actor=actor_of(request),
            now=clock(),
        )
    except CaseRefused as refusal:
        messages.error(request, str(refusal))
        return to_person(contact)
    messages.info(request, _("Nothing is sent to this person from this number until you have verified them."))
    return to_page(case)


def to_person(contact: Contact) -> HttpResponse:
    """Lead to the person's page."""
    return redirect(reverse("admin:contacts_contact_change", args=[contact.pk]))


def _refused(
    request: HttpRequest, case: TrustCase, outcome: str, form: forms.Form, refusal: CaseRefused
) -> HttpResponse:
    """Show the form again with why it was refused; where it is not shown any more, say it at the head of the page."""
    found = find(request, case.pk)
    form.add_error(None, str(refusal))
    if found.closed_at is not None or (found.business_number_id is None and isinstance(form, SamePersonForm)):
        messages.error(request, str(refusal))
    return draw(request, found, outcome=outcome, form=form)


def _carry(request: HttpRequest, case: TrustCase, journey: Callable[[], _Result]) -> _Result | None:
    """Call the journey, and say why where it refuses."""
    try:
        return journey()
    except (CaseRefused, MessageRefused, ContentRefused) as refusal:
        messages.error(request, str(refusal))
    except ProviderError as error:
        messages.error(request, said_by_provider(case.account.kind, error))
    return None
