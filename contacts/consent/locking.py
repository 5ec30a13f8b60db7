"""Locking all consent of one person at once, for journeys that go on to lock more before they withdraw."""

from collections.abc import Iterable
from datetime import datetime

from contacts.erasure import suppression
from contacts.models import Consent, Contact
from providers import e164
from providers.models import Business


def lock_person(*, contacts: Iterable[Contact], businesses: Iterable[Business], now: datetime) -> None:
    """Lock the consent rows of these people, under every form of their numbers, in the caller's transaction.

    Rows that a withdrawal would make are made now: it then takes no lock of its own after the ledger's. The order is
    that of the ids, as everywhere.
    """
    forms: dict[str, Contact] = {}
    for contact in contacts:
        for form in sorted(e164.variants(contact.e164) | {contact.e164}):
            forms[form] = form_of(contact, form, now)
    pks = [form.pk for form in forms.values()]
    wanted = sorted(businesses, key=lambda business: business.pk)
    for pk in sorted(pks):
        for business in wanted:
            Consent.objects.get_or_create(
                contact_id=pk, business=business, defaults={"status": Consent.Status.WITHDRAWN, "updated_at": now}
            )
    list(Consent.objects.select_for_update().filter(contact_id__in=pks, business__in=wanted).order_by("pk"))


def form_of(contact: Contact, e164_form: str, now: datetime) -> Contact:
    """Give the contact that stands for one form of the person's number, made where it is missing."""
    if e164_form == contact.e164:
        return contact
    form, created = Contact.objects.get_or_create(
        e164=e164_form,
        defaults={
            "region": contact.region,
            "person_key": contact.person_key,
            "created_at": now,
            "restricted_at": contact.restricted_at,
            "restricted_until": contact.restricted_until,
        },
    )
    if created:
        suppression.greet(form, now=now)
    return form
