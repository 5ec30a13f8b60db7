"""The two ways in which a business speaks with people, and hears of them: a Cloud API number and the node's own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox import magic, payloads
from sandbox.callbacks import Callbacks
from sandbox.message_endings import MessageEnding, ending_of
from sandbox.payloads import Part
from sandbox.persons import Line, Person, Persons, Presence, Sent
from sandbox.seeds import NODE_E164, ON_PREMISES
from sandbox.wabas import BusinessNumber
from sandbox.webhooks import Webhooks


class Channel(Protocol):
    """One number of the business."""

    @property
    def id(self) -> str:
        """What it is called by: a phone number id, or `onprem`."""

    @property
    def e164(self) -> str:
        """The number itself."""

    @property
    def tells_hash(self) -> bool:
        """Whether webhooks carry identity hashes."""

    def tell(self, part: Part, *, field: str = "messages", after: float = 0.0) -> None:
        """Tell the business what happened."""

    def identity_changed(self, person: Person) -> Part:
        """Word a change of identity."""

    def number_changed(self, before: Person, after: Person) -> Part:
        """Word a change of number."""


@dataclass(frozen=True)
class CloudChannel:
    """A number at the Cloud API, as it stands now."""

    number: BusinessNumber
    webhooks: Webhooks

    @property
    def id(self) -> str:
        """The phone number id."""
        return self.number.phone_number_id

    @property
    def e164(self) -> str:
        """The number itself."""
        return self.number.e164

    @property
    def tells_hash(self) -> bool:
        """Whether the identity change check is on."""
        return self.number.identity_check

    def tell(self, part: Part, *, field: str = "messages", after: float = 0.0) -> None:
        """Put the part into a webhook's value, and tell it."""
        metadata = {"display_phone_number": magic.digits_of(self.e164), "phone_number_id": self.id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **part}
        self.webhooks.tell(self.number.waba_id, field, value, after=after)

    def identity_changed(self, person: Person) -> Part:
        """Word a change of identity as Meta does."""
        return payloads.identity_changed(person, wamid=payloads.new_wamid())

    def number_changed(self, before: Person, after: Person) -> Part:
        """Word a change of number as Meta does."""
        return payloads.number_changed(before, after, wamid=payloads.new_wamid())


@dataclass(frozen=True)
class NodeChannel:
    """The On-Premises node's one number: what it tells has no envelope and no signature."""

    callbacks: Callbacks
    id: str = ON_PREMISES
    e164: str = NODE_E164
    tells_hash: bool = False

    def tell(self, part: Part, *, field: str = "messages", after: float = 0.0) -> None:
        """Post the part to the callback URL."""
        self.callbacks.post_later(part, after=after)

    def identity_changed(self, person: Person) -> Part:
        """Word a change of identity as the node does."""
        return payloads.node_identity_changed(person, wamid=payloads.new_wamid())

    def number_changed(self, before: Person, after: Person) -> Part:
        """Word a change of number as the node does."""
        return payloads.number_changed(before, after, wamid=payloads.new_wamid(), number_key="new_wa_id")


class Statuses:
    """Tells what becomes of each message: `pace` is the time between one status and the next."""

    def __init__(self, persons: Persons, *, pace: Callable[[], float]) -> None:
        self._persons = persons
        self._pace = pace

    def begin(self, sent: Sent, person: Person, *, channel: Channel, buttons: tuple[str, ...] = ()) -> None:
        """Let a message that was taken go its way: it fails, waits for the person's phone, or arrives."""
        with self._persons.lock:
            self._persons.keep(sent)
            person.channels.setdefault(channel.id, 0.0)
            if sent.failed:
                in_full = ending_of(person.wa_id) is MessageEnding.MISMATCH_IN_FULL
                channel.tell(payloads.failure(sent, at=time.time(), in_full=in_full), after=self._pace())
                return
            note = _note(sent)
            person.lines.append(Line(sent.at, channel.id, False, sent.wamid, sent.kind, sent.text, note, buttons))
            if person.presence is Presence.OFFLINE:
                self._tell(sent, person, channel=channel, names=("sent",))
                person.waiting.append(sent)
            else:
                self._tell(sent, person, channel=channel, names=_order(person))

    def arrive(self, person: Person, *, channels: Callable[[str], Channel]) -> None:
        """Let the messages that waited for a person's phone be delivered and read."""
        with self._persons.lock:
            for sent in person.waiting:
                names = tuple(name for name in _order(person) if name != "sent")
                self._tell(sent, person, channel=channels(sent.phone_number_id), names=names)
            person.waiting.clear()

    def _tell(self, sent: Sent, person: Person, *, channel: Channel, names: tuple[str, ...]) -> None:
        hash_told = channel.tells_hash and not sent.identity_hash and ending_of(person.wa_id) != MessageEnding.NO_HASH
        for place, name in enumerate(names):
            known = person.identity_hash if hash_told and name != "sent" else ""
            channel.tell(
                payloads.status(sent, name, at=time.time(), identity_hash=known), after=self._pace() * (place + 1)
            )


def _order(person: Person) -> tuple[str, ...]:
    match ending_of(person.wa_id):
        case MessageEnding.READ_ONLY:
            return ("sent", "read")
        case MessageEnding.NEVER_READ:
            return ("sent", "delivered")
        case MessageEnding.OUT_OF_ORDER:
            return ("read", "delivered", "sent")
    return ("sent", "delivered", "read")


def _note(sent: Sent) -> str:
    told = [f"template {sent.template}" if sent.template else "", "with an identity hash" if sent.identity_hash else ""]
    return ", ".join(one for one in told if one)
