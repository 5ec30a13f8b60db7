"""Preferences: what people told WhatsApp itself about marketing from us. A stop withdraws it; a resume never grants."""

from datetime import datetime

from django.db import transaction

from contacts.consent.locking import lock_person
from contacts.erasure.names import check_not_forgotten, ignores_the_forgotten
from contacts.identity.trust import business_of
from contacts.inbound.receiving import withdraw_everywhere
from contacts.inbound.suggestions import suggest
from contacts.incoming import PreferenceEvent
from contacts.models import Contact, Suggestion
from contacts.people import find, find_or_make, known_as, learn_alias
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount, Purpose

MARKETING = "marketing_messages"
SOURCE = "WhatsApp preferences"


@ignores_the_forgotten
def record_preference(
    *, account: ProviderAccount, business_number: BusinessNumber | None, event: PreferenceEvent, now: datetime
) -> str:
    """Withdraw marketing where the person stopped it, and open a suggestion for anything else; give who it was."""
    business = business_of(account, business_number)
    with transaction.atomic():
        contact = find_or_make(event.number, now, at=event.at) or find("", event.bsuid, at=event.at)
        check_not_forgotten(wa_id="", bsuid=event.bsuid, at=event.at)
        stops = event.value == "stop"
        if contact is not None and event.bsuid:
            learn_alias(contact, event.bsuid, event.at)
        if contact is not None and stops and event.category == MARKETING:
            _stop((contact, *known_as(event.bsuid)), business, _named(event), event.at, now)
        elif stops or event.value == "resume":
            suggest(
                kind=Suggestion.Kind.OPT_OUT if stops else Suggestion.Kind.OPT_IN,
                business=business,
                reference=_named(event),
                at=event.at,
                now=now,
                contact=contact,
                bsuid=event.bsuid,
                words=f"{event.category}: {event.value}. {event.detail}".strip(),
            )
    return f"Contact:{contact.pk}" if contact else ""


def stop_marketing(*, contact: Contact, business: Business, reference: str, at: datetime, now: datetime) -> None:
    """Withdraw marketing because Meta refused a marketing message: the person stopped it there (131050).

    Whoever locks trust or messages in the same transaction locks the person's consent first (`lock_person`).
    """
    with transaction.atomic():
        _stop((contact,), business, f"131050 {reference}", at, now)


def _stop(people: tuple[Contact, ...], business: Business, reference: str, at: datetime, now: datetime) -> None:
    each = {person.pk: person for person in people}
    ordered = tuple(each[pk] for pk in sorted(each))
    lock_person(contacts=ordered, businesses=[business], now=now)
    withdraw_everywhere(
        ordered,
        business,
        evidence=f"The person stopped marketing messages in WhatsApp ({reference})",
        at=at,
        now=now,
        purposes=(Purpose.MARKETING,),
        source=SOURCE,
    )


def _named(event: PreferenceEvent) -> str:
    who = event.bsuid or event.number
    return f"user_preferences {event.to.phone_number_id} {who} {event.category} {event.value} {event.at.isoformat()}"[
        :300
    ]
