"""What a contact checker must offer, and the frozen results that cross the seam. No logic lives here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
