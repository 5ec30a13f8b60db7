"""The journeys of a number as a test takes them: with an operator and a time, against the live sandbox."""

import os
from collections import Counter
from datetime import UTC, datetime

from numbers import codes, registration
from numbers.models import BusinessNumber, VerificationAttempt
from providers.interfaces import CodeMethod
from providers.secret import Secret
from sandbox import Sandbox

OPERATOR = "alice"
#: Some tests are repeated until nobody doubts them; TESTS_IN_FULL=1 does it as often as the design asks for.
IN_FULL = bool(os.environ.get("TESTS_IN_FULL"))
#: What reaches the provider, by the end of its path.
VERIFY = ("/verify_code", "/number/verify")


def now() -> datetime:
    """The real time: the sandbox's codes age by it too."""
    return datetime.now(UTC)


def request(number: BusinessNumber, *, actor: str = OPERATOR, at: datetime | None = None) -> VerificationAttempt:
    """Have a code sent by SMS."""
    return codes.request_code(number=number, method=CodeMethod.SMS, language="en_US", actor=actor, now=at or now())


def submit(
    number: BusinessNumber, code: str, *, actor: str = OPERATOR, at: datetime | None = None, page: int | None = None
) -> VerificationAttempt:
    """Submit a code as somebody typed it."""
    return codes.submit_code(number=number, code=codes.read_code(code), actor=actor, now=at or now(), code_request=page)


def code_of(sandbox: Sandbox, number: BusinessNumber) -> str:
    """Read the code that arrived last on the number's phone."""
    code = sandbox.phone.last_code(number.e164)
    assert code is not None
    return code


def wrong_code_of(sandbox: Sandbox, number: BusinessNumber) -> str:
    """Give a code that is certainly not the one that arrived."""
    code = sandbox.phone.last_code(number.e164) or "000000"
    return f"{(int(code) + 1) % 1_000_000:06d}"


def verify(sandbox: Sandbox, number: BusinessNumber) -> None:
    """Take a number through its code."""
    assert request(number).outcome == "DONE"
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"
    number.refresh_from_db()


def register(number: BusinessNumber, pin: str, *, at: datetime | None = None) -> VerificationAttempt:
    """Register a number with a PIN."""
    return registration.register(number=number, pin=Secret(pin), actor=OPERATOR, now=at or now())


def reached(sandbox: Sandbox, *endings: str) -> int:
    """Count the calls that reached a provider, by the ends of their paths."""
    return Counter(entry.path.endswith(endings) for entry in sandbox.journal)[True]
