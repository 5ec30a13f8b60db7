"""How many rows a list has: counted up to a bound, or what the database knows of the whole table, and said in words."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import Model, QuerySet
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import existing

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

#: Rows are counted one by one up to here.
COUNTED = 10_000

_EXACTLY: Any = "%(count)s"
_ABOUT: Any = _("about %(count)s")
_MORE_THAN: Any = _("more than %(count)s")


class Count(int):
    """A number of rows whose text says how sure it is: `412`, `about 5,000,000` or `more than 10,000`."""

    _words: str | Promise

    def __new__(cls, number: int, words: str | Promise = _EXACTLY) -> Self:
        """Make a number; `words` have a place for it, `%(count)s`."""
        made = super().__new__(cls, number)
        made._words = words
        return made

    def __str__(self) -> str:
        return str(self._words) % {"count": number_format(int(self), force_grouping=True)}

    @property
    def is_exact(self) -> bool:
        """Tell whether there are exactly so many."""
        return self._words is _EXACTLY


class CappedPaginator(_Paginator):
    """Django's paginator for what still asks for one (autocompletes): it counts no further than COUNTED."""

    @cached_property
    def count(self) -> int:
        """Give how many rows there are, at most COUNTED."""
        return int(up_to_bound(self.object_list))  # type: ignore[arg-type]


def count(rows: QuerySet[Any]) -> Count:
    """Count rows: a whole large table by what the database knows of it, everything else up to COUNTED."""
    if not rows.query.has_filters() and (known := about(rows.model)) > COUNTED:
        # Two figures: what the database knows is as old as its last look at the table.
        return Count(round(known, 2 - len(str(known))), _ABOUT)
    return up_to_bound(rows)


def up_to_bound(rows: QuerySet[Any]) -> Count:
    """Count rows one by one, at most COUNTED of them."""
    found = rows.order_by().values("pk")[: COUNTED + 1].count()
    return Count(COUNTED, _MORE_THAN) if found > COUNTED else Count(found)


def about(model: type[Model]) -> int:
    """Give how many rows a table has as far as the database knows without reading it; 0 where it does not."""
    connection = connections[model._base_manager.db]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)",
                [connection.ops.quote_name(model._meta.db_table)],
            )
            row = cursor.fetchone()
        return max(0, row[0]) if row else 0
    # Rows are numbered as they come and seldom go, the oldest first.
    first, last = existing.ends(model, "pk")
    return 0 if first is None else int(last - first + 1)
