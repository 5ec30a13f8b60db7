"""The one rule for cells of CSV files."""

import pytest

from audit.csv_cells import read_text_cell, safe_cell, text_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=2+5", "'=2+5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2", "'-2"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("+51987654321", "+51987654321"),
        ("+51987654321\n=1", "'+51987654321\n=1"),
        ("0123", "0123"),
        (None, ""),
        (7, "7"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_compute_is_marked(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


@pytest.mark.parametrize(
    "text",
    [
        "+51987654321",
        "0051 987",
        "007",
        "12345678901234567890",
        "2026-01-05",
        "1/2",
        "3 May",
        "May 3",
        "Mai 2026",
        "JAN-12",
        "=2+5",
        "-1",
        "@x",
        "'tis",
        "''",
        "(5)",
        "5%",
        "€5",
        " 1",
        "\t1",
        "١٢",
    ],
)
def test_what_a_spreadsheet_would_rewrite_is_marked_and_comes_back(text: str) -> None:
    assert text_cell(text) == f"'{text}"
    assert read_text_cell(text_cell(text)) == text


@pytest.mark.parametrize("text", ["", "web form", "ticked the box", "order 10401, box ticked", "línea", "x\n=1"])
def test_what_is_surely_text_stays_as_it_is(text: str) -> None:
    assert text_cell(text) == read_text_cell(text) == text
