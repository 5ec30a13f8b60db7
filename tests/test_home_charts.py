"""The charts of the home page: what they count, on whose days, for whom, and how cheaply."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import ContactCheck, OptIn, OptInImport
from providers.models import BudgetUse, Business, ProviderAccount
from tests import clients, factories
from waadmin import home
from waadmin.accounts import assign
from waadmin.charts import Chart
from waadmin.home.spans import KEEP_SECONDS
from waadmin.models import StaffPreferences
from webhooks.models import WebhookRequest

NOW = datetime(2026, 5, 20, 15, 30, tzinfo=UTC)
LIMA = ZoneInfo("America/Lima")


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def person(role: str) -> User:
    clients.browser(role)
    return User.objects.get(username=role.split()[0].lower())


def charts(role: str = clients.ADMIN, *, now: datetime = NOW, zone: Any = UTC) -> dict[str, Chart]:
    return {chart.key: chart for chart in home.read(person(role), now=now, zone=zone).charts}


def counted(chart: Chart, series: str) -> dict[str, int]:
    """What a series has above nought."""
    values = next(one.values for one in chart.series if one.name == series)
    return {name: value for name, value in zip(chart.names, values, strict=True) if value}


def text_of(role: str) -> str:
    return " ".join(clients.browser(role).get("/").content.decode().split())


def imported(business: Business, *, started_at: datetime, granted: int, withdrawn: int = 0) -> OptInImport:
    return OptInImport.objects.create(
        business=business,
        file_name="fair.csv",
        file_digest="0" * 64,
        numbers_read_as="e164",
        statement="I confirm that …",
        imported_by="ana",
        started_at=started_at,
        state=OptInImport.State.FINISHED,
        granted_count=granted,
        withdrawn_count=withdrawn,
    )


def webhook(received_at: datetime, number: int, **fields: Any) -> WebhookRequest:
    return WebhookRequest.objects.create(
        **{
            "kind": "meta",
            "body": b"{}",
            "digest": f"{number:064d}",
            "received_at": received_at,
            "due_at": received_at,
            "processed_at": received_at,
            **fields,
        }
    )


def asked(account: ProviderAccount, ending: int, status: str, *, at: datetime, strength: str = "") -> None:
    """A number that was asked about at a moment, and what came of it."""
    factories.opted_in(factories.number(ending), account.business or factories.business())
    run = factories.check_run(account, factories.number(ending), now=at)
    ContactCheck.objects.filter(batch=run).update(status=status, strength=strength, first_asked_at=at)


def test_opt_ins_and_opt_outs_are_counted_on_the_day_they_were_recorded(acme: Business) -> None:
    factories.opted_in(factories.number(100), acme, now=NOW)
    factories.opted_in(factories.number(101), acme, now=NOW)
    factories.withdrawn(factories.number(101), acme, now=NOW - timedelta(days=1))
    factories.opted_in(factories.number(102), acme, now=NOW - timedelta(days=31))
    chart = charts()["opt-ins"]
    assert len(chart.names) == 30
    assert counted(chart, "Opt-ins") == {"20 May": 2}
    assert counted(chart, "Opt-outs") == {"19 May": 1}


def test_a_day_is_the_readers_day(acme: Business) -> None:
    # 04:59 UTC is still the evening before in Lima, 05:00 is not.
    factories.opted_in(factories.number(100), acme, now=datetime(2026, 5, 19, 4, 59, tzinfo=UTC))
    factories.opted_in(factories.number(101), acme, now=datetime(2026, 5, 19, 5, 0, tzinfo=UTC))
    assert counted(charts(zone=LIMA)["opt-ins"], "Opt-ins") == {"18 May": 1, "19 May": 1}
    assert counted(charts()["opt-ins"], "Opt-ins") == {"19 May": 2}


def test_on_the_day_clocks_change_nothing_is_lost_or_counted_twice(acme: Business) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begins = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    for hour in range(26):
        factories.opted_in(factories.number(100 + hour), acme, now=begins + timedelta(hours=hour))
    chart = charts(now=datetime(2026, 10, 27, tzinfo=UTC), zone=berlin)["opt-ins"]
    assert counted(chart, "Opt-ins") == {"25 Oct": 25, "26 Oct": 1}


def test_the_page_counts_in_the_zone_that_the_person_chose(acme: Business) -> None:
    StaffPreferences.objects.create(user=person(clients.ADMIN), time_zone="America/Lima")
    with time_machine.travel(datetime(2026, 5, 20, 3, 0, tzinfo=UTC), tick=False):
        factories.opted_in(factories.number(100), acme, now=datetime.now(UTC))
        text = text_of(clients.ADMIN)
    assert "Days and hours are those of America/Lima." in text
    assert "Highest: 1, 19 May" in text


def test_what_a_file_brought_is_told_by_its_import_and_not_counted_again(acme: Business) -> None:
    entry = imported(acme, started_at=NOW - timedelta(days=2), granted=5_000_000, withdrawn=7)
    recorded = factories.opted_in(factories.number(100), acme, now=NOW).opt_in
    OptIn.objects.bulk_create(
        [
            OptIn(
                pseudonym=recorded.pseudonym,
                business=acme,
                state=OptIn.State.GRANTED,
                purposes="service",
                business_name_shown="Acme",
                source="fair",
                given_at=NOW,
                recorded_at=NOW,
                recorded_by="ana",
                evidence_digest="0" * 64,
                opt_in_import=entry,
            )
        ]
    )
    chart = charts()["opt-ins"]
    assert counted(chart, "Opt-ins") == {"18 May": 5_000_000, "20 May": 1}
    assert counted(chart, "Opt-outs") == {"18 May": 7}


def test_a_weak_yes_is_not_counted_as_on_whatsapp(acme: Business, onprem_account: ProviderAccount) -> None:
    asked(onprem_account, 100, "VALID", at=NOW, strength="STRONG")
    asked(onprem_account, 101, "VALID", at=NOW, strength="WEAK")
    asked(onprem_account, 102, "INVALID", at=NOW - timedelta(days=13))
    asked(onprem_account, 103, "UNKNOWN", at=NOW)
    asked(onprem_account, 104, "PROCESSING", at=NOW)
    asked(onprem_account, 105, "VALID", at=NOW - timedelta(days=14), strength="STRONG")
    chart = charts()["checks"]
    assert counted(chart, "On WhatsApp") == {"20 May": 1}
    assert counted(chart, "Says yes (weak evidence)") == {"20 May": 1}
    assert counted(chart, "Not on WhatsApp") == {"7 May": 1}
    assert counted(chart, "No answer (counted)") == {"20 May": 1}
    assert counted(chart, "No answer yet") == {"20 May": 1}
    assert counted(chart, "Could not be checked") == {}


def test_a_budget_shows_what_was_asked_in_24_hours(acme: Business, onprem_account: ProviderAccount) -> None:
    ProviderAccount.objects.filter(pk=onprem_account.pk).update(check_budget=200)
    factories.account(acme, "commbox", base_url="http://127.0.0.1:9")
    BudgetUse.objects.create(account=onprem_account, minute_at=NOW - timedelta(hours=23), asked=30)
    BudgetUse.objects.create(account=onprem_account, minute_at=NOW, asked=20)
    BudgetUse.objects.create(account=onprem_account, minute_at=NOW - timedelta(hours=25), asked=99)
    chart = charts()["budgets"]
    assert (chart.names, chart.limits) == (("acme-onprem",), (200,))
    assert chart.series[0].values == (50,)
    assert chart.notes == ("Without a budget: acme-commbox.",)


@pytest.mark.django_db
def test_webhooks_are_counted_by_the_hour_with_those_that_failed() -> None:
    webhook(NOW, 1)
    webhook(NOW - timedelta(minutes=31), 2)
    webhook(NOW - timedelta(minutes=32), 3, error="not read", processed_at=None)
    webhook(NOW - timedelta(hours=25), 4)
    chart = charts()["webhooks"]
    assert (len(chart.names), chart.names[-1]) == (24, "15:00")
    assert counted(chart, "Stored") == {"14:00": 1, "15:00": 1}
    assert counted(chart, "Failed") == {"14:00": 1}
    assert chart.notes == ("Nothing waits to be read.",)


@pytest.mark.django_db
def test_the_oldest_webhook_that_waits_is_told() -> None:
    webhook(NOW - timedelta(hours=3), 1, processed_at=None)
    webhook(NOW - timedelta(hours=1), 2, processed_at=None)
    assert charts()["webhooks"].notes == ("The oldest that waits to be read came 3\N{NO-BREAK SPACE}hours ago.",)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "keys"),
    [
        (clients.ADMIN, {"opt-ins", "checks", "budgets", "webhooks"}),
        (clients.AUDITOR, {"opt-ins", "checks", "budgets", "webhooks"}),
        (clients.SUPPORT, {"opt-ins", "checks", "budgets"}),
        (clients.VIEWER, {"opt-ins", "checks", "budgets"}),
        (clients.NOBODY, set()),
    ],
)
def test_each_role_sees_the_charts_of_the_pages_that_it_may_open(role: str, keys: set[str]) -> None:
    assert set(charts(role)) == keys
    text = text_of(role)
    assert ("The state of the world" in text) is bool(keys)
    # Each chart leads to its page, which must open.
    browser = clients.browser(role)
    for chart in charts(role).values():
        assert browser.get(chart.href).status_code == 200


def test_charts_hold_nothing_of_businesses_that_a_person_does_not_reach(
    acme: Business, onprem_account: ProviderAccount
) -> None:
    other = factories.business("Bravo")
    theirs = factories.account(other, "onprem", base_url="http://127.0.0.1:9", check_budget=10)
    ProviderAccount.objects.update(check_budget=10)
    for account, ending in ((onprem_account, 100), (theirs, 101), (theirs, 102)):
        asked(account, ending, "INVALID", at=NOW)
        imported(account.business or acme, started_at=NOW, granted=1_000)
    webhook(NOW, 1)
    ana = person(clients.ADMIN)
    assign(user=ana, every_business=False, businesses=[acme], actor="tests", now=NOW)
    shown = home.read(User.objects.get(pk=ana.pk), now=NOW, zone=UTC)
    drawn = {chart.key: chart for chart in shown.charts}
    assert counted(drawn["opt-ins"], "Opt-ins") == {"20 May": 1_000}
    assert counted(drawn["checks"], "Not on WhatsApp") == {"20 May": 1}
    assert drawn["budgets"].names == ("acme-onprem",)
    assert drawn["webhooks"].is_empty
    assert shown.steps == ()


@pytest.mark.django_db
def test_where_nothing_happened_each_chart_says_so_in_words() -> None:
    text = text_of(clients.ADMIN)
    assert "No opt-in and no opt-out was recorded in these 30 days." in text
    assert "No provider was asked about a number in these 14 days." in text
    assert "No account that checks numbers has a budget." in text
    assert "No webhook came in these 24 hours." in text
    assert 'role="img"' not in text


def test_a_full_home_draws_its_charts_with_their_tables(acme: Business, onprem_account: ProviderAccount) -> None:
    now = datetime.now(UTC)
    factories.opted_in(factories.number(99), acme, now=now)
    ProviderAccount.objects.update(check_budget=10)
    asked(onprem_account, 100, "VALID", at=now, strength="STRONG")
    webhook(now, 1)
    text = text_of(clients.ADMIN)
    assert text.count('role="img"') == 4
    assert text.count("The same as a table") == 4


def busy(acme: Business, account: ProviderAccount, *, of: range) -> None:
    now = datetime.now(UTC)
    for number in of:
        factories.account(acme, "onprem", base_url="http://127.0.0.1:9", name=f"node-{number}", check_budget=10)
        asked(account, 100 + number, "UNKNOWN", at=now)
        webhook(now, number, error="not read", processed_at=None)
        webhook(now - timedelta(hours=1), 1000 + number, processed_at=None)
        imported(acme, started_at=now, granted=3)


def test_home_asks_as_many_questions_however_much_there_is(acme: Business, onprem_account: ProviderAccount) -> None:
    browser = clients.browser(clients.ADMIN)

    def questions() -> int:
        browser.get("/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/")
        return len(queries)

    busy(acme, onprem_account, of=range(1, 3))
    few = questions()
    busy(acme, onprem_account, of=range(3, 15))
    assert questions() == few
    assert few <= 40


def test_today_is_counted_each_time_and_earlier_days_once_a_minute(acme: Business) -> None:
    assert counted(charts()["opt-ins"], "Opt-ins") == {}
    factories.opted_in(factories.number(100), acme, now=NOW)
    factories.opted_in(factories.number(101), acme, now=NOW - timedelta(days=1))
    assert counted(charts()["opt-ins"], "Opt-ins") == {"20 May": 1}
    assert counted(charts(now=NOW + timedelta(days=1))["opt-ins"], "Opt-ins") == {"19 May": 1, "20 May": 1}
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=KEEP_SECONDS + 1)):
        assert counted(charts()["opt-ins"], "Opt-ins") == {"19 May": 1, "20 May": 1}


def test_what_is_kept_for_one_person_is_not_shown_to_another(acme: Business) -> None:
    factories.opted_in(factories.number(100), acme, now=NOW - timedelta(days=1))
    assert counted(charts()["opt-ins"], "Opt-ins") == {"19 May": 1}
    ben = person(clients.AUDITOR)
    assign(user=ben, every_business=False, businesses=[factories.business("Bravo")], actor="tests", now=NOW)
    shown = home.read(User.objects.get(pk=ben.pk), now=NOW, zone=UTC)
    assert next(chart for chart in shown.charts if chart.key == "opt-ins").is_empty


@pytest.mark.django_db
def test_no_chart_walks_a_whole_table() -> None:
    indexes = {
        # On a small table PostgreSQL may as well take the index of all records by time.
        "contacts_optin": "contacts_optin_(single|recorded)",
        "contacts_optinimport": "contacts_optinimport_started",
        "contacts_contactcheck": "contacts_contactcheck_day",
        "webhooks_webhookrequest": "webhooks_request_(received|failed)",
    }
    with CaptureQueriesContext(connection) as queries:
        charts()
    unions = [query["sql"] for query in queries if " UNION ALL " in query["sql"]]
    assert len(unions) == 5
    for sql in unions:
        table = next(table for table in indexes if f'FROM "{table}"' in sql)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # So few rows are read at once otherwise.
                cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
            plan = "\n".join(str(row) for row in cursor.fetchall())
        assert len(re.findall(rf"(?:INDEX|using|on) {indexes[table]}\b", plan)) == sql.count(" UNION ALL ") + 1, plan
        assert not re.search(rf"SCAN {table}\b(?! USING)|Seq Scan on {table}\b", plan), plan
