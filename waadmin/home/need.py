"""One thing that waits for a person: how much it presses, in words, and where it is settled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

#: So many of one kind are named; the page behind has the others.
AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person."""

    tone: str
    words: str
    href: str
    action: str


def action_for(user: User | AnonymousUser, permission: str, doing: str) -> str:
    """Name the way on by what is done there, for those who may do it; others only look."""
    return doing if user.has_perm(permission) else _("Have a look")


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago a moment was, in its largest unit."""
    if now - at < timedelta(minutes=1):
        return _("just now")
    return _("%(age)s ago") % {"age": timesince(at, now, depth=1)}
