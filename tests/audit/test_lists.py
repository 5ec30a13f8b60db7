"""Lists of large tables: each row on one page, whatever happens meanwhile; counts, dates and places in words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertHTMLEqual

from audit import counting
from audit.admin import ProviderCallAdmin
from audit.counting import Count
from audit.models import ProviderCall
from tests import clients

pytestmark = pytest.mark.django_db
LIST = "/audit/providercall/"
NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


def call(at: datetime = NOW, **fields: Any) -> ProviderCall:
    values = {"account_name": "acme", "kind": "onprem", "operation": "check_contacts", "method": "POST", "url": "/"}
    return ProviderCall.objects.create(**{**values, "started_at": at, **fields})


@pytest.fixture
def auditor(monkeypatch: pytest.MonkeyPatch) -> Client:
    """An auditor's browser whose pages have five rows."""
    monkeypatch.setattr(ProviderCallAdmin, "list_per_page", 5)
    return clients.browser(clients.AUDITOR)


@pytest.fixture
def calls(db: None) -> list[int]:
    """Twenty-three calls, of which most began at the same moment as others."""
    return [call(NOW + timedelta(minutes=place // 7)).pk for place in range(23)]


def listed(browser: Client, address: str) -> Any:
    answer = browser.get(f"{LIST}{address}")
    assert answer.status_code == 200, address
    return answer.context["cl"]


def walk(browser: Client, address: str, way: str, meanwhile: Callable[[], object] = lambda: None) -> list[list[int]]:
    """Follow the links of one way to the end, and give the rows of each page."""
    pages = []
    while address:
        page = listed(browser, address)
        pages.append([row.pk for row in page.result_list])
        address = getattr(page, f"{way}_url")
        meanwhile()
    return pages


def flat(pages: list[list[int]]) -> list[int]:
    return [pk for page in pages for pk in page]


def last_page(browser: Client, order: str) -> str:
    address = order
    while onwards := listed(browser, address).older_url:
        address = onwards
    return address


ORDERS = {"as they came": "?", "by time": "?o=0", "by time, the latest first": "?o=-0", "filtered": "?outcome=STARTED"}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_every_row_is_on_one_page_forwards_and_backwards(order: str, auditor: Client, calls: list[int]) -> None:
    onwards = walk(auditor, order, "older")
    back = walk(auditor, last_page(auditor, order), "newer")

    assert sorted(flat(onwards)) == calls
    assert flat(back[::-1]) == flat(onwards)
    assert [len(page) for page in onwards] == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_rows_that_come_meanwhile_move_none_to_another_page(order: str, auditor: Client, calls: list[int]) -> None:
    def one_at_each_end() -> None:
        call(NOW - timedelta(hours=1))
        call(NOW + timedelta(hours=1))

    seen = flat(walk(auditor, order, "older", one_at_each_end)[:30])

    assert len(seen) == len(set(seen)) and set(calls) <= set(seen)


def test_rows_that_came_meanwhile_are_met_once_on_the_way_back(auditor: Client, calls: list[int]) -> None:
    address = last_page(auditor, "?")
    new = [call().pk for _more in range(3)]

    seen = flat(walk(auditor, address, "newer"))

    assert sorted(seen) == sorted([*calls, *new])


def test_the_row_beside_which_a_page_begins_may_be_gone(auditor: Client, calls: list[int]) -> None:
    older = listed(auditor, "?").older_url
    ProviderCall.objects.filter(pk=int(older.partition("after=")[2])).delete()

    assert [row.pk for row in listed(auditor, older).result_list] == calls[::-1][5:10]


def test_the_way_back_leads_to_the_beginning_and_no_further(auditor: Client, calls: list[int]) -> None:
    first = listed(auditor, "?")
    second = listed(auditor, first.older_url)
    back = listed(auditor, second.newer_url)

    assert not first.newer_url and not first.first_url
    assert [row.pk for row in back.result_list] == [row.pk for row in first.result_list]
    assert not back.newer_url and back.older_url == first.older_url


HOSTILE = (
    "x",
    "-1",
    "1;DROP TABLE audit_providercall",
    "' OR 1=1 --",
    "٣",
    "1e9",
    "9" * 40,
    "",
    "10 20 30",
    "0x10",
    "null",
)


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("written", HOSTILE)
@pytest.mark.parametrize("order", ["", "-0"])
def test_a_place_that_is_none_is_refused_in_words_and_stands_in_no_query(
    order: str, written: str, name: str, auditor: Client, calls: list[int]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = auditor.get(LIST, {name: written, **({"o": order} if order else {})})

    assert [row.pk for row in answer.context["cl"].result_list] == calls[::-1][:5]
    assert "is not there any more, so the list begins anew" in answer.content.decode()
    # Of the list alone: that of the session names a moment and a key, in which anything short may stand.
    asked = [query["sql"] for query in queries.captured_queries if "audit_providercall" in query["sql"]]
    assert asked and (len(written) < 3 or not any(written in sql for sql in asked))
    assert f"{name}=" not in answer.context["cl"].older_url.replace("after=", "", 1)


def test_a_page_behind_the_last_row_begins_anew(auditor: Client, calls: list[int]) -> None:
    assert [row.pk for row in listed(auditor, f"?after={calls[0]}").result_list] == calls[::-1][:5]


@pytest.mark.parametrize("order", ["7", "99", "x", "-", "0.1.2", "1e1", "٣"])
def test_an_order_that_is_not_offered_is_none(order: str, auditor: Client, calls: list[int]) -> None:
    expected = sorted(calls)[:5] if order.startswith("0.") else calls[::-1][:5]

    assert [row.pk for row in listed(auditor, f"?o={order}").result_list] == expected


def test_links_keep_search_and_filters_and_carry_nothing_but_a_key(auditor: Client, calls: list[int]) -> None:
    page = listed(auditor, "?outcome=STARTED&q=acme&o=-0")
    expected = [f"after={page.result_list[-1].pk}", "o=-0", "outcome=STARTED", "q=acme"]

    assert sorted(page.older_url.removeprefix("?").split("&")) == expected
    assert "after=" not in page.get_query_string({"outcome": "LOST"})


def test_a_small_count_is_exact(auditor: Client, calls: list[int]) -> None:
    assert "23 provider calls" in auditor.get(LIST).content.decode()


def test_a_large_table_is_about_as_large_as_the_database_thinks(
    auditor: Client, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", 10)
    call(outcome="LOST")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE audit_providercall")

    assert "about 24 provider calls" in auditor.get(LIST).content.decode()
    assert "more than 10 provider calls" in auditor.get(f"{LIST}?outcome=STARTED").content.decode()
    assert "1 provider call<" in auditor.get(f"{LIST}?outcome=LOST").content.decode()


@pytest.mark.parametrize("order", ["?outcome=LOST", "?outcome=LOST&o=0", "?outcome=LOST&o=-0"])
def test_few_rows_of_a_large_table_come_in_order(
    order: str, auditor: Client, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "about", lambda _model: 5_000_000)
    lost = [call(NOW + timedelta(minutes=place % 4), outcome="LOST") for place in range(12)]

    seen = flat(walk(auditor, order, "older"))

    by_time = sorted(lost, key=lambda one: (one.started_at, one.pk) if "o=" in order else (NOW, one.pk))
    assert seen == [one.pk for one in (by_time if order.endswith("o=0") else by_time[::-1])]


def test_counts_are_said_as_sure_as_they_are() -> None:
    about, more = Count(5_000_000, "about %(count)s"), Count(10_000, "more than %(count)s")

    assert (str(Count(412)), str(Count(1_000)), str(about), f"{more}") == (
        "412", "1,000", "about 5,000,000", "more than 10,000",
    )  # fmt: skip
    assert Count(412).is_exact and not about.is_exact and more == 10_000


def choices(browser: Client, address: str = "?") -> list[str]:
    return [choice.words for choice in listed(browser, address).dates.choices]


def test_dates_lead_from_years_over_months_to_days(auditor: Client) -> None:
    for moment in ("2024-12-31T23:59:59", "2026-04-30T23:59:59.999999", "2026-05-01T00:00:00", "2026-05-03T10:00:00"):
        call(datetime.fromisoformat(f"{moment}+00:00"))
    year, month = "?started_at__year=2026", "?started_at__year=2026&started_at__month=5"

    assert choices(auditor) == ["2024", "2026"]
    assert choices(auditor, year) == ["April 2026", "May 2026"]
    assert choices(auditor, month) == ["1 May", "3 May"]
    assert choices(auditor, f"{month}&started_at__day=3") == ["3 May"]
    assert [listed(auditor, address).dates.back.words for address in (year, month, f"{month}&started_at__day=3")] == [
        "All dates", "2026", "May 2026",
    ]  # fmt: skip
    assert [row.started_at.day for row in listed(auditor, month).result_list] == [3, 1]
    assert listed(auditor, f"{month}&started_at__day=1").result_count == 1


def test_every_offered_date_leads_to_rows_and_all_of_them_to_all_rows(auditor: Client) -> None:
    for place in range(40):
        call(NOW - timedelta(days=place * 23, hours=place))

    def below(address: str) -> int:
        page = listed(auditor, address)
        links = [choice.href for choice in page.dates.choices if choice.href]
        assert page.result_count > 0, address
        return sum(map(below, links)) if links else int(page.result_count)

    assert below("?") == 40


@pytest.mark.parametrize(("zone", "month"), [("UTC", "May 2026"), ("America/Lima", "April 2026")])
def test_a_month_is_one_of_the_readers_zone(zone: str, month: str, auditor: Client, settings: Any) -> None:
    settings.TIME_ZONE = zone
    call(datetime(2026, 5, 1, 3, 0, tzinfo=UTC))
    page = listed(auditor, "?")
    (only,) = page.dates.choices

    assert only.words == month, "one year is no choice, so its months are there at once"
    assert listed(auditor, only.href).result_count == 1


def test_dates_are_those_of_all_rows_whatever_the_filter(auditor: Client) -> None:
    call(NOW, outcome="LOST")
    call(NOW - timedelta(days=60))

    assert choices(auditor, "?outcome=LOST") == choices(auditor)
    assert "outcome=LOST" in listed(auditor, "?outcome=LOST").dates.choices[0].href


def test_the_list_goes_to_a_day_and_on_from_there(auditor: Client) -> None:
    pks = [call(NOW - timedelta(days=place)).pk for place in range(12)]
    address = "?until=2026-04-30"

    assert flat(walk(auditor, address, "older")) == pks[3:]
    page = listed(auditor, address)
    assert [choice.words for choice in page.dates.choices] == ["Up to 30 April 2026"]
    assert "until=" not in page.dates.back.href and "until=" not in page.clear_all_filters_qs
    assert 'value="2026-04-30"' in auditor.get(f"{LIST}{address}").content.decode()


@pytest.mark.parametrize(
    "written", ["tomorrow", "2026-13-01", "2026-02-30", "9999-12-31", "0001-01-01", "2026-5-3", "٣"]
)
def test_a_day_that_is_none_is_refused_in_words(written: str, auditor: Client, calls: list[int]) -> None:
    answer = auditor.get(LIST, {"until": written})

    assert "is no day. Write it as year-month-day, such as 2026-05-03." in answer.content.decode()
    assert [row.pk for row in answer.context["cl"].result_list] == calls[::-1][:5]


@pytest.mark.parametrize("year", ["9999", "0", "x", "-1", "٢٠٢٦", "99999999999999999999"])
def test_a_year_that_no_row_can_be_of_leads_back_to_the_list(year: str, auditor: Client, calls: list[int]) -> None:
    answer = auditor.get(LIST, {"started_at__year": year})

    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?e=1")


def test_an_empty_day_says_that_nothing_matches(auditor: Client, calls: list[int]) -> None:
    text = auditor.get(f"{LIST}?until=2020-01-01").content.decode()

    assert "Nothing matches this search or filter." in text and "Clear all filters" in text


def test_an_empty_list_has_no_dates_and_no_pages(auditor: Client) -> None:
    page = listed(auditor, "?")

    assert page.dates.choices == () and not (page.older_url or page.newer_url)


def test_the_values_to_filter_by_are_those_that_rows_have(auditor: Client) -> None:
    for name in ("beta", "acme", "acme", "", "Ünïon"):
        call(account_name=name)
    names = next(spec for spec in listed(auditor, "?").filter_specs if spec.title == "account")

    assert sorted(names.lookup_choices) == sorted(["acme", "beta", "Ünïon"])
    assert listed(auditor, "?account_name=acme").result_count == 2


def test_no_choice_of_a_filter_is_counted(auditor: Client, calls: list[int]) -> None:
    text = auditor.get(f"{LIST}?_facets=True").content.decode()

    assert "Show counts" not in text and "Hide counts" not in text


def test_pages_and_dates_are_named_landmarks_of_links(auditor: Client, calls: list[int]) -> None:
    text = auditor.get(listed(auditor, "?").older_url.join([LIST, ""])).content.decode()

    assert '<nav class="list-dates" aria-label="Dates">' in text
    assert '<nav class="pager paginator" aria-label="Pages">' in text
    for rel, words in (("prev", "Newer"), ("next", "Older")):
        assert f'rel="{rel}"' in text and words in text


def test_a_rows_checkbox_is_the_one_that_django_draws(calls: list[int]) -> None:
    row = ProviderCall.objects.latest("pk")
    page = ProviderCallAdmin(ProviderCall, admin.site)
    assertHTMLEqual(page.action_checkbox(row), admin.ModelAdmin.action_checkbox(page, row))
