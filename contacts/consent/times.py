"""Times as files and commands write them: ISO 8601, in a zone that they say or that somebody declared."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from audit.local_time import LocalTimeRefused, at

EXAMPLE = "2026-05-03T10:00:00+02:00"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_time(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Read ISO 8601 in UTC; a date alone is the beginning of that day, in UTC or in the zone that somebody declared.

    :raises ValueError: saying how to write it.
    """
    try:
        read = datetime.fromisoformat(text) if _DATE.match(text) else None
        if read is not None and read.tzinfo is not None:
            return read if read.tzinfo is UTC else read.astimezone(UTC)
        if read is not None and zone is not None:
            return at(read, zone).astimezone(UTC)
        if read is not None and len(text) == len("2026-05-03"):
            return read.replace(tzinfo=UTC)
    except LocalTimeRefused:
        words = _(
            "Clocks in %(zone)s were changed then: there was no such time, or two of them. Write it with its zone, as "
            "%(example)s."
        )
        raise ValueError(words % {"zone": zone, "example": EXAMPLE}) from None
    except (OverflowError, ValueError):
        read = None
    if read is None:
        words = _("This is no date or time in ISO 8601. Write it as %(example)s, or as 2026-05-03.")
    else:
        words = _("The time has no time zone, so nobody knows when it was. Write it as %(example)s.")
    raise ValueError(words % {"example": EXAMPLE})
