"""Files of consent events for tests, and importing them as a person would."""

import io
from datetime import UTC, datetime
from typing import Any

from contacts.consent import mapping, uploads
from contacts.consent.csv_file import BadLine
from contacts.consent.importing import Imported, Listener, import_file
from contacts.models import Consent, OptIn, OptInImport
from providers.models import Business

HEADER = "phone,given_at,source,evidence"
NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
STATEMENT = "Each of these people agreed, as their line says."


class Heard(Listener):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.header: list[str] = []
        self.bad: list[BadLine] = []

    def begin(self, header: list[str]) -> None:
        self.header = header

    def bad_line(self, bad: BadLine) -> None:
        self.bad.append(bad)


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    """A CSV file in UTF-8."""
    return "\n".join((header, *lines, "")).encode()


def line(number: str, *more: str, given_at: str = "2026-01-05T09:30:00Z") -> str:
    """One line under HEADER and any further columns."""
    return ",".join((number, given_at, "web form", "ticked the box", *more))


def imported(content: bytes, business: Business, **declared: Any) -> tuple[Imported, list[BadLine]]:
    """What importing a file made of it, and the bad lines that were reported."""
    heard = declared.setdefault("listener", Heard())
    declared.setdefault("name_shown", business.name)
    declared.setdefault("actor", "alice")
    declared.setdefault("now", NOW)
    result = import_file(
        file=io.BytesIO(content), file_name="people.csv", business=business, statement=STATEMENT, **declared
    )
    return result, heard.bad


def counts(result: Imported) -> tuple[int, int, int, int, int]:
    """Granted, withdrawn, unchanged, held, refused."""
    return result.granted, result.withdrawn, result.unchanged, result.held, result.refused


def statuses() -> dict[str, str]:
    """What each number's state is now."""
    return dict(Consent.objects.values_list("contact__e164", "status"))


def events() -> list[OptIn]:
    """Every consent event in the order of their ids."""
    return list(OptIn.objects.order_by("pk"))


def mapped(entry: OptInImport, *picks: str) -> OptInImport:
    """An upload whose columns somebody has confirmed: as they are named, or as picked in the file's order."""
    proposal = mapping.propose(entry, now=datetime.now(UTC))
    said = picks or [column.column.value if column.column else "" for column in proposal.columns]
    uploads.map_columns(upload=entry, picks=said, name_shown=entry.business_name_shown)
    entry.refresh_from_db()
    return entry
