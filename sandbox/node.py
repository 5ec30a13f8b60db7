"""The On-Premises node's messages and identities, as the pages "Messages" and "Manage Users' Identities" describe them.

Whoever's identity has changed gets nothing until the new hash is acknowledged, exactly as it was read.
"""

import secrets
import time
from collections.abc import Callable

from sandbox import magic, payloads
from sandbox.channels import NodeChannel, Statuses
from sandbox.exchange import Reply, Request
from sandbox.magic import Effect
from sandbox.message_endings import MessageEnding, ending_of
from sandbox.persons import Person, Persons, Sent

Fail = Callable[[int, int, str], Reply]


class Node:
    """What the node does for one person at a time; `fail` words its errors."""

    def __init__(self, persons: Persons, *, channel: NodeChannel, statuses: Statuses, fail: Fail) -> None:
        self._persons = persons
        self._channel = channel
        self._statuses = statuses
        self._fail = fail

    def identity(self, request: Request, wa_id: str, *, effect: Effect) -> Reply:
        """Read a person's identity, or acknowledge it."""
        person = self._persons.get(wa_id)
        if effect is Effect.INVALID or not person.reachable:
            return self._fail(404, 1006, "No such contact")
        with self._persons.lock:
            if request.method == "GET":
                in_words = ending_of(wa_id) is MessageEnding.ACKNOWLEDGED_IN_WORDS
                return Reply.json(200, {"contacts": payloads.node_identity(person, in_words=in_words)})
            return self._acknowledge(person, (request.json_object or {}).get("hash"))

    def _acknowledge(self, person: Person, identity_hash: object) -> Reply:
        if not isinstance(identity_hash, str):
            return self._fail(400, 1008, "Parameter 'hash' is mandatory")
        if identity_hash != person.identity_hash:
            return self._fail(409, 1009, "Parameter 'hash' is not the latest identity")
        person.acknowledged = True
        match ending_of(person.wa_id):
            case MessageEnding.ACKNOWLEDGED_WITH_NULL:
                return Reply.json(200, None)
            case MessageEnding.ACKNOWLEDGED_WITHOUT_BODY:
                return Reply(204, b"")
        return Reply.json(200, {})

    def send(self, body: dict[str, object], wa_id: str) -> Reply:
        """Take a message, or refuse it."""
        kind = body.get("type", "text")
        content = body.get(str(kind))
        if kind not in ("text", "template", "hsm") or not isinstance(content, dict):
            return self._fail(400, 1009, "Parameter 'type' is not valid")
        text = content.get("body", "") if kind == "text" else ""
        name = content.get("element_name" if kind == "hsm" else "name", "") if kind != "text" else ""
        if not isinstance(text, str) or not isinstance(name, str) or not (text or name):
            return self._fail(400, 1008, "Required parameter is missing")
        person = self._persons.get(wa_id)
        with self._persons.lock:
            code = self._failure(person, is_text=kind == "text")
            if code == payloads.NODE_IDENTITY_CHANGED and ending_of(wa_id) is MessageEnding.REFUSED_AT_ONCE:
                at_once = payloads.NODE_WANTS_ACKNOWLEDGEMENT
                return self._fail(400, at_once, payloads.DETAILS[at_once])
            sent = Sent(
                wamid=f"gBEG{secrets.token_hex(10)}",
                phone_number_id=self._channel.id,
                to=person.e164,
                kind="text" if kind == "text" else "template",
                at=time.time(),
                template=name,
                failed=code,
                text=text,
            )
            self._statuses.begin(sent, person, channel=self._channel)
        return Reply.json(201, {"messages": [{"id": sent.wamid}]})

    def _failure(self, person: Person, *, is_text: bool) -> int:
        if person.changes and not person.acknowledged:
            return payloads.NODE_IDENTITY_CHANGED
        if not person.reachable:
            return payloads.UNDELIVERABLE
        return payloads.NODE_WINDOW_CLOSED if is_text and not person.window_is_open(self._channel.id) else 0


def recipient(body: dict[str, object] | None) -> str:
    """Give the digits of whoever a message is for; empty when it does not say."""
    to = (body or {}).get("to")
    return magic.digits_of(to) if isinstance(to, str) else ""
