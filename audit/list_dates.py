"""The dates of a large list, drawn like Django's date hierarchy: a year, month or day is looked for, never counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime, make_aware
from django.utils.translation import gettext as _

from audit import existing

_PARTS = ("year", "month", "day")
#: A clock that went wrong once must not make a hundred links.
_MOST_YEARS = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its words, and its address, which is empty for what is chosen already."""

    words: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Dates:
    """The way back, what can be chosen, the day up to which the list goes, and what the form for another day keeps."""

    back: Choice | None
    choices: tuple[Choice, ...]
    until: date | None
    kept: tuple[tuple[str, str], ...]


def dates_of(listed: Any) -> Dates:
    """Give the dates of a `LargeList` that have rows which the person may see, whatever the list is filtered by."""
    generic = f"{listed.date_hierarchy}__"
    kept = tuple((name, value) for name, value in listed.params.items() if not name.startswith((generic, "until")))

    def link(parts: Sequence[int]) -> str:
        named = {f"{generic}{name}": str(part) for name, part in zip(_PARTS, parts, strict=False)}
        return str(listed.get_query_string(named, [generic, "until"]))

    if listed.until is not None:
        chosen = _("Up to %(day)s") % {"day": date_format(listed.until, "DATE_FORMAT")}
        return Dates(Choice(_("All dates"), link(())), (Choice(chosen),), listed.until, kept)
    parts = _chosen(listed)
    back = Choice(_words(parts[:-1]) or _("All dates"), link(parts[:-1])) if parts else None
    if len(parts) == len(_PARTS):
        return Dates(back, (Choice(_words(parts)),), None, kept)
    if not parts and len(years := _years(listed)) == 1:
        # One year is no choice: begin with its months.
        parts = (years[0],)
    spans = _spans(parts) if parts else [((year,), date(year, 1, 1), date(year + 1, 1, 1)) for year in years]
    rows = listed.root_queryset.order_by(listed.date_hierarchy)
    asked = [rows.filter(**between(listed.date_hierarchy, first, end)) for _part, first, end in spans]
    there = existing.which_exist(listed.model, asked)
    found = (
        Choice(_words(inner), link(inner)) for (inner, *_days), is_there in zip(spans, there, strict=True) if is_there
    )
    return Dates(back, tuple(found), None, kept)


def between(column: str, first: date, end: date) -> dict[str, datetime]:
    """Give the conditions of the moments from the beginning of one day to before another, in the reader's zone."""
    return {f"{column}__gte": midnight(first), f"{column}__lt": midnight(end)}


def midnight(day: date) -> datetime:
    """Give the moment at which a day begins in the reader's zone."""
    return make_aware(datetime.combine(day, time.min))


def _chosen(listed: Any) -> tuple[int, ...]:
    """Give year, month and day as far as the address names them; the list has looked at them already."""
    values = []
    for part in _PARTS:
        value = listed.params.get(f"{listed.date_hierarchy}__{part}")
        if not value:
            break
        values.append(int(value))
    return tuple(values)


def _years(listed: Any) -> list[int]:
    """Give the years from the first row of the table to the last one, the latest ones of too many."""
    ends = existing.ends(listed.model, listed.date_hierarchy)
    if None in ends:
        return []
    first, last = (localtime(end).year for end in ends)
    return list(range(max(first, last - _MOST_YEARS + 1), last + 1))


def _spans(parts: tuple[int, ...]) -> list[tuple[tuple[int, ...], date, date]]:
    """Give the months of a year or the days of a month: what each is called by, its first day, and the day after it."""
    if len(parts) == 1:
        (year,) = parts
        firsts = [date(year, month, 1) for month in range(1, 13)]
        return [((year, one.month), one, _next_month(one)) for one in firsts]
    first = date(parts[0], parts[1], 1)
    days = [first + timedelta(days=place) for place in range((_next_month(first) - first).days)]
    return [((day.year, day.month, day.day), day, day + timedelta(days=1)) for day in days]


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _words(parts: Sequence[int]) -> str:
    match parts:
        case (year,):
            return str(year)
        case (year, month):
            return capfirst(date_format(date(year, month, 1), "YEAR_MONTH_FORMAT"))
        case (year, month, day):
            return capfirst(date_format(date(year, month, day), "MONTH_DAY_FORMAT"))
    return ""
