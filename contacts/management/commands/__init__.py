"""Commands about contacts and their consent; each calls one journey."""

from argparse import ArgumentParser

from audit.command import invalid
from contacts.models import Contact, Erasure
from providers.e164 import NumberRefused, person_key, read_number
from providers.models import Business


def business_named(name: str) -> Business:
    """Find a business by its name.

    :raises CommandError: with the names that there are.
    """
    business = Business.objects.filter(name__iexact=name).first()
    if business is None:
        known = ", ".join(Business.objects.values_list("name", flat=True)) or "none yet"
        raise invalid(f"There is no business “{name}”. Businesses: {known}.")
    return business


def contact_of(text: str) -> Contact:
    """Find the person of a number, under whichever of its forms.

    :raises CommandError: when it is no number, or nobody of this number is on record.
    """
    try:
        e164 = read_number(text).e164
    except NumberRefused as error:
        raise invalid(str(error)) from None
    forms = list(Contact.objects.filter(person_key=person_key(e164)).order_by("pk"))
    if not forms:
        raise invalid("Nobody of this number is on record.")
    return next((form for form in forms if form.e164 == e164), forms[0])


def add_person_and_reason(parser: ArgumentParser) -> None:
    """Declare what every command that erases or restricts asks for."""
    parser.add_argument("number", metavar="NUMBER", help="as +491701234567")
    reasons = [reason.lower() for reason in Erasure.Reason.values]
    parser.add_argument("--reason", required=True, choices=reasons, help="why; it goes into the ledger")
    parser.add_argument("--reference", default="", metavar="R", help="a ticket's number or the like, not theirs")
