"""The SELECT of a dataset, as each database and format wants it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from audit.export.datasets import BUSINESS, Column, Dataset, Kind, Scope

#: A statement and its parameters.
Statement = tuple[str, list[str]]

#: The kinds that stand in quotation marks in a CSV file: they are made safe against formulas, and a spreadsheet can be
#: told to keep them as text.
QUOTED = frozenset({Kind.TEXT, Kind.WORD, Kind.JSON})


def for_csv_copy(dataset: Dataset, scope: Scope) -> Statement:
    """Give the statement with which PostgreSQL writes the dataset's CSV lines, without their header.

    Cells are not made safe here: `audit.csv_cells.safe_lines` does that to the lines for a fifth of what SQL takes.
    """
    cells = [_as_cell(column, "postgresql") for column in dataset.columns]
    select, parameters = _select(dataset, scope, _aliased(dataset, cells))
    quoted = ", ".join(f'"{column.name}"' for column in dataset.columns if column.kind in QUOTED)
    force = f", FORCE_QUOTE ({quoted})" if quoted else ""
    return f"COPY ({select}) TO STDOUT (FORMAT csv{force})", parameters


def for_json_copy(dataset: Dataset, scope: Scope) -> Statement:
    """Give the statement with which PostgreSQL writes the dataset as JSON Lines.

    Not with row_to_json, which looks every column's type up anew for every row. The format is CSV with a quotation mark
    and a delimiter that JSON always escapes, so nothing is ever quoted: the text format would double every backslash.
    """
    members = [f"""'{sign}"{column.name}":', {_as_json(column)}""" for sign, column in _with_signs(dataset.columns)]
    select, parameters = _select(dataset, scope, [f"concat({', '.join(members)}, '}}')"])
    return f"COPY ({select}) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')", parameters


def for_rows(dataset: Dataset, scope: Scope, vendor: str) -> Statement:
    """Give the statement whose rows Python writes: everything as text, numbers as numbers, encrypted bytes as bytes."""
    cells = [column.sql if column.read else _as_cell(column, vendor) for column in dataset.columns]
    return _select(dataset, scope, cells)


def condition(dataset: Dataset, scope: Scope) -> Statement:
    """Give what keeps the dataset to the scope, for behind WHERE; never empty."""
    parts = [f"({dataset.where})"] if dataset.where else []
    parameters: list[str] = []
    if dataset.time:
        if scope.since is not None:
            parts.append(f"{dataset.time} >= %s")
            parameters.append(_instant(scope.since))
        parts.append(f"{dataset.time} < %s")
        parameters.append(_instant(scope.until))
    for name, identity in scope.filters.items():
        if name in dataset.filters:
            parts.append(f"({dataset.filters[name].format(int(identity))})")
    if dataset.strictly and not scope.of_every_business:
        parts.append(f"({dataset.strictly.format(int(scope.filters[BUSINESS]))})")
    parts += [f"({seen})" for permission, seen in dataset.without.items() if not scope.sees(permission)]
    return " AND ".join(parts) or "1 = 1", parameters


def _select(dataset: Dataset, scope: Scope, expressions: Sequence[str]) -> Statement:
    where, parameters = condition(dataset, scope)
    order = f" ORDER BY {dataset.order}" if dataset.order else ""
    return f"SELECT {', '.join(expressions)} FROM {dataset.source} WHERE {where}{order}", parameters


def _aliased(dataset: Dataset, expressions: Sequence[str]) -> list[str]:
    return [f'{sql} AS "{column.name}"' for sql, column in zip(expressions, dataset.columns, strict=True)]


def _as_cell(column: Column, vendor: str) -> str:
    """Give the SQL of the text that stands in a cell: the same on both databases."""
    sql, on_sqlite = column.sql, vendor == "sqlite"
    match column.kind:
        case Kind.TIME:
            return _SQLITE_TIME.format(sql) if on_sqlite else f"to_char({sql}, '{_TIME}')"
        case Kind.FLAG:
            return f"CASE WHEN {sql} THEN 'true' WHEN NOT ({sql}) THEN 'false' END"
        case Kind.UUID:
            return " || '-' || ".join(f"substr({sql}, {at}, {many})" for at, many in _UUID) if on_sqlite else sql
        case Kind.HEX:
            return f"CASE WHEN {sql} IS NOT NULL THEN lower(hex({sql})) END" if on_sqlite else f"encode({sql}, 'hex')"
        case _:
            return sql


def _with_signs(columns: Sequence[Column]) -> list[tuple[str, Column]]:
    """Give each column with the sign that stands before it in an object."""
    return [("," if place else "{", column) for place, column in enumerate(columns)]


def _as_json(column: Column) -> str:
    """Give the PostgreSQL expression of the JSON of a value; concat leaves out what is NULL, so it is written out."""
    match column.kind:
        case Kind.TEXT | Kind.WORD:
            text = f"to_json({column.sql})::text"
        case Kind.NUMBER | Kind.FLAG | Kind.JSON:
            text = f"({column.sql})::text"
        case _:
            text = f"""'"' || ({_as_cell(column, "postgresql")}) || '"'"""
    return f"coalesce({text}, 'null')"


#: The canonical form of the ledger, so that a row can be held against a root: 2026-05-03T10:00:00.000000Z. The
#: snapshot's time zone is UTC.
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_SQLITE_TIME = (
    "substr({0}, 1, 10) || 'T' || substr({0}, 12, 8) || '.' || substr(substr({0}, 21) || '000000', 1, 6) || 'Z'"
)
#: Where the five parts of a UUID stand in the 32 digits that SQLite keeps.
_UUID = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


def _instant(at: datetime) -> str:
    """Write a time as SQLite keeps it, where text is compared: in UTC, without a zone, no more digits than needed."""
    return str(at.astimezone(UTC).replace(tzinfo=None))
