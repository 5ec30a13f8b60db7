"""Keyed digests of numbers and user ids: by them an erased person is known again, and by nobody without the key."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import ParamSpec

from contacts.models import ErasedName
from numbers.models import has_e164_shape
from providers import e164, keys

_P = ParamSpec("_P")


class Forgotten(LookupError):
    """What an event tells happened to a person before that person was erased: it must not bring anything back."""


class Digests:
    """Makes keyed digests; reads the key once for as many as are wanted."""

    def __init__(self) -> None:
        self._key = keys.key_bytes(keys.SUPPRESSION)

    def of_number(self, number: str) -> str:
        """Give the digest that all forms of a number (E.164) share."""
        return self._digest("number", e164.person_key(number))

    def of_user_id(self, bsuid: str) -> str:
        """Give the digest of a business-scoped user id."""
        return self._digest("user", bsuid)

    def of(self, *, wa_id: str, bsuid: str) -> list[str]:
        """Give the digests of what an event names: a wa_id (digits without +), a user id, or both."""
        number = f"+{wa_id}"
        digests = [self.of_number(number)] if has_e164_shape(number) else []
        return [*digests, self.of_user_id(bsuid)] if bsuid else digests

    def _digest(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()


def check_not_forgotten(*, wa_id: str, bsuid: str, at: datetime) -> None:
    """Refuse an event about a person who was erased after it happened; the contact that it found is read already.

    In this order nothing can slip in between: whoever found a contact that is erased meanwhile fails at the commit.

    :raises Forgotten: when the person was erased at `at` or later.
    """
    if (wa_id or bsuid) and ErasedName.objects.filter(erased_at__gte=at).exists():
        digests = Digests().of(wa_id=wa_id, bsuid=bsuid)
        if ErasedName.objects.filter(key__in=digests, erased_at__gte=at).exists():
            raise Forgotten("This happened before the person was erased.")


def was_erased(*, wa_id: str, bsuid: str) -> bool:
    """Tell whether somebody of this number or user id was erased lately."""
    if not ErasedName.objects.exists():
        return False
    return ErasedName.objects.filter(key__in=Digests().of(wa_id=wa_id, bsuid=bsuid)).exists()


def ignores_the_forgotten(journey: Callable[_P, str]) -> Callable[_P, str]:
    """Let a journey of a webhook's event have no effect where the person was erased after the event."""

    @wraps(journey)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> str:
        try:
            return journey(*args, **kwargs)
        except Forgotten:
            return ""

    return guarded
