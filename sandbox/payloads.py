"""What webhooks say of messages and people, in the shapes of Meta's pages "Identity Change Check" and "Webhooks".

The On-Premises node says the same without the envelope. Every function gives the part of a webhook's `value` that
belongs to one event.
"""

import secrets
import time
from collections.abc import Mapping
from enum import StrEnum, auto

from sandbox.persons import Person, Sent

Part = dict[str, object]

#: Where an error's full form leads.
ERROR_CODES = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"

IDENTITY_MISMATCH = 137000
WINDOW_CLOSED = 131047
UNDELIVERABLE = 131026
MARKETING_STOPPED = 131050
UNKNOWN_FAILURE = 130472
NOT_ENGAGED = 131049
#: The node's twin of 137000, and what it says when it refuses at once.
NODE_IDENTITY_CHANGED = 480
NODE_WANTS_ACKNOWLEDGEMENT = 1028
NODE_WINDOW_CLOSED = 470

TITLES = {
    IDENTITY_MISMATCH: "Confirm the correct Recipient Identity Key Hash or send without any identity key hash",
    WINDOW_CLOSED: "Re-engagement message",
    UNDELIVERABLE: "Message undeliverable",
    MARKETING_STOPPED: "User has stopped marketing messages",
    UNKNOWN_FAILURE: "User's number is part of an experiment",
    NOT_ENGAGED: "This message was not delivered to maintain healthy ecosystem engagement.",
    NODE_IDENTITY_CHANGED: "User potentially changed",
    NODE_WANTS_ACKNOWLEDGEMENT: "User identity change is not acknowledged",
    NODE_WINDOW_CLOSED: "Message failed to send because the customer has not replied for more than 24 hours",
}
DETAILS = {
    IDENTITY_MISMATCH: "The recipient's identity key hash does not match the one in the request.",
    WINDOW_CLOSED: (
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
    ),
    UNDELIVERABLE: "Message undeliverable.",
    MARKETING_STOPPED: "The user has stopped marketing messages from this business.",
    UNKNOWN_FAILURE: "Failed to send message because this user's phone number is part of an experiment",
    NOT_ENGAGED: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    NODE_IDENTITY_CHANGED: "The user's identity has changed and has not been acknowledged",
    NODE_WANTS_ACKNOWLEDGEMENT: "Acknowledge the user's new identity before sending",
    NODE_WINDOW_CLOSED: "Outside of the allowed window: use a template",
}


class Sender(StrEnum):
    """How a person is named in what they write."""

    NUMBER = auto()
    #: With their business-scoped user id beside it.
    BOTH = auto()
    #: By their business-scoped user id alone.
    BSUID = auto()
    #: The same, where the number would stand too.
    BSUID_AS_NUMBER = auto()


def new_wamid() -> str:
    """Make the id of a message."""
    return f"wamid.HBgL{secrets.token_urlsafe(30)}"


def stamp(at: float | None = None) -> str:
    """Write a time as webhooks do: seconds, as a string."""
    return str(int(time.time() if at is None else at))


def inbound(
    person: Person, *, wamid: str, content: Part, hash_told: bool, sender: Sender = Sender.NUMBER, context: Part | None
) -> Part:
    """Say that a person wrote; `content` is the message's type and what belongs to it."""
    names: Part = {}
    author: Part = {}
    if sender in (Sender.NUMBER, Sender.BOTH):
        names["wa_id"], author["from"] = person.wa_id, person.wa_id
    if sender is Sender.BSUID_AS_NUMBER:
        names["wa_id"], author["from"] = person.bsuid, person.bsuid
    if sender is not Sender.NUMBER:
        names["user_id"], author["from_user_id"] = person.bsuid, person.bsuid
    contact: Part = {"profile": {"name": person.name}, **names}
    if hash_told:
        contact["identity_key_hash"] = person.identity_hash
    message: Part = {**author, "id": wamid, "timestamp": stamp(), **content}
    if context:
        message["context"] = context
    return {"contacts": [contact], "messages": [message]}


def status(sent: Sent, name: str, *, at: float, identity_hash: str = "") -> Part:
    """Say what became of a message, with the person's hash where one is given."""
    told: Part = {"id": sent.wamid, "status": name, "timestamp": stamp(at), "recipient_id": sent.to.lstrip("+")}
    if identity_hash:
        told["recipient_identity_key_hash"] = identity_hash
    told["conversation"] = {"id": sent.wamid[-32:].lower(), "origin": {"type": sent.category}}
    told["pricing"] = {"billable": True, "pricing_model": "CBP", "category": sent.category}
    return {"statuses": [told]}


def failure(sent: Sent, *, at: float, in_full: bool) -> Part:
    """Say that a message was not delivered, with the error in its short or its full form."""
    return {
        "statuses": [
            {
                "id": sent.wamid,
                "status": "failed",
                "timestamp": stamp(at),
                "recipient_id": sent.to.lstrip("+"),
                "errors": [error(sent.failed, in_full=in_full)],
            }
        ]
    }


def error(code: int, *, in_full: bool) -> Part:
    """Word an error of a status."""
    short: Part = {"code": code, "title": TITLES[code]}
    if not in_full:
        return short
    return {**short, "message": TITLES[code], "error_data": {"details": DETAILS[code]}, "href": ERROR_CODES}


def identity_changed(person: Person, *, wamid: str) -> Part:
    """Say that a person's identity has changed, as the Cloud API does."""
    system = {
        "body": f"User {person.name} changed their identity",
        "identity": person.identity_hash,
        "wa_id": person.wa_id,
        "type": "customer_identity_changed",
        "customer": person.wa_id,
    }
    return _system(person.wa_id, wamid=wamid, system=system)


def number_changed(before: Person, after: Person, *, wamid: str, number_key: str = "wa_id") -> Part:
    """Say that a person has another number from now on; the node calls it `new_wa_id`."""
    system = {
        "body": f"User {before.name} changed from {before.wa_id} to {after.wa_id}",
        number_key: after.wa_id,
        "type": "user_changed_number",
    }
    return _system(before.wa_id, wamid=wamid, system=system)


def node_identity(person: Person, *, in_words: bool = False) -> Part:
    """Describe a person's identity as the node does; its times are milliseconds."""
    acknowledged: object = str(person.acknowledged).lower() if in_words else person.acknowledged
    return {
        "hash": person.identity_hash,
        "created_timestamp": int(person.noticed_at * 1000),
        "acknowledged": acknowledged,
    }


def node_identity_changed(person: Person, *, wamid: str) -> Part:
    """Say that a person's identity has changed, as the node does."""
    system = {"body": f"User {person.name} may have changed", "type": "user_identity_changed"}
    return _system(person.wa_id, wamid=wamid, system=system, identity=node_identity(person))


def preference(person: Person, *, value: str) -> Part:
    """Say that a person stopped marketing messages, or wants them again."""
    verb = "stop" if value == "stop" else "resume"
    return {
        "contacts": [{"profile": {"name": person.name}, "wa_id": person.wa_id}],
        "user_preferences": [
            {
                "wa_id": person.wa_id,
                "detail": f"User requested to {verb} marketing messages",
                "category": "marketing_messages",
                "value": value,
                "timestamp": int(time.time()),
            }
        ],
    }


def _system(wa_id: str, *, wamid: str, system: Mapping[str, str], **more: object) -> Part:
    # Unlike every other message, a system message has no contacts.
    message: Part = {"from": wa_id, "id": wamid, "timestamp": stamp(), "type": "system", "system": system, **more}
    return {"messages": [message]}
