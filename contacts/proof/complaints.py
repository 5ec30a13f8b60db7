"""Answering a complaint: the person is opted out at once, of everything, and the answer is everything on record."""

from collections.abc import Sequence
from datetime import datetime

from audit import reach
from contacts import opt_ins
from contacts.models import Consent, Contact
from providers.e164 import Number
from providers.models import Business


def concerned(contact: Contact, *, reached: reach.Businesses = None) -> Sequence[Business]:
    """Give those of these businesses that have any consent of the person on record, under any form of the number."""
    theirs = Consent.objects.filter(contact__person_key=contact.person_key)
    businesses = reach.narrowed(Business.objects.all(), reached)
    return list(businesses.filter(pk__in=theirs.values("business_id")).order_by("name"))


def opt_out(
    *, contact: Contact, businesses: Sequence[Business], source: str, reason: str, actor: str, now: datetime
) -> int:
    """Withdraw everything for these businesses, then wait for calls on their way, and give how many there were.

    :raises OptInRefused: when source or reason is missing or names the person.
    """
    for business in businesses:
        opt_ins.withdraw(
            number=Number(contact.e164, contact.region),
            business=business,
            actor=actor,
            now=now,
            source=source,
            reason=reason,
        )
    forms = list(Contact.objects.filter(person_key=contact.person_key).values_list("pk", flat=True))
    return sum(opt_ins.wait_for_calls(forms, business=business) for business in businesses)
