"""Reading what a webhook says about people: their messages, the fate of ours, and what changed about them.

The shapes are those of the Cloud API document, of the contacts document's node, and of Meta's pages on system messages,
preferences and business-scoped user ids. `from` and `wa_id` may be missing or hold such an id.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from contacts.incoming import (
    Address,
    Event,
    InboundMessage,
    PreferenceEvent,
    StatusError,
    StatusEvent,
    SystemEvent,
    SystemKind,
)
from webhooks.json_body import digits, hash_of, identifier, items, mapping, moment, text, user_id
from webhooks.models import WebhookEvent

Kind = WebhookEvent.Kind
#: An event's kind, its field, what tells it from any other (None: its place in this very body), and the event.
Said = tuple[str, str, object, Event]

_SYSTEM_KINDS = {
    "customer_identity_changed": SystemKind.IDENTITY_CHANGED,
    "user_identity_changed": SystemKind.IDENTITY_CHANGED,
    "customer_changed_number": SystemKind.NUMBER_CHANGED,
    "user_changed_number": SystemKind.NUMBER_CHANGED,
    "user_changed_user_id": SystemKind.USER_ID_CHANGED,
}


def messages(field: str, value: Mapping[str, Any], to: Address, received_at: datetime) -> Iterator[Said]:
    """Read `messages`: what people wrote, and what WhatsApp says about them."""
    contacts, rows = list(items(value.get("contacts"))), list(items(value.get("messages")))
    for row in rows:
        if text(row.get("type")) == "system" or ("system" in row and "type" not in row):
            yield _system(field, row, to, received_at)
            continue
        contact = _contact_of(row, contacts, alone=len(rows) == 1)
        identity_hash = hash_of(contact.get("identity_key_hash")) or hash_of(row.get("identity"))
        event = InboundMessage(
            to=to,
            wamid=identifier(row.get("id")),
            sender=digits(row.get("from")) or digits(contact.get("wa_id")),
            bsuid=user_id(
                row.get("from_user_id"),
                row.get("user_id"),
                contact.get("user_id"),
                row.get("from"),
                contact.get("wa_id"),
            ),
            at=moment(row.get("timestamp"), received_at),
            kind=text(row.get("type"), limit=40) or _kind_without_type(row),
            identity_hash=identity_hash,
            profile_name=text(mapping(contact.get("profile")).get("name"), limit=200),
            reply_to=identifier(mapping(row.get("context")).get("id")),
            **_words(row),
        )
        yield Kind.MESSAGE, field, (event.wamid, identity_hash) if event.wamid else None, event


def statuses(field: str, value: Mapping[str, Any], to: Address, received_at: datetime) -> Iterator[Said]:
    """Read `statuses`: what became of messages of ours."""
    contacts, rows = list(items(value.get("contacts"))), list(items(value.get("statuses")))
    for row in rows:
        contact = contacts[0] if len(contacts) == len(rows) == 1 else {}
        recipient = row.get("recipient_id") or mapping(row.get("message")).get("recipient_id")
        event = StatusEvent(
            to=to,
            wamid=identifier(row.get("id")),
            status=text(row.get("status"), limit=20).strip().lower(),
            at=moment(row.get("timestamp"), received_at),
            recipient=digits(recipient) or digits(contact.get("wa_id")),
            bsuid=user_id(row.get("recipient_user_id"), row.get("user_id"), contact.get("user_id"), recipient),
            identity_hash=hash_of(row.get("recipient_identity_key_hash")),
            errors=tuple(map(_error, items(row.get("errors"))))[:20],
        )
        said = (event.wamid, event.status, text(row.get("timestamp"), limit=40), event.identity_hash)
        identity = (*said, [error.code for error in event.errors])
        yield Kind.STATUS, field, identity if event.wamid and event.status else None, event


def preferences(field: str, value: Mapping[str, Any], to: Address, received_at: datetime) -> Iterator[Said]:
    """Read `user_preferences`: whether people want a category of messages."""
    contacts, rows = list(items(value.get("contacts"))), list(items(value.get("user_preferences")))
    for row in rows:
        contact = contacts[0] if len(contacts) == len(rows) == 1 else {}
        event = PreferenceEvent(
            to=to,
            number=digits(row.get("wa_id")) or digits(contact.get("wa_id")),
            bsuid=user_id(row.get("user_id"), contact.get("user_id"), row.get("wa_id"), contact.get("wa_id")),
            category=text(row.get("category"), limit=60),
            value=text(row.get("value"), limit=20).strip().lower(),
            detail=text(row.get("detail"), limit=300),
            at=moment(row.get("timestamp"), received_at),
        )
        time = text(row.get("timestamp"), limit=40)
        identity = (to.phone_number_id, event.number, event.bsuid, event.category, event.value, time)
        yield Kind.PREFERENCE, field, identity if time else None, event


def user_ids(field: str, value: Mapping[str, Any], to: Address, received_at: datetime) -> Iterator[Said]:
    """Read `user_id_update`: a person's business-scoped id is another one now."""
    for row in items(value.get("user_id_update")):
        changed = mapping(row.get("user_id"))
        event = SystemEvent(
            to=to,
            kind=SystemKind.USER_ID_CHANGED,
            said="user_id_update",
            wamid="",
            at=moment(row.get("timestamp"), received_at),
            number=digits(row.get("wa_id")),
            new_number="",
            bsuid=user_id(changed.get("previous"), changed.get("old")),
            new_bsuid=user_id(changed.get("current"), changed.get("new"), row.get("user_id")),
            identity_hash="",
        )
        time = text(row.get("timestamp"), limit=40)
        identity = (to.phone_number_id, event.number, event.bsuid, event.new_bsuid, time)
        yield Kind.SYSTEM, field, identity if time else None, event


#: Which member of a change's value is read by what.
READERS: dict[str, Callable[[str, Mapping[str, Any], Address, datetime], Iterator[Said]]] = {
    "messages": messages,
    "statuses": statuses,
    "user_preferences": preferences,
    "user_id_update": user_ids,
}


def _system(field: str, row: Mapping[str, Any], to: Address, received_at: datetime) -> Said:
    system = mapping(row.get("system"))
    said = text(system.get("type"), limit=60)
    kind = _SYSTEM_KINDS.get(said, SystemKind.OTHER)
    old = row.get("from") or system.get("customer") or system.get("user")
    event = SystemEvent(
        to=to,
        kind=kind,
        said=said,
        wamid=identifier(row.get("id")),
        at=moment(row.get("timestamp"), received_at),
        number=digits(old) or digits(system.get("customer")) or digits(system.get("user")),
        new_number=_new_number(system) if kind is SystemKind.NUMBER_CHANGED else "",
        bsuid=user_id(row.get("from_user_id"), row.get("user_id"), system.get("previous_user_id"), old),
        new_bsuid=user_id(system.get("user_id"), system.get("new_user_id")) if kind is not SystemKind.OTHER else "",
        identity_hash=hash_of(system.get("identity")) or hash_of(row.get("identity")),
    )
    identity = (event.wamid, event.identity_hash) if event.wamid else None
    return Kind.SYSTEM, field, identity, event


def _new_number(system: Mapping[str, Any]) -> str:
    """Give the number after the change, which older versions call new_wa_id and later ones wa_id."""
    return digits(system.get("new_wa_id")) or digits(system.get("wa_id"))


def _contact_of(row: Mapping[str, Any], contacts: list[Mapping[str, Any]], *, alone: bool) -> Mapping[str, Any]:
    """Give the contact that sent this message; a hash must never be taken for another person's."""
    sender, bsuid = digits(row.get("from")), user_id(row.get("from_user_id"), row.get("user_id"), row.get("from"))
    for contact in contacts:
        if (sender and digits(contact.get("wa_id")) == sender) or (
            bsuid and user_id(contact.get("user_id"), contact.get("wa_id")) == bsuid
        ):
            return contact
    return contacts[0] if alone and len(contacts) == 1 else {}


def _words(row: Mapping[str, Any]) -> dict[str, str]:
    """Give what the person said and the payload behind it, whichever kind of message it is."""
    button, interactive = mapping(row.get("button")), mapping(row.get("interactive"))
    chosen = mapping(interactive.get("button_reply")) or mapping(interactive.get("list_reply"))
    media = next((mapping(row.get(kind)) for kind in ("image", "video", "document") if kind in row), {})
    said = (
        text(mapping(row.get("text")).get("body"))
        or text(button.get("text"))
        or text(chosen.get("title"))
        or text(media.get("caption"))
    )
    return {"text": said, "payload": text(button.get("payload") or chosen.get("id"), limit=300)}


def _kind_without_type(row: Mapping[str, Any]) -> str:
    return next((kind for kind in ("text", "button", "interactive") if kind in row), "unknown")


def _error(row: Mapping[str, Any]) -> StatusError:
    details = mapping(row.get("error_data")).get("details") or row.get("details") or row.get("message")
    return StatusError(
        code=text(row.get("code"), limit=20).strip(),
        title=text(row.get("title"), limit=300),
        details=text(details, limit=300),
    )
