"""What a person sees before they say which column of a kept file is what: its columns, what stands there, a proposal.

A proposal is the mapping that was kept for this file, else the one under which the business last imported a file with
this very header, else what the columns' names say. Nothing counts before a person has confirmed it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.utils.translation import gettext as _

from contacts.consent.columns import (
    MOST_COLUMNS,
    Column,
    UnusableHeader,
    header_digest,
    named_at,
    read_places,
    suggested,
)
from contacts.consent.csv_file import BadLine, CsvFile
from contacts.consent.uploads import file_of
from contacts.models import OptInImport

#: A mapping that nobody has used for so long is not proposed any more.
REMEMBERED_FOR = timedelta(days=400)
_SAMPLES = 3
_ROWS_LOOKED_AT = 500
_LONGEST_SAMPLE = 60


@dataclass(frozen=True, slots=True)
class FileColumn:
    """One column of a file: its name, the first few different values, and what it probably is."""

    name: str
    samples: Sequence[str]
    column: Column | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The columns of a file in their order, and when a person said before what they are."""

    columns: Sequence[FileColumn]
    remembered_at: datetime | None = None


def propose(upload: OptInImport, *, now: datetime) -> Proposal:
    """Look at a kept file's columns.

    :raises UnusableHeader: when it has no header that can be used.
    :raises UploadRefused: when the file is gone.
    """
    csv_file = CsvFile(file_of(upload), columns="")
    header = csv_file.header
    if len(header) > MOST_COLUMNS:
        words = _("The first line has %(count)d columns; at most %(most)d are taken. Leave the others out of the file.")
        raise UnusableHeader(words % {"count": len(header), "most": MOST_COLUMNS})
    before = None if upload.columns else _remembered(upload, header, now)
    said = upload.columns or (before.columns if before else "")
    columns: list[Column | None] = list(suggested(header))
    if said:
        by_place = {place: column for column, place in read_places(said).items()}
        columns = [by_place.get(place) for place in range(len(header))]
    samples = _samples(csv_file)
    return Proposal(
        columns=[FileColumn(named_at(header, place), samples[place], column) for place, column in enumerate(columns)],
        remembered_at=before.started_at if before else None,
    )


def _remembered(upload: OptInImport, header: Sequence[str], now: datetime) -> OptInImport | None:
    """Find the last import of the business, confirmed by a person, of a file with this very header."""
    known = OptInImport.objects.filter(
        business=upload.business_id, header_digest=header_digest(header), started_at__gt=now - REMEMBERED_FOR
    )
    return known.exclude(statement="").exclude(columns="").defer("content", "errors").order_by("-pk").first()


def _samples(csv_file: CsvFile) -> list[list[str]]:
    samples: list[list[str]] = [[] for _name in csv_file.header]
    for row in islice(csv_file.rows(), _ROWS_LOOKED_AT):
        if isinstance(row, BadLine):
            continue
        for seen, cell in zip(samples, row.cells, strict=False):
            value = " ".join(cell.split())[:_LONGEST_SAMPLE]
            if value and len(seen) < _SAMPLES and value not in seen:
                seen.append(value)
    return samples
