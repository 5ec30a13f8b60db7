"""Writing one dataset as CSV or JSON Lines: by PostgreSQL itself where it can, row by row in Python elsewhere.

Memory stays flat either way: lines are joined to blocks, and a block is digested and written before the next is made.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from django.db import connection

from audit.csv_cells import safe_cell, safe_lines
from audit.export import statements
from audit.export.datasets import Dataset, Kind, Row, Scope

_BLOCK = 64 * 1024
_ROWS_AT_ONCE = 2_000

#: Is told after each block how many rows are written since the last time; may raise to end the export.
Tick = Callable[[int], None]


class DigestingFile:
    """A file that knows how many bytes went into it and their SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0

    def write(self, block: bytes) -> None:
        """Write a block."""
        self._digest.update(block)
        self._file.write(block)
        self.bytes += len(block)

    @property
    def sha256(self) -> str:
        """The digest of what was written so far."""
        return self._digest.hexdigest()


def write_csv(dataset: Dataset, scope: Scope, file: DigestingFile, tick: Tick) -> int:
    """Write the dataset as CSV with a header, and give how many rows it had."""
    file.write((",".join(f'"{name}"' for name in dataset.column_names) + "\n").encode())
    if _by_database(dataset) and dataset.columns[0].kind not in statements.QUOTED:
        return _copy(statements.for_csv_copy(dataset, scope), file, tick, safe_lines)
    writers = [_csv_cell(column.kind) for column in dataset.columns]
    return write_lines(
        (
            ",".join([write(value) for write, value in zip(writers, row, strict=True)]).encode()
            for row in rows_of(dataset, scope)
        ),
        file,
        tick,
    )


def write_json_lines(dataset: Dataset, scope: Scope, file: DigestingFile, tick: Tick) -> int:
    """Write the dataset as one JSON object a line, and give how many rows it had."""
    if _by_database(dataset):
        return _copy(statements.for_json_copy(dataset, scope), file, tick)
    names = dataset.column_names
    readers = [_json_value(column.kind) for column in dataset.columns]
    return write_lines(
        (
            json.dumps(
                {name: read(value) for name, read, value in zip(names, readers, row, strict=True)}, ensure_ascii=False
            ).encode()
            for row in rows_of(dataset, scope)
        ),
        file,
        tick,
    )


def rows_of(dataset: Dataset, scope: Scope) -> Iterator[Row]:
    """Give the rows for Python to write: text, whole numbers, or nothing; a flag is the text true or false."""
    if dataset.rows is not None:
        yield from dataset.rows(scope)
        return
    sql, parameters = statements.for_rows(dataset, scope, connection.vendor)
    readers = [(place, column.read) for place, column in enumerate(dataset.columns) if column.read]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            if not readers:
                yield from rows
                continue
            for row in rows:
                values = list(row)
                for place, read in readers:
                    if values[place] is not None:
                        values[place] = read(bytes(values[place]))
                yield values


def write_lines(lines: Iterable[bytes], file: DigestingFile, tick: Tick) -> int:
    """Write lines, each with its end, and give how many there were."""
    block: list[bytes] = []
    size = count = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= _BLOCK:
            file.write(b"\n".join(block) + b"\n")
            tick(len(block))
            count += len(block)
            block, size = [], 0
    if block:
        file.write(b"\n".join(block) + b"\n")
        tick(len(block))
    return count + len(block)


def _by_database(dataset: Dataset) -> bool:
    """Tell whether PostgreSQL can write the lines itself: not what is worked out or decrypted here."""
    return (
        connection.vendor == "postgresql"
        and dataset.rows is None
        and not any(column.read for column in dataset.columns)
    )


def _copy(
    statement: statements.Statement,
    file: DigestingFile,
    tick: Tick,
    mend: Callable[[bytes], bytes] = lambda lines: lines,
) -> int:
    """Take lines from PostgreSQL as they come, joined to blocks: a write for each would cost more than the line."""
    block: list[memoryview | bytes] = []
    size = count = 0
    with connection.cursor() as cursor, cursor.copy(*statement) as copy:
        for line in copy:
            block.append(line)
            size += len(line)
            if size >= _BLOCK:
                file.write(mend(b"".join(block)))
                tick(len(block))
                count += len(block)
                block, size = [], 0
    if block:
        file.write(mend(b"".join(block)))
        tick(len(block))
    return count + len(block)


def _csv_cell(kind: Kind) -> Callable[[object], str]:
    if kind in statements.QUOTED:
        return lambda value: "" if value is None else '"' + safe_cell(as_text(value)).replace('"', '""') + '"'
    return lambda value: "" if value is None else as_text(value)


def as_text(value: object) -> str:
    """Give the text of one value: JSON as JSON, a flag as true or false."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _json_value(kind: Kind) -> Callable[[object], object]:
    if kind is Kind.FLAG:
        return lambda value: {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    if kind is Kind.JSON:
        return lambda value: json.loads(value) if isinstance(value, str) else value
    if kind is Kind.UUID:
        return lambda value: None if value is None else str(value)
    return lambda value: value
