"""Receiving: a person wrote to us. The message is kept, it opens the reply window, and it may end consent.

It never grants consent and never makes a hash trusted. Locks are taken first and in the order of the house (consent,
trust, message); whatever writes the ledger comes last.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from contacts import opt_ins
from contacts.consent.locking import lock_person
from contacts.erasure.names import check_not_forgotten, ignores_the_forgotten
from contacts.identity.keys import observe
from contacts.identity.trust import business_of, lock_trust
from contacts.inbound.reach import ReachKind, learn_reach
from contacts.inbound.stop_words import Said, read
from contacts.inbound.suggestions import SOURCE, attach, suggest, unknown_until_now
from contacts.inbound.texts import words_of
from contacts.incoming import InboundMessage
from contacts.messaging.content import body_of
from contacts.models import Contact, IdentityKey, Message, Suggestion
from contacts.people import find, find_or_make, known_as, learn_alias
from numbers.models import BusinessNumber
from providers import e164
from providers.interfaces import TextMessage
from providers.models import Business, ProviderAccount, Purpose

ACTOR = "waadmin"
#: WhatsApp has had 4,096; what is longer is no sentence about consent.
_LONGEST_QUOTE = 500


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who wrote, everybody known under the same BSUID, and what of this is new."""

    contact: Contact | None
    people: tuple[Contact, ...]
    alias_is_new: bool


@ignores_the_forgotten
def receive_message(
    *, account: ProviderAccount, business_number: BusinessNumber | None, event: InboundMessage, now: datetime
) -> str:
    """Keep a message and do what it says; give who wrote, or nothing where only an unknown BSUID is given.

    The same message again changes nothing.
    """
    business = business_of(account, business_number)
    said = read(event.text, event.payload)
    if said in (Said.STOP, Said.STOP_MARKETING) and not event.is_own_words:
        # A caption or a forwarded picture: somebody should look, but it is no answer to us.
        said = Said.MAYBE_STOP
    with transaction.atomic():
        sender = _sender(event, now)
        ends = said in (Said.STOP, Said.STOP_MARKETING)
        if sender.contact is None:
            _suggest_unknown(event, business, said, now)
            return ""
        unattended = unknown_until_now(event.bsuid) if sender.alias_is_new else []
        if ends or unattended:
            businesses = [business, *(suggestion.business for suggestion in unattended)]
            lock_person(contacts=sender.people, businesses=businesses, now=now)
        lock_trust(contact=sender.contact, account=account, business_number=business_number)
        attach(unattended, sender.contact)
        message = _keep(event, sender.contact, business, account, business_number, now)
        if message is not None:
            learn_reach(
                contact=sender.contact,
                account=account,
                business_number=business_number,
                kind=ReachKind.INBOUND,
                at=event.at,
                now=now,
            )
        observe(
            contact=sender.contact,
            account=account,
            business_number=business_number,
            hash=event.identity_hash,
            source=IdentityKey.Source.INBOUND,
            reference=event.wamid,
            observed_at=event.at,
            now=now,
        )
        if message is not None:
            _act(said, event, sender, business, message, now)
        _catch_up(unattended, sender, now)
    return f"Contact:{sender.contact.pk}"


def withdraw_everywhere(
    people: tuple[Contact, ...],
    business: Business,
    *,
    evidence: str,
    at: datetime,
    now: datetime,
    purposes: tuple[str, ...] = (),
    source: str = SOURCE,
) -> None:
    """Withdraw for everybody that a sender is known as; their consent rows are locked already."""
    for person in people:
        opt_ins.withdraw(
            number=e164.Number(person.e164, person.region),
            business=business,
            actor=ACTOR,
            now=now,
            source=source,
            reason=evidence,
            purposes=purposes,
            # A clock ahead of ours must not outlast a later grant.
            given_at=min(at, now),
        )


def _sender(event: InboundMessage, now: datetime) -> _Sender:
    contact = find_or_make(event.sender, now, at=event.at) or find("", event.bsuid, at=event.at)
    check_not_forgotten(wa_id="", bsuid=event.bsuid, at=event.at)
    if contact is None:
        return _Sender(None, (), False)
    if contact.wa_id is None and event.sender:
        Contact.objects.filter(pk=contact.pk, wa_id=None).update(wa_id=event.sender)
    is_new = bool(event.bsuid) and learn_alias(contact, event.bsuid, event.at)
    people = {person.pk: person for person in (contact, *known_as(event.bsuid))}
    return _Sender(contact, tuple(people[pk] for pk in sorted(people)), is_new)


def _keep(
    event: InboundMessage,
    contact: Contact,
    business: Business,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    now: datetime,
) -> Message | None:
    """Keep the message once; None where it is here already."""
    at = min(event.at, now)
    fields: dict[str, Any] = {
        "contact": contact,
        "business": business,
        "account": account,
        "business_number": business_number,
        "direction": Message.Direction.IN,
        "kind": Message.Kind.TEXT if event.is_own_words else Message.Kind.OTHER,
        "body": body_of(TextMessage(event.text)) if event.text else None,
        "state": Message.State.RECEIVED,
        "at": at,
    }
    if event.wamid:
        message, created = Message.objects.get_or_create(wamid=event.wamid, defaults=fields)
        return message if created else None
    again = Message.objects.filter(contact=contact, account=account, direction="IN", wamid="", at=at)
    return None if again.exists() else Message.objects.create(**fields)


def _act(
    said: Said, event: InboundMessage, sender: _Sender, business: Business, message: Message, now: datetime
) -> None:
    if said is Said.NOTHING:
        return
    if said in (Said.MAYBE_STOP, Said.START):
        suggest(
            kind=_kind(said),
            business=business,
            reference=_reference(event),
            at=event.at,
            now=now,
            contact=sender.contact,
            message=message,
            bsuid=event.bsuid,
        )
        return
    withdraw_everywhere(
        sender.people,
        business,
        evidence=_quote(event.text or event.payload, event.wamid),
        at=event.at,
        now=now,
        purposes=(Purpose.MARKETING,) if said is Said.STOP_MARKETING else (),
    )


def _suggest_unknown(event: InboundMessage, business: Business, said: Said, now: datetime) -> None:
    """Keep what a sender without a number wrote about consent, until somebody finds out who it is."""
    if said is Said.NOTHING or not event.bsuid:
        return
    suggest(
        kind=_kind(said),
        business=business,
        reference=_reference(event),
        at=event.at,
        now=now,
        bsuid=event.bsuid,
        words=(event.text or event.payload)[:_LONGEST_QUOTE],
    )


def _catch_up(unattended: list[Suggestion], sender: _Sender, now: datetime) -> None:
    """Let the stop words count that somebody wrote while we knew them by a BSUID only."""
    for suggestion in unattended:
        written = words_of(suggestion)
        said = read(written)
        if said not in (Said.STOP, Said.STOP_MARKETING):
            continue
        withdraw_everywhere(
            sender.people,
            suggestion.business,
            evidence=_quote(written, suggestion.reference),
            at=suggestion.opened_at,
            now=now,
            purposes=(Purpose.MARKETING,) if said is Said.STOP_MARKETING else (),
        )
        Suggestion.objects.filter(pk=suggestion.pk).update(
            decided_at=now, decided_by=ACTOR, outcome=Suggestion.Outcome.RECORDED
        )


def _kind(said: Said) -> Suggestion.Kind:
    return Suggestion.Kind.OPT_IN if said is Said.START else Suggestion.Kind.OPT_OUT


def _reference(event: InboundMessage) -> str:
    return event.wamid or f"{event.bsuid or event.sender} {event.at.isoformat()}"


def _quote(text: str, reference: str) -> str:
    return f"“{text[:_LONGEST_QUOTE]}” (WhatsApp, {reference})"
