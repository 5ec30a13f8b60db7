"""What there is, found by looking for it in an index: one row each, never a walk over all of them."""

from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet, Subquery

#: More values than this are no choice any more.
MOST_VALUES = 200


def which_exist(model: type[Model], questions: Iterable[QuerySet[Any]]) -> list[bool]:
    """Tell of each of these reads of a model whether it has a row, all in one query.

    Each is in an order that an index gives: for an EXISTS without one PostgreSQL would read a table from its beginning,
    expecting a match soon, and the latest rows lie at the end.
    """
    asked = {f"there_{place}": Subquery(rows.values("pk")[:1]) for place, rows in enumerate(questions)}
    # Some row has to carry the answers.
    carrier = model._base_manager.order_by("pk").annotate(**asked).values_list(*asked)
    return [answer is not None for answer in next(iter(carrier[:1]), (None,) * len(asked))] if asked else []


def ends(model: type[Model], column: str) -> tuple[Any, Any]:
    """Give the first and the last value of a column that an index begins with; None and None for an empty table."""
    rows = model._base_manager.filter(**{f"{column}__isnull": False})
    # Each end by itself: asked for the least and the greatest at once, SQLite reads every row.
    orders = {"first_end": column, "last_end": f"-{column}"}
    asked = {name: Subquery(rows.order_by(order).values(column)[:1]) for name, order in orders.items()}
    carrier = model._base_manager.order_by("pk").annotate(**asked).values_list(*asked)
    return next(iter(carrier[:1]), (None, None))


def values(model: type[Model], column: str) -> list[str]:
    """Give the different values of a column in order, by leaps from one to the next in an index that begins with it."""
    connection = connections[model._base_manager.db]
    field: Any = model._meta.get_field(column)
    name, table = (connection.ops.quote_name(part) for part in (field.column, model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE found (value, place) AS (
                SELECT min({name}), 1 FROM {table}
                UNION ALL
                SELECT (SELECT min({name}) FROM {table} WHERE {name} > found.value), place + 1
                FROM found WHERE value IS NOT NULL AND place < %s
            )
            SELECT value FROM found WHERE value IS NOT NULL
            """,
            [MOST_VALUES],
        )
        return [value for (value,) in cursor.fetchall()]
