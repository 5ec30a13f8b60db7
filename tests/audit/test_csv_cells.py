"""The one rule for cells of CSV files."""

import pytest

from audit.csv_cells import safe_cell


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
