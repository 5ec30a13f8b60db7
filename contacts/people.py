"""Who it is: finding the person behind a wa_id or a business-scoped user id (BSUID), under any form of their number.

A contact is made only where a number is given; a BSUID alone never makes one. What an event tells of the time before a
person was erased makes none at all.
"""

from contextlib import suppress
from datetime import datetime

from django.db.models import Q

from contacts.erasure import suppression
from contacts.erasure.names import check_not_forgotten
from contacts.models import Alias, Contact
from numbers.models import has_e164_shape
from providers import e164


def find(wa_id: str, bsuid: str = "", *, at: datetime) -> Contact | None:
    """Find the person by their wa_id (digits without +) or else by a BSUID; None where nobody is known so.

    :raises Forgotten: when the person was erased after `at`, the time of the event that names them.
    """
    contact = _by_number(wa_id) or next(iter(known_as(bsuid)), None)
    check_not_forgotten(wa_id=wa_id, bsuid=bsuid, at=at)
    return contact


def find_or_make(wa_id: str, now: datetime, *, at: datetime) -> Contact | None:
    """Find the person by their wa_id, and make the contact of somebody new; None where it is no phone number.

    :raises Forgotten: when the person was erased after `at`, the time of the event that names them.
    """
    contact = _by_number(wa_id) or _make(wa_id, now)
    check_not_forgotten(wa_id=wa_id, bsuid="", at=at)
    return contact


def _make(wa_id: str, now: datetime) -> Contact | None:
    number = f"+{wa_id}"
    if not has_e164_shape(number):
        return None
    region = ""
    with suppress(e164.NumberRefused):
        # WhatsApp's test numbers belong to no numbering plan and may still write.
        region = e164.read_number(number).region
    contact, created = Contact.objects.get_or_create(
        e164=number,
        defaults={
            "region": region,
            "person_key": e164.person_key(number),
            "wa_id": wa_id,
            "created_at": now,
        },
    )
    if created:
        suppression.greet(contact, now=now)
    return contact


def known_as(bsuid: str) -> list[Contact]:
    """Give everybody who was seen under a BSUID, the latest first: after a change of number these are two."""
    if not bsuid:
        return []
    return [
        alias.contact
        for alias in Alias.objects.filter(bsuid=bsuid).select_related("contact").order_by("-seen_at", "-pk")
    ]


def learn_alias(contact: Contact, bsuid: str, at: datetime) -> bool:
    """Keep that a person writes under a BSUID, and tell whether that was new."""
    alias, created = Alias.objects.get_or_create(contact=contact, bsuid=bsuid, defaults={"seen_at": at})
    if not created and alias.seen_at < at:
        Alias.objects.filter(pk=alias.pk, seen_at__lt=at).update(seen_at=at)
    return created


def _by_number(wa_id: str) -> Contact | None:
    number = f"+{wa_id}"
    if not has_e164_shape(number):
        return None
    forms = Contact.objects.filter(Q(person_key=e164.person_key(number)) | Q(wa_id=wa_id)).order_by("pk")
    return min(forms, key=lambda form: (form.e164 != number, form.wa_id != wa_id, form.pk), default=None)
