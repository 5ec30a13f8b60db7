"""The numbers of a run as people wrote them: split, and read under the declared reading."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from audit.csv_cells import read_text_cell
from providers.e164 import Number, NumberRefused, Reading, read_number

#: The first columns of the rows of a run as they are downloaded: such a file is taken back by its second column.
_OF_A_RUN = ("line", "input")
_BETWEEN_NUMBERS = re.compile(r"[\r\n;,\t]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One number as it was written, with what it was read as or why it could not be."""

    position: int
    input: str
    number: Number | None
    problem: str = ""


def split_numbers(text: str) -> list[str]:
    """Give the numbers of a pasted text or a plain file: one a line, or between commas, semicolons and tabs.

    The downloaded rows of a run are known by their first line; of them only the numbers as written are taken.
    """
    text = text.removeprefix("\ufeff")
    first = text[: text.find("\n")] if "\n" in text else text
    for delimiter in ",;\t":
        if tuple(name.strip().strip('"') for name in first.split(delimiter)[:2]) == _OF_A_RUN:
            return _of_a_run(text, delimiter)
    parts = (part.strip() for part in _BETWEEN_NUMBERS.split(text))
    return [part for part in parts if part]


def read_lines(texts: Iterable[str], *, reading: Reading = Reading.E164, region: str | None = None) -> tuple[Line, ...]:
    """Read each text as a number under the declared reading; what cannot be read keeps its problem in words."""
    lines = []
    for position, text in enumerate(texts, start=1):
        try:
            lines.append(Line(position, text, read_number(text, reading=reading, region=region)))
        except NumberRefused as refusal:
            lines.append(Line(position, text, None, refusal.message))
    return tuple(lines)


def _of_a_run(text: str, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    next(rows)
    try:
        return [number for row in rows if len(row) > 1 and (number := read_text_cell(row[1]).strip())]
    except csv.Error:
        # Damaged beyond reading: as plain text each piece is shown with what is wrong with it.
        return [part.strip() for part in _BETWEEN_NUMBERS.split(text) if part.strip()]
