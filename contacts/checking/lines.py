"""The numbers of a run as people wrote them: split, and read under the declared reading."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from providers.e164 import Number, NumberRefused, Reading, read_number

_BETWEEN_NUMBERS = re.compile(r"[\r\n;,\t]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One number as it was written, with what it was read as or why it could not be."""

    position: int
    input: str
    number: Number | None
    problem: str = ""


def split_numbers(text: str) -> list[str]:
    """Give the numbers of a pasted text or a plain file: one a line, or between commas, semicolons and tabs."""
    parts = (part.strip() for part in _BETWEEN_NUMBERS.split(text.removeprefix("\ufeff")))
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
