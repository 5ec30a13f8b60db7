"""Worker hosts over one database: how much more three of them check than one, and that they keep one limit together.

A host is `worker` as a process group of its own with its own folder for temporary files; they share the database and
nothing else. A run has four calls on its way, so three runs keep three hosts of four processes busy. The sandbox takes
50 ms for each answer; all of it runs on one machine, so its cores bound the ratio.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median

from audit.models import ProviderCall
from bench import Figure
from bench.checks import _batch, _sandbox
from contacts.checking.marks import subject_of
from contacts.models import CheckBatch
from waadmin import BASE_DIR

_LATENCY = 0.05
_HOSTS = 3
_PATIENCE = 600


def run(*, smoke: bool) -> Iterator[Figure]:
    """Measure one host and three in turns, then three on one limited account."""
    turns, each = (1, 20) if smoke else (3, 200)
    alone, together = [], []
    with _sandbox(latency=_LATENCY) as url:
        for turn in range(turns):
            alone.append(_numbers_a_second(url, 1, each, 2 * turn))
            together.append(_numbers_a_second(url, _HOSTS, each, 2 * turn + 1))
        calls, limit = (20, 10.0) if smoke else (300, 20.0)
        share = _share_of_limit(url, calls, limit)
    numbers = each * _HOSTS
    yield Figure("hosts", "numbers a second, one worker host", median(alone), ">= 10", numbers)
    yield Figure("hosts", f"numbers a second, {_HOSTS} worker hosts", median(together), ">= 10", numbers)
    ratio = median(many / one for many, one in zip(together, alone, strict=True))
    yield Figure("hosts", f"{_HOSTS} worker hosts / one", ratio, ">= 1.50", numbers)
    yield Figure("hosts", f"{_HOSTS} hosts on one account / its limit of {limit:g} a second", share, "<= 1.00", calls)


def _numbers_a_second(url: str, hosts: int, each: int, turn: int) -> float:
    """Let so many hosts work off a run for each of three, and give how many numbers they asked about a second."""
    with _hosts(hosts):
        runs = [
            _batch(url, "commbox", each, 10 * turn + place, options={"stream_id": "bench"}) for place in range(_HOSTS)
        ]
        return _rate(runs)


def _share_of_limit(url: str, calls: int, limit: float) -> float:
    with _hosts(_HOSTS):
        run = _batch(url, "commbox", calls, 90, options={"stream_id": "bench"}, rate_limit=limit)
        last = _times([run])[-1]
    # n calls have n - 1 gaps between them; the first instant is never before the run was made.
    return (calls - 1) / limit / (last - run.created_at).total_seconds()


def _rate(runs: list[CheckBatch]) -> float:
    times = _times(runs)
    return (len(times) - 1) / (times[-1] - times[0]).total_seconds()


def _times(runs: list[CheckBatch]) -> list[datetime]:
    """Wait until the runs are finished, and give when each of their calls began."""
    ends = time.monotonic() + _PATIENCE
    mine = CheckBatch.objects.filter(pk__in=[run.pk for run in runs])
    while mine.exclude(state=CheckBatch.State.FINISHED).exists():
        if time.monotonic() > ends:
            raise RuntimeError("the runs were not finished in time")
        time.sleep(0.1)
    calls = ProviderCall.objects.filter(subject__in=[subject_of(run) for run in runs]).order_by("started_at")
    return list(calls.values_list("started_at", flat=True))


@contextmanager
def _hosts(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for log in [stack.enter_context(_host()) for _host_number in range(count)]:
            _wait_for(log)
        yield


@contextmanager
def _host() -> Iterator[Path]:
    """Run `worker`, and give the file that it writes to."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=BASE_DIR,
                env=os.environ | {"TMPDIR": folder, "REDIS_URL": ""},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield log
        finally:
            process.terminate()
            process.wait(120)


def _wait_for(log: Path) -> None:
    ends = time.monotonic() + 60
    while b"pushing tasks at" not in log.read_bytes():
        if time.monotonic() > ends:
            raise RuntimeError(f"the worker did not start:\n{log.read_text()}")
        time.sleep(0.1)
