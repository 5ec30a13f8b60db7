"""A search for secrets in whatever a run left behind: raw, and under every wrapping that libraries put around text."""

import base64
import binascii
import logging
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connection

_DEPTH = 5
#: What may hold six digits of ours by chance: digests, UUIDs and addresses in hex, fractions, ids of thirteen digits.
_CHANCE = re.compile(
    rb"(?i)(?<![0-9a-f])(?:[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-f]+)(?![0-9a-z])"
    rb"|\d[.,]\d{3,}|(?<!\d)\d{13,}(?!\d)"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){6,}")


class Lines(logging.Handler):
    """Keeps every line of every logger, as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)r"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def everything_logged() -> Iterator[Lines]:
    """Keep whatever is logged at DEBUG, SQL with its parameters included."""
    lines, root = Lines(), logging.getLogger()
    before = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    level, debug = root.level, connection.force_debug_cursor
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    connection.force_debug_cursor = True
    yield lines
    connection.force_debug_cursor = debug
    root.removeHandler(lines)
    root.setLevel(level)
    for name, old in before.items():
        logging.getLogger(name).setLevel(old)


def found_in(texts: Mapping[str, bytes], canaries: Iterable[str]) -> dict[str, list[str]]:
    """Give, for each canary that is somewhere, the places."""
    wanted = list(canaries)
    hits: dict[str, list[str]] = {}
    for place, text in texts.items():
        seen: set[bytes] = set()
        for layer in _layers(text, seen, _DEPTH):
            plain = _CHANCE.sub(b" ", layer)
            for canary in wanted:
                if canary.encode() in plain and place not in hits.setdefault(canary, []):
                    hits[canary].append(place)
    return {canary: places for canary, places in hits.items() if places}


def whole_database() -> dict[str, bytes]:
    """Give every value of every row of every table, and on SQLite the bytes of the file too."""
    texts: dict[str, bytes] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for index, row in enumerate(cursor.fetchall()):
                texts[f"{table}[{index}]"] = b"\n".join(_as_bytes(value) for value in row)
    if isinstance(connection.connection, sqlite3.Connection):
        texts["the file of SQLite"] = connection.connection.serialize()
    return texts


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview | bytearray):
        return bytes(value)
    return str(value).encode("utf-8", "replace")


def _layers(text: bytes, seen: set[bytes], depth: int) -> Iterator[bytes]:
    """Give the text, and what comes out of it when it is unwrapped, again and again."""
    if not text or text in seen:
        return
    seen.add(text)
    yield text
    if depth == 0:
        return
    for inner in _unwrapped(text):
        yield from _layers(inner, seen, depth - 1)


def _unwrapped(text: bytes) -> Iterator[bytes]:
    for offset in range(3):
        # A stream of zlib may begin behind a few bytes of something else.
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(text[offset:])
    if b"\\u00" in text or b"\\x" in text:
        with suppress(UnicodeDecodeError):
            yield text.decode("unicode_escape").encode("utf-8", "replace")
    if b"\x00" in text:
        yield text.replace(b"\x00", b"")
    if len(text) > 1_000_000:
        return  # the whole file: its values are unwrapped one by one
    for run in _BASE64.findall(text):
        # A signature, a separator or a mark may stand in front: every way to cut it into fours.
        for start in range(4):
            piece = run[start:].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            with suppress(binascii.Error):
                yield base64.b64decode(piece + b"=" * (-len(piece) % 4))
    for run in _HEX.findall(text):
        with suppress(ValueError):
            yield bytes.fromhex(run.decode())
