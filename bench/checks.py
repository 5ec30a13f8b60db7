"""Check runs against the sandbox in a process of its own: how close they come to the limit and to the latency.

Every figure is a share of what the limit or the latency allows, so the machine's speed cancels out.
"""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from statistics import median

from django.core.management import call_command
from django.db import connection
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from audit.models import ProviderCall
from bench import Figure
from contacts import checks, tasks
from contacts.checking.marks import subject_of
from contacts.checking.run import run_batch
from contacts.models import CheckBatch
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
    latency = 0.2 if smoke else 2.0
    with _sandbox(latency=latency) as url:
        workers, rounds = (8, 3) if smoke else (32, 8)
        shares = [_unlimited(url, "commbox", workers, rounds, 1, latency, turn) for turn in range(repetitions)]
        yield Figure("checks", f"{workers} workers / (workers / latency)", median(shares), ">= 0.90", workers * rounds)
        size, workers, rounds = (50, 2, 2) if smoke else (1_000, 2, 4)
        latency_of_arrays = latency * (1 if smoke else 2)
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
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("phone,given_at,source,evidence\n")
        file.writelines(f"{number},2026-01-05T09:30:00+00:00,bench,bench\n" for number in numbers)
        file.flush()
        call_command("import_optins", file.name, business=name, name_shown=name, stdout=StringIO(), stderr=StringIO())
    return checks.create(
        account=account,
        lines=checks.read_lines(numbers),
        purpose="",
        source=CheckBatch.Source.COMMAND,
        actor="bench",
        now=datetime.now(UTC),
    )


def _run(batch: CheckBatch, workers: int) -> tuple[datetime, float]:
    """Run a batch with so many workers; give when they were let go and the seconds they took."""
    processes = multiprocessing.get_context("fork")
    ready, let_go = processes.Barrier(workers), processes.Array("d", workers)

    def work(place: int) -> None:
        connection.ensure_connection()
        ready.wait()
        # Each by its own clock: the first of them may be calling before the others, or this process, wake up.
        let_go[place] = time.time()
        run_batch(batch_id=batch.pk, until=datetime.now(UTC) + timedelta(minutes=5))

    # Processes as the cluster's are: threads of one would wait for each other's interpreter.
    connection.close()
    running = [processes.Process(target=work, args=(place,)) for place in range(workers)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    ended, begin = time.time(), min(let_go)
    batch.refresh_from_db()
    assert batch.state == CheckBatch.State.FINISHED, batch.state
    return datetime.fromtimestamp(begin, UTC), ended - begin


def _rate_limited(url: str, calls: int, limit: float, turn: int) -> float:
    batch = _batch(url, "commbox", calls, turn, options={"stream_id": "bench"}, rate_limit=limit)
    begin, _taken = _run(batch, 8)
    last = ProviderCall.objects.filter(subject=subject_of(batch)).latest("started_at").started_at
    # n calls have n - 1 gaps between them; how long the last one takes is the provider's.
    return (calls - 1) / limit / (last - begin).total_seconds()


def _unlimited(url: str, kind: str, workers: int, rounds: int, size: int, latency: float, turn: int) -> float:
    options: dict[str, object] = {"stream_id": "bench"} if kind == "commbox" else {"batch_size": size}
    batch = _batch(url, kind, workers * rounds * size, 50 + turn, options=options)
    _begin, taken = _run(batch, workers)
    return rounds * latency / taken


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
