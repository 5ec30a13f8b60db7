"""The WABAs and business numbers that the stand-in providers keep, and the codes and PINs that belong to them.

It knows what a number is and what a code does to it; each provider words that in its own documented form.
"""

import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto

from sandbox.endings import Ending, ending_of
from sandbox.phone import Message, Phone

CODE_SECONDS = 600.0
#: A code is dead after that many wrong tries.
CODE_TRIES = 5
WINDOW_SECONDS = 72 * 3600.0
#: Looser than what the product allows itself, so that its own limits show in the journal.
CODES_IN_WINDOW = 20
REGISTRATIONS_IN_WINDOW = 10
#: After that many wrong PINs in a row none is looked at for an hour.
WRONG_PINS = 3
WRONG_PINS_SECONDS = 3600.0

#: No six digits are equal to it.
_UNKNOWN_PIN = "nobody knows it"


class CodeCheck(StrEnum):
    """What a submitted code turned out to be."""

    TAKEN = auto()
    WRONG = auto()
    EXPIRED = auto()
    TOO_MANY_TRIES = auto()
    ALREADY_VERIFIED = auto()


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was sent and not used yet."""

    digits: str = field(repr=False)
    expires_at: float
    wrong_tries: int = 0


@dataclass
class BusinessAccount:
    """A WABA, at the provider that hosts it."""

    waba_id: str
    provider: str
    name: str
    account_review_status: str = "APPROVED"
    business_verification_status: str = "verified"
    messaging_limit: str = "TIER_10K"
    country: str = "US"
    currency: str = "USD"
    subscribed: bool = False


@dataclass
class BusinessNumber:
    """A business number as its provider sees it; values are spelled as Meta's pages spell them."""

    phone_number_id: str
    waba_id: str
    provider: str
    e164: str
    display: str
    verified_name: str = ""
    name_status: str = "AVAILABLE_WITHOUT_REVIEW"
    new_display_name: str = ""
    new_name_status: str = "NONE"
    code_verification_status: str = "NOT_VERIFIED"
    status: str = "PENDING"
    quality_rating: str = "UNKNOWN"
    messaging_limit_tier: str = "TIER_250"
    platform_type: str = "NOT_APPLICABLE"
    throughput: str = "NOT_APPLICABLE"
    can_send_message: str = "BLOCKED"
    registered: bool = False
    is_on_biz_app: bool = False
    pin: str | None = field(default=None, repr=False)
    wrong_pins: int = 0
    wrong_pins_until: float = 0.0
    identity_check: bool = False
    #: A change of the identity check that has not been read back yet.
    identity_check_unread: bool = False
    code: Code | None = None
    code_requests: tuple[float, ...] = ()
    registrations: tuple[float, ...] = ()
    registrations_blocked_until: float = 0.0

    @property
    def ending(self) -> Ending | None:
        """What is special about the number."""
        return ending_of(self.e164)

    @property
    def verified(self) -> bool:
        """Whether a code has proved that the number is its owner's."""
        return self.code_verification_status == "VERIFIED"

    def learn_of_verification_elsewhere(self) -> None:
        """Find the number verified when its ending says that somebody else did that meanwhile."""
        if self.ending is Ending.ALREADY_VERIFIED:
            self.code_verification_status = "VERIFIED"

    def try_code(self, digits: str, *, now: float) -> CodeCheck:
        """Submit a code: a right one verifies the number and is used up, a wrong one counts."""
        self.learn_of_verification_elsewhere()
        if self.verified:
            return CodeCheck.ALREADY_VERIFIED
        if self.code is None or self.ending is Ending.CODE_ALWAYS_WRONG:
            return CodeCheck.WRONG
        if self.code.wrong_tries >= CODE_TRIES:
            return CodeCheck.TOO_MANY_TRIES
        if digits != self.code.digits:
            self.code = replace(self.code, wrong_tries=self.code.wrong_tries + 1)
            return CodeCheck.WRONG
        if now >= self.code.expires_at:
            return CodeCheck.EXPIRED
        self.code = None
        self.code_verification_status = "VERIFIED"
        return CodeCheck.TAKEN


class Directory:
    """All WABAs and numbers, for any number of threads: hold `lock` while a number is looked at or changed."""

    def __init__(self, phone: Phone) -> None:
        self.lock = threading.RLock()
        self._phone = phone
        self.accounts: dict[str, BusinessAccount] = {}
        self._numbers: dict[str, BusinessNumber] = {}
        self._turns: Counter[tuple[str, Ending]] = Counter()
        self._next_id = 0

    def place(self, *placed: BusinessAccount | BusinessNumber) -> None:
        """Put WABAs and numbers there as they are."""
        with self.lock:
            for one in placed:
                if isinstance(one, BusinessAccount):
                    self.accounts[one.waba_id] = one
                else:
                    self._numbers[one.phone_number_id] = one

    def account(self, waba_id: str, *, provider: str) -> BusinessAccount | None:
        """Give a WABA that the provider hosts."""
        account = self.accounts.get(waba_id)
        return account if account and account.provider == provider else None

    def is_subscribed(self, waba_id: str) -> bool:
        """Tell whether the app is told of a WABA's events; of one that nobody knows it is."""
        account = self.accounts.get(waba_id)
        return account is None or account.subscribed

    def number(self, phone_number_id: str, *, provider: str) -> BusinessNumber | None:
        """Give a number that the provider hosts."""
        number = self._numbers.get(phone_number_id)
        return number if number and number.provider == provider else None

    def numbers(self, *, waba_id: str | None = None) -> tuple[BusinessNumber, ...]:
        """Give the numbers of one WABA or of all, in the order in which they came."""
        with self.lock:
            return tuple(number for number in self._numbers.values() if waba_id in (None, number.waba_id))

    def number_of(self, e164: str) -> BusinessNumber | None:
        """Give the number with these digits; where two WABAs have it, the one that came last."""
        return next((number for number in reversed(self.numbers()) if number.e164 == e164), None)

    def add(self, e164: str, *, waba_id: str, provider: str, display: str = "") -> BusinessNumber:
        """Add a number that nobody has verified yet."""
        with self.lock:
            self._next_id += 1
            number = BusinessNumber(
                phone_number_id=str(106540352243000 + self._next_id),
                waba_id=waba_id,
                provider=provider,
                e164=e164,
                display=display or e164,
            )
            if number.ending is Ending.PIN_MISMATCH:
                number.pin = _UNKNOWN_PIN
            self._numbers[number.phone_number_id] = number
        return number

    def send_code(self, number: BusinessNumber, *, method: str, language: str) -> None:
        """Have a fresh code arrive at the phone; the one before it is void."""
        now = time.time()
        expires_at = now if number.ending is Ending.CODE_EXPIRES_AT_ONCE else now + CODE_SECONDS
        code = Code(f"{secrets.randbelow(1_000_000):06}", expires_at)
        with self.lock:
            number.code = code
            number.code_requests = (*number.code_requests, now)
        self._phone.receive(
            Message(
                number=number.e164,
                at=now,
                expires_at=expires_at,
                provider=number.provider,
                method=method,
                language=language,
                code=code.digits,
            )
        )

    def first_turn(self, number: BusinessNumber, ending: Ending) -> bool:
        """Take a turn of what an ending does; True for the first one of a number that has it."""
        return number.ending is ending and self.next_turn(number, ending) == 1

    def next_turn(self, number: BusinessNumber, ending: Ending) -> int:
        """Count one more turn of what an ending does to a number, and give how many there were."""
        with self.lock:
            self._turns[number.phone_number_id, ending] += 1
            return self._turns[number.phone_number_id, ending]
