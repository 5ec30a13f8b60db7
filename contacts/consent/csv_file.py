"""Reading a CSV file as people have them, line by line and in bounded memory, however broken the file is.

UTF-8 with or without BOM, UTF-16 with its BOM, otherwise Windows-1252; comma, semicolon or tab. A line that cannot be
read is given as a `BadLine` with its number, and reading goes on at the next one: a quote that never closes costs its
own line and not the rest of the file.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext as _

from audit.csv_cells import read_text_cell
from contacts.consent.columns import (
    ERROR_COLUMNS,
    Column,
    UnusableHeader,
    known_in,
    map_columns,
    plain,
    read_places,
)
from contacts.consent.text_lines import LONGEST_LINE, TextLines, examine
from providers.e164 import has_plus

#: In characters. A record is one row, which may have line breaks inside quotes.
LONGEST_CELL = 10_000
LONGEST_RECORD = LONGEST_LINE
MOST_LINES_IN_A_RECORD = 200
#: So many quotes that never close halve the lines over which the next one is followed: a file of them costs little.
_PATIENCE = 20

_DELIMITERS = (",", ";", "\t")
_LONGEST_DIGITS_OF_A_NAME = 7
_SHOWN = 200


class _End(Enum):
    """How a line ends: all its quotes closed, one open, or one that nothing may follow followed by something."""

    CLOSED = 1
    OPEN = 2
    WRONG = 3


class Row(NamedTuple):
    """One record: the number of the line it starts on, and a cell for each column of the header."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class BadLine:
    """One record that was not taken: where, which column and value, and why, with the next step."""

    line: int
    column: str
    value: str
    reason: str
    cells: tuple[str, ...] = ()
    #: What mends this line and all that are wrong in the same way; where it is empty, the reason says it.
    repair: str = ""


class CsvFile:
    """One open CSV file: its digest, its encoding and delimiter, where its columns are, and its rows."""

    def __init__(self, file: BinaryIO, *, named: Mapping[str, str] | None = None, columns: str | None = None) -> None:
        """Read the file once for its digest and encoding, then its header.

        `columns` is the mapping that an import keeps ("" for none yet); without it columns go by their names, or as
        `named` (our name -> the file's) says.

        :raises UnusableHeader: when the first line does not name columns that we understand.
        """
        self._file = file
        self._unclosed = 0
        self.digest, self.encoding = examine(file)
        self.delimiter = self._find_delimiter()
        self.header = self._read_header()
        # A repaired errors file: our own columns in front are none of the file's, and cells carry the ' that we put
        # before what a spreadsheet would calculate or rewrite.
        is_repaired = tuple(plain(name) for name in self.header[: len(ERROR_COLUMNS)]) == ERROR_COLUMNS
        self._ours = len(ERROR_COLUMNS) if is_repaired else 0
        self.header = [read_text_cell(name) if is_repaired else name for name in self.header[self._ours :]]
        self.places: Mapping[Column, int] = map_columns(self.header, named) if columns is None else read_places(columns)
        if self.places and max(self.places.values()) >= len(self.header):
            raise UnusableHeader(_("The file has fewer columns than were mapped. Map them again."))

    def rows(self) -> Iterator[Row | BadLine]:
        """Read the rows from the first to the last; may be called again for another pass."""
        ours, width = self._ours, len(self.header) + self._ours
        records = self._records()
        next(records)
        for record in records:
            if isinstance(record, Row):
                cells = record.cells
                if len(cells) < width:
                    cells.extend([""] * (width - len(cells)))
                elif len(cells) > width:
                    if any(cell.strip() for cell in cells[width:]):
                        yield _too_many_cells(record, width, ours)
                        continue
                    del cells[width:]
                if ours:
                    cells[:] = [read_text_cell(cell) for cell in cells[ours:]]
            yield record

    def _find_delimiter(self) -> str:
        with TextLines(self._file, self.encoding) as text:
            first = next((line for line in text if line.strip()), "")
        if not first:
            raise UnusableHeader(_("The file is empty."))
        if "\x00" in first:
            raise UnusableHeader(_("This is no CSV file that we can read. Save it as “CSV UTF-8” and try again."))
        cut = {delimiter: _cells(first, delimiter) or [first] for delimiter in _DELIMITERS}
        return max(_DELIMITERS, key=lambda delimiter: (known_in(cut[delimiter]), len(cut[delimiter])))

    def _read_header(self) -> list[str]:
        header = next(self._records(), None)
        if header is None:
            raise UnusableHeader(_("The file is empty."))
        if isinstance(header, BadLine):
            raise UnusableHeader(header.reason)
        names = [name.strip() for name in header.cells]
        if any(has_plus(name) and sum(map(str.isdigit, name)) > _LONGEST_DIGITS_OF_A_NAME for name in names):
            raise UnusableHeader(
                _(
                    "The first line holds a phone number, so it is a person and no line of names. Put a line above it "
                    "that names the columns."
                )
            )
        return names

    def _records(self) -> Iterator[Row | BadLine]:
        blank = self.delimiter + " \t\n"
        number = self._unclosed = 0
        with TextLines(self._file, self.encoding) as text:
            for line in text:
                number += 1
                start, record = number, line
                if not line.strip(blank):
                    continue
                cells: list[str] | None
                if '"' not in line:
                    cells = line.rstrip("\n").split(self.delimiter)
                else:
                    following = self._rest_of_record(line, text)
                    if following is None:
                        yield _unclosed(start, line)
                        continue
                    record = "".join((line, *following))
                    number += len(following)
                    cells = _cells(record, self.delimiter)
                yield _judge(start, record, cells)

    def _rest_of_record(self, line: str, text: TextLines) -> list[str] | None:
        """Take the lines that the quote which `line` leaves open goes on over, or none at all if it never closes."""
        taken: list[str] = []
        length = len(line)
        most = MOST_LINES_IN_A_RECORD >> min(self._unclosed // _PATIENCE, 4)
        ends = _end_of(line, self.delimiter)
        while ends is _End.OPEN:
            following = text.take() if length <= LONGEST_RECORD and len(taken) < most else None
            if following is None:
                self._unclosed += 1
                text.put_back(taken)
                return None
            taken.append(following)
            length += len(following)
            # A quote put in front stands for the open one: each line is looked at once, whatever the record's length.
            ends = _end_of('"' + following, self.delimiter) if '"' in following else _End.OPEN
            if ends is _End.WRONG:
                # What closed the quote was the next record's own one.
                text.put_back(taken)
                return None
        return taken


def _cells(record: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader((record,), delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None


def _end_of(line: str, delimiter: str) -> _End:
    """Tell in what state the cells of `line` leave it."""
    try:
        next(csv.reader((line,), delimiter=delimiter, strict=True), None)
    except csv.Error as error:
        return _End.OPEN if "unexpected end" in str(error) else _End.WRONG
    return _End.CLOSED


def _judge(line: int, record: str, cells: list[str] | None) -> Row | BadLine:
    """Give the record as a row, or say why it is none."""
    if len(record) > LONGEST_RECORD:
        return _bad(line, record, _("The line is longer than 64 KiB. Shorten it, or look for a missing line break."))
    if "\x00" in record:
        return _bad(line, record, _("The line holds NUL bytes: the file was damaged on its way. Export it again."))
    if "\ufffd" in record:
        return _bad(
            line, record, _("The line holds a character that cannot be read. Save the file as “CSV UTF-8” again.")
        )
    if cells is None:
        return _bad(line, record, _("A quote inside a quoted cell is not doubled. Write it twice, or leave it out."))
    if len(record) > LONGEST_CELL:
        longest = max(cells, key=len)
        if len(longest) > LONGEST_CELL:
            words = _(
                "A cell has %(count)d characters; more than 10,000 are not taken. Shorten it, or keep it as a file."
            )
            repair = _("A cell has more than 10,000 characters. Shorten it, or keep it as a file.")
            return _bad(line, longest, words % {"count": len(longest)}, repair)
    return Row(line, cells)


def _bad(line: int, value: str, reason: str, repair: str = "") -> BadLine:
    return BadLine(line, "", value[:_SHOWN].replace("\x00", "␀").strip(), reason, repair=repair)


def _unclosed(line: int, value: str) -> BadLine:
    return _bad(line, value, _("A quote opens on this line and does not close. Close it, or remove it."))


def _too_many_cells(row: Row, width: int, ours: int) -> BadLine:
    words = _(
        "The line has %(found)d cells and the header %(width)d. Put quotes around a cell that holds the separator."
    )
    repair = _("The line has more cells than the header. Put quotes around a cell that holds the separator.")
    reason = words % {"found": len(row.cells), "width": width}
    return BadLine(row.line, "", "", reason, tuple(row.cells[ours:]), repair)
