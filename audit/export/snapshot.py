"""One consistent snapshot for a whole export: every dataset sees the database as it was at the same moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

#: What PostgreSQL may use for each join and sort of an export.
_WORK_MEM = "32MB"


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the database as it is now, whatever is written meanwhile; nothing can be written inside.

    PostgreSQL gives it at REPEATABLE READ. On SQLite it is a deferred transaction, which holds no writer up: the
    IMMEDIATE one that everything else here uses would.
    """
    if connection.in_atomic_block:
        # Only a test's own transaction passes; any other would be a snapshot of something else.
        with transaction.atomic(durable=True):
            yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # The form of times in files must not depend on the server's settings.
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
            cursor.execute("SET LOCAL DateStyle = 'ISO'")
            # Whole tables are joined and sorted: with the server's usual few MB the planner goes to each person by an
            # index, which takes twice as long. What it compiles it uses for seconds only.
            cursor.execute(
                "SELECT set_config('work_mem', %s, true) WHERE pg_size_bytes(current_setting('work_mem')) < "
                "pg_size_bytes(%s)",
                [_WORK_MEM, _WORK_MEM],
            )
            cursor.execute("SET LOCAL jit = off")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                # A deferred transaction begins with its first read.
                cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1")
                cursor.fetchall()
                yield
            finally:
                cursor.execute("ROLLBACK")
