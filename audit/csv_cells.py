"""One rule for every cell of every CSV file: no spreadsheet runs what somebody else wrote into it."""

import re
from typing import Any

_STARTS_A_FORMULA = ("=", "@", "+", "-", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
#: The same rule for a line that is written already: what opens a cell that would be computed. In a quoted cell each
#: quotation mark is doubled, so a single one behind a comma opens a cell and never stands in one.
_OPENS_A_FORMULA = re.compile(rb',"(?=[=@\t\r-]|\+(?![1-9][0-9]{6,14}"(?!")))')
#: What a spreadsheet keeps as it is: begins with a letter, and is no word with a number behind it, which may be a date.
_SURELY_TEXT = re.compile(r"(?![^\W\d_]{3,10}[\W_]*\d[\d\W]*\Z)[^\W\d_].*", re.DOTALL)


def safe_cell(value: Any) -> str:
    """Give the text of a cell: a leading ' where a spreadsheet would compute it; an E.164 number keeps its plus."""
    text = "" if value is None else str(value)
    if text.startswith(_STARTS_A_FORMULA) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text


def safe_lines(lines: bytes) -> bytes:
    """Do the same to whole CSV lines whose texts are all in quotation marks, none of them in the first column."""
    return _OPENS_A_FORMULA.sub(b",\"'", lines)


def text_cell(value: Any) -> str:
    """Give a cell that goes through a spreadsheet and back unchanged: a ' before whatever is not surely text.

    Otherwise a number loses its plus, its noughts or its last digits, and a date is written anew. `read_text_cell`
    takes the ' off again.
    """
    text = "" if value is None else str(value)
    return text if not text or _SURELY_TEXT.fullmatch(text) else "'" + text


def read_text_cell(text: str) -> str:
    """Read what `text_cell` wrote."""
    return text.removeprefix("'")
