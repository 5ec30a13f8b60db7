"""What an error of a provider is made of in the catalogue: its meaning for us, its consequence, words for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from providers.errors import ProviderError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Meaning(StrEnum):
    """What an error means for the journey that met it, whoever said it."""

    WRONG_CODE = "WRONG_CODE"
    CODE_EXPIRED = "CODE_EXPIRED"
    CODE_NOT_SENT = "CODE_NOT_SENT"
    ALREADY_VERIFIED = "ALREADY_VERIFIED"
    TRY_AGAIN = "TRY_AGAIN"
    WAIT = "WAIT"
    WRONG_PIN = "WRONG_PIN"
    VERIFY_FIRST = "VERIFY_FIRST"
    DEREGISTER_FIRST = "DEREGISTER_FIRST"
    NOT_REGISTERED = "NOT_REGISTERED"
    REGISTRATION_LIMIT = "REGISTRATION_LIMIT"
    ACCOUNT = "ACCOUNT"
    PERMISSION = "PERMISSION"
    BAD_REQUEST = "BAD_REQUEST"
    POLICY = "POLICY"
    MESSAGE = "MESSAGE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented error, and the exception that its client raises for it; None where nothing went wrong."""

    code: str
    meaning: Meaning
    consequence: type[ProviderError] | None
    happened: "_StrPromise"
    why: "_StrPromise"
    next_step: "_StrPromise"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an error says to a person, in the language of the moment."""

    code: str
    happened: str
    why: str
    next_step: str
    meaning: Meaning
