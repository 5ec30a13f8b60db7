"""Before a person declares how a file's numbers are to be read, they see some of them read aloud each way."""

import io
from itertools import pairwise

from contacts.consent.csv_file import CsvFile
from contacts.consent.without_plus import numbers_without_plus
from providers.e164 import Reading
from tests.contacts.csv_files import HEADER, csv_of, line


def test_numbers_without_plus_are_counted_and_ten_are_read_each_way() -> None:
    lines = [line("+525512345678"), line("(+52) 55 1234 5679"), line(""), line("631-555-1002")]
    content = csv_of(*lines, *(line(f"5255123456{n:02d}") for n in range(20)))
    found = numbers_without_plus(CsvFile(io.BytesIO(content)), region="US")
    assert (found.rows, found.count, len(found.examples)) == (24, 21, 10)
    national, full = found.examples[0], found.examples[1]
    assert (national.line, national.text) == (5, "631-555-1002")
    assert national.readings[Reading.NATIONAL].e164 == "+16315551002"
    assert national.readings[Reading.E164].e164 == ""
    assert (full.readings[Reading.DIGITS].e164, full.readings[Reading.DIGITS].region) == ("+525512345601", "MX")


def test_the_ten_are_drawn_from_all_over_the_file() -> None:
    for lines in (11, 40, 41, 997, 5_000):
        content = csv_of(*(line(f"52551{n:07d}") for n in range(lines)))
        examples = numbers_without_plus(CsvFile(io.BytesIO(content))).examples
        gaps = [after.line - before.line for before, after in pairwise(examples)]
        assert len(examples) == 10
        assert examples[0].line == 2
        assert examples[-1].line > 0.9 * lines, "the end of the file is looked at too"
        assert max(gaps) <= 2 * min(gaps) + 1, "at even distances"


def test_a_line_of_another_region_is_read_as_of_that_region() -> None:
    content = csv_of(line("0151 12345678", "de"), header=f"{HEADER},region")
    found = numbers_without_plus(CsvFile(io.BytesIO(content)), region="MX")
    assert found.examples[0].readings[Reading.NATIONAL].e164 == "+4915112345678"


def test_lines_that_cannot_be_read_are_counted_and_not_shown() -> None:
    found = numbers_without_plus(CsvFile(io.BytesIO(csv_of(line("\x00")))))
    assert (found.rows, found.count) == (1, 0)
