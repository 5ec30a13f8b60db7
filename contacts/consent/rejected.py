"""The lines of a file that were not taken: counted by what mends them, and written down to be mended and imported."""

import csv
import io
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.csv_cells import text_cell
from contacts.consent.columns import ERROR_COLUMNS
from contacts.consent.csv_file import BadLine
from contacts.consent.importing import Listener

_LINES_NAMED = 12
#: More ways to be wrong than this are no list that a person reads; further ones count as one.
_MOST_REPAIRS = 40
_VALUES_SHOWN = 3
#: More bad lines than this are counted and not kept: such a file is to be exported again, not repaired.
_MOST_ERRORS = 20_000


class _Writable(Protocol):
    def write(self, text: str, /) -> Any: ...


@dataclass(slots=True)
class Repair:
    """One thing to mend: which column, how many lines, the first of them, and some of what stands there."""

    words: str
    column: str
    count: int = 0
    lines: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many lines are counted and not named."""
        return self.count - len(self.lines)


class Repairs:
    """Counts bad lines by what mends them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Repair] = {}

    def add(self, bad: BadLine) -> None:
        """Count one line."""
        key = bad.column, bad.repair or bad.reason
        if key not in self._found and len(self._found) >= _MOST_REPAIRS:
            key = "", ""
        repair = self._found.setdefault(key, Repair(words=key[1], column=key[0]))
        repair.count += 1
        if len(repair.lines) < _LINES_NAMED:
            repair.lines.append(bad.line)
        if bad.value and len(repair.values) < _VALUES_SHOWN and bad.value not in repair.values:
            repair.values.append(bad.value)

    def by_count(self) -> list[Repair]:
        """Give what is to be mended, most lines first; what is counted without words comes last."""
        return sorted(self._found.values(), key=lambda repair: (not repair.words, -repair.count))


class ErrorsFile:
    """Writes bad lines as CSV: our columns line, column, value and reason, then those of the file."""

    def __init__(self, text: _Writable) -> None:
        self._writer = csv.writer(text)

    def begin(self, header: list[str]) -> None:
        """Write the names of the columns."""
        self._writer.writerow([*ERROR_COLUMNS, *map(text_cell, header)])

    def write(self, bad: BadLine) -> None:
        """Write one line; its cells come back unchanged from a spreadsheet."""
        self._writer.writerow([bad.line, *map(text_cell, (bad.column, bad.value, bad.reason, *bad.cells))])


@dataclass(slots=True)
class Rejected(Listener):
    """Counts bad lines by their repair and writes them to a CSV text that a person can mend and import again."""

    text: io.StringIO = field(default_factory=io.StringIO)
    repairs: Repairs = field(default_factory=Repairs)
    written: int = 0

    def begin(self, header: list[str]) -> None:
        """Head the text with the names of the columns."""
        # Without the mark a spreadsheet takes the file for one in its own old encoding.
        self.text.write("\ufeff")
        ErrorsFile(self.text).begin(header)

    def bad_line(self, bad: BadLine) -> None:
        """Count one line, and write it down while there is room."""
        self.repairs.add(bad)
        if self.written < _MOST_ERRORS:
            self.written += 1
            ErrorsFile(self.text).write(bad)
