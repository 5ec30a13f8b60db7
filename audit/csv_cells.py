"""One rule for every cell of every CSV file: no spreadsheet runs what somebody else wrote into it."""

import re
from typing import Any

_STARTS_A_FORMULA = ("=", "@", "+", "-", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


def safe_cell(value: Any) -> str:
    """Give the text of a cell: a leading ' where a spreadsheet would compute it; an E.164 number keeps its plus."""
    text = "" if value is None else str(value)
    if text.startswith(_STARTS_A_FORMULA) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text
