"""Lists of large tables in the stock admin: a page costs the same, however many rows there are.

Nothing is counted in full (`audit.counting`), no page is reached by skipping rows, and months are looked for, never
listed (`audit.list_dates`). A page begins beside a row that the address names by its primary key. What rows are sorted
by, such as a person's number, never stands in the address.
"""

import re
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, F, Func, OrderBy, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import counting
from audit.list_dates import Dates, dates_of, midnight

AFTER, BEFORE, UNTIL = "after", "before", "until"
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SORTED_BY = re.compile(r"(-?)([0-9]{1,2})", re.ASCII)
#: Years beyond these are no years of any row, and some cannot be computed with.
_YEARS = range(1970, 2200)


class _Beyond(Func):
    """Compares rows as wholes, (a, b) < (x, y): an index over (a, b) begins exactly there, however many a are equal."""

    output_field = BooleanField()

    def __init__(self, *columns_and_values: Any, sign: str = "<") -> None:
        super().__init__(*columns_and_values)
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Write both rows with the sign between them."""
        parts = [compiler.compile(part) for part in self.source_expressions]
        half = len(parts) // 2
        left, right = (", ".join(sql for sql, _params in some) for some in (parts[:half], parts[half:]))
        return f"({left}) {self.sign} ({right})", [value for _sql, params in parts for value in params]


class LargeList(ChangeList):
    """A change list that begins beside a row, goes on and back from there, and can go to a day."""

    model_admin: Any
    newer_url = older_url = first_url = ""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Give what filters read: not the day up to which the list goes."""
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(UNTIL, None)
        return found

    def get_filters(self, request: HttpRequest) -> Any:
        """Read the filters; a year that no row can be of, or a NUL, leads back to the list."""
        # PostgreSQL ends every question about a NUL with an error.
        if any("\x00" in text for text in (*request.GET, *request.GET.values())):
            raise IncorrectLookupParameters
        year = self.params.get(f"{self.date_hierarchy}__year") if self.date_hierarchy else None
        if year is not None and not (_ID.fullmatch(year) and int(year) in _YEARS):
            raise IncorrectLookupParameters
        return super().get_filters(request)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Give the rows that filters, search, dates and order leave; where the page begins is not in it yet."""
        self._place = {name: value for name in (AFTER, BEFORE) if (value := self._taken(name)) is not None}
        self.until = self._day(request)
        # Django would count each choice of each filter in full.
        self.add_facets = self.is_facets_optional = False
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        self._count_dates_as_filters()
        if self.until is None:
            return rows
        return rows.filter(**{f"{self.date_hierarchy}__lt": midnight(self.until + timedelta(days=1))})

    def _count_dates_as_filters(self) -> None:
        """Let “Clear all filters” clear the chosen dates too."""
        ours = [name for spec in self.filter_specs for name in spec.expected_parameters() if name]
        if self.date_hierarchy:
            ours += [UNTIL, f"{self.date_hierarchy}__"]
            self.has_active_filters = bool(self.has_active_filters or self._is_dated)
        self.clear_all_filters_qs = self.get_query_string(remove=ours)

    @property
    def _is_dated(self) -> bool:
        return self.until is not None or f"{self.date_hierarchy}__year" in self.params

    def _taken(self, name: str) -> str | None:
        """Take a parameter of ours out of what links carry on."""
        self.filter_params.pop(name, None)
        value: str | None = self.params.pop(name, None)
        return value

    def _day(self, request: HttpRequest) -> date | None:
        written = self.params.get(UNTIL)
        if self.date_hierarchy and written and _DAY.fullmatch(written):
            try:
                day = date.fromisoformat(written)
            except ValueError:
                day = None
            if day is not None and day.year in _YEARS:
                return day
        self._taken(UNTIL)
        if written:
            words = _("“%(written)s” is no day. Write it as year-month-day, such as 2026-05-03.")
            messages.warning(request, words % {"written": written[:40]})
        return None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Give one column, and the primary key where rows can be equal in it, both in the same direction."""
        column = self._chosen_column() or self._usual_column()
        self._descending = column.startswith("-")
        name = column.removeprefix("-")
        self._columns = (name,) if self._is_unique(name) else (name, "pk")
        return [f"-{one}" if self._descending else one for one in self._columns]

    def _chosen_column(self) -> str:
        """Give what the address sorts by, where this person may sort by it."""
        match = _SORTED_BY.fullmatch(str(self.params.get(ORDER_VAR, "")).partition(".")[0])
        self._sorted_column: dict[int, str] = {}
        if (
            match
            and int(match[2]) < len(self.list_display)
            and self.list_display[int(match[2])] in (self.sortable_by or ())
        ):
            field = self.get_ordering_field(self.list_display[int(match[2])])
            if isinstance(field, str):
                self._sorted_column = {int(match[2]): "desc" if match[1] else "asc"}
                return match[1] + field
        self._taken(ORDER_VAR)
        return ""

    def _usual_column(self) -> str:
        """Give the latest first while dates are chosen, and else what the list is usually sorted by."""
        if self.date_hierarchy and self._is_dated:
            return f"-{self.date_hierarchy}"
        usual: list[Any] = [*(self.model_admin.ordering or self.lookup_opts.ordering or ("-pk",))]
        return str(usual[0])

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """Give which column shows that the list is sorted by it."""
        return self._sorted_column

    def _is_unique(self, name: str) -> bool:
        try:
            field = self.lookup_opts.get_field(name)
        except FieldDoesNotExist:
            return name == "pk"
        alone = [constraint.fields for constraint in self.lookup_opts.total_unique_constraints]
        return bool(getattr(field, "unique", False)) or (name,) in map(tuple, alone)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and look whether there is another on each side."""
        self.result_count = counting.count(self.queryset)
        # Few rows of a large table: to look through the table in its order for them would take for ever.
        few = self.result_count.is_exact and counting.about(self.model) > counting.COUNTED
        rows, has_newer, has_older = self._page(request, few=few)
        if rows and has_newer:
            self.newer_url, self.first_url = self.get_query_string({BEFORE: rows[0].pk}), self.get_query_string()
        if rows and has_older:
            self.older_url = self.get_query_string({AFTER: rows[-1].pk})
        self.model_admin.bring_along(rows)
        self.result_list = rows
        # What the stock templates ask for; its paginator is never shown.
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        # Equal to the other one it is not said twice, and there is nothing to show all of.
        self.full_result_count = None if self.query or self.has_active_filters else self.result_count

    @property
    def is_by_time(self) -> bool:
        """Tell whether further pages are older ones, as opposed to merely the next ones."""
        return self._descending and not self._sorted_column

    @property
    def dates(self) -> Dates | None:
        """The dates to choose from; None for a list without them."""
        return dates_of(self) if self.date_hierarchy else None

    def _page(self, request: HttpRequest, *, few: bool) -> tuple[list[Any], bool, bool]:
        """Give the rows of the page, and whether there may be rows before and after it."""
        direction, beside = next(iter(self._place.items()), ("", ""))
        if direction:
            position = self._position(beside)
            rows = self._rows(position, few=few, backwards=direction == BEFORE) if position else []
            if rows:
                more = len(rows) > self.list_per_page
                rows = rows[: self.list_per_page]
                return (rows[::-1], more, True) if direction == BEFORE else (rows, True, more)
            words = _("The page that this address named is not there any more, so the list begins anew.")
            messages.info(request, words)
        rows = self._rows((), few=few)
        return rows[: self.list_per_page], False, len(rows) > self.list_per_page

    def _position(self, beside: str) -> tuple[Any, ...]:
        """Give what the row beside the page is sorted by; nothing for a row that this person cannot see."""
        if not _ID.fullmatch(beside):
            return ()
        if self._columns == (self.lookup_opts.pk.name,) or self._columns == ("pk",):
            # The row itself may have gone meanwhile.
            return (int(beside),)
        row: tuple[Any, ...] | None = self.root_queryset.filter(pk=int(beside)).values_list(*self._columns).first()
        return row or ()

    def _rows(self, position: tuple[Any, ...], *, few: bool, backwards: bool = False) -> list[Any]:
        """Read a page and one row more, in the order of the list or, `backwards`, against it."""
        descending = self._descending != backwards
        columns = [F(name) for name in self._columns]
        rows = self.queryset
        if position:
            fields: list[Any] = [
                self.lookup_opts.pk if name == "pk" else self.lookup_opts.get_field(name) for name in self._columns
            ]
            values = [Value(value, output_field=field) for value, field in zip(position, fields, strict=True)]
            rows = rows.filter(_Beyond(*columns, *values, sign="<" if descending else ">"))
        # COALESCE(x, x) is x, and no index is in its order: what the filters leave is sorted instead.
        ordered = [Coalesce(column, column) if few else column for column in columns]
        return list(rows.order_by(*(OrderBy(one, descending=descending) for one in ordered))[: self.list_per_page + 1])
