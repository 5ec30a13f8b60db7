"""The evidence of a consent event: its salted digest, and the fingerprint that makes a second import change nothing."""

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from contacts.consent.state import write_time
from providers import e164 as numbering

_SALT = 16
_NO_DIGIT = re.compile(r"\D+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a person agreed or refused: words, or a file."""

    text: str = ""
    file: bytes | None = field(default=None, repr=False)
    file_name: str = ""

    def __bool__(self) -> bool:
        return bool(self.text.strip() or self.file)


def new_salt() -> bytes:
    """Give a random salt: without it the digest of a short text could be guessed after erasure."""
    return os.urandom(_SALT)


def new_salts(count: int) -> Iterator[bytes]:
    """Give so many of them, all drawn at once."""
    drawn = os.urandom(count * _SALT)
    return (drawn[start : start + _SALT] for start in range(0, len(drawn), _SALT))


def digest(evidence: Evidence, salt: bytes) -> str:
    """Give the salted SHA-256 that the consent event keeps when the evidence itself is gone."""
    return digest_of(evidence.text, salt, evidence.file or b"")


def digest_of(text: str, salt: bytes, file: bytes = b"") -> str:
    """Give the same from the parts of the evidence: imports make millions."""
    return hashlib.sha256(salt + text.encode() + b"\x00" + file).hexdigest()


def fingerprint(
    *,
    e164: str,
    business_id: int,
    state: str,
    purposes: str,
    source: str,
    given_at: datetime,
    evidence: Evidence,
    rest: tuple[object, ...] = (),
) -> uuid.UUID:
    """Give the digest of a whole event; equal events have equal fingerprints, whoever records them."""
    parts = (e164, business_id, state, purposes, source, write_time(given_at), evidence.text, *rest)
    return uuid.UUID(fingerprint_of(parts, evidence.file or b""))


def fingerprint_of(parts: tuple[object, ...], file: bytes = b"") -> str:
    """Give the same, as hex, from the parts in their order: imports make millions."""
    hasher = hashlib.blake2b(
        "\x1f".join(["" if part is None else str(part) for part in parts]).encode(), digest_size=16
    )
    hasher.update(file)
    return hasher.hexdigest()


def outlives_the_person(text: str, e164: str) -> bool:
    """Tell whether `text`, which stays beside an event for good, holds the person's number in any form or writing."""
    digits = _NO_DIGIT.sub("", text)
    return len(digits) >= 7 and any(form[1:] in digits for form in numbering.variants(e164))
