"""People who write to us, in the tests of what comes in: events as the front door hands them over."""

from datetime import datetime
from typing import Any

from contacts import identity, inbound
from contacts.incoming import Address, InboundMessage, PreferenceEvent, SystemEvent, SystemKind
from contacts.models import Contact, IdentityTrust, TrustCase
from numbers.models import BusinessNumber
from sandbox.seeds import CONNECTED_NUMBER_ID, WABA

ADDRESS = Address(waba_id=WABA, phone_number_id=CONNECTED_NUMBER_ID)


def message(e164: str, text: str = "Hello", *, at: datetime, **fields: Any) -> InboundMessage:
    """A message that a person wrote; an empty number is a sender known by a BSUID only."""
    values: dict[str, Any] = {
        "to": ADDRESS,
        "wamid": f"wamid.{e164}.{text[:20]}.{at.timestamp()}",
        "sender": e164.lstrip("+"),
        "bsuid": "",
        "at": at,
        "kind": "text",
        "text": text,
        "payload": "",
        "reply_to": "",
        "identity_hash": "",
        "profile_name": "Pablo Morales",
    }
    return InboundMessage(**values | fields)


def receive(number: BusinessNumber, event: InboundMessage, *, now: datetime | None = None) -> str:
    """Let a message to our number come in."""
    return inbound.receive_message(account=number.account, business_number=number, event=event, now=now or event.at)


def writes(number: BusinessNumber, e164: str, text: str = "Hello", *, at: datetime, **fields: Any) -> str:
    """Let a person write to our number."""
    now = fields.pop("now", at)
    return receive(number, message(e164, text, at=at, **fields), now=now)


def system(kind: SystemKind, e164: str, *, at: datetime, **fields: Any) -> SystemEvent:
    """A system message about a person."""
    values: dict[str, Any] = {
        "to": ADDRESS,
        "kind": kind,
        "said": kind.value,
        "wamid": f"wamid.system.{e164}.{at.timestamp()}",
        "at": at,
        "number": e164.lstrip("+"),
        "new_number": "",
        "bsuid": "",
        "new_bsuid": "",
        "identity_hash": "",
    }
    return SystemEvent(**values | fields)


def tells(number: BusinessNumber, event: SystemEvent, *, now: datetime | None = None) -> str:
    """Let a system message come in."""
    return identity.system_event(account=number.account, business_number=number, event=event, now=now or event.at)


def prefers(number: BusinessNumber, e164: str, value: str, *, at: datetime, **fields: Any) -> str:
    """Let WhatsApp tell what a person prefers."""
    values: dict[str, Any] = {
        "to": ADDRESS,
        "number": e164.lstrip("+"),
        "bsuid": "",
        "category": "marketing_messages",
        "value": value,
        "detail": "",
        "at": at,
    }
    return inbound.record_preference(
        account=number.account, business_number=number, event=PreferenceEvent(**values | fields), now=at
    )


def trust_of(contact: Contact, number: BusinessNumber) -> IdentityTrust:
    """The person's trust as it stands."""
    found = identity.standing(contact=contact, account=number.account, business_number=number)
    assert found is not None
    return found


def open_case() -> TrustCase:
    """The one open case there is."""
    return TrustCase.objects.get(closed_at=None)
