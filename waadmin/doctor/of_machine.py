"""The machine: its clock, the room on its disks, the journal of erasures, and the static files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from contacts.erasure import journal as erasures
from waadmin.doctor.finding import Finding, bad, not_checked, ok, warn
from waadmin.static_files import are_stale

_CLOCK, _DISK, _JOURNAL, _STATIC = "clock", "disk space", "journal of erasures", "static files"
#: From 30 s on codes of authenticator apps are refused.
SECONDS_OFF, SECONDS_TOO_FAR = 5.0, 30.0
_MIB = 1024 * 1024
_LOW, _TOO_LOW = 2048 * _MIB, 256 * _MIB


def clock(now: datetime) -> Iterator[Finding]:
    """Compare this machine's clock with the database server's."""
    if connection.vendor == "sqlite":
        yield not_checked(_CLOCK, "SQLite has no clock of its own.", "Run `doctor --providers` to compare with theirs.")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    yield compared(_CLOCK, (datetime.now(UTC) - theirs).total_seconds(), "the database server's")


def compared(check: str, seconds: float, whose: str) -> Finding:
    """Say how far this clock is from another."""
    seen = f"This clock and {whose} are {abs(seconds):.1f} seconds apart."
    mend = "Have both hosts keep their time by NTP."
    if abs(seconds) > SECONDS_TOO_FAR:
        return bad(check, seen, mend)
    return warn(check, seen, mend) if abs(seconds) > SECONDS_OFF else ok(check, seen)


def disk_space(now: datetime) -> Iterator[Finding]:
    """Look how much room is left where something is written."""
    for what, folder in _folders():
        if not folder.is_dir():
            continue
        free = shutil.disk_usage(folder).free
        seen = f"{what} ({folder}): {free / (1024 * _MIB):.1f} GiB free."
        mend = "Make room, or put it on a larger disk."
        if free < _TOO_LOW:
            yield bad(_DISK, seen, mend)
        else:
            yield warn(_DISK, seen, mend) if free < _LOW else ok(_DISK, seen)
    if connection.vendor != "sqlite":
        yield not_checked(_DISK, "The database server's disk cannot be seen from here.", "Watch it over there.")


def journal(now: datetime) -> Iterator[Finding]:
    """Look whether the journal of erasures can be written, and read to its end."""
    if not settings.ERASURE_JOURNAL:
        mend = "Set ERASURE_JOURNAL to a file on a disk that outlives the database."
        yield warn(_JOURNAL, "None is written: a restore brings back whoever was erased since the backup.", mend)
        return
    path = Path(settings.ERASURE_JOURNAL)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        mend = "Let the user of waadmin write there; until then nobody can be erased."
        yield bad(_JOURNAL, f"{path} cannot be written.", mend)
        return
    try:
        count = sum(1 for _line in erasures.read(path)) if path.exists() else 0
    except (erasures.JournalUnreadable, OSError) as error:
        mend = "Take a copy of it from a backup, and put the lines behind the broken one after it."
        yield bad(_JOURNAL, f"{path}: {error}", mend)
        return
    yield ok(_JOURNAL, f"{path} can be written and holds {count} lines.")


def static_files(now: datetime) -> Iterator[Finding]:
    """Look whether the collected files are those of this version."""
    if are_stale():
        writable = os.access(settings.STATIC_ROOT, os.W_OK) or not Path(settings.STATIC_ROOT).exists()
        seen = f"The files in {settings.STATIC_ROOT} are missing or older than this version."
        mend = f"Run `collectstatic` as a user who may write to {settings.STATIC_ROOT}."
        yield warn(_STATIC, seen, f"{mend} `serve` does so at its start.") if writable else bad(_STATIC, seen, mend)
    else:
        yield ok(_STATIC, "Collected, and of this version.")


def _folders() -> Iterator[tuple[str, Path]]:
    if connection.vendor == "sqlite" and (name := str(connection.settings_dict["NAME"])) and "memory" not in name:
        yield "The database", Path(name).absolute().parent
    yield "Temporary files", Path(tempfile.gettempdir())
    if settings.ERASURE_JOURNAL:
        yield "The journal of erasures", Path(settings.ERASURE_JOURNAL).absolute().parent
