"""The people on WhatsApp: who they are, their identity hash, and what was said to and by them.

It knows no provider and sends nothing. A person comes into being when somebody first speaks of them, and everything
about them follows from their number, so that it is the same in every run.
"""

import base64
import hashlib
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum, auto

from sandbox import magic
from sandbox.magic import Effect

#: The oldest lines of a conversation go when there are more, and the oldest of all messages.
KEPT = 200
KEPT_IN_ALL = 100_000
#: The person of Meta's own examples.
KNOWN_WA_ID = "16505551234"
KNOWN_HASH = "DF2lS5v2W6x="
WINDOW_SECONDS = 24 * 3600.0
#: When the node noticed an identity that has not changed since the sandbox started.
FIRST_NOTICED_AT = 1600132094.0

_NAMES = (
    "Pablo Morales",
    "Ana Ruiz",
    "Kerry Fisher",
    "Sheena Nelson",
    "Ravi Iyer",
    "Lena Vogel",
    "Amina Diallo",
    "João Pereira",
    "Yusuf Kaya",
    "Mei Tanaka",
)


class Presence(StrEnum):
    """Whether messages reach a person."""

    ONLINE = auto()
    OFFLINE = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a provider took from the business; `failed` is the code with which it ends, 0 for none.

    `phone_number_id` is `onprem` for the node. What it says and the hash that went with it stay out of its
    representation.
    """

    wamid: str
    phone_number_id: str
    to: str
    kind: str
    at: float
    template: str = ""
    category: str = "service"
    failed: int = 0
    text: str = field(default="", repr=False)
    identity_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a conversation, as the phone shows it."""

    at: float
    phone_number_id: str
    by_person: bool
    wamid: str
    kind: str
    text: str = field(repr=False)
    note: str = ""
    buttons: tuple[str, ...] = ()


@dataclass
class Person:
    """One person; `channels` are the numbers they have spoken with, and when they last wrote to each (0.0: never)."""

    wa_id: str
    name: str
    bsuid: str
    identity_hash: str = field(repr=False)
    noticed_at: float = FIRST_NOTICED_AT
    changes: int = 0
    acknowledged: bool = False
    presence: Presence = Presence.ONLINE
    channels: dict[str, float] = field(default_factory=dict)
    stopped_marketing: set[str] = field(default_factory=set)
    waiting: list[Sent] = field(default_factory=list)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)

    @property
    def e164(self) -> str:
        """The person's number with its +."""
        return f"+{self.wa_id}"

    @property
    def reachable(self) -> bool:
        """Whether messages to the person are ever delivered."""
        return self.presence is not Presence.UNREACHABLE and magic.effect_of(self.wa_id) is not Effect.INVALID

    def window_is_open(self, phone_number_id: str) -> bool:
        """Tell whether the person wrote to a number in the last 24 hours."""
        return time.time() - self.channels.get(phone_number_id, 0.0) < WINDOW_SECONDS

    def change_identity(self) -> str:
        """Give the person a new identity, which nobody has acknowledged, and return its hash."""
        self.changes += 1
        self.identity_hash = identity_hash(f"{self.wa_id} {self.changes}")
        self.noticed_at, self.acknowledged = time.time(), False
        return self.identity_hash


class Persons:
    """Everybody, for any number of threads: hold `lock` while a person is looked at or changed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._persons: dict[str, Person] = {}
        self._sent: deque[Sent] = deque(maxlen=KEPT_IN_ALL)

    def get(self, number: str) -> Person:
        """Give the person with this number, however it is written."""
        wa_id = magic.digits_of(number)
        with self.lock:
            if wa_id not in self._persons:
                self._persons[wa_id] = _new_person(wa_id)
            return self._persons[wa_id]

    def known(self) -> tuple[Person, ...]:
        """Give everybody who has come into being, in that order."""
        with self.lock:
            return tuple(self._persons.values())

    def move(self, old: str, new: str) -> tuple[Person, Person]:
        """Have a person change number: they go on under the new one with a new identity, and the old one is nobody's.

        The old number's person and the new one's come back.
        """
        with self.lock:
            before = self.get(old)
            after = _new_person(magic.digits_of(new))
            after.name, after.bsuid, after.changes = before.name, before.bsuid, before.changes
            after.change_identity()
            after.channels = dict.fromkeys(before.channels, 0.0)
            before.presence = Presence.UNREACHABLE
            self._persons[after.wa_id] = after
            return before, after

    def keep(self, sent: Sent) -> None:
        """Write down a message that was taken, also one that fails later."""
        with self.lock:
            self._sent.append(sent)

    def sent(self, number: str | None = None) -> tuple[Sent, ...]:
        """Give the messages that were taken, oldest first, for one number or for all."""
        wanted = None if number is None else f"+{magic.digits_of(number)}"
        with self.lock:
            return tuple(sent for sent in self._sent if wanted in (None, sent.to))


def identity_hash(seed: str) -> str:
    """Give an identity hash as WhatsApp writes them: eight bytes in Base64, the same in every run."""
    return base64.b64encode(hashlib.sha256(seed.encode()).digest()[:8]).decode()


def _new_person(wa_id: str) -> Person:
    place = int.from_bytes(hashlib.sha256(f"person {wa_id}".encode()).digest()[:8])
    known = wa_id == KNOWN_WA_ID
    return Person(
        wa_id=wa_id,
        name=_NAMES[0] if known else _NAMES[place % len(_NAMES)],
        bsuid=f"US.{place:020}",
        identity_hash=KNOWN_HASH if known else identity_hash(wa_id),
    )
