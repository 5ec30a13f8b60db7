"""How long a session lasts, and when its person last proved that it is them.."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from waadmin.models import StaffAccess

#: How long a proof is good for what is dangerous: changing, revealing and exporting.
FRESH_FOR = timedelta(minutes=10)
#: A session is written once in this time, not at each request.
_NOTED_EVERY = timedelta(minutes=1)
_SIGNED_IN, _SEEN, _PROVED = "signed_in_at", "seen_at", "proved_at"


class Ending(StrEnum):
    """Why a session is over."""

    IDLE = "idle"
    TOO_LONG = "too_long"
    SIGNED_OUT = "signed_out"
    ACCOUNT_ENDED = "account_ended"


def begin(session: SessionBase, now: datetime) -> None:
    """Note that somebody signed in."""
    for key in (_SIGNED_IN, _SEEN, _PROVED):
        session[key] = now.timestamp()


def begin_with(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Note that somebody signed in (receiver of user_logged_in)."""
    begin(request.session, datetime.now(UTC))


def note_use(session: SessionBase, now: datetime) -> None:
    """Note that a person does something."""
    if now - _at(session, _SEEN) >= _NOTED_EVERY:
        session[_SEEN] = now.timestamp()


def prove(session: SessionBase, now: datetime) -> None:
    """Note that the person has just proved that it is them; the session gets a new key."""
    session.cycle_key()
    session[_PROVED] = session[_SEEN] = now.timestamp()


def is_fresh(session: SessionBase, now: datetime) -> bool:
    """Tell whether the last proof is good for what is dangerous."""
    return now - _at(session, _PROVED) < FRESH_FOR


def ending(session: SessionBase, access: StaffAccess | None, now: datetime) -> Ending | None:
    """Tell why the session is over, or None while it lasts."""
    signed_in_at = _at(session, _SIGNED_IN)
    if access is not None and access.has_ended(now):
        return Ending.ACCOUNT_ENDED
    if access is not None and access.sessions_from is not None and signed_in_at < access.sessions_from:
        return Ending.SIGNED_OUT
    if now - signed_in_at >= timedelta(hours=settings.SESSION_HOURS):
        return Ending.TOO_LONG
    if now - _at(session, _SEEN) >= timedelta(minutes=settings.SESSION_IDLE_MINUTES):
        return Ending.IDLE
    return None


def _at(session: SessionBase, key: str) -> datetime:
    # A session from before these times were kept began at the beginning of time, and is over.
    return datetime.fromtimestamp(session.get(key, 0), UTC)
