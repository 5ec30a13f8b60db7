"""The mark of a restore that is under way: a table, so that no process begins on half a database, whatever killed us.

The copy that SQLite makes for a backup carries the mark from the start: put in its place by hand it is no whole
restore either, since nobody was erased again.
"""

from django.db import connection

TABLE = "waadmin_unfinished_restore"
MARK = f"CREATE TABLE {TABLE} (id integer PRIMARY KEY)"


def is_marked() -> bool:
    """Tell whether a restore into this database was begun and not finished."""
    return TABLE in connection.introspection.table_names()


def mark() -> None:
    """Set the mark."""
    with connection.cursor() as cursor:
        cursor.execute(MARK)


def clear() -> None:
    """Take the mark away: the last step of a restore."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")
