"""What an event of a webhook says, in our words: the front door writes these, the journeys of people read them.

Nothing here was judged yet. Texts are clean (no NUL, no half characters) and bounded; what the provider left out is an
empty text, never None. A time that was missing or made no sense is the time at which we received the event.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from numbers.incoming import NumberUpdate
from providers.interfaces import NumberResult


class SystemKind(StrEnum):
    """What WhatsApp tells about a person; a provider's other words for the same are read as these."""

    IDENTITY_CHANGED = "identity_changed"
    NUMBER_CHANGED = "number_changed"
    USER_ID_CHANGED = "user_id_changed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Address:
    """Which of our numbers an event is about; all empty for an On-Premises node, whose account is one number."""

    waba_id: str = ""
    phone_number_id: str = ""
    display_phone_number: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A person wrote to us."""

    to: Address
    wamid: str
    #: The sender's wa_id: digits without +. Empty where only a BSUID is given.
    sender: str
    bsuid: str
    at: datetime
    #: As the provider names it: text, button, interactive, image, reaction, unsupported …
    kind: str
    #: What the person said in words: a text, the label of the button or list row they chose, a caption.
    text: str
    #: The button's payload or the list row's id; empty for words of their own.
    payload: str
    #: The message of ours that this one answers.
    reply_to: str
    identity_hash: str
    profile_name: str

    @property
    def is_own_words(self) -> bool:
        """Tell whether the person typed `text` or chose it, so that it may be read as what they want."""
        return self.kind in ("text", "button", "interactive")


@dataclass(frozen=True, slots=True)
class StatusError:
    """One error of a status: 137000 comes short (code and title) or full."""

    code: str
    title: str
    details: str


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """What became of a message of ours."""

    to: Address
    wamid: str
    #: sent, delivered, read, failed, deleted, warning … as the provider writes it, in small letters.
    status: str
    at: datetime
    #: The recipient's wa_id: digits without +, or empty.
    recipient: str
    bsuid: str
    identity_hash: str
    errors: tuple[StatusError, ...]


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """WhatsApp says that a person's identity, number or user id changed."""

    to: Address
    kind: SystemKind
    #: The provider's own word for it.
    said: str
    wamid: str
    at: datetime
    #: The person's wa_id before the change: digits without +, or empty.
    number: str
    #: After a change of number.
    new_number: str
    bsuid: str
    new_bsuid: str
    identity_hash: str


@dataclass(frozen=True, slots=True)
class PreferenceEvent:
    """A person told WhatsApp itself whether they want a category of messages from us."""

    to: Address
    number: str
    bsuid: str
    #: marketing_messages, so far.
    category: str
    #: stop or resume; a resume never grants.
    value: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContactAnswers:
    """A contacts node answers numbers that it was still checking."""

    results: tuple[NumberResult, ...]


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """Something that we do not know, or that cannot be read: counted, kept in the stored body, and left alone."""

    field: str
    why: str


Event = InboundMessage | StatusEvent | SystemEvent | PreferenceEvent | NumberUpdate | ContactAnswers | UnknownEvent
