"""Reading JSON of doubtful types: nothing that a signed body holds may stop the reading of what stands beside it.

Texts come out clean (no NUL, no half characters, which PostgreSQL refuses) and bounded; whatever is not what was
expected comes out as nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

#: Longer ids are none that a provider makes; they are kept apart by their digest.
LONGEST_ID = 190
LONGEST_TEXT = 70_000
_LONGEST_NUMBER = 20
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS = re.compile(r"\+?([0-9]{5,20})", re.ASCII)
_USER_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9._-]{1,120}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)
_FIRST = datetime(2009, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(minutes=10)


class Unreadable(ValueError):
    """The body is not what a provider sends; it is kept with this reason."""


def read_object(body: bytes) -> dict[str, Any]:
    """Read the body as a JSON object, as leniently as can be done without guessing.

    :raises Unreadable: when it is no JSON, nested too deep, or something else than an object.
    """
    try:
        document = json.loads(_decoded(body), parse_int=_whole, parse_float=_decimal, parse_constant=_nothing)
    except RecursionError:
        raise Unreadable("The body is nested too deep.") from None
    except ValueError:
        raise Unreadable("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Unreadable("The body is not a JSON object.")
    return document


def mapping(value: object) -> Mapping[str, Any]:
    """Give a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Iterator[Mapping[str, Any]]:
    """Give the objects of an array."""
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def strangers(value: object) -> int:
    """Count what stands in an array's place and is no object: such things are said, and not silently dropped."""
    if isinstance(value, list):
        return sum(not isinstance(item, dict) for item in value)
    return int(value is not None)


def text(value: object, *, limit: int = LONGEST_TEXT) -> str:
    """Give a JSON text or whole number as a clean text of at most `limit` characters; nothing for any other value."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    said = str(value)
    if not said.isascii() or "\0" in said:
        said = _UNSTORABLE.sub("\ufffd", said)
    return said[:limit]


def identifier(value: object) -> str:
    """Give an id as it was given; one that no column could hold becomes its digest, so that two never become one."""
    said = text(value).strip()
    if len(said) <= LONGEST_ID:
        return said
    return f"sha256:{hashlib.sha256(text(value).encode()).hexdigest()}"


def digits(value: object) -> str:
    """Give a person's wa_id as digits without +, or nothing where it is none (a BSUID, a group, nonsense)."""
    found = _DIGITS.fullmatch(text(value, limit=40).strip())
    return found[1] if found else ""


def user_id(*values: object) -> str:
    """Give the first of these that is a BSUID."""
    return next((said for value in values if _USER_ID.fullmatch(said := text(value, limit=130).strip())), "")


def hash_of(value: object) -> str:
    """Give an identity key hash, which stands alone or in an object with its times."""
    said = identifier(mapping(value).get("hash") if isinstance(value, dict) else value)
    return "" if said.startswith("sha256:") else said


def moment(value: object, received_at: datetime) -> datetime:
    """Give a time of seconds or milliseconds; when we received it, where it is missing, nonsense or still to come."""
    said = str(int(value)) if isinstance(value, float) and 0 < value < 1e15 else text(value, limit=40).strip()
    if not _WHOLE.fullmatch(said):
        return received_at
    seconds = int(said) / 1000 if len(said) > 11 else int(said)
    # A time far ahead would hold a reply window open for as long.
    if not _FIRST.timestamp() <= seconds <= (received_at + _CLOCKS_DIFFER).timestamp():
        return received_at
    return datetime.fromtimestamp(seconds, UTC)


def fingerprint(*parts: object) -> str:
    """Give one text for what these plain values say."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _decoded(body: bytes) -> str:
    try:
        return body.decode(json.detect_encoding(body), "strict")
    except UnicodeDecodeError:
        # One broken character in one person's name must not cost the whole batch.
        return body.decode("utf-8", "replace")


def _whole(digits: str) -> int | str:
    # Python refuses to read thousands of digits, and reads fewer slowly; no provider's number is that long.
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits[:_LONGEST_NUMBER]


def _decimal(digits: str) -> float | str:
    return float(digits) if len(digits) <= _LONGEST_NUMBER else digits[:_LONGEST_NUMBER]


def _nothing(_word: str) -> None:
    """Stand in for NaN and Infinity, which are no JSON."""
