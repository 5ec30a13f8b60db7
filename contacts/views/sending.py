"""Sending a message from a person's page: from which number, for what, and what. One press, one message."""

import uuid
from typing import Any

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from audit import reach
from audit.pages import actor_of, clock, may, show
from contacts import identity_words, masking, message_words, messages, words
from contacts.forms.messages import SendForm
from contacts.messages import ContentRefused, MessageRefused, Permit
from contacts.models import Contact, TrustCase
from contacts.standing import Sender, first_choice, line_of, senders
from contacts.views.telling import Templates, read_templates, tell
from contacts.visibility import visible
from numbers.views.telling import said_by_provider
from providers.errors import NotConfigured, ProviderError
from providers.models import Purpose


@never_cache
@require_http_methods(["GET", "POST"])
@may("contacts.send_message")
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what may be sent from a number and, on the press of the button, send it once."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    found = list(senders(reached=reach.businesses(request.user)))
    asked = request.POST.get("from") or request.GET.get("from", "")
    sender = next((one for one in found if one.key == asked), None) or first_choice(contact, found)
    if sender is None:
        return _draw(request, contact, found, None)
    try:
        permits = _permits(contact, sender)
    except NotConfigured as error:
        notices.error(request, f"{error.message} {error.next_step}")
        return _draw(request, contact, found, sender)
    what, purposes = _what(request, permits), [purpose for purpose, permit in permits.items() if permit.allowed]
    offered = _templates(request, sender) if purposes and what == "template" else Templates()
    form = SendForm(
        request.POST if request.method == "POST" else None,
        purposes=purposes,
        template=offered.chosen,
        initial={"press": uuid.uuid4()},
    )
    refused = None
    is_complete = what == "text" or offered.chosen is not None
    if request.method == "POST" and is_complete and form.is_valid():
        try:
            message = messages.send(
                to=contact,
                account=sender.account,
                business_number=sender.business_number,
                content=form.content(),
                purpose=form.cleaned_data["purpose"],
                press=form.cleaned_data["press"],
                actor=actor_of(request),
                now=clock(),
            )
        except MessageRefused as refusal:
            refused = refusal
        except ContentRefused as refusal:
            form.add_error(None, str(refusal))
        except ProviderError as error:
            notices.error(request, said_by_provider(sender.account.kind, error))
        else:
            tell(request, message)
            return redirect(reverse("admin:contacts_contact_change", args=[contact.pk]))
    return _draw(
        request,
        contact,
        found,
        sender,
        permits=permits,
        what=what,
        templates=offered,
        base=f"?from={sender.key}&what=template&",
        form=form,
        refused=refused,
    )


def _draw(
    request: HttpRequest,
    contact: Contact,
    found: list[Sender],
    sender: Sender | None,
    *,
    permits: dict[str, Permit] | None = None,
    refused: MessageRefused | None = None,
    **context: Any,
) -> HttpResponse:
    now = clock()
    line = line_of(contact, sender, now=now) if sender else None
    service = (permits or {}).get(Purpose.SERVICE)
    stopped = refused or _refusal_of(permits or {})
    business = _business_of(sender)
    case = TrustCase.objects.filter(pk=line.case.pk).first() if line and line.case else None
    return show(
        request,
        "contacts/send.html",
        title=_("Send a message"),
        model=Contact,
        of=contact,
        contact=contact,
        who=masking.number(contact.e164),
        senders=found,
        sender=sender,
        business=business,
        trust_badge=identity_words.trust_badge(line.trust) if line else "",
        window_is_closed=service is not None and not service.text_reaches,
        window_badge=message_words.window_badge(service.window_until) if service else "",
        identity_hash=identity_words.hash_groups(service.identity_hash) if service and service.identity_hash else "",
        refusal=stopped,
        fix=message_words.fix_of(
            stopped.reason,
            contact=contact,
            business_id=business.pk if business else None,
            account=sender.account,
            case=case,
        )
        if stopped and sender
        else None,
        purposes_refused=[
            (words.purposes(purpose), permit.words) for purpose, permit in (permits or {}).items() if not permit.allowed
        ],
        **context,
    )


def _permits(contact: Contact, sender: Sender) -> dict[str, Permit]:
    now = clock()
    return {
        str(purpose): messages.may_send(
            contact=contact,
            account=sender.account,
            business_number=sender.business_number,
            purpose=purpose,
            now=now,
        )
        for purpose in Purpose.values
    }


def _refusal_of(permits: dict[str, Permit]) -> MessageRefused | None:
    """Give why nothing may be sent, where that is so for every purpose."""
    if not permits or any(permit.allowed for permit in permits.values()):
        return None
    service = permits[Purpose.SERVICE]
    return MessageRefused(service.decision.reason, service.words) if service.decision.reason else None


def _what(request: HttpRequest, permits: dict[str, Permit]) -> str:
    """Give what is being written: a text only while it would reach the person."""
    asked = request.POST.get("what") or request.GET.get("what", "")
    if asked == "template" or not permits[Purpose.SERVICE].text_reaches:
        return "template"
    return "text"


def _templates(request: HttpRequest, sender: Sender) -> Templates:
    """Read the templates, and find the one that the address or the form names."""
    asked = request.POST.get("template") or request.GET.get("template", "")
    return read_templates(account=sender.account, business_number=sender.business_number, asked=asked)


def _business_of(sender: Sender | None) -> Any:
    if sender is None:
        return None
    return sender.business_number.business_account.business if sender.business_number else sender.account.business
