"""LibreOffice opens our files: it computes nothing, and every number is whole."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from audit.export.making import Format
from providers.models import Business
from tests import factories
from tests.audit import exporting

SOFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed (apt-get install libreoffice-calc)"),
]
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
#: Comma, quotation mark, UTF-8, from line 1, columns as they are, English, “format quoted field as text”.
_QUOTED_IS_TEXT = "--infilter=CSV:44,34,76,1,,1033,true"
#: What somebody may have written as evidence; the last two are numbers that are not to be rounded.
_WRITTEN = (
    "=1+1", "+1+1", "-2+3", "@SUM(A1:A9)", "\t=1+1", '=HYPERLINK("http://example.com","x")', "=cmd|' /C calc'!A0",
    "http://example.com", "00123", "106540352242922017",
)  # fmt: skip


def opened(path: Path, *options: str) -> list[list[str]]:
    """Open a file in LibreOffice, fail at a formula, and give the texts of its cells."""
    assert SOFFICE is not None
    subprocess.run(
        [
            SOFFICE, f"-env:UserInstallation=file://{path.parent}/profile", "--headless", *options,
            "--convert-to", "fods", "--outdir", str(path.parent / "opened"), str(path),
        ],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    root = ElementTree.parse(path.parent / "opened" / f"{path.stem}.fods").getroot()
    rows = []
    for row in root.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in row.iter(f"{_TABLE}table-cell"):
            assert f"{_TABLE}formula" not in cell.attrib, cell.attrib
            text = "\n".join("".join(part.itertext()) for part in cell.iter(f"{_TEXT}p"))
            cells += [text] * min(int(cell.attrib.get(f"{_TABLE}number-columns-repeated", 1)), 100)
        rows.append(cells)
    return rows


def of(rows: list[list[str]], name: str) -> list[str]:
    place = rows[0].index(name)
    return [row[place] for row in rows[1:] if any(row)]


def export(acme: Business, tmp_path: Path, file_format: Format) -> Path:
    for place in range(100):
        exporting.opted_in(
            factories.number(100 + place), acme, _WRITTEN[place % len(_WRITTEN)], external_id=f"000{place}"
        )
    exporting.make(tmp_path / "export", exporting.order(file_format, "opt_ins"))
    return tmp_path / "export" / f"opt_ins.{file_format}"


def test_a_workbook_holds_every_number_and_no_formula(acme: Business, tmp_path: Path) -> None:
    rows = opened(export(acme, tmp_path, Format.XLSX))

    assert of(rows, "number") == [factories.number(100 + place) for place in range(100)]
    assert of(rows, "external_id") == [f"000{place}" for place in range(100)]
    assert of(rows, "evidence")[8:10] == ["00123", "106540352242922017"]
    assert of(rows, "evidence")[0] == "=1+1"


def test_a_csv_file_holds_no_formula_however_it_is_opened(acme: Business, tmp_path: Path) -> None:
    path = export(acme, tmp_path, Format.CSV)
    as_it_is = opened(path)
    quoted_as_text = opened(path, _QUOTED_IS_TEXT)

    numbers = [factories.number(100 + place) for place in range(100)]
    assert of(quoted_as_text, "number") == numbers
    assert of(quoted_as_text, "external_id") == [f"000{place}" for place in range(100)]
    assert of(quoted_as_text, "evidence")[8:10] == ["00123", "106540352242922017"]
    # Opened by itself it takes the plus away, and no digit.
    assert [number.lstrip("+") for number in of(as_it_is, "number")] == [number[1:] for number in numbers]
