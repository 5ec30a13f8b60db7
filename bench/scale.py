"""What things cost on PostgreSQL: bytes on disk with all indexes, and how many of them a step does in a second.

Unlike the others these figures depend on the machine: they are for planning (docs/scale.md), and their goals only say
what would be out of all proportion. Everything is made by the real journeys, against the sandbox where a provider is
asked; webhooks come through `serve`.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from audit import ledger, proof
from bench import Figure, _load, export, import_optins, lists, webhooks
from bench import checks as of_checks
from bench import ledger as of_ledger
from webhooks.models import WebhookRequest

_PEOPLE = ("contacts_contact", "contacts_consent", "contacts_optin", "contacts_optinevidence")
_CHECK, _CALL, _EVENT = "contacts_contactcheck", "audit_providercall", "audit_auditevent"
_WEBHOOK = ("webhooks_webhookrequest", "webhooks_webhookevent", "contacts_messagestatus")


def run(*, smoke: bool) -> Iterator[Figure]:
    """Fill the tables step by step, and measure each step and what it leaves."""
    yield from _people(2_000 if smoke else 200_000)
    yield from _checks(*((500, 100) if smoke else (40_000, 2_000)))
    yield from _ledger(100 if smoke else 2_000)
    yield from _webhooks(*((200, 300) if smoke else (4_000, 20_000)))
    yield from _reading(smoke=smoke)
    yield from _copies()


def _people(count: int) -> Iterator[Figure]:
    before = _bytes(*_PEOPLE)
    seconds = import_optins._import(count, area=10)["seconds"]
    each = (_bytes(*_PEOPLE) - before) / count
    yield Figure("scale", "bytes: a person with one opt-in and its evidence", each, "<= 4000", count)
    yield Figure("scale", "opt-ins imported a second", count / seconds, ">= 1000", count)


def _checks(in_arrays: int, one_by_one: int) -> Iterator[Figure]:
    with of_checks._sandbox(latency=0.0) as url:
        batch = of_checks._batch(url, "onprem", in_arrays, 1, options={"batch_size": 50})
        _begin, seconds = of_checks._run(batch, 4)
        yield Figure("scale", "numbers checked a second, arrays of 50", in_arrays / seconds, ">= 100", in_arrays)
        # Each row is written three times: waiting, being asked, answered. What that leaves is used again by later rows.
        yield Figure("scale", "bytes: a check, its earlier versions included", _bytes(_CHECK) / in_arrays, "<= 6000",
                     in_arrays)  # fmt: skip
        yield Figure("scale", "bytes: a check", _bytes(_CHECK, command="VACUUM FULL") / in_arrays, "<= 3000", in_arrays)
        before, events = _bytes(_CALL), _bytes(_EVENT)
        rows = _rows(_EVENT)
        batch = of_checks._batch(url, "commbox", one_by_one, 2, options={"stream_id": "bench"})
        _begin, seconds = of_checks._run(batch, 4)
        yield Figure("scale", "numbers checked a second, one by one", one_by_one / seconds, ">= 10", one_by_one)
        yield Figure("scale", "bytes: a provider call", (_bytes(_CALL) - before) / one_by_one, "<= 3000", one_by_one)
        each = (_bytes(_EVENT) - events) / (_rows(_EVENT) - rows)
        yield Figure("scale", "bytes: a ledger event", each, "<= 4000", one_by_one)


def _ledger(times: int) -> Iterator[Figure]:
    for processes in (1, 8):
        rate = _appended(processes, times)
        yield Figure("scale", f"ledger events appended a second, {processes} at once", rate, ">= 50", times)


def _appended(processes: int, times: int) -> float:
    context = multiprocessing.get_context("fork")
    ready, each = context.Barrier(processes + 1), times // processes

    def append() -> None:
        connection.ensure_connection()
        ready.wait()
        for _time in range(each):
            with transaction.atomic():
                ledger.record(action="check.requested", actor="bench", now=datetime.now(UTC), details={"account": 4})

    connection.close()
    running = [context.Process(target=append) for _process in range(processes)]
    for process in running:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in running:
        process.join()
    return each * processes / (time.perf_counter() - began)


def _webhooks(through_serve: int, stored: int) -> Iterator[Figure]:
    numbers = iter(range(10**9))
    with webhooks._served() as port:
        _load.closed(port, webhooks._requests(webhooks._OURS, 200, numbers), webhooks._CONNECTIONS)
        requests = webhooks._requests(webhooks._OURS, through_serve, numbers)
        load = webhooks._checked(_load.closed(port, requests, webhooks._CONNECTIONS))
    yield Figure("scale", "webhooks taken in a second", load.rate, ">= 50", through_serve)
    webhooks._our_number()
    webhooks._store([webhooks._body(webhooks._status(next(numbers))) for _request in range(stored)])
    with webhooks._readers(over := multiprocessing.get_context("fork").Event()):
        began = time.perf_counter()
        webhooks._until_read(1_200)
        seconds = time.perf_counter() - began
        over.set()
    yield Figure("scale", "webhooks read a second", stored / seconds, ">= 50", stored)
    yield Figure("scale", "bytes: a delivery report, read", _bytes(*_WEBHOOK) / stored, "<= 6000", stored)
    WebhookRequest.objects.update(body=None)
    _bytes(*_WEBHOOK, command="VACUUM FULL")
    yield Figure("scale", "bytes: the same without its body", _bytes(*_WEBHOOK) / stored, "<= 4000", stored)


def _reading(*, smoke: bool) -> Iterator[Figure]:
    people, checks = _rows(_PEOPLE[0]), _rows(_CHECK)
    times = 3 if smoke else 25
    for name, address, count in (("people", lists._PEOPLE, people), ("checks", lists._CHECKS, checks)):
        taken = 1_000 * lists._alone(address, times)
        yield Figure("scale", f"first page of {name}, in milliseconds", taken, "<= 500", count)
    rows = _rows("contacts_optin")
    yield Figure("scale", "opt-ins exported a second (CSV)", rows / export._export("csv")["seconds"], ">= 1000", rows)
    # Each call's event names its rows, which are read again; the others are a chain and nothing else.
    with_rows, events = _rows(_EVENT), 20_000 if smoke else 300_000
    slow = _proved()
    yield Figure("scale", "ledger events verified a second, rows compared", with_rows / slow, ">= 20", with_rows)
    of_ledger._fill(events)
    alone = max(_proved() - slow, 0.001)
    yield Figure(
        "scale", "ledger events verified a second, chain alone", (events - with_rows) / alone, ">= 500", events
    )


def _proved() -> float:
    began = time.perf_counter()
    if (proved := proof.prove()).faults:
        raise RuntimeError(proved.words())
    return time.perf_counter() - began


def _copies() -> Iterator[Figure]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        megabytes = int(cursor.fetchone()[0]) / 2**20
    with tempfile.TemporaryDirectory() as folder:
        quiet = StringIO()
        taken = _seconds("backup", f"{folder}/backup", stdout=quiet, stderr=quiet)
        yield Figure("scale", "megabytes backed up a second", megabytes / taken, ">= 1", int(megabytes))
        drilled = _seconds("backup_drill", stdout=quiet, stderr=quiet)
        yield Figure("scale", "megabytes a second, backup, restore and proof", megabytes / drilled, ">= 0.5",
                     int(megabytes))  # fmt: skip


def _seconds(command: str, *arguments: str, **options: Any) -> float:
    began = time.perf_counter()
    call_command(command, *arguments, **options)
    return time.perf_counter() - began


def _bytes(*tables: str, command: str = "VACUUM ANALYZE") -> int:
    """Give what the tables take on disk with their indexes and TOAST, after the housekeeping of a usual day."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"{command} {table}")
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [list(tables)]
        )
        return int(cursor.fetchone()[0])


def _rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
