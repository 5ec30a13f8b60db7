"""The lists of people and of checks: what each of their pages costs at five million rows beside ten thousand.

Two anchors. A page that reads no list is asked for in turn with each of ours, so that a machine that is busy elsewhere
slows both. The other one is the stock admin on the same rows: a plain ModelAdmin with Django's change list, date
hierarchy, search by `icontains` and full counts. SQLite is measured in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from bench import Figure

_ANCHOR = "/password_change/"
_PEOPLE, _CHECKS = "/contacts/contact/", "/contacts/contactcheck/"
_LISTS = {"people": _PEOPLE, "checks": _CHECKS}
_YEAR_MONTH = "__year=2025&{0}__month=3"
_NUMBER = "+447000004321"
#: What is asked of each list, and by how much it may grow.
_FIRST, _OTHERS = 1.1, 1.5
_SPREAD = "timestamptz '2024-01-01 00:00+00' + interval '900 days' * (n / %(want)s::float8)"


def run(*, smoke: bool) -> Iterator[Figure]:
    """Measure on PostgreSQL at both sizes, the stock admin and Home at the larger one, then SQLite."""
    few, many, times = (500, 2_000, 3) if smoke else (10_000, 5_000_000, 25)
    _fill_postgresql(0, few)
    small = _measure(times)
    _fill_postgresql(few, many)
    large = _measure(times)
    for name, seconds in large.items():
        goal = _FIRST if name.endswith("first page") else _OTHERS
        yield Figure("lists", f"{name}: at {many:,} / at {few:,}", seconds / small[name], f"<= {goal}", many)
    for name, seconds in _stock(times=1 if smoke else 3).items():
        share = _alone(_LISTS[name], times) / seconds
        yield Figure("lists", f"{name}, first page / the stock admin's", share, "<= 0.0167", many)
    yield Figure("lists", "Home in milliseconds", _alone("/", times) * 1_000, "<= 150", many)
    few, many = (500, 2_000) if smoke else (10_000, 1_000_000)
    for name, ratio in _sqlite(few, many, times).items():
        yield Figure("lists", f"SQLite, {name}: at {many:,} / at {few:,}", ratio, "<= 1.2", many)


def _pages() -> dict[str, str]:
    """Give the address of each page; a deep one begins in the middle of the rows."""
    from contacts.models import Contact, ContactCheck

    deep = {model: model.objects.order_by("pk")[model.objects.count() // 2].pk for model in (Contact, ContactCheck)}
    search = _NUMBER.replace("+", "%2B")
    return {
        "people, first page": _PEOPLE,
        "people, search by phone": f"{_PEOPLE}?q={search}",
        "people, search by national number": f"{_PEOPLE}?q=0{_NUMBER[3:]}",
        "people, common filter": f"{_PEOPLE}?consent=GRANTED",
        "people, rare filter": f"{_PEOPLE}?consent=WITHDRAWN",
        "people, sorted by number": f"{_PEOPLE}?o=1",
        "people, one month": f"{_PEOPLE}?created_at{_YEAR_MONTH.format('created_at')}",
        "people, deep page": f"{_PEOPLE}?after={deep[Contact]}",
        "checks, first page": _CHECKS,
        "checks, search by phone": f"{_CHECKS}?q={search}",
        "checks, common filter": f"{_CHECKS}?status__exact=VALID",
        "checks, rare filter": f"{_CHECKS}?status__exact=UNKNOWN",
        "checks, sorted by run": f"{_CHECKS}?o=2",
        "checks, one month": f"{_CHECKS}?checked_at{_YEAR_MONTH.format('checked_at')}",
        "checks, deep page": f"{_CHECKS}?after={deep[ContactCheck]}",
    }


def _measure(times: int) -> dict[str, float]:
    return {name: _in_turns(address, times) for name, address in _pages().items()}


def _in_turns(address: str, times: int) -> float:
    """Give what a page takes, in times of the anchor."""
    browser = _browser()
    page, anchor = [], []
    for turn in range(times + 2):
        ours, theirs = _seconds(browser, address), _seconds(browser, _ANCHOR)
        if turn >= 2:
            page, anchor = [*page, ours], [*anchor, theirs]
    return _unhindered(page) / _unhindered(anchor)


def _unhindered(seconds: list[float]) -> float:
    """Give the mean of the faster quarter: what other processes took of the rest is not the page's."""
    return mean(sorted(seconds)[: max(1, len(seconds) // 4)])


def _seconds(browser: Any, address: str) -> float:
    began = time.perf_counter()
    answer = browser.get(address)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    return took


def _browser() -> Any:
    from tests import clients

    return clients.browser(clients.ADMIN)


def _alone(address: str, times: int) -> float:
    browser = _browser()
    return _unhindered([_seconds(browser, address) for _time in range(times)])


def _stock(*, times: int) -> dict[str, float]:
    """Give the seconds of the first page of the stock admin's lists of the same rows."""
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.test import RequestFactory

    from contacts.models import Contact, ContactCheck

    class StockPeople(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ("e164", "region", "created_at")
        date_hierarchy = "created_at"
        search_fields = ("e164", "wa_id")
        list_per_page = 50

    class StockChecks(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ("input", "status", "account", "checked_at")
        list_select_related = ("account",)
        date_hierarchy = "checked_at"
        search_fields = ("input", "wa_id")
        list_per_page = 50

    request = RequestFactory().get("/")
    request.user = User.objects.create_superuser("stock")
    found = {}
    for name, pages in (
        ("people", StockPeople(Contact, admin.site)),
        ("checks", StockChecks(ContactCheck, admin.site)),
    ):
        seconds = []
        for _time in range(times + 1):
            began = time.perf_counter()
            pages.changelist_view(request).render()
            seconds.append(time.perf_counter() - began)
        found[name] = _unhindered(seconds[1:])
    return found


def _fill_postgresql(have: int, want: int) -> None:
    """Add people with a consent and a check each, up to `want`: one in a hundred opted out, one in 200 unanswered.

    The rows come from nowhere, so the triggers that ask where from are lifted meanwhile.
    """
    from django.db import connection, transaction

    from audit import triggers

    account, business, batch = _owners()
    triggers.lift()
    values = {"have": have, "want": want, "account": account, "business": business, "batch": batch}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for table, statement in _STATEMENTS.items():
            definitions = _without_indexes(cursor, table)
            cursor.execute(statement, values)
            for definition in definitions:
                cursor.execute(definition)
    triggers.install()
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(_STATEMENTS)}")
        cursor.execute("CHECKPOINT")


def _without_indexes(cursor: Any, table: str) -> list[str]:
    """Drop the indexes that no constraint needs, which is faster than to fill them, and give what makes them again."""
    cursor.execute(
        """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
        """,
        [table],
    )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _name, definition in found]


_STATEMENTS = {
    "contacts_contact": f"""
    INSERT INTO contacts_contact (e164, region, person_key, pseudonym, created_at)
    SELECT form, 'GB', form, lpad(to_hex(n), 32, '0')::uuid, {_SPREAD}
    FROM generate_series(%(have)s + 1, %(want)s) n, LATERAL (SELECT '+447' || lpad(n::text, 9, '0') form) f
    """,
    "contacts_consent": """
    INSERT INTO contacts_consent (contact_id, business_id, status, grants, withdrawals, updated_at)
    SELECT c.id, %(business)s, CASE WHEN n %% 100 = 0 THEN 'WITHDRAWN' ELSE 'GRANTED' END,
        '[[1, "2026-01-05T09:30:00+00:00", null, "service"]]', '{}', now()
    FROM generate_series(%(have)s + 1, %(want)s) n JOIN contacts_contact c ON c.e164 = '+447' || lpad(n::text, 9, '0')
    ORDER BY n
    """,
    "contacts_contactcheck": f"""
    INSERT INTO contacts_contactcheck (batch_id, position, account_id, business_id, contact_id, opt_in_id, input, e164,
        asked, status, reason, detail, wa_id, strength, checked_at, attempts, asks)
    SELECT %(batch)s, n, %(account)s, %(business)s, c.id, 1, c.e164, c.e164, c.e164,
        CASE WHEN n %% 200 = 0 THEN 'UNKNOWN' WHEN n %% 3 = 0 THEN 'INVALID' ELSE 'VALID' END, '', '',
        CASE WHEN n %% 3 > 0 THEN ltrim(c.e164, '+') END, 'weak', {_SPREAD}, 1, 1
    FROM generate_series(%(have)s + 1, %(want)s) n JOIN contacts_contact c ON c.e164 = '+447' || lpad(n::text, 9, '0')
    ORDER BY n
    """,
}


def _owners() -> tuple[int, int, int]:
    """Give an account, its business and a run of theirs; the first time they are made."""
    from django.utils import timezone

    from contacts.models import CheckBatch
    from providers.models import Business, ProviderAccount

    business, _made = Business.objects.get_or_create(name="Bench lists")
    account, _made = ProviderAccount.objects.get_or_create(name="bench-lists", business=business, kind="commbox")
    batch, _made = CheckBatch.objects.get_or_create(
        account=account, business=business, source="COMMAND", defaults={"created_at": timezone.now()}
    )
    return account.pk, business.pk, batch.pk


def _sqlite(few: int, many: int, times: int) -> dict[str, float]:
    """Measure the first pages on SQLite, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.lists", str(few), str(many), str(times)],
            env=os.environ | {"DATABASE_URL": f"sqlite:///{Path(folder) / 'lists.sqlite3'}"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return dict(json.loads(done.stdout))


def _fill_sqlite(have: int, want: int) -> None:
    """Say the same to SQLite, which makes numbers by recursion and keeps times and UUIDs as text."""
    from django.db import connection

    from audit import triggers

    account, business, batch = _owners()
    triggers.lift()
    numbers = f"WITH RECURSIVE s (n) AS (SELECT {have} + 1 UNION ALL SELECT n + 1 FROM s WHERE n < {want})"
    spread = f"strftime('%Y-%m-%d %H:%M:%f', '2024-01-01', (n * 900.0 / {want}) || ' days')"
    form = "'+447' || printf('%09d', n)"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        for statement in (
            f"""
            INSERT INTO contacts_contact (e164, region, person_key, pseudonym, created_at)
            {numbers} SELECT {form}, 'GB', {form}, lower(hex(randomblob(16))), {spread} FROM s
            """,
            f"""
            INSERT INTO contacts_consent (contact_id, business_id, status, grants, withdrawals, updated_at)
            SELECT id, {business}, CASE WHEN id % 100 = 0 THEN 'WITHDRAWN' ELSE 'GRANTED' END,
                '[[1, "2026-01-05T09:30:00+00:00", null, "service"]]', '{{}}', created_at
            FROM contacts_contact WHERE id > {have}
            """,
            f"""
            INSERT INTO contacts_contactcheck (batch_id, position, account_id, business_id, contact_id, opt_in_id,
                input, e164, asked, status, reason, detail, wa_id, strength, checked_at, attempts, asks)
            SELECT {batch}, id, {account}, {business}, id, 1,
                e164, e164, e164, 'VALID', '', '', ltrim(e164, '+'), 'weak', created_at, 1, 1
            FROM contacts_contact WHERE id > {have}
            """,
        ):
            cursor.execute(statement)
        cursor.execute("PRAGMA foreign_keys = ON")
    triggers.install()


def _in_own_process(few: int, many: int, times: int) -> None:
    import logging

    import django
    from django.core.management import call_command

    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)
    pages = {f"{name}, first page": address for name, address in _LISTS.items()}
    _fill_sqlite(0, few)
    small = {name: _in_turns(address, times) for name, address in pages.items()}
    _fill_sqlite(few, many)
    print(json.dumps({name: _in_turns(address, times) / small[name] for name, address in pages.items()}))


if __name__ == "__main__":
    _in_own_process(*(int(value) for value in sys.argv[1:4]))
