"""Who looked at whom: opening a person's page leaves a mark, and so does seeing a number in full."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit import ledger
from contacts.consent.evidence import outlives_the_person
from contacts.models import Contact

_LONGEST_REASON = 200


class RevealRefused(ValueError):
    """The number is not shown; the message says what to do."""


def note_opened(*, contact: Contact, actor: str, now: datetime) -> None:
    """Write into the ledger that somebody opened a person's page; the person stands there by pseudonym only."""
    with transaction.atomic():
        ledger.record(
            action="person.opened",
            actor=actor,
            now=now,
            subject=f"Contact:{contact.pk}",
            pseudonym=contact.pseudonym,
        )


def reveal_number(*, contact: Contact, reason: str, actor: str, now: datetime) -> str:
    """Give a person's number to somebody who says why, and write that into the ledger without the number.

    :raises RevealRefused: when there is no reason, or it names the person.
    """
    reason = " ".join(reason.split())[:_LONGEST_REASON]
    if not reason:
        raise RevealRefused(_("Say why you need the number."))
    if outlives_the_person(reason, contact.e164):
        raise RevealRefused(_("No number and no address in the reason: it stays when the person is erased."))
    with transaction.atomic():
        ledger.record(
            action="person.number_revealed",
            actor=actor,
            now=now,
            subject=f"Contact:{contact.pk}",
            pseudonym=contact.pseudonym,
            details={"reason": reason},
        )
    return contact.e164
