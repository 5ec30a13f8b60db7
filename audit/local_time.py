"""Times as people write and read them: in a zone by its name. What clocks skipped or showed twice is never guessed."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

#: Listed by some systems, and no places.
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


class LocalTimeRefused(ValueError):
    """What was written is no zone, or no one moment there; the message says what to write instead."""


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Give the names of all time zones, in order."""
    return tuple(sorted(available_timezones() - _NO_PLACES))


def read_zone(name: str) -> ZoneInfo:
    """Give the time zone of this name.

    :raises LocalTimeRefused: when there is none.
    """
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        words = _("“%(name)s” is not the name of a time zone. Choose one of the list, such as America/Lima.")
        raise LocalTimeRefused(words % {"name": name[:60]}) from None


def at(written: datetime, zone: ZoneInfo) -> datetime:
    """Give the moment that a clock in `zone` showed as `written`; one that says its own offset is that moment.

    :raises LocalTimeRefused: when clocks there skipped it, or showed it twice.
    """
    if written.tzinfo is not None:
        return written
    first, second = (written.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    shown = {"time": f"{written:%Y-%m-%d %H:%M}", "zone": zone.key}
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != written:
        words = _(
            "%(time)s never was in %(zone)s: clocks went forward over it. Write a time before or after that hour."
        )
        raise LocalTimeRefused(words % shown)
    words = _(
        "%(time)s was twice in %(zone)s, because clocks went back: at %(first)s and at %(second)s UTC. "
        "Write the one you mean, with UTC as the time zone."
    )
    raise LocalTimeRefused(words % {**shown, "first": _utc(first), "second": _utc(second)})


class LocalTimeField(forms.DateTimeField):
    """A date and time as it was written: in which zone, another field of the form says."""

    def to_python(self, value: Any) -> datetime | None:
        """Read the time without putting it into the zone in which the page is shown."""
        with timezone.override(UTC):
            read = super().to_python(value)
        if read is None or (isinstance(value, str) and _says_its_offset(value)):
            return read
        return read.replace(tzinfo=None)


def _says_its_offset(text: str) -> bool:
    parsed = parse_datetime(text.strip())
    return parsed is not None and parsed.tzinfo is not None


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"
