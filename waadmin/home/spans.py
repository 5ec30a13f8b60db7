"""Spans of time that are counted in: days as the reader's clock has them, and the hours of the last day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db.models import Count, IntegerField, QuerySet, Value
from django.db.models.expressions import BaseExpression
from django.utils.formats import date_format

_HOUR = timedelta(hours=1)
#: So many seconds what is over is not counted anew: only what goes on is counted each time.
KEEP_SECONDS = 60

#: The place of a span, and what was counted in it.
Counted = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Span:
    """A span with its name; its end is the beginning of the next one."""

    name: str
    begins_at: datetime
    ends_at: datetime


def days(count: int, *, now: datetime, zone: tzinfo) -> tuple[Span, ...]:
    """Give the last days until the end of today; where clocks change, a day has 23 or 25 hours."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in range(count - 1, -2, -1)]
    midnights = [datetime.combine(date, time.min, tzinfo=zone).astimezone(UTC) for date in dates]
    return tuple(
        Span(date_format(date, "j M"), begins_at, ends_at)
        for date, begins_at, ends_at in zip(dates, midnights, midnights[1:], strict=False)
    )


def hours(count: int, *, now: datetime, zone: tzinfo) -> tuple[Span, ...]:
    """Give the last hours until the end of this one, named as the clock in `zone` shows their beginning."""
    local = now.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    # In UTC: no clock is put back between an hour's beginning and now.
    current = now.astimezone(UTC) - past
    begins = [current - _HOUR * back for back in range(count - 1, -1, -1)]
    return tuple(Span(f"{at.astimezone(zone):%H:%M}", at, at + _HOUR) for at in begins)


def per_span(
    rows: QuerySet[Any],
    spans: Sequence[Span],
    *,
    at: str,
    by: Sequence[str] = (),
    figures: Mapping[str, BaseExpression] | None = None,
) -> Iterator[Counted]:
    """Count rows in each span by the values of `by`, or add up `figures`, and give each with the place of its span.

    One query: for each span a range of the index that begins with `at`, so neither database puts a time into a zone.
    """
    wanted = figures or {"rows": Count("*")}
    parts = [
        rows.filter(**{f"{at}__gte": span.begins_at, f"{at}__lt": span.ends_at})
        .order_by()
        .annotate(span=Value(place, output_field=IntegerField()))
        .values_list("span", *by)
        .annotate(**wanted)
        for place, span in enumerate(spans)
    ]
    for place, *values in parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]:
        yield place, tuple(values)


def over_and_current(
    rows: QuerySet[Any],
    spans: Sequence[Span],
    *,
    kept_as: str,
    reached: Iterable[int] | None,
    at: str,
    by: Sequence[str] = (),
    figures: Mapping[str, BaseExpression] | None = None,
) -> list[Counted]:
    """Count as `per_span` does, and keep what was counted in all spans but the last for a minute.

    `reached` are the businesses whose rows these are: what one person may see is never kept for another.
    """
    over = spans[:-1]
    whose = "all" if reached is None else ",".join(map(str, sorted(reached)))
    told = f"{whose} {spans[0].begins_at.isoformat()} {spans[-1].begins_at.isoformat()}"
    key = f"waadmin.home.{kept_as}.{sha256(told.encode()).hexdigest()}"
    counted = cache.get(key)
    if counted is None:
        counted = list(per_span(rows, over, at=at, by=by, figures=figures))
        cache.set(key, counted, KEEP_SECONDS)
    current = per_span(rows, spans[-1:], at=at, by=by, figures=figures)
    return [*counted, *((len(over), values) for _place, values in current)]
