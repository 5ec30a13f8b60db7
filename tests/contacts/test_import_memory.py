"""An import takes the memory of a chunk, whatever the file is like."""

import io
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from contacts.consent import chunk as chunks
from contacts.consent.csv_file import LONGEST_CELL, BadLine, CsvFile
from providers.models import Business
from tests.contacts.csv_files import HEADER, csv_of, imported, line

MEGABYTE = 1024 * 1024


class Endless(io.RawIOBase):
    """A file of many bytes that exist only while they are read."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self._parts = parts
        self._rest, self._coming = b"", parts()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        self._rest, self._coming = b"", self._parts()
        return 0

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            part = next(self._coming, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def peak(parts: Callable[[], Iterator[bytes]]) -> tuple[float, list[bool]]:
    """Give the most memory that reading took, in MB, and whether each row could be read."""
    tracemalloc.start()
    try:
        file = CsvFile(io.BufferedReader(Endless(parts)))
        good = [not isinstance(row, BadLine) for row in file.rows()]
        return tracemalloc.get_traced_memory()[1] / MEGABYTE, good
    finally:
        tracemalloc.stop()


def test_a_line_of_fifty_megabytes_is_one_bad_line() -> None:
    def parts() -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        for _ in range(50):
            yield b"x" * MEGABYTE
        yield b"\n" + line("+447400000100").encode() + b"\n"

    megabytes, good = peak(parts)
    assert good == [False, True]
    assert megabytes < 5


def test_cells_of_a_hundred_thousand_characters_are_bad_lines() -> None:
    def parts() -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        for _ in range(100):
            yield line("+447400000100").encode() + b"x" * 10 * LONGEST_CELL + b"\n"

    megabytes, good = peak(parts)
    assert good == [False] * 100
    assert megabytes < 5


def test_a_quote_that_never_closes_is_not_followed_to_the_end() -> None:
    def parts() -> Iterator[bytes]:
        yield HEADER.encode() + b'\n"' + line("+447400000100").encode() + b"\n"
        for _ in range(1_000):
            yield (line("+447400000100") + "\n").encode() * 100

    megabytes, good = peak(parts)
    assert good == [False] + [True] * 100_000
    assert megabytes < 5


@pytest.mark.django_db
def test_long_evidence_makes_smaller_chunks(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_CHARACTERS", 50_000)
    sizes: list[int] = []
    packed = chunks.Chunk.packed
    monkeypatch.setattr(chunks.Chunk, "packed", lambda self, *ids: (sizes.append(len(self)), packed(self, *ids))[1])
    lines = [f"+4474000001{n:02d},2026-01-05,web,{'x' * LONGEST_CELL}" for n in range(12)]
    result, _bad = imported(csv_of(*lines), acme)
    assert result.granted == 12
    assert max(sizes) == 5
