"""One person's page: what they agreed to, what was asked, written and seen, and what may be done next."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit import reach
from audit.pages import actor_of, clock, may, show
from contacts import identity_words, looking, masking, message_words, messages, standing, timeline, words
from contacts.consent.state import load_grants
from contacts.models import Alias, Consent, Contact, IdentityTrust
from contacts.views.cases import may_read_notes
from contacts.views.proof import SEES_ALL
from contacts.visibility import visible
from providers.interfaces import TemplateMessage, TextMessage


@require_safe
@may("contacts.view_contact")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the timeline of one person."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    now, reached = clock(), reach.businesses(request.user)
    looking.note_opened(contact=contact, actor=actor_of(request), now=now)
    consents = Consent.objects.filter(contact=contact).select_related("business").order_by("business__name")
    variants = Contact.objects.filter(person_key=contact.person_key).exclude(pk=contact.pk)
    may_see_messages = request.user.has_perm("contacts.view_message")
    entries = timeline.of(contact, with_messages=may_see_messages, reached=reached)
    may_see_identity = request.user.has_perm("contacts.view_identitytrust")
    return show(
        request,
        "contacts/person.html",
        title=masking.number(contact.e164),
        model=Contact,
        row=contact,
        contact=contact,
        consents=[
            {
                "consent": consent,
                "badge": words.consent_badge(consent, now),
                "purposes": words.purposes(",".join(load_grants(consent.grants))),
            }
            for consent in reach.narrowed(consents, reached)
        ],
        variants=reach.narrowed(variants, reached),
        aliases=reach.narrowed(Alias.objects.filter(contact=contact), reached).order_by("-seen_at"),
        lines=[_line(line) for line in standing.lines(contact, now=now, reached=reached)] if may_see_identity else [],
        hashes=[_hash(seen) for seen in standing.hashes(contact, reached=reached)] if may_see_identity else [],
        entries=[_entry(entry) for entry in entries],
        last_check=next((entry.check for entry in entries if entry.check and entry.check.checked_at), None),
        may_see_evidence=request.user.has_perm("contacts.view_optinevidence"),
        may_see_identity=may_see_identity,
        may_erase=reached is None and request.user.has_perm("contacts.erase_contact"),
        may_take_all=request.user.has_perms(SEES_ALL),
        may_read_notes=may_read_notes(request),
        back_title=_("Contacts"),
    )


def _hash(seen: standing.SeenHash) -> dict[str, Any]:
    return {"seen": seen, "grouped": identity_words.hash_groups(seen.hash)}


def _line(line: standing.Line) -> dict[str, Any]:
    is_trusted = line.trust is not None and line.trust.state == IdentityTrust.State.TRUSTED
    is_unreachable = line.unreachable_since is not None and (
        line.reached_at is None or line.unreachable_since > line.reached_at
    )
    return {
        "line": line,
        "trust_badge": identity_words.trust_badge(line.trust),
        "is_trusted": is_trusted,
        "hash": identity_words.hash_groups(line.trust.hash) if is_trusted and line.trust else "",
        "window_badge": message_words.window_badge(line.window_until),
        "is_unreachable": is_unreachable,
        "may_ask": line.case is None or line.case.closed_at is not None,
    }


def _entry(entry: timeline.Entry) -> dict[str, Any]:
    event, check, message, case = entry.event, entry.check, entry.message, entry.case
    content = messages.content_of(message) if message else None
    return {
        "entry": entry,
        "event_badge": words.event_badge(event) if event else None,
        "proof_badge": words.proof_badge(event) if event else None,
        "purposes": words.purposes(event.purposes if event else message.purpose if message else ""),
        "result": words.result_badge(check.duplicate_of or check, check.business.name) if check else None,
        "sure": words.how_sure(check) if check else "",
        "fate": message_words.fate_badge(message) if message else None,
        "sender": identity_words.sender_name(message.account, message.business_number) if message else "",
        "text": content.body if isinstance(content, TextMessage) else "",
        "template": content if isinstance(content, TemplateMessage) else None,
        "problem": messages.problem(message) if message and message.direction == "OUT" else None,
        "hash_sent": identity_words.hash_groups(message.hash_sent) if message and message.hash_sent else "",
        "statuses": [(message_words.status_badge(status), status) for status in entry.statuses],
        "case_badge": identity_words.case_badge(case) if case else None,
        "case_sender": identity_words.sender_name(case.account, case.business_number) if case else "",
    }
