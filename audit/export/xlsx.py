"""Writing one dataset as an XLSX workbook, row by row in flat memory. Every cell is text.

Text keeps what a spreadsheet would take away: the plus and the zeros of a number, digits beyond the fifteenth; and
nothing is computed or turned into a link.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from audit.export.datasets import Dataset, Row, Scope
from audit.export.writing import Tick, as_text, rows_of

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

#: What a sheet can hold beside its header; further rows go to further sheets.
ROWS_A_SHEET = 1_048_575
#: What a cell can hold. Longer text is cut where the mark says so; JSON Lines and CSV have all of it.
LONGEST_CELL = 32_767
CUT = " […]"
_ROWS_A_TICK = 500


def write_xlsx(dataset: Dataset, scope: Scope, path: Path, tick: Tick) -> tuple[int, int]:
    """Write the dataset to a new file; give how many rows it had and how many cells had to be cut.

    Half-written rows lie in the file's own folder meanwhile, so that whoever clears that folder clears them too.
    """
    # Here and not above: every process of ours would carry it, and an import counts its megabytes.
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(path.parent),
    }
    rows = rows_of(dataset, scope)
    count = cut = sheets = 0
    # Not as a context: after an error it would go on to write all that it has.
    workbook = xlsxwriter.Workbook(str(path), options)
    workbook.use_zip64()
    bold = workbook.add_format({"bold": True})
    written = ROWS_A_SHEET
    while written == ROWS_A_SHEET:
        sheets += 1
        sheet = workbook.add_worksheet(_sheet_name(dataset.name, sheets))
        for place, name in enumerate(dataset.column_names):
            sheet.write_string(0, place, name, bold)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        written, shortened = _fill(sheet, islice(rows, ROWS_A_SHEET), tick)
        count, cut = count + written, cut + shortened
    workbook.close()
    return count, cut


def _fill(sheet: "Worksheet", rows: Iterator[Row], tick: Tick) -> tuple[int, int]:
    count = cut = told = 0
    for count, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if value is None:
                continue
            text = as_text(value)
            if len(text) > LONGEST_CELL:
                text = text[: LONGEST_CELL - len(CUT)] + CUT
                cut += 1
            sheet.write_string(count, place, text)
        if count % _ROWS_A_TICK == 0:
            tick(_ROWS_A_TICK)
            told = count
    tick(count - told)
    return count, cut


def _sheet_name(name: str, number: int) -> str:
    ending = "" if number == 1 else f" {number}"
    return name[: 31 - len(ending)] + ending
