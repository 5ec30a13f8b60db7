"""What people do with their telephones: write, press a button, change identity or number, be out of reach.

Whatever the business should hear of it, it is told: by signed webhooks for a number at the Cloud API, by unsigned
callbacks for the node.
"""

import time

from sandbox import magic, payloads
from sandbox.channels import Channel, CloudChannel, NodeChannel, Statuses
from sandbox.payloads import Part, Sender
from sandbox.persons import Line, Person, Persons, Presence, Sent
from sandbox.seeds import CLOUD_API, CONNECTED_NUMBER_ID, ON_PREMISES
from sandbox.wabas import Directory
from sandbox.webhooks import Webhooks


class Channels:
    """The business's numbers by id; `onprem` is the node's."""

    def __init__(self, directory: Directory, *, webhooks: Webhooks, node: NodeChannel) -> None:
        self._directory = directory
        self._webhooks = webhooks
        self._node = node

    def get(self, phone_number_id: str) -> Channel:
        """Give the channel of a number.

        :raises LookupError: when neither the Cloud API nor the node has it.
        """
        if phone_number_id == ON_PREMISES:
            return self._node
        number = self._directory.number(phone_number_id, provider=CLOUD_API)
        if number is None:
            raise LookupError(phone_number_id)
        return CloudChannel(number, self._webhooks)

    def all(self) -> tuple[Channel, ...]:
        """Give every number that people can write to."""
        numbers = [one for one in self._directory.numbers() if one.provider == CLOUD_API]
        return (*(CloudChannel(number, self._webhooks) for number in numbers), self._node)


class People:
    """Everybody with WhatsApp, by their number with its +; `to` is a phone number id, or `onprem` for the node."""

    def __init__(self, persons: Persons, *, channels: Channels, statuses: Statuses) -> None:
        self._persons = persons
        self._channels = channels
        self._statuses = statuses

    def hash(self, e164: str) -> str:
        """Give the person's identity hash as it is now."""
        return self._persons.get(e164).identity_hash

    def bsuid(self, e164: str) -> str:
        """Give the person's business-scoped user id."""
        return self._persons.get(e164).bsuid

    def acknowledged(self, e164: str) -> bool:
        """Tell whether the person's identity has been acknowledged at the node."""
        return self._persons.get(e164).acknowledged

    def messages(self, e164: str | None = None) -> tuple[Sent, ...]:
        """Give the messages that the providers took for a person or for all, oldest first, also those that failed."""
        return self._persons.sent(e164)

    def write(
        self,
        e164: str,
        *,
        text: str = "Hello",
        to: str = CONNECTED_NUMBER_ID,
        bsuid_only: bool = False,
        sender: Sender = Sender.NUMBER,
        context: str = "",
    ) -> str:
        """Have a person write a text, in answer to the message `context` if given, and give its id."""
        content: Part = {"text": {"body": text}, "type": "text"}
        named = Sender.BSUID if bsuid_only else sender
        return self._say(e164, to, content=content, text=text, sender=named, context=context)

    def press(
        self, e164: str, *, text: str, payload: str = "", kind: str = "button", to: str = "", context: str = ""
    ) -> str:
        """Have a person press a template's `button`, or choose a `button_reply` or `list_reply`; give its id.

        Without `context` it answers the last message that they got.
        """
        last = self._last_received(e164)
        number = to or (last.phone_number_id if last else CONNECTED_NUMBER_ID)
        answered = context or (last.wamid if last else "")
        content: Part = {"type": "button", "button": {"payload": payload or text, "text": text}}
        if kind in ("button_reply", "list_reply"):
            chosen = {"type": kind, kind: {"id": payload or text, "title": text}}
            content = {"type": "interactive", "interactive": chosen}
        return self._say(e164, number, content=content, text=text, sender=Sender.NUMBER, context=answered)

    def change_identity(self, e164: str, *, tell: bool = False, to: str | None = None) -> str:
        """Give a person a new identity and return its hash; `tell` the numbers that they spoke with, or the one."""
        with self._persons.lock:
            person = self._persons.get(e164)
            person.change_identity()
            for channel in self._told(person, to) if tell else ():
                channel.tell(channel.identity_changed(person))
            return person.identity_hash

    def change_number(self, old: str, new: str, *, tell: bool = True, to: str | None = None) -> str:
        """Have a person go on under another number with a new identity, and return its hash; the old one is nobody's.

        The numbers that they spoke with are told, or the one.
        """
        with self._persons.lock:
            before, after = self._persons.move(old, new)
            for channel in self._told(before, to) if tell else ():
                channel.tell(channel.number_changed(before, after))
            return after.identity_hash

    def stop_marketing(self, e164: str, *, to: str = CONNECTED_NUMBER_ID) -> None:
        """Have a person stop marketing messages of a Cloud API number, by WhatsApp's own means."""
        self._prefer(e164, to, value="stop")

    def resume_marketing(self, e164: str, *, to: str = CONNECTED_NUMBER_ID) -> None:
        """Have a person take marketing messages again."""
        self._prefer(e164, to, value="resume")

    def go_offline(self, e164: str) -> None:
        """Switch a person's phone off: messages are sent and wait."""
        self._persons.get(e164).presence = Presence.OFFLINE

    def come_online(self, e164: str) -> None:
        """Switch it on again, also after `vanish`: what waited is delivered."""
        person = self._persons.get(e164)
        person.presence = Presence.ONLINE
        self._statuses.arrive(person, channels=self._channels.get)

    def vanish(self, e164: str) -> None:
        """Have a person leave WhatsApp: messages fail with 131026."""
        self._persons.get(e164).presence = Presence.UNREACHABLE

    def open_window(self, e164: str, *, to: str = CONNECTED_NUMBER_ID) -> None:
        """Let free text reach a person for 24 hours, without a webhook."""
        self._persons.get(e164).channels[to] = time.time()

    def _say(self, e164: str, to: str, *, content: Part, text: str, sender: Sender, context: str) -> str:
        channel, wamid = self._channels.get(to), payloads.new_wamid()
        with self._persons.lock:
            person, now = self._persons.get(e164), time.time()
            person.channels[to] = now
            note = "as a button" if content["type"] != "text" else ""
            person.lines.append(Line(now, to, True, wamid, str(content["type"]), text, note))
            part = payloads.inbound(
                person,
                wamid=wamid,
                content=content,
                hash_told=channel.tells_hash,
                sender=sender,
                context={"from": magic.digits_of(channel.e164), "id": context} if context else None,
            )
        channel.tell(part)
        return wamid

    def _prefer(self, e164: str, to: str, *, value: str) -> None:
        channel = self._channels.get(to)
        with self._persons.lock:
            person = self._persons.get(e164)
            person.channels.setdefault(to, 0.0)
            (person.stopped_marketing.add if value == "stop" else person.stopped_marketing.discard)(to)
            channel.tell(payloads.preference(person, value=value), field="user_preferences")

    def _told(self, person: Person, to: str | None) -> tuple[Channel, ...]:
        return tuple(self._channels.get(one) for one in ([to] if to else person.channels))

    def _last_received(self, e164: str) -> Line | None:
        with self._persons.lock:
            return next((line for line in reversed(self._persons.get(e164).lines) if not line.by_person), None)
