"""A bad line is reported with its number, value, reason and next step, and costs no other line."""

import io

import pytest

from contacts.consent import csv_file
from contacts.consent.csv_file import LONGEST_CELL, LONGEST_RECORD, MOST_LINES_IN_A_RECORD, BadLine, CsvFile
from providers.models import Business
from tests.contacts.csv_files import HEADER, counts, csv_of, imported, line, statuses

GOOD = ("+525512345678", "+525512345679")


def read(*lines: str) -> list[tuple[int, bool]]:
    """Give the line numbers of a file's rows, and whether each could be read."""
    return [(row.line, not isinstance(row, BadLine)) for row in CsvFile(io.BytesIO(csv_of(*lines))).rows()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (line("+525512345670", "x"), "5 cells and the header 4"),
        ('+525512345670,2026-01-05,web,"said "yes" twice"', "not doubled"),
        ("+525512345670,2026-01-05,web,a\x00b", "NUL"),
        (f"+525512345670,2026-01-05,web,{'x' * (LONGEST_CELL + 1)}", "10001 characters"),
        ("x" * (LONGEST_RECORD + 1), "64 KiB"),
        ('+525512345670,2026-01-05,web,"never closed', "does not close"),
        (line("631 555 1002"), "no leading +"),
        (line("+49 151 ABC"), "letters"),
        (line("+12345678901234567890"), "more than 15"),
        (line("٠١٢٣٤٥٦٧٨"), "another alphabet"),
        (line("4.9E+12"), "spreadsheet"),
    ],
)
def test_the_lines_around_a_bad_one_are_imported(acme: Business, wrong: str, words: str) -> None:
    result, bad = imported(csv_of(line(GOOD[0]), wrong, line(GOOD[1])), acme)
    assert counts(result) == (2, 0, 0, 0, 1)
    assert [each.line for each in bad] == [3]
    assert words in bad[0].reason
    assert set(statuses()) == set(GOOD)


@pytest.mark.django_db
def test_a_bad_line_carries_its_cells_for_the_errors_file(acme: Business) -> None:
    _result, [bad] = imported(csv_of(line("12")), acme)
    assert bad.cells == ("12", "2026-01-05T09:30:00Z", "web form", "ticked the box")


def test_an_unclosed_quote_costs_its_own_line_and_not_the_file() -> None:
    lines = [line(f"+52551234{number:04d}") for number in range(5_000)]
    lines[7] = lines[7].replace("ticked", '"ticked')
    found = read(*lines)
    assert len(found) == 5_000
    assert [number for number, good in found if not good] == [9]


def test_a_quote_that_the_next_quote_closes_wrongly_costs_its_own_line() -> None:
    quoted = [f'"+52551234{number:04d}","2026-01-05","web","proof"' for number in range(4)]
    quoted[1] = quoted[1].removesuffix('"')
    assert read(*quoted) == [(2, True), (3, False), (4, True), (5, True)]


def test_a_quote_inside_an_unquoted_cell_is_only_a_sign() -> None:
    assert read('+525512345678,2026-01-05,5" screen,proof', line(GOOD[1])) == [(2, True), (3, True)]


def test_a_quoted_cell_may_have_many_lines_and_not_endless_ones() -> None:
    fits = "\n" * MOST_LINES_IN_A_RECORD
    assert read(f'+1,2,3,"a{fits}"', line(GOOD[1])) == [(2, True), (3 + MOST_LINES_IN_A_RECORD, True)]
    assert read(f'+1,2,3,"a{fits}\n"', line(GOOD[1]))[0] == (2, False)


def test_the_more_quotes_never_close_the_less_far_each_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    end_of = csv_file._end_of

    def counted(line: str, delimiter: str) -> csv_file._End:
        nonlocal looks
        looks += 1
        return end_of(line, delimiter)

    monkeypatch.setattr(csv_file, "_end_of", counted)
    assert [good for _line, good in read(*['a","'] * 3_000)] == [False] * 3_000
    assert looks < 3_000 * 20


def test_the_last_line_needs_no_line_break() -> None:
    content = f"{HEADER}\n{line(GOOD[0])}".encode()
    assert len(list(CsvFile(io.BytesIO(content)).rows())) == 1
