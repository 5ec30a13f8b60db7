"""Statements that PostgreSQL plans once a connection and not once a call: those that everything else waits for."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

_CURSORS: WeakKeyDictionary[psycopg.Connection, psycopg.Cursor] = WeakKeyDictionary()


def fetch(database: BaseDatabaseWrapper, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run a statement that gives rows, planned beforehand where the database can; numbers are best given as text."""
    if database.vendor != "postgresql":
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    database.validate_no_broken_transaction()
    database.ensure_connection()
    raw = database.connection
    own: psycopg.Cursor | None = _CURSORS.get(raw)
    if own is None:
        # Django's own cursors bind parameters in the client, and what they send cannot be prepared.
        own = _CURSORS[raw] = psycopg.Cursor(raw)
    with database.wrap_database_errors:
        found: list[Any] = own.execute(statement, values, prepare=True).fetchall()
    return found
