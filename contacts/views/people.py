"""One person's page: what they agreed to, what was asked about them, and what may be done next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.pages import clock, may, show
from contacts import timeline, words
from contacts.consent.state import load_grants
from contacts.models import Consent, Contact


@require_safe
@may("contacts.view_contact")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the timeline of one person."""
    contact = get_object_or_404(Contact, pk=pk)
    now = clock()
    consents = Consent.objects.filter(contact=contact).select_related("business").order_by("business__name")
    entries = timeline.of(contact)
    return show(
        request,
        "contacts/person.html",
        title=words.international(contact.e164),
        model=Contact,
        contact=contact,
        consents=[
            {
                "consent": consent,
                "badge": words.consent_badge(consent, now),
                "purposes": words.purposes(",".join(load_grants(consent.grants))),
            }
            for consent in consents
        ],
        variants=Contact.objects.filter(person_key=contact.person_key).exclude(pk=contact.pk),
        entries=[
            {
                "entry": entry,
                "event_badge": words.event_badge(entry.event) if entry.event else None,
                "proof_badge": words.proof_badge(entry.event) if entry.event else None,
                "purposes": words.purposes(entry.event.purposes) if entry.event else "",
                "result": words.result_badge(entry.check.duplicate_of or entry.check, entry.check.business.name)
                if entry.check
                else None,
                "sure": words.how_sure(entry.check) if entry.check else "",
            }
            for entry in entries
        ],
        last_check=next((entry.check for entry in entries if entry.check and entry.check.checked_at), None),
        may_see_evidence=request.user.has_perm("contacts.view_optinevidence"),
        back_title=_("Contacts"),
    )
