"""Days and hours that charts count in: the reader's own, also where clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from waadmin.home.spans import Span, days, hours

HOUR = timedelta(hours=1)


def lengths(spans: tuple[Span, ...]) -> list[timedelta]:
    return [span.ends_at - span.begins_at for span in spans]


def follow_each_other(spans: tuple[Span, ...]) -> bool:
    return all(one.ends_at == other.begins_at for one, other in pairwise(spans))


def test_a_day_is_from_midnight_to_midnight_of_the_readers_zone() -> None:
    now = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
    yesterday, today = days(2, now=now, zone=ZoneInfo("America/Lima"))
    assert (yesterday.name, today.name) == ("2 May", "3 May")
    assert today.begins_at == datetime(2026, 5, 3, 5, 0, tzinfo=UTC)
    assert today.ends_at == datetime(2026, 5, 4, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "changed", "length"),
    [
        ("Europe/Berlin", datetime(2026, 3, 30, 12, tzinfo=UTC), "29 Mar", 23 * HOUR),
        ("Europe/Berlin", datetime(2026, 10, 26, 12, tzinfo=UTC), "25 Oct", 25 * HOUR),
        # There midnight itself is skipped, so the day begins at one.
        ("America/Santiago", datetime(2026, 9, 7, 15, tzinfo=UTC), "6 Sep", 23 * HOUR),
        # There the last hour before midnight comes twice.
        ("America/Santiago", datetime(2026, 4, 5, 15, tzinfo=UTC), "4 Apr", 25 * HOUR),
        ("Australia/Lord_Howe", datetime(2026, 4, 6, 3, tzinfo=UTC), "5 Apr", 24.5 * HOUR),
    ],
)
def test_where_clocks_change_the_day_is_shorter_or_longer_and_none_is_missing(
    zone: str, now: datetime, changed: str, length: timedelta
) -> None:
    spans = days(5, now=now, zone=ZoneInfo(zone))
    assert follow_each_other(spans)
    assert {span.name: span.ends_at - span.begins_at for span in spans}[changed] == length
    assert sum(lengths(spans), timedelta()) == 4 * 24 * HOUR + length
    assert spans[-1].begins_at <= now < spans[-1].ends_at


@pytest.mark.parametrize("minute", [0, 30])
def test_the_hours_of_a_day_on_which_a_clock_is_put_back_are_twenty_four(minute: int) -> None:
    # 02:00 to 03:00 comes twice in Berlin; this is the second time.
    now = datetime(2026, 10, 25, 1, minute, tzinfo=UTC)
    spans = hours(24, now=now, zone=ZoneInfo("Europe/Berlin"))
    assert follow_each_other(spans)
    assert lengths(spans) == [HOUR] * 24
    assert spans[-1].begins_at <= now < spans[-1].ends_at
    assert [span.name for span in spans[-3:]] == ["01:00", "02:00", "02:00"]


def test_hours_begin_with_the_readers_clock_where_it_is_half_an_hour_off() -> None:
    now = datetime(2026, 5, 4, 12, 10, tzinfo=UTC)
    last = hours(24, now=now, zone=ZoneInfo("Asia/Kolkata"))[-1]
    assert last.name == "17:00"
    assert last.begins_at == datetime(2026, 5, 4, 11, 30, tzinfo=UTC)
