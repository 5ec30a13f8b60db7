"""How fast work goes and how long the rest will take: of check runs and of imports, in figures and in words."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

NOT_KNOWN = "–"


def per_second(done: int, *, since: datetime, until: datetime) -> float:
    """Give how much is done in a second."""
    seconds = (until - since).total_seconds()
    return done / seconds if seconds > 0 else 0.0


def seconds_left(left: int, rate: float) -> int | None:
    """Give how long the rest will take at this rate, in seconds; None where nobody knows or nothing is left."""
    return round(left / rate) if left > 0 and rate else None


def rate_words(rate: float) -> str:
    """Say how fast it goes."""
    return _("%(rate).1f a second") % {"rate": rate} if rate else NOT_KNOWN


def left_words(seconds: int | None) -> str:
    """Say how long the rest will take, in the largest unit that says it well."""
    if seconds is None:
        return NOT_KNOWN
    if seconds < 90:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
