"""What contact checkers and number verifiers must offer, and the frozen results that cross the seam. No logic here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from providers.secret import Secret

#: How late after its mark was written a call may still start: a process that was stopped in between must send no more.
SEND_WITHIN = timedelta(seconds=5)


class ContactStatus(StrEnum):
    """The five different things a provider's answer about one number can be."""

    VALID = "VALID"
    INVALID = "INVALID"
    FAILED = "FAILED"
    PROCESSING = "PROCESSING"
    UNKNOWN = "UNKNOWN"


class EvidenceStrength(StrEnum):
    """How much an answer proves: a weak source says `valid` to everyone."""

    WEAK = "WEAK"
    STRONG = "STRONG"


@dataclass(frozen=True, slots=True)
class NumberResult:
    """A provider's answer about one number, joined on `asked`, the exact text that was sent."""

    asked: str
    status: ContactStatus
    wa_id: str | None = None
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Who an outbound call is for, as its ProviderCall row records it."""

    operation: str
    subject: str = ""
    numbers_count: int = 0


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step of a connection test: what was tried, whether it held, and what was seen."""

    name: str
    ok: bool
    detail: str
    #: False where the step could only be named and not tried.
    tested: bool = True


class ContactChecker(Protocol):
    """Looks numbers up on WhatsApp for one account. It never decides who may be looked up: the gate does."""

    #: How many numbers one call may carry.
    batch_size: int
    #: Seconds after which a call is cut off, connection and body included.
    deadline: float
    #: Default evidence strength of this provider's `valid`.
    strength: EvidenceStrength
    #: Region codes the account serves; None means every region.
    regions: frozenset[str] | None
    #: Whether a PROCESSING answer is closed by asking again (True) or by a callback (False).
    polls: bool

    def format_number(self, e164: str) -> str:
        """Write an E.164 number the way this provider wants to be asked."""

    def check(self, asked: Sequence[str], *, force: bool, subject: str) -> tuple[NumberResult, ...]:
        """Ask about `asked` (as `format_number` wrote them) and give one result for each, in that order.

        A number that the answer leaves out is UNKNOWN; a stranger in the answer is dropped.

        :raises ProviderError: one of its subclasses, when the call as a whole gave no result.
        """

    def probe(self) -> tuple[ProbeStep, ...]:
        """Test credentials with a call that looks up no person, where the provider has one."""


class CodeMethod(StrEnum):
    """How a one-time code reaches the phone, as Meta spells it."""

    SMS = "SMS"
    VOICE = "VOICE"


class Submitted(StrEnum):
    """What a code that was not refused has done."""

    VERIFIED = "VERIFIED"
    ALREADY_VERIFIED = "ALREADY_VERIFIED"


@dataclass(frozen=True, slots=True)
class NumberAddress:
    """What a provider wants to be told of one of our own numbers."""

    phone_number_id: str
    waba_id: str
    e164: str


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What the provider says of a number; every value as it was given, empty where it says nothing."""

    phone_number_id: str
    display_phone_number: str = ""
    verified_name: str = ""
    code_verification_status: str = ""
    name_status: str = ""
    new_name_status: str = ""
    status: str = ""
    quality_rating: str = ""
    messaging_limit_tier: str = ""
    platform_type: str = ""
    throughput_level: str = ""
    health_status: str = ""
    #: None where the provider does not say.
    is_pin_enabled: bool | None = None
    is_on_business_app: bool | None = None


@dataclass(frozen=True, slots=True)
class BusinessAccountFacts:
    """What the provider says of a WABA; every value as it was given, empty where it says nothing."""

    waba_id: str
    name: str = ""
    account_review_status: str = ""
    business_verification_status: str = ""
    messaging_limit: str = ""


class NumberVerifier(Protocol):
    """Proves with a one-time code that a number is ours."""

    #: Seconds after which a call is cut off, connection and body included.
    deadline: float

    def submit_code(self, address: NumberAddress, code: Secret, *, subject: str) -> Submitted:
        """Send the code, once. It is in no record of the call.

        :raises ProviderError: one of its subclasses; after AnswerLost nobody knows whether the code was taken.
        """

    def probe(self) -> tuple[ProbeStep, ...]:
        """Test the credentials with a call that changes nothing, where the provider has one."""


class NumberHost(NumberVerifier, Protocol):
    """Carries a number through its whole life. Every method raises a subclass of ProviderError where it fails."""

    def add_number(self, waba_id: str, *, e164: str, verified_name: str, migrate: bool, subject: str) -> str:
        """Add a number to a WABA and give its phone_number_id; `migrate` moves it from another provider."""

    def request_code(self, phone_number_id: str, *, method: CodeMethod, language: str, subject: str) -> None:
        """Have a code sent to the number."""

    def register(self, phone_number_id: str, pin: Secret, *, subject: str) -> None:
        """Make the number work here; the PIN is its existing one, or becomes its PIN."""

    def set_pin(self, phone_number_id: str, pin: Secret, *, subject: str) -> None:
        """Replace the PIN of a number that is registered here."""

    def deregister(self, phone_number_id: str, *, subject: str) -> None:
        """Stop the number here."""

    def subscribe_app(self, waba_id: str, *, subject: str) -> None:
        """Have the WABA's webhooks sent to this app."""

    def read_number(self, phone_number_id: str, *, subject: str) -> NumberFacts:
        """Read what the provider knows of a number, throughput included."""

    def list_numbers(self, waba_id: str, *, subject: str) -> Iterator[NumberFacts]:
        """Read all numbers of a WABA, page by page."""

    def read_business_account(self, waba_id: str, *, subject: str) -> BusinessAccountFacts:
        """Read what the provider knows of a WABA."""

    def read_identity_check(self, phone_number_id: str, *, subject: str) -> bool | None:
        """Read whether the identity change check is on; None where the provider does not tell."""

    def set_identity_check(self, phone_number_id: str, *, on: bool, subject: str) -> None:
        """Turn the identity change check on or off."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message is for: the number, and its wa_id where a provider has given one."""

    e164: str
    wa_id: str | None = None


@dataclass(frozen=True, slots=True)
class TextMessage:
    """Free text; it reaches a person only within 24 hours of their last message."""

    body: str


@dataclass(frozen=True, slots=True)
class TemplateMessage:
    """An approved template in one language, and the values of its body's variables in their order."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What the provider says of a template in one language; every value as it was given."""

    name: str
    language: str
    status: str = ""
    category: str = ""
    body: str = ""
    #: How many values its body asks for.
    parameters: int = 0
    #: It also needs a header's picture, a button's address or named values, which we do not send.
    needs_more: bool = False


class MessageSender(Protocol):
    """Sends messages for one account. It never decides who may be written to: the gate does."""

    #: Seconds after which a call is cut off, connection and body included.
    deadline: float
    #: Whether an identity hash may go with a message and is compared before it is delivered.
    compares_hashes: bool

    def send_text(self, sender: str, to: Recipient, message: TextMessage, *, identity_hash: str, subject: str) -> str:
        """Send free text from our number `sender`, once, and give the message's id (wamid).

        :raises ProviderError: one of its subclasses; after AnswerLost nobody knows whether it was sent.
        """

    def send_template(
        self, sender: str, to: Recipient, message: TemplateMessage, *, identity_hash: str, subject: str
    ) -> str:
        """Send a template from our number `sender`, once, and give the message's id (wamid).

        :raises ProviderError: one of its subclasses; after AnswerLost nobody knows whether it was sent.
        """

    def list_templates(self, waba_id: str, *, subject: str, name: str = "") -> Iterator[TemplateFacts]:
        """Read the templates of a WABA, page by page; only those called `name` where one is given.

        :raises ProviderError: one of its subclasses.
        """


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What a contacts node knows of a WhatsApp user's identity."""

    hash: str
    #: Whether the latest change was acknowledged; None where the node does not say. It is not the same as trusted.
    acknowledged: bool | None
    #: When the node noticed the change; None where it does not say.
    changed_at: datetime | None


class IdentityNode(Protocol):
    """Reads and acknowledges the identities of WhatsApp users for one account. Who is trusted is not its business."""

    #: Seconds after which a call is cut off, connection and body included.
    deadline: float

    def read_identity(self, wa_id: str, *, subject: str) -> NodeIdentity:
        """Read the latest identity of a user.

        :raises ProviderError: one of its subclasses, when nothing could be read.
        """

    def acknowledge_identity(self, wa_id: str, identity_hash: str, *, subject: str) -> None:
        """Acknowledge exactly this identity.

        :raises ProviderError: one of its subclasses; after AnswerLost nobody knows whether it was acknowledged.
        """
