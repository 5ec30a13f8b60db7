"""The journal of erasures: a file outside the database, one JSON object a line, with keyed digests and no number.

A backup brings erased people back. The lines that were written since are replayed after a restore (`replaying`). A line
is on disk before its erasure commits: one too many erases what was to be erased, one too few would bring it back.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from audit.ledger import canonical_bytes

_VERSION = 1


class JournalNotWritten(RuntimeError):
    """The journal could not be written, so nothing was erased; the message says where and why."""


class JournalUnreadable(ValueError):
    """A line of a journal is none; the message says which."""


@dataclass(frozen=True, slots=True)
class Line:
    """One act upon a person's data, as a restore must repeat it."""

    erasure: str
    kind: str
    key: str
    at: datetime
    until: datetime | None
    reason: str
    reference: str
    by: str
    #: Keyed digests of everything that events may name the person by.
    names: Sequence[str] = ()
    #: Business id -> purpose -> time of the withdrawal.
    withdrawals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def write(line: Line) -> None:
    """Append a line and have it on disk.

    :raises JournalNotWritten: when that fails.
    """
    if not settings.ERASURE_JOURNAL:
        return
    path = Path(settings.ERASURE_JOURNAL)
    try:
        # Appended in one write: lines of several processes never mix.
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, canonical_bytes({"version": _VERSION, **asdict(line)}) + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise JournalNotWritten(
            _("Nothing was erased: the journal of erasures (ERASURE_JOURNAL, %(path)s) cannot be written: %(why)s.")
            % {"path": path.name, "why": error.strerror or type(error).__name__}
        ) from None


def read(path: Path) -> Iterator[Line]:
    """Read the lines of a journal; a last line that a crash cut short is left out.

    :raises JournalUnreadable: naming the first other line that cannot be read.
    """
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                return
            try:
                yield _read(json.loads(text))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise JournalUnreadable(_("Line %(number)d is no line of a journal.") % {"number": number}) from None


def _read(values: dict[str, Any]) -> Line:
    if values.pop("version") != _VERSION:
        raise ValueError("another version")
    values["at"] = datetime.fromisoformat(values["at"])
    values["until"] = datetime.fromisoformat(values["until"]) if values["until"] else None
    return Line(**values)
