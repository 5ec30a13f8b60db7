"""What a number's last three digits make a provider do: one table for all providers, the help text and the page.

The providers' documents say what an answer looks like; this module says which one is given, and holds the answers
that have nothing of a provider in them (a proxy's HTML page, a closed connection, a redirect). It never opens one.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from enum import StrEnum, auto

from sandbox.exchange import HANG_UP, Reply


class Effect(StrEnum):
    """What a number does."""

    VALID = auto()
    INVALID = auto()
    FAILED = auto()
    PENDING = auto()
    PENDING_FOR_EVER = auto()
    LEFT_OUT = auto()
    TWICE = auto()
    STRANGER = auto()
    REVERSED = auto()
    # From here on the whole call is hit, whatever else it asks about.
    REJECTED = auto()
    BAD_CREDENTIALS = auto()
    NO_PERMISSION = auto()
    SERVER_ERROR = auto()
    SERVER_ERROR_TWICE = auto()
    RATE_LIMITED_SECONDS = auto()
    RATE_LIMITED_DATE = auto()
    RATE_LIMITED_NONSENSE = auto()
    SLOW = auto()
    HANG_UP = auto()
    REDIRECT = auto()
    TRUNCATED = auto()
    EMPTY = auto()
    HTML_502 = auto()
    HTML_200 = auto()


class Refusal(StrEnum):
    """The reasons to refuse a whole call, which each provider words in its own documented form."""

    REQUEST = auto()
    CREDENTIALS = auto()
    PERMISSION = auto()
    RATE = auto()
    SERVER = auto()
    BUSY = auto()


@dataclass(frozen=True, slots=True)
class Magic:
    """One row of the table: the last three digits, what they do, and the sentence that tells people."""

    ending: str
    effect: Effect
    sentence: str


TABLE = (
    Magic("404", Effect.INVALID, "Not on WhatsApp."),
    Magic(
        "422", Effect.FAILED, "Could not be checked: a failed row; CommBox leaves out valid, AccuAuth INTERNAL_ERROR."
    ),
    Magic(
        "202",
        Effect.PENDING,
        "Processing, then valid: On-Premises calls back, AccuAuth is PENDING twice; CommBox valid.",
    ),
    Magic("203", Effect.PENDING_FOR_EVER, "Processing for ever, also where the call waits; CommBox valid."),
    Magic("777", Effect.REVERSED, "The answer's rows come in reverse order (On-Premises; others valid)."),
    Magic("778", Effect.STRANGER, "A stranger's number is in the answer (AccuAuth echoes it; CommBox valid)."),
    Magic("779", Effect.TWICE, "Answered twice (On-Premises; others valid)."),
    Magic("780", Effect.LEFT_OUT, "Left out of the answer: no row, data without valid, or an empty result."),
    Magic("400", Effect.REJECTED, "The provider rejects the whole request."),
    Magic("401", Effect.BAD_CREDENTIALS, "The credentials are refused."),
    Magic("403", Effect.NO_PERMISSION, "Permission is refused."),
    Magic("500", Effect.SERVER_ERROR, "A server error, always."),
    Magic("503", Effect.SERVER_ERROR_TWICE, "A server error the first two times the number is asked, then valid."),
    Magic("429", Effect.RATE_LIMITED_SECONDS, "Rate limited the first time, Retry-After: 1, then valid."),
    Magic("430", Effect.RATE_LIMITED_DATE, "Rate limited the first time, Retry-After an HTTP date, then valid."),
    Magic("431", Effect.RATE_LIMITED_NONSENSE, "Rate limited the first time, Retry-After nonsense, then valid."),
    Magic("408", Effect.SLOW, "Valid, but slow: answered after the sandbox's `slow` seconds."),
    Magic("444", Effect.HANG_UP, "The connection is closed without an answer."),
    Magic("302", Effect.REDIRECT, "A redirect to another host."),
    Magic("996", Effect.TRUNCATED, "JSON that is cut off in the middle, with status 200."),
    Magic("997", Effect.EMPTY, "An empty body with status 200."),
    Magic("998", Effect.HTML_502, "An HTML page with status 502."),
    Magic("999", Effect.HTML_200, "An HTML page with status 200."),
)
OTHERWISE = "Any other number is on WhatsApp."

#: Whoever the answer names in place of the person asked about.
STRANGER_E164 = "+12025550199"
#: A port where nothing listens: a client that follows the redirect is found out.
ELSEWHERE = "http://127.0.0.1:1/"

_NOT_DIGITS = re.compile(r"[^0-9]+")
_BY_ENDING = {magic.ending: magic.effect for magic in TABLE}
_ROW_EFFECTS = frozenset(
    {
        Effect.VALID,
        Effect.INVALID,
        Effect.FAILED,
        Effect.PENDING,
        Effect.PENDING_FOR_EVER,
        Effect.LEFT_OUT,
        Effect.TWICE,
        Effect.STRANGER,
        Effect.REVERSED,
    }
)
#: How many asks an effect lasts, where it passes.
_LASTS = {
    Effect.SERVER_ERROR_TWICE: 2,
    Effect.RATE_LIMITED_SECONDS: 1,
    Effect.RATE_LIMITED_DATE: 1,
    Effect.RATE_LIMITED_NONSENSE: 1,
}
_REFUSALS = {
    Effect.REJECTED: Refusal.REQUEST,
    Effect.BAD_CREDENTIALS: Refusal.CREDENTIALS,
    Effect.NO_PERMISSION: Refusal.PERMISSION,
    Effect.SERVER_ERROR: Refusal.SERVER,
    Effect.SERVER_ERROR_TWICE: Refusal.BUSY,
    Effect.RATE_LIMITED_SECONDS: Refusal.RATE,
    Effect.RATE_LIMITED_DATE: Refusal.RATE,
    Effect.RATE_LIMITED_NONSENSE: Refusal.RATE,
}
_PAGE = b"<!doctype html><html><head><title>Gateway</title></head><body><h1>Something went wrong</h1></body></html>"


def digits_of(number: str) -> str:
    """Keep the ASCII digits of a number as it was typed."""
    return _NOT_DIGITS.sub("", number)


def effect_of(number: str) -> Effect:
    """Tell what a number does, before what it did earlier counts."""
    return _BY_ENDING.get(digits_of(number)[-3:], Effect.VALID)


class Memory:
    """How often each provider was asked about each number, which effects that pass depend on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asks: Counter[tuple[str, str]] = Counter()

    def ask(self, provider: str, number: str) -> int:
        """Count one more ask and give how many there were, this one included."""
        with self._lock:
            self._asks[provider, number] += 1
            return self._asks[provider, number]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one call's numbers do: `whole` hits the call; `rows` and `asks` are each number's, in order."""

    whole: Effect | None
    rows: tuple[Effect, ...]
    asks: tuple[int, ...]


def judge(memory: Memory, *, provider: str, numbers: Sequence[str]) -> Verdict:
    """Count one ask for each number and decide what they do; the first that hits the whole call decides for it."""
    effects = [effect_of(number) for number in numbers]
    # Ordinary numbers are not counted: a benchmark asks about millions of them.
    asks = tuple(
        1 if effect is Effect.VALID else memory.ask(provider, digits_of(number))
        for number, effect in zip(numbers, effects, strict=True)
    )
    whole: Effect | None = None
    for place, effect in enumerate(effects):
        if effect in _ROW_EFFECTS:
            continue
        if asks[place] <= _LASTS.get(effect, asks[place]):
            whole = whole or effect
        effects[place] = Effect.VALID
    return Verdict(whole, tuple(effects), asks)


def answer(verdict: Verdict, *, refuse: Callable[[Refusal], Reply], normal: Callable[[], Reply]) -> Reply:
    """Give the provider's normal answer, its refusal, or what came in between."""
    whole = verdict.whole
    if whole is None:
        return normal()
    if whole in _REFUSALS:
        reply = refuse(_REFUSALS[whole])
        after = _retry_after(whole)
        return replace(reply, headers=(*reply.headers, ("Retry-After", after))) if after else reply
    if whole is Effect.SLOW:
        return replace(normal(), slow=True)
    if whole is Effect.TRUNCATED:
        reply = normal()
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return _IN_BETWEEN[whole]


def table_text() -> str:
    """Lay the table out for a terminal."""
    return "\n".join([*(f"  {magic.ending}  {magic.sentence}" for magic in TABLE), f"  {OTHERWISE}"])


_IN_BETWEEN = {
    Effect.HANG_UP: HANG_UP,
    Effect.REDIRECT: Reply(302, b"", "text/html", headers=(("Location", ELSEWHERE),)),
    Effect.EMPTY: Reply(200, b""),
    Effect.HTML_502: Reply(502, _PAGE, "text/html"),
    Effect.HTML_200: Reply(200, _PAGE, "text/html"),
}


def _retry_after(effect: Effect) -> str:
    if effect is Effect.RATE_LIMITED_SECONDS:
        return "1"
    if effect is Effect.RATE_LIMITED_DATE:
        # HTTP dates have whole seconds: adding two leaves between one and two.
        return formatdate(int(time.time()) + 2, usegmt=True)
    return "in a while" if effect is Effect.RATE_LIMITED_NONSENSE else ""
