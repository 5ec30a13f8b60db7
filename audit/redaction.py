"""The one redactor: what no log line, no report of an error and no provider's words may carry out of the process.

Pure, and loaded before Django is set up, because logging is. It rather hides too much than too little: times, UUIDs,
process ids and addresses in memory stay readable, and nothing else that looks like a number or a secret does.
"""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable

HIDDEN = "…"
#: A shorter value is a part of too many words.
_SHORTEST = 8
#: The credentials that were used last.
_MOST_REMEMBERED = 200

# Seven or more digits, however they are grouped: the shortest thing that is a person's number.
_NUMBER = r"\+?\d(?:[\s().\-\u2010-\u2015/]{0,3}\d){6,}"
_NUMBER_LIKE = re.compile(_NUMBER)
_TIME = r"(?<![\d+])(?:19|20)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?)?(?:Z|[+-]\d\d:?\d\d)?(?!\d)"
_UUID = r"(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])"
_PROCESS = r"(?:(?<=\bPID: )|(?<=\bpid )|(?<= at ))\d{1,7}(?!\d)"
_ADDRESS = r"\b0x[0-9a-f]+\b"
#: What django-q2 calls its processes: lines of one of them are found by it.
_PROCESS_NAME = r"(?<![\w-])Process-[0-9a-f]{32}(?![\w-])"
_HARMLESS = rf"(?P<harmless>{_TIME}|{_UUID}|{_PROCESS_NAME}|{_ADDRESS}|{_PROCESS})"
_NUMBERS = re.compile(rf"{_HARMLESS}|{_NUMBER}")
#: Names of files and functions: words and short numbers, joined by underscores.
_NAME = r"(?<![\w-])(?:\d{1,4}|[A-Za-z]+)(?:_(?:\d{1,4}|[A-Za-z]+))+(?![\w-])"
_RANDOM_TEXT = re.compile(
    rf"(?P<harmless>{_UUID}|{_PROCESS_NAME}|{_NAME})|(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{{24,}}(?:[.=][\w=-]*)*"
)
_NAMED_SO = r"[\w-]*(?:token|secret|passw(?:or)?d|api[_-]?key|authorization|cookie|sessionid|credentials?|otp|pin|dsn)"
_RULES = (
    # user:password@host in an address, then e-mail addresses
    (re.compile(r"(?<=://)[^\s/@]+@"), f"{HIDDEN}@"),
    (re.compile(r"[^\s@<>\"'(]+@[^\s@<>\"')]+\.\w+"), f"{HIDDEN}@{HIDDEN}"),
    # query strings
    (re.compile(r"(?<=[\w/%.-])\?[^\s\"'<>]+"), f"?{HIDDEN}"),
    # what stands behind the name of a secret, or behind the word that says how one signs in
    (
        re.compile(rf"(?i)\b({_NAMED_SO}[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)[^\s\"',;)}}\]]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    # one-time codes and PINs, grouped or not
    (
        re.compile(r"(?i)\b((?:code|otp|pin)s?[\"']?\W{0,4}(?:is|was)?\W{0,4})\d(?:[\s-]?\d){3,7}(?!\d)"),
        rf"\1{HIDDEN}",
    ),
)
#: What a line may not hold: control and direction characters could forge another line or disguise this one, and lone
#: surrogates cannot be stored.
UNSHOWABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")

_lock = threading.Lock()
_known: set[str] = set()
_sent: deque[str] = deque(maxlen=_MOST_REMEMBERED)


def know(values: Iterable[str]) -> None:
    """Hide these values wherever they stand, for as long as the process runs."""
    with _lock:
        _known.update(value for value in values if len(value) >= _SHORTEST)


def remember(value: str) -> None:
    """Hide a credential that is about to be used, until many others were used after it.

    One-time codes and PINs are told by the words in front of them: they live in one call and are kept nowhere.
    """
    if len(value) >= _SHORTEST and not value.isdecimal():
        with _lock:
            if value not in _sent:
                _sent.append(value)


def hide_numbers(text: str) -> str:
    """Leave of everything that could be a phone number its last two digits."""
    return _NUMBER_LIKE.sub(lambda found: _last_two(found[0]), text)


def redact(text: str) -> str:
    """Take numbers, secrets, codes, e-mail addresses and query strings out of a text; its lines stay lines."""
    with _lock:
        values = sorted((*_known, *_sent), key=len, reverse=True)
    for value in values:
        text = text.replace(value, HIDDEN)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    text = _RANDOM_TEXT.sub(_unless_harmless(lambda _found: HIDDEN), text)
    return _NUMBERS.sub(_unless_harmless(_last_two), text)


def one_line(text: str) -> str:
    """Put a text on one line: whatever could begin another one, or turn its direction, becomes a space."""
    return UNSHOWABLE.sub(" ", text).strip()


def _last_two(number: str) -> str:
    return HIDDEN + re.sub(r"\D", "", number)[-2:]


def _unless_harmless(instead: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    return lambda found: found[0] if found["harmless"] else instead(found[0])
