"""Numbers without +: how many a file has, and some of them read under each declaration, for a person to choose."""

from collections.abc import Mapping
from dataclasses import dataclass

from contacts.consent.columns import Column
from contacts.consent.csv_file import BadLine, CsvFile
from providers.e164 import NumberRefused, Reading, has_plus, read_number


@dataclass(frozen=True, slots=True)
class Heard:
    """What a number would be under one declaration, with the region that it is of; empty where it would be none."""

    e164: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One number without +, read under each declaration that a person could make."""

    line: int
    text: str
    readings: Mapping[Reading, Heard]


@dataclass(frozen=True, slots=True)
class WithoutPlus:
    """How many numbers of a file have no +, and some of them."""

    rows: int
    count: int
    examples: tuple[Example, ...]


def numbers_without_plus(file: CsvFile, *, region: str | None = None, examples: int = 10) -> WithoutPlus:
    """Count the numbers that have no +, and read some from all over the file under each declaration."""
    place, region_place = file.places[Column.PHONE], file.places.get(Column.REGION)
    rows = count = 0
    drawn: list[tuple[int, str, str]] = []
    stride = 1
    for row in file.rows():
        rows += 1
        if isinstance(row, BadLine):
            continue
        text = row.cells[place].strip()
        if not text or text.startswith("+") or has_plus(text):
            continue
        if count % stride == 0:
            drawn.append((row.line, text, row.cells[region_place].strip().upper() if region_place is not None else ""))
        count += 1
        if len(drawn) == 4 * examples:
            # How long the file is shows at its end: keep every second one, and take half as many from here on.
            del drawn[1::2]
            stride *= 2
    return WithoutPlus(
        rows,
        count,
        tuple(
            Example(line, text, {how: _heard(text, how, own or region) for how in Reading})
            for line, text, own in _spread(drawn, examples)
        ),
    )


def _spread(drawn: list[tuple[int, str, str]], most: int) -> list[tuple[int, str, str]]:
    """Give at most so many, the first and the last among them, at even distances."""
    if len(drawn) <= most:
        return drawn
    return [drawn[place * (len(drawn) - 1) // (most - 1)] for place in range(most)]


def _heard(text: str, reading: Reading, region: str | None) -> Heard:
    try:
        number = read_number(text, reading=reading, region=region)
    except NumberRefused:
        return Heard()
    return Heard(number.e164, number.region)
