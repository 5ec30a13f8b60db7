"""Check runs against the sandbox in a process of its own: how close they come to the limit and to the latency.

Every figure is a share of what the limit or the latency allows, so the machine's speed cancels out.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

from django.db import connection
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from bench import Figure
from contacts import checks, opt_ins, tasks
from contacts.checking.run import run_batch
from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch
from providers.e164 import read_number
from providers.models import Business, ProviderAccount
from providers.secret import Secret
from waadmin import BASE_DIR


def run(*, smoke: bool) -> Iterator[Figure]:
    """Measure the rate limit, many workers, large arrays and what the queue adds."""
    repetitions = 1 if smoke else 3
    with _sandbox(latency=0.05) as url:
        calls, limit = (40, 40.0) if smoke else (400, 40.0)
        shares = [_rate_limited(url, calls, limit, turn) for turn in range(repetitions)]
        yield Figure(
            "checks", f"{calls} calls / the account's limit of {limit:g} a second", median(shares), ">= 0.99", calls
        )
        yield Figure("checks", "fastest run / the limit", max(shares), "<= 1.00", calls)
    latency = 0.2 if smoke else 1.0
    with _sandbox(latency=latency) as url:
        workers, rounds = (8, 3) if smoke else (32, 10)
        shares = [_unlimited(url, "commbox", workers, rounds, 1, latency, turn) for turn in range(repetitions)]
        yield Figure("checks", f"{workers} workers / (workers / latency)", median(shares), ">= 0.90", workers * rounds)
        size, workers, rounds = (50, 2, 2) if smoke else (1_000, 2, 4)
        latency_of_arrays = latency * (1 if smoke else 4)
        _set_latency(url, latency_of_arrays)
        shares = [
            _unlimited(url, "onprem", workers, rounds, size, latency_of_arrays, 100 + turn)
            for turn in range(repetitions)
        ]
        numbers = size * workers * rounds
        yield Figure("checks", f"arrays of {size:,} / (workers / latency)", median(shares), ">= 0.85", numbers)
    turns = 20 if smoke else 300
    yield Figure("checks", "queue / one slice of work", _queue_share(turns), "<= 0.02", turns)


@contextmanager
def _sandbox(*, latency: float) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sandbox", "--port", "0", "--latency", str(latency)],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[2].rstrip(";")
    finally:
        process.terminate()
        process.wait(10)


def _set_latency(url: str, seconds: float) -> None:
    import json
    import urllib.request

    body = json.dumps({"seconds": seconds}).encode()
    request = urllib.request.Request(f"{url}/_sandbox/latency", data=body, method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


def _batch(url: str, kind: str, count: int, turn: int, **fields: object) -> CheckBatch:
    name = f"bench-{kind}-{turn}"
    business = Business.objects.create(name=name)
    account = ProviderAccount.objects.create(
        business=business,
        name=name,
        kind=kind,
        base_url=url,
        credentials={"token": Secret("bench")},
        recipient_official=True,
        **fields,
    )
    # Endings from 100 to 199: to the sandbox these are plain numbers.
    numbers = [f"+44740{turn % 10}{index // 100:03d}1{index % 100:02d}" for index in range(count)]
    now = datetime.now(UTC)
    for number in numbers:
        opt_ins.record(
            number=read_number(number),
            business=business,
            actor="bench",
            now=now,
            source="bench",
            evidence=Evidence(text="bench"),
            business_name_shown=name,
            given_at=now,
        )
    return checks.create(
        account=account,
        lines=checks.read_lines(numbers),
        purpose="",
        source=CheckBatch.Source.COMMAND,
        actor="bench",
        now=datetime.now(UTC),
    )


def _seconds(batch: CheckBatch, workers: int) -> float:
    def work() -> None:
        try:
            run_batch(batch_id=batch.pk, until=datetime.now(UTC) + timedelta(minutes=5))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _worker in range(workers)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begin
    batch.refresh_from_db()
    assert batch.state == CheckBatch.State.FINISHED, batch.state
    return taken


def _rate_limited(url: str, calls: int, limit: float, turn: int) -> float:
    batch = _batch(url, "commbox", calls, turn, options={"stream_id": "bench"}, rate_limit=limit)
    # n calls have n - 1 gaps between them; the last call's own latency is not the limit's.
    return ((calls - 1) / limit + 0.05) / _seconds(batch, 8)


def _unlimited(url: str, kind: str, workers: int, rounds: int, size: int, latency: float, turn: int) -> float:
    options: dict[str, object] = {"stream_id": "bench"} if kind == "commbox" else {"batch_size": size}
    batch = _batch(url, kind, workers * rounds * size, 50 + turn, options=options)
    return rounds * latency / _seconds(batch, workers)


def _queue_share(turns: int) -> float:
    """Give what queueing, fetching and acknowledging one task costs, as a share of the work that it carries."""
    broker = get_broker()
    OrmQ.objects.all().delete()
    begin = time.perf_counter()
    for turn in range(turns):
        async_task("contacts.tasks.run_batch", turn)
        for ack_id, _payload in broker.dequeue():
            broker.acknowledge(ack_id)
    return (time.perf_counter() - begin) / turns / tasks.SLICE.total_seconds()
