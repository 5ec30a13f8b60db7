"""The lines of a text file of whatever encoding: each bounded, some of which may be put back."""

import codecs
import hashlib
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

#: In characters.
LONGEST_LINE = 64 * 1024

_BLOCK = 256 * 1024


def examine(file: BinaryIO) -> tuple[str, str]:
    """Give the SHA-256 of the file and the encoding that it is in."""
    file.seek(0)
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = ""
    while block := file.read(_BLOCK):
        if not encoding:
            utf16 = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            encoding = "utf-16" if utf16 else "utf-8-sig"
        digest.update(block)
        if encoding == "utf-8-sig":
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                encoding = "cp1252"
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        encoding = "cp1252" if encoding == "utf-8-sig" else encoding
    return digest.hexdigest(), encoding or "utf-8-sig"


class TextLines:
    """The lines of an open binary file, from its beginning; the file stays open for its owner."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        file.seek(0)
        self._text = io.TextIOWrapper(file, encoding=encoding, errors="replace")
        self._put_back: deque[str] = deque()

    def __enter__(self) -> "TextLines":
        return self

    def __exit__(self, *exc: object) -> None:
        self._text.detach()

    def __iter__(self) -> Iterator[str]:
        while (line := self.take()) is not None:
            yield line

    def take(self) -> str | None:
        """Give the next line; of one that is too long only the beginning, one character longer than allowed."""
        if self._put_back:
            return self._put_back.popleft()
        line = rest = self._text.readline(LONGEST_LINE + 1)
        while len(rest) > LONGEST_LINE and not rest.endswith("\n"):
            rest = self._text.readline(LONGEST_LINE + 1)
        return line or None

    def put_back(self, lines: list[str]) -> None:
        """Let `lines` come again, in their order."""
        self._put_back.extendleft(reversed(lines))
