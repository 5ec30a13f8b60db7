"""`worker`, really started: it works, it survives the death of each of its processes, and it stops as a whole."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.processes import Running, lives, manage, own_database, running, until
from waadmin.cluster import Cluster
from waadmin.watchdog import Watchdog

WORKERS = r"ready for work at (\d+)"
HELPERS = r"(?:monitoring|pushing tasks) at (\d+)"
#: What the issue promises after idle workers were killed.
RECOVERY_SECONDS = 60


@pytest.fixture
def url(db: None, tmp_path: Path) -> Iterator[str]:
    """A database of the worker's own: `db` only tells where the server is."""
    with own_database(tmp_path) as made:
        yield made


@pytest.fixture
def worker(url: str, tmp_path: Path) -> Iterator[Running]:
    """A worker that is ready, and whose every process is gone when the test ends."""
    with running(url, tmp_path / "worker.log", "worker") as started:
        started.says("pushing tasks at")
        yield started
        pids = started.pids(WORKERS) + started.pids(HELPERS)
        if started.process.poll() is None:
            started.stop()
        for pid in pids:
            if lives(pid):
                os.kill(pid, signal.SIGKILL)


def enqueue(url: str, function: str, argument: str) -> None:
    manage(url, "shell", "-c", f"from django_q.tasks import async_task; async_task({function!r}, {argument})")


def make_file(url: str, path: Path) -> None:
    """Queue a task that makes a file; making it twice does no harm."""
    enqueue(url, "subprocess.call", repr(["touch", str(path)]))


def test_a_task_is_done_and_sigterm_stops_every_process(url: str, worker: Running, tmp_path: Path) -> None:
    make_file(url, tmp_path / "done")
    until((tmp_path / "done").exists, seconds=20, what=worker.text)
    assert manage(url, "shell", "-v0", "-c", _PRINT_HEARTBEATS).split()[0] == "1"

    begin = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begin < 15

    assert [pid for pid in worker.pids(WORKERS) + worker.pids(HELPERS) if lives(pid)] == []
    assert manage(url, "shell", "-v0", "-c", _PRINT_HEARTBEATS).split()[0] == "0"


def test_work_resumes_after_idle_workers_were_killed(url: str, worker: Running, tmp_path: Path) -> None:
    for pid in worker.pids(WORKERS):
        os.kill(pid, signal.SIGKILL)

    make_file(url, tmp_path / "done")

    until((tmp_path / "done").exists, seconds=RECOVERY_SECONDS, what=worker.text)
    assert "one of its processes was killed" in worker.text
    assert worker.stop() == 0


def test_a_task_fetched_by_the_dead_cluster_is_not_lost(url: str, worker: Running, tmp_path: Path) -> None:
    make_file(url, tmp_path / "first")
    until((tmp_path / "first").exists, seconds=20, what=worker.text)
    for pid in worker.pids(WORKERS):
        os.kill(pid, signal.SIGSTOP)  # so that the pusher fetches and nobody takes it up
    make_file(url, tmp_path / "fetched")
    time.sleep(1.5)

    for pid in worker.pids(WORKERS):
        os.kill(pid, signal.SIGKILL)

    until((tmp_path / "fetched").exists, seconds=RECOVERY_SECONDS, what=worker.text)


@pytest.mark.parametrize("which", ["monitor", "pusher", "sentinel"])
def test_work_resumes_after_another_process_was_killed(url: str, worker: Running, tmp_path: Path, which: str) -> None:
    pid = {
        "monitor": worker.pids(r"monitoring at (\d+)"),
        "pusher": worker.pids(r"pushing tasks at (\d+)"),
        "sentinel": [_parent(worker.pids(WORKERS)[0])],
    }[which][0]
    before = worker.pids(WORKERS)
    os.kill(pid, signal.SIGKILL)

    make_file(url, tmp_path / "done")

    until((tmp_path / "done").exists, seconds=RECOVERY_SECONDS, what=worker.text)
    until(lambda: not any(lives(old) for old in before), seconds=20, what="the old workers are gone")


def test_a_busy_worker_finishes_while_the_cluster_is_replaced(url: str, worker: Running, tmp_path: Path) -> None:
    enqueue(url, "subprocess.call", repr(["sh", "-c", f"sleep 6; touch {tmp_path / 'long'}"]))
    worker.says("processing")
    names = dict(re.findall(r"(Process-\w+) ready for work at (\d+)", worker.text))
    busy = re.findall(r"(Process-\w+) processing", worker.text)
    for name in names.keys() - set(busy):
        os.kill(int(names[name]), signal.SIGKILL)

    until((tmp_path / "long").exists, seconds=30, what=worker.text)

    assert len(busy) == 1
    assert worker.text.count("pushing tasks at") == 2


def test_without_its_watchdog_the_cluster_leaves(worker: Running) -> None:
    pids = worker.pids(WORKERS) + worker.pids(HELPERS)
    worker.process.kill()
    worker.process.wait(10)

    until(lambda: not any(lives(pid) for pid in pids), seconds=20, what="every process is gone")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, ""),
        ({"alive": False}, "ended"),
        ({"lost": True}, "killed"),
        ({"heard_at": 40.0}, "silent"),
        ({"queued": 3, "progress_at": 80.0}, "3 tasks"),
        ({"queued": 3, "progress_at": 90.0}, ""),
        ({"queued": 3, "progress_at": 80.0, "busy": 1}, ""),
        ({"progress_at": 10.0}, ""),
    ],
)
def test_what_the_watchdog_takes_for_a_failure(seen: dict[str, float], expected: str) -> None:
    healthy = {"alive": True, "lost": False, "heard_at": 99.5, "progress_at": 99.5, "busy": 0, "queued": 0}
    cluster = cast(Cluster, SimpleNamespace(**healthy | seen))

    reason = Watchdog().failure(cluster, now=100.0)

    assert expected in reason and bool(reason) == bool(expected)


_PRINT_HEARTBEATS = "from waadmin.models import WorkerHeartbeat; print(WorkerHeartbeat.objects.count())"


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
