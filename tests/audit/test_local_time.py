"""Times as people write them: read in a zone by its name, and refused where clocks there skipped or repeated them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.utils import timezone

from audit.display import when
from audit.local_time import LocalTimeField, LocalTimeRefused, at, read_zone, zone_names


@pytest.mark.parametrize(
    ("zone", "written", "moment"),
    [
        ("Asia/Kolkata", "2026-05-03 10:00", "2026-05-03 04:30"),
        ("Asia/Kathmandu", "2026-05-03 00:10", "2026-05-02 18:25"),
        ("America/New_York", "2026-03-08 01:59", "2026-03-08 06:59"),
        ("America/New_York", "2026-03-08 03:00", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 00:59", "2026-11-01 04:59"),
        ("America/New_York", "2026-11-01 02:00", "2026-11-01 07:00"),
        ("Australia/Lord_Howe", "2026-04-05 02:00", "2026-04-04 15:30"),
        ("UTC", "2026-03-08 02:30", "2026-03-08 02:30"),
    ],
)
def test_a_time_is_read_as_a_clock_there_showed_it(zone: str, written: str, moment: str) -> None:
    read = at(datetime.fromisoformat(written), ZoneInfo(zone))

    assert read.astimezone(UTC) == datetime.fromisoformat(f"{moment}+00:00")


@pytest.mark.parametrize(
    ("zone", "written"), [("America/New_York", "2026-03-08 02:30"), ("Europe/Berlin", "2026-03-29 02:00")]
)
def test_a_time_that_clocks_skipped_is_refused(zone: str, written: str) -> None:
    with pytest.raises(LocalTimeRefused, match=f"{written} never was in {zone}"):
        at(datetime.fromisoformat(written), ZoneInfo(zone))


def test_a_time_that_clocks_showed_twice_is_refused_with_both_of_its_moments() -> None:
    with pytest.raises(LocalTimeRefused, match=r"was twice in America/New_York.* at 05:30 and at 06:30 UTC"):
        at(datetime(2026, 11, 1, 1, 30), ZoneInfo("America/New_York"))  # noqa: DTZ001


def test_a_time_that_says_its_own_offset_is_that_moment() -> None:
    written = datetime.fromisoformat("2026-11-01T01:30:00-05:00")

    assert at(written, ZoneInfo("America/New_York")) == written


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "x" * 300, "a\0b"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(LocalTimeRefused, match="is not the name of a time zone"):
        read_zone(name)


def test_the_list_of_zones_names_places_and_each_can_be_read() -> None:
    assert {"America/Lima", "Asia/Kolkata", "UTC"} <= set(zone_names())
    assert all(read_zone(name).key == name for name in zone_names())


class _Form(forms.Form):
    at = LocalTimeField()


@pytest.mark.parametrize("shown_in", ["UTC", "America/New_York"])
def test_the_field_reads_what_was_written_whatever_zone_the_page_is_shown_in(shown_in: str) -> None:
    with timezone.override(ZoneInfo(shown_in)):
        # This hour never was in New York; the form may mean another zone.
        form = _Form({"at": "2026-03-08T02:30"})
        assert form.is_valid(), form.errors
        offset = _Form({"at": "2026-03-08T02:30-05:00"})
        assert offset.is_valid()

    assert form.cleaned_data["at"] == datetime(2026, 3, 8, 2, 30)  # noqa: DTZ001
    assert offset.cleaned_data["at"] == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_a_moment_is_shown_in_the_zone_of_the_request_with_utc_on_hover() -> None:
    moment = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    assert 'title="2026-11-01 05:30:00 UTC" data-local>2026-11-01 05:30 UTC<' in when(moment)
    with timezone.override(ZoneInfo("America/New_York")):
        assert 'title="2026-11-01 05:30:00 UTC" data-local>2026-11-01 01:30 EDT<' in when(moment)
        assert "01:30 EST" in when(moment.replace(hour=6))
